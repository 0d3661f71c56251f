"""The value of a silent instrument gets the flag B: never the last value, never an exceedance; and an alarm reports it."""

import sqlite3

from tests.support.rig import wait_for


def test_silence_is_flagged_told_and_ended(make_rig):
    rig = make_rig(scale=60, start="2026-03-02T08:00:00+08:00", judging="no_data_minutes = 2;")
    wait_for(lambda: rig.point("DA002", "nmhc")["flag"] == "N", what="the first value")
    rig.plant.do("hold nmhc 200", "silence gc")  # 200 ppm are above the limit: emisd must never see them
    silent = wait_for(lambda: (p := rig.point("DA002", "nmhc"))["flag"] == "B" and p, what="flag B")
    assert silent["raw"] is None and silent["converted"] is None
    raised = wait_for(lambda: rig.bureau.alarms(class_="condition", factor="nmhc"), 30, "the condition")[0]
    assert (raised["event"], raised["rule"], raised["value"]) == ("raised", "no-data", None)
    link = next(l for l in rig.ask("status")["links"] if l["name"] == "voc")
    assert link["silent"] == 1 and link["error"]
    # The other instruments are not disturbed.
    assert rig.point("DA001", "so2")["flag"] == "N" and rig.point("DW001", "ph")["flag"] == "N"
    rig.plant.do("hold nmhc 40", "answer gc")
    wait_for(lambda: rig.point("DA002", "nmhc")["raw"], 60, "the value after the silence")
    wait_for(lambda: rig.bureau.alarms(class_="condition", factor="nmhc", event="cleared"), 30, "the clearing")
    assert rig.bureau.alarms(class_="exceedance") == [] and rig.bureau.alarms(class_="warning") == []
    assert rig.emisd.stop() == 0
    with sqlite3.connect(rig.folder / "data/min-open.db") as db:
        minutes = db.execute("SELECT value, valid, flag FROM minute JOIN series ON id=series WHERE factor='nmhc'"
                             " AND basis='measured' ORDER BY start_ms").fetchall()
    assert (None, 0, "B") in minutes
    # 40 ppm as carbon; no minute has any other value, and none has 200 ppm.
    assert {round(v, 4) for v, _, _ in minutes if v is not None} == {round(40 * 12 / 22.4, 4)}


def test_calibration_gas_never_alarms(make_rig):
    rig = make_rig(scale=100, start="2026-03-02T07:59:00+08:00", poll="4s")
    rig.until("08:05:00")
    rig.plant.do("calibrate gas for 6m")  # the span gas reads 80 mg/m3, the limit is 35
    flagged = wait_for(lambda: (p := rig.point("DA001", "so2"))["flag"] == "C" and p, what="flag C")
    assert flagged["raw"] == 80.0 and flagged["converted"] is None
    state = wait_for(lambda: [s for s in rig.bureau.all("DA001/so2/state")
                              if s["last_hour"] and s["last_hour"]["period"]["start"].startswith("2026-03-02T08")],
                     90, "the end of the hour")[-1]
    assert state["last_hour"]["value"] == 20.0 and state["last_hour"]["valid"]
    # emisd saw only one minute of the hour before; there is no other alarm.
    assert {a["rule"] for a in rig.bureau.alarms() if a["factor"] in ("so2", "nox")} <= {"few-minutes"}
