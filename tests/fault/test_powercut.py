"""The power is cut at any moment: acknowledged data are there, other transactions are complete or absent, and emisd starts."""

import collections
import shutil
import subprocess

import pytest

from tests.fault import preload
from tests.fault.ledger import Ledger, examine
from tests.support.schedule import runs, schedule

DRIVER = preload.SHIMS / "store_driver"
CUT = 77  # exit status that the shim gives at a power cut
RUNS_OF_A_STORE = 30  # then the test begins a new store


class Store:
    """A store over many power cuts: each run continues with the data that the run before left on the disk."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir(parents=True)
        self.ledger = Ledger()

    def run(self, rng, cut_at=None, tear=None, lie=None):
        """Runs the driver; returns complaints, and whether the power was cut."""
        shadow = self.folder / "shadow"
        env = preload.environment(DRIVER, "powercut.so", POWERCUT_DIR=self.data, POWERCUT_SHADOW=shadow,
                                  POWERCUT_AT=cut_at, POWERCUT_TEAR=tear, POWERCUT_LIE=lie)
        done = subprocess.run([DRIVER, self.data, str(rng.randrange(1 << 16)), "25"], capture_output=True, text=True,
                              check=False, env=env, timeout=60)
        if done.returncode not in (0, CUT):
            return [f"status {done.returncode}: {done.stderr}"], False
        wrong = self.ledger.check_opening(done.stdout)
        self.ledger.take(done.stdout)
        shutil.rmtree(self.data)
        (shadow / "data").rename(self.data)
        shutil.rmtree(shadow)
        found, last, marked = examine(self.data, self.folder / "copy")
        return wrong + found + self.ledger.check_rows(last, marked), done.returncode == CUT


def random_cut(rng):
    """A random cut. Every third one happens while the store is opened, because there the last cut is repaired."""
    at = rng.randrange(1, 40) if rng.random() < 1 / 3 else rng.randrange(1, 900)
    return {"cut_at": at, "tear": rng.randrange(1, 1 << 30) if rng.random() < 2 / 3 else None}


def test_nothing_acknowledged_is_lost_when_the_power_goes(tmp_path):
    rng = schedule("power cuts")
    wanted, count = runs(65, 1500), collections.Counter()
    while count["cuts"] < wanted:
        store = Store(tmp_path / f"store{count['stores']}")
        count["stores"] += 1
        for _ in range(RUNS_OF_A_STORE):
            cut = random_cut(rng)
            wrong, was_cut = store.run(rng, **cut)
            count["cuts"] += was_cut
            count["torn"] += was_cut and cut["tear"] is not None
            assert not wrong, f"after {count['cuts']} cuts, {cut}: {wrong}"
        wrong, _ = store.run(rng)
        assert not wrong, f"at the end: {wrong}"
        count["events"] += store.ledger.acknowledged["event"]
        count["readings"] += store.ledger.acknowledged["readings"]
        shutil.rmtree(store.folder)
    print(f"{dict(count)}: none lost, none twice")


def test_a_disk_that_lies_is_noticed(tmp_path):
    """Shows that the test above can fail: if a sync does nothing, acknowledged commits are lost."""
    rng = schedule("lying disk")
    store = Store(tmp_path / "store")
    store.run(rng)
    assert any(store.run(rng, cut_at=400, lie=1)[0] for _ in range(3))


@pytest.fixture(autouse=True)
def fixture_no_leftovers(tmp_path):
    yield
    shutil.rmtree(tmp_path, ignore_errors=True)
