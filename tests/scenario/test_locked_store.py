"""Another program locks the database of alarms: alarms wait for the lock, and no other work does."""

import contextlib
import sqlite3
import time

import pytest

from tests.support.rig import wait_for

ASKED = 12  # number of requests while the database is locked


@contextlib.contextmanager
def held(rig, words):
    db = sqlite3.connect(rig.folder / "data/state.db", isolation_level=None, timeout=10)
    db.execute(words)
    try:
        yield
    finally:
        db.execute("ROLLBACK")
        db.close()


@pytest.mark.parametrize("words", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"])
def test_alarms_wait_and_the_operator_is_answered(make_rig, words):
    rig = make_rig(scale=60, start="2026-03-02T08:05:00+08:00", plant=["hold so2 120"], judging="warning_minutes = 1;")
    wait_for(rig.bureau.alarms, 60, "the first alarm")
    answers = []
    with held(rig, words):
        wait_for(lambda: "alarm events in memory" in rig.emisd.text(), 120, "an alarm that waits for it")
        for _ in range(ASKED):
            began = time.monotonic()
            rig.ask("status")
            answers.append(time.monotonic() - began)
    # In an earlier version several writes waited 3 s each, so that answers took 6 to 9 s: no such wait is left. The median
    # of many answers does not depend on a moment in which the machine was busy.
    assert sorted(answers)[ASKED // 2] < 1.5, answers
    stored = len(rig.bureau.alarms())
    wait_for(lambda: len(rig.bureau.alarms()) > stored, 60, "what waited")
    wait_for(lambda: "the store takes data again" in rig.emisd.text(), 60, "the word that it is over")
    seqs = sorted({a["seq"] for a in rig.bureau.alarms()})
    assert seqs == list(range(1, len(seqs) + 1))
    assert "out of memory" not in rig.emisd.text() and "ballast" not in rig.emisd.text()


def test_an_acknowledgement_is_refused_in_words_while_it_is_held(make_rig):
    rig = make_rig(scale=60, start="2026-03-02T08:05:00+08:00", plant=["hold so2 120"], judging="warning_minutes = 1;")
    alarm = wait_for(rig.bureau.alarms, 60, "the first alarm")[0]
    with held(rig, "BEGIN IMMEDIATE"):
        with pytest.raises(AssertionError, match="locked by another program"):
            rig.ask("ack", argument=alarm["alarm_id"], remark="seen")
    wait_for(lambda: acknowledged(rig, alarm["alarm_id"]), 60, "the acknowledgement")


def acknowledged(rig, alarm_id):
    try:
        rig.ask("ack", argument=alarm_id, remark="seen")
        return True
    except AssertionError as error:
        return "was acknowledged" in str(error)


def test_a_mark_that_is_not_stored_flags_nothing(make_rig):
    rig = make_rig(scale=60, start="2026-03-02T08:05:00+08:00", plant=["hold so2 20"])
    wait_for(lambda: rig.point("DA001", "so2")["flag"] == "N", 60, "the first reading")
    mark = {"argument": "DA001", "kind": "maintenance", "until": "2026-03-02T20:00:00+08:00"}
    with held(rig, "BEGIN IMMEDIATE"):
        with pytest.raises(AssertionError, match="the mark cannot be stored: .*locked by another program"):
            rig.ask("mark", **mark)
        asked = rig.point("DA001", "so2")["valid_minutes"]
        later = wait_for(lambda: (p := rig.point("DA001", "so2"))["valid_minutes"] > asked + 1 and p, 60, "a minute after the refusal")
    assert later["flag"] == "N"
    assert rig.ask("marks")["marks"] == []
    assert not [row for row in rig.ask("audit")["audit"] if row["what"].startswith("mark")]
    # When the mark can be stored, it takes effect.
    wait_for(lambda: stored(rig, mark), 60, "the mark")
    wait_for(lambda: rig.point("DA001", "so2")["flag"] == "M", 30, "flag M")


def stored(rig, mark):
    try:
        return rig.ask("mark", **mark)["marks"]
    except AssertionError as error:
        assert "locked by another program" in str(error)
        return None
