"""An hour above the limit is one exceedance at the bureau, raised once and cleared once."""

import sqlite3

from tests.support.rig import wait_for

EIGHT = "2026-03-02T08:00:00+08:00"
NINE = "2026-03-02T09:00:00+08:00"
TEN = "2026-03-02T10:00:00+08:00"
ULTRA_LOW = "steel.sinter.ultra-low.so2"


def of_limit(events, key):
    return [e for e in events if e["limit"]["key"] == key]


def test_raised_once_cleared_once_with_everything_a_bureau_needs(make_rig):
    # 32 minutes after the start it is 08:30.
    rig = make_rig(scale=150, start="2026-03-02T07:58:00+08:00", poll="4s",
                   plant=["hold so2 120", "+00:32:00 hold so2 20"])
    events = wait_for(lambda: [e for e in of_limit(rig.bureau.alarms(class_="exceedance"), ULTRA_LOW)
                               if e["event"] == "cleared"], 90, "the clearing")
    rig.until("10:00:45")  # by now all messages about these hours have arrived
    events = of_limit(rig.bureau.alarms(class_="exceedance"), ULTRA_LOW)
    assert [e["event"] for e in events] == ["raised", "cleared"]
    raised, cleared = events
    assert raised["alarm_id"] == cleared["alarm_id"] == \
        f"anyang-steel-01/DA001/so2/period-mean/{ULTRA_LOW}/20260302T000000Z"
    assert raised["period"] == {"kind": "hour", "start": EIGHT, "end": NINE}
    assert cleared["period"] == {"kind": "hour", "start": NINE, "end": TEN}
    # Half an hour of 120 and half an hour of 20 at 16 % oxygen, which is the reference oxygen: about 70; the change may be
    # up to two minutes early or late.
    assert 66 < raised["value"] < 74 and raised["valid"] >= 45 and raised["due"] == 60
    assert cleared["value"] == 20.0
    assert raised["limit"]["max"] == 35.0 and raised["limit"]["o2_ref"] == 16.0
    assert raised["limit"]["document"] == "环大气〔2019〕35号" and raised["limit"]["tier"] == "ultra-low"
    assert raised["unit"] == "mg/m3" and raised["basis"] == "converted" and raised["simulated"] is True
    # The special limit of 180 mg/m3 was not exceeded, and no other factor exceeded a limit.
    assert {e["alarm_id"] for e in rig.bureau.alarms(class_="exceedance")} == {raised["alarm_id"]}
    warnings = of_limit(rig.bureau.alarms(class_="warning"), ULTRA_LOW)
    assert [e["event"] for e in warnings if e["rule"] == "minutes-beyond"] == ["raised", "cleared"]
    for rule in ("approach", "projected", "certain"):  # raised within the hour, and cleared at its end
        told = [(e["event"], e["at"] < NINE) for e in warnings if e["rule"] == rule]
        assert told == [("raised", True), ("cleared", False)], rule
    # The numbers have no gap and are in the order in which the events were made.
    assert [e["seq"] for e in rig.bureau.alarms()] == list(range(1, len(rig.bureau.alarms()) + 1))
    stored = rig.ask("alarms", all=True)["alarms"]
    assert [a["state"] for a in stored if a["id"] == raised["alarm_id"]] == ["cleared"]
    state = [s for s in rig.bureau.all("DA001/so2/state") if s["last_hour"]][-1]
    assert state["last_hour"]["value"] == 20.0 and state["limit"]["key"] == ULTRA_LOW
    assert rig.plant.get()["writes"] == 0, "emisd only reads"
    assert rig.emisd.stop() == 0
    with sqlite3.connect(rig.folder / "data/roll-2026.db") as db:
        value, valid = db.execute(
            "SELECT value, valid FROM hour JOIN series ON id=series WHERE factor='so2' AND basis='converted'"
            " AND o2_ref=16.0 AND start_ms=unixepoch(?)*1000", (EIGHT,)).fetchone()
        assert (round(value, 6), valid) == (round(raised["value"], 6), 1)
    with sqlite3.connect(rig.folder / "data/state.db") as db:
        assert db.execute("SELECT count(*) FROM outbox WHERE state<>1").fetchone() == (0,)


def test_an_hour_at_the_limit_is_none(make_rig):
    rig = make_rig(scale=240, start="2026-03-02T07:59:00+08:00", poll="4s", plant=["hold so2 35"])
    wait_for(lambda: [s for s in rig.bureau.all("DA001/so2/state")
                      if s["last_hour"] and s["last_hour"]["period"]["start"] == EIGHT], 60, "the hour")
    hour = [s for s in rig.bureau.all("DA001/so2/state") if s["last_hour"]][-1]["last_hour"]
    assert hour["value"] == 35.0 and hour["valid"]
    # The value is near the limit and constant, and emisd saw only one minute of the first hour.
    assert {a["rule"] for a in rig.bureau.alarms(factor="so2")} <= {"approach", "constant", "few-minutes"}
