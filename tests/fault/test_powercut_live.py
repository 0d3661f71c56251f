"""The power of the complete emisd is cut again and again, around the end of an hour that exceeds its limit."""

import shutil
import sqlite3

from tests.fault import preload
from tests.fault.box import EMISD, EXCEEDANCE, Box
from tests.fault.ledger import half_transactions, verify
from tests.support.rig import wait_for
from tests.support.schedule import runs, schedule

CUT = 77


def cut_the_power(box, rng):
    """Runs emisd until the power is cut, and leaves the data that the disk had. True if emisd did not end before."""
    shadow = box.folder / "shadow"
    at = rng.randrange(1, 60) if rng.random() < 1 / 2 else rng.randrange(60, 250)
    box.env = preload.environment(EMISD, "powercut.so", POWERCUT_DIR=box.data, POWERCUT_SHADOW=shadow, POWERCUT_AT=at,
                                  POWERCUT_TEAR=rng.randrange(1, 1 << 30) if rng.random() < 2 / 3 else None)
    box.start_emisd(wait=False)
    assert box.emisd.child.wait(60) == CUT, box.emisd.text()[-2000:]
    shutil.rmtree(box.data)
    (shadow / "data").rename(box.data)
    shutil.rmtree(shadow)
    assert not verify(box.data)


def test_the_exceedance_survives_power_cuts(tmp_path):
    rng = schedule("power cuts of emisd")
    cuts = runs(4, 15)
    for run in range(runs(1, 10)):
        folder = tmp_path / f"run{run}"
        folder.mkdir()
        with Box(folder) as box:
            for _ in range(cuts):
                cut_the_power(box, rng)
            box.env = None
            box.start_emisd()
            wait_for(lambda: box.bureau.alarms(alarm_id=EXCEEDANCE), what="the exceedance")
            wait_for(lambda: box.ask("status")["outbox"][0]["pending"] == 0, what="the acknowledgements")
            assert box.emisd.stop(seconds=30) == 0
            assert "damaged" not in box.emisd.text()
            assert all(len(numbers) == 1 for numbers in box.facts().values()), "one number a fact"
            seqs = sorted({a["seq"] for a in box.bureau.alarms()})
            assert seqs == list(range(1, seqs[-1] + 1)), "no number is missing"
            with sqlite3.connect(box.data / "state.db") as db:
                assert half_transactions(db) == []
            db.close()
            assert not verify(box.data)
            print(f"run {run}: {cuts} cuts, 0 lost, {len(box.bureau.alarms(alarm_id=EXCEEDANCE))} messages of one fact")
        shutil.rmtree(folder)
