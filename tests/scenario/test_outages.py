"""No message is lost, and none counts twice, when the broker is away or emisd is killed."""

import signal
import sqlite3

from tests.support.rig import wait_for

ULTRA_LOW = "steel.sinter.ultra-low.so2"


def raised(rig):
    return [a for a in rig.bureau.alarms(class_="exceedance", event="raised") if a["limit"]["key"] == ULTRA_LOW]


def test_an_alarm_made_while_the_broker_is_down_arrives_once_when_it_is_back(make_rig):
    rig = make_rig(scale=60, start="2026-03-02T08:45:00+08:00", judging="warning_minutes = 1;")
    wait_for(lambda: rig.ask("status")["outbox"][0]["state"] == "connected", what="the connection")
    rig.broker.stop(signal.SIGKILL)
    wait_for(lambda: rig.ask("status")["outbox"][0]["state"] == "waiting", what="the loss of the broker")
    rig.plant.do("hold so2 120")
    outbox = wait_for(lambda: (o := rig.ask("status")["outbox"][0])["pending"] > 0 and o, what="the alarm")
    assert outbox["error"]
    rig.until("09:16:00")  # half a minute of real time without a broker
    assert rig.bureau.alarms() == []
    rig.restart_broker()
    wait_for(lambda: rig.bureau.alarms(class_="warning", factor="so2"), 60, "the alarm")
    wait_for(lambda: rig.ask("status")["outbox"][0]["pending"] == 0, what="the acknowledgements")
    seqs = [a["seq"] for a in rig.bureau.alarms()]
    assert sorted(seqs) == list(range(1, len(seqs) + 1)), "each once; new ones may overtake those that waited"


def test_a_kill_in_the_middle_of_an_hour_changes_neither_its_mean_nor_its_alarm(make_rig):
    options = {"scale": 60, "start": "2026-03-02T07:59:00+08:00", "poll": "4s", "plant": ["hold so2 120"]}
    killed, undisturbed = make_rig(**options), make_rig(**options)
    killed.until("08:25:00")
    killed.emisd.stop(signal.SIGKILL)
    killed.start_emisd()
    assert "rebuilt the open periods from 0 stored" in killed.emisd.text().splitlines()[0], "the first start"
    assert killed.emisd.text().count("rebuilt the open periods from 0 stored") == 1, "the second had readings"
    events = [wait_for(lambda rig=rig: raised(rig), 90, "the exceedance")[0] for rig in (killed, undisturbed)]
    for field in ("alarm_id", "value", "period", "limit", "since"):
        assert events[0][field] == events[1][field], field
    assert events[0]["value"] == 120.0
    assert events[0]["valid"] >= 45
    killed.until("09:01:00")
    assert len(raised(killed)) == 1
    # emisd remembered the warnings of the first minutes after the kill: the bureau did not get them twice.
    warnings = [a for a in killed.bureau.alarms(class_="warning") if a["limit"]["key"] == ULTRA_LOW]
    told = sorted((w["rule"], w["event"]) for w in warnings)
    assert told == sorted([("minutes-beyond", "raised")] + [(rule, event) for rule in ("approach", "projected", "certain")
                                                            for event in ("raised", "cleared")])
    assert killed.emisd.stop() == 0
    with sqlite3.connect(killed.folder / "data/min-open.db") as db:
        n, left = db.execute(
            "SELECT count(*), unixepoch('2026-03-02T09:00:00+08:00') / 60 - min(start_ms) / 60000"
            " FROM minute JOIN series ON id=series WHERE factor='so2' AND basis='converted'"
            " AND o2_ref=16.0 AND start_ms>=unixepoch('2026-03-02T08:00:00+08:00')*1000"
            " AND start_ms<unixepoch('2026-03-02T09:00:00+08:00')*1000").fetchone()
    # On a slow machine the first start may be after 08:00.
    assert n == left >= 45, "each minute since the start has its row, those of the stop included"


def test_the_broker_tells_when_emisd_dies(make_rig):
    rig = make_rig(scale=60)
    wait_for(lambda: rig.bureau.all("/online"), what="the word that it is there")
    assert rig.bureau.all("/online")[-1]["online"] is True
    rig.emisd.stop(signal.SIGKILL)
    wait_for(lambda: rig.bureau.all("/online")[-1]["online"] is False, 60, "the last will")


def test_stopping_says_goodbye_in_less_than_two_seconds_while_an_instrument_hangs(make_rig):
    import time  # needed because the promise is about real time

    rig = make_rig(scale=60)
    wait_for(lambda: rig.point("DA002", "nmhc")["flag"] == "N", what="the first value")
    rig.plant.do("silence all")
    wait_for(lambda: rig.point("DA002", "nmhc")["flag"] == "B", what="the silence")
    began = time.monotonic()
    assert rig.emisd.stop() == 0
    took = time.monotonic() - began
    wait_for(lambda: rig.bureau.all("/online")[-1]["online"] is False, what="the goodbye")
    assert took < 2.0, f"{took:.2f} s"
