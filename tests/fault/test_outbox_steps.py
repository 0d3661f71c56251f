"""emisd is killed at each step between the decision that an hour exceeds its limit and the note that the broker has
acknowledged the message: the bureau has the exceedance as one fact with one number, however often the message came."""

import concurrent.futures
import shutil
import signal
import sqlite3

import pytest

from tests.fault import preload
from tests.fault.box import EMISD, EXCEEDANCE, Box
from tests.fault.ledger import half_transactions, verify
from tests.support.rig import wait_for
from tests.support.schedule import runs

STEPS = ("commit", "committed", "sent", "acknowledged", "recorded")


def settled(box):
    return box.ask("status")["outbox"][0]["pending"] == 0


def kill_at(step, folder):
    """Kills emisd at one step; returns the number of messages that reported the exceedance."""
    folder.mkdir()
    with Box(folder) as box:
        box.env = preload.environment(EMISD, "kill.so", KILL_AT=step, KILL_WORD='"class":"exceedance"')
        box.start_emisd(wait=False)
        assert box.emisd.child.wait(30) == -signal.SIGKILL, box.emisd.text()
        before = len(box.bureau.alarms(alarm_id=EXCEEDANCE))
        box.env = None
        box.start_emisd()
        wait_for(lambda: box.bureau.alarms(alarm_id=EXCEEDANCE), what="the exceedance")
        wait_for(lambda: settled(box), what="the acknowledgements")
        assert box.emisd.stop() == 0
        told = box.bureau.alarms(alarm_id=EXCEEDANCE)
        assert {(a["event"], a["class"], a["value"]) for a in told} == {("raised", "exceedance", 120.0)}
        assert all(len(numbers) == 1 for numbers in box.facts().values()), "one number a fact"
        seqs = sorted({a["seq"] for a in box.bureau.alarms()})
        assert seqs == list(range(1, seqs[-1] + 1)), "no number is missing"
        # A message that was not committed was never sent, and a message recorded as acknowledged is never sent again.
        assert before <= {"commit": 0, "committed": 0}.get(step, 1)
        assert len(told) == 1 or step in ("sent", "acknowledged")
        with sqlite3.connect(box.data / "state.db") as db:
            assert half_transactions(db) == []
            assert db.execute("SELECT max(seq) FROM event").fetchone() == (seqs[-1],)
        db.close()
        assert not verify(box.data) and not box.bureau.complaints
        return len(told)


@pytest.mark.parametrize("run", range(runs(1, 20)))
def test_an_exceedance_survives_a_kill_at_each_step(run, tmp_path):
    with concurrent.futures.ThreadPoolExecutor(len(STEPS)) as pool:
        messages = dict(zip(STEPS, pool.map(lambda step: kill_at(step, tmp_path / step), STEPS)))
    print(f"run {run}: killed at each of {len(STEPS)} steps, 0 lost; messages of the one fact: {messages}")
    shutil.rmtree(tmp_path, ignore_errors=True)
