"""A file of the store is damaged while emisd is stopped: emisd starts, keeps the damaged file under another name, saves the
rows that can be read, gives no number twice, and judges and publishes as before."""

import collections
import contextlib
import re
import shutil
import sqlite3
import subprocess

import pytest

from tests.fault import preload
from tests.fault.box import EXCEEDANCE, Box
from tests.fault.ledger import Ledger
from tests.support.rig import wait_for
from tests.support.schedule import runs, schedule

DRIVER = preload.SHIMS / "store_driver"
PAGE = 4096
CUT = 77


def kind_of(path):
    """The kind of a file: state.db, raw.db-wal, ..."""
    return re.sub(r"-\d+", "", path.name)


def flip(data, rng):
    start = rng.randrange(0, len(data), PAGE) if len(data) > PAGE else 0
    for _ in range(rng.randrange(1, 40)):
        data[min(len(data) - 1, start + rng.randrange(PAGE))] ^= 1 << rng.randrange(8)


def zero(data, rng):
    start = rng.randrange(0, len(data), PAGE)
    data[start:start + PAGE] = bytes(len(data[start:start + PAGE]))


def garbage(data, rng):
    start = rng.randrange(0, len(data), PAGE)
    data[start:start + PAGE] = rng.randbytes(len(data[start:start + PAGE]))


def truncate(data, rng):
    del data[rng.randrange(len(data)):]


def replace(data, rng):
    data[:] = rng.randbytes(rng.choice((0, 1, 100, 20000)))


def scrap(data, rng):
    data[:] = rng.randbytes(len(data))


WAYS = (flip, zero, garbage, truncate, replace, scrap)


def damage(path, way, rng):
    data = bytearray(path.read_bytes())
    way(data, rng)
    path.write_bytes(data)


def drive(folder, rng, rounds=25, cut_at=None, tear=None):
    """Runs the store driver, always with the shim, even without a power cut: the shim spares the disk of the machine."""
    env = preload.environment(DRIVER, "powercut.so", POWERCUT_DIR=folder, POWERCUT_SHADOW=folder.parent / "shadow",
                              POWERCUT_AT=cut_at, POWERCUT_TEAR=tear)
    shutil.rmtree(folder.parent / "shadow", ignore_errors=True)
    return subprocess.run([DRIVER, folder, str(rng.randrange(1 << 16)), str(rounds)], capture_output=True, text=True,
                          check=False, env=env, timeout=60)


def make_stores(folder, rng):
    """Yields (folder, ledger) of a store that was closed, and of a store after a power cut, which has logs to replay."""
    for name, at in (("closed", None), ("cut", 1200)):
        data, ledger = folder / name, Ledger()
        data.mkdir()
        done = drive(data, rng, 60, at)
        assert done.returncode == (CUT if at else 0), done.stderr
        ledger.take(done.stdout)
        if at:
            shutil.rmtree(data)
            (folder / "shadow/data").rename(data)
        yield data, ledger


def files_of(folder):
    return sorted(p for p in folder.iterdir() if p.name != "lock" and p.stat().st_size > 0)


def check(work, ledger, rng):
    """Runs the driver twice on the damaged store; returns complaints, and whether the first run noticed the damage."""
    first = drive(work, rng)
    if first.returncode:
        return [f"it does not go on: {first.returncode} {first.stderr[-1500:]}"], False
    opening = next(line for line in first.stdout.splitlines() if line.startswith("open "))
    seq, _, _, checkpoint, _ = map(int, opening.split()[1:6])
    damages = int(first.stdout.split()[-1])
    wrong = []
    if seq <= ledger.acknowledged["event"] or checkpoint < ledger.acknowledged["checkpoint"]:
        wrong.append(f"numbers come twice: {opening}, {ledger.acknowledged}")
    if damages and "damaged" not in first.stderr and "lost its newest" not in first.stderr:
        wrong.append("nothing is said of it")
    if damages and "is kept as" in first.stderr and not list(work.glob("*.damaged-*")):
        wrong.append("nothing is kept of it")
    second = drive(work, rng)
    if second.returncode or int(second.stdout.split()[-1]):
        wrong.append(f"it does not heal: {second.returncode} {second.stderr[-1500:]}")
    return wrong, damages > 0


def test_any_damage_of_any_file(tmp_path):
    rng = schedule("damaged files")
    count, noticed = collections.Counter(), collections.Counter()
    for base, ledger in list(make_stores(tmp_path, rng)):
        for path in files_of(base):
            for way in rng.sample(WAYS, runs(3, len(WAYS))) * runs(1, 8):
                work = tmp_path / "work"
                shutil.copytree(base, work)
                damage(work / path.name, way, rng)
                wrong, seen = check(work, ledger, rng)
                assert not wrong, f"{base.name} {path.name} {way.__name__}: {wrong}"
                count[kind_of(path)] += 1
                noticed[kind_of(path)] += seen
                shutil.rmtree(work)
    print("damaged, and noticed at the start: " + ", ".join(f"{k} {n}, {noticed[k]}" for k, n in sorted(count.items())))
    assert all(noticed[kind] for kind in ("state.db", "raw.db", "min-open.db", "identity.key")), noticed
    shutil.rmtree(tmp_path)


def rows_of(folder):
    """{table: rows} of state.db."""
    with contextlib.closing(sqlite3.connect(folder / "state.db")) as db:
        tables = [name for name, in db.execute("SELECT name FROM sqlite_master WHERE type='table' AND name<>'meta'")]
        return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def test_a_power_cut_in_the_middle_of_a_salvage_loses_nothing_more(tmp_path):
    rng = schedule("power cuts while saving")
    base, _ = next(make_stores(tmp_path, rng))
    with contextlib.closing(sqlite3.connect(base / "state.db")) as db:
        page, = db.execute("SELECT max(pageno) FROM dbstat WHERE name='link' AND pagetype='leaf'").fetchone()
    data = bytearray((base / "state.db").read_bytes())
    data[(page - 1) * PAGE:page * PAGE] = bytes(PAGE)
    (base / "state.db").write_bytes(data)
    whole, cut = tmp_path / "whole", tmp_path / "work"
    shutil.copytree(base, whole)
    assert "state.db was damaged" in drive(whole, rng, 0).stderr
    saved, cuts = rows_of(whole), 0
    for step in range(1 + rng.randrange(runs(4, 1)), 200, runs(4, 1)):
        shutil.copytree(base, cut)
        was_cut = drive(cut, rng, 0, step, rng.randrange(1, 1 << 30)).returncode == CUT
        if was_cut:
            shutil.rmtree(cut)
            (tmp_path / "shadow/data").rename(cut)
        again = drive(cut, rng, 0)
        assert again.returncode == 0 and rows_of(cut) == saved, f"cut at {step}: {again.stderr}, {rows_of(cut)}, {saved}"
        shutil.rmtree(cut)
        cuts += was_cut
        if not was_cut:
            break
    print(f"{cuts} cuts while state.db was saved: {sum(saved.values())} rows each time")
    assert cuts > 15
    shutil.rmtree(tmp_path)


# The damaged file, the way of damage, and the message that emisd must log; None where the damage cannot be noticed.
DAMAGES = [("state.db", zero, None), ("state.db", scrap, "state.db was damaged"),
           ("raw-20260302.db", garbage, None), ("raw-20260302.db", scrap, "raw-20260302.db was damaged"),
           ("roll-2026.db", scrap, "roll-2026.db was damaged"), ("identity.key", truncate, "identity.key was damaged")]


@pytest.mark.parametrize("name, way, words", DAMAGES, ids=[f"{name} {way.__name__}" for name, way, _ in DAMAGES])
def test_emisd_goes_on(name, way, words, tmp_path):
    for run in range(runs(1, 20)):
        folder = tmp_path / str(run)
        folder.mkdir()
        go_on_after(name, way, words, folder)


def go_on_after(name, way, words, folder):
    rng = schedule(f"{name} {way.__name__}")
    with Box(folder) as box:
        damage(box.data / name, way, rng)
        box.start_emisd()
        # If the file of readings is damaged, 50 minutes are lost; then the hour is reported as having too few.
        raw = name.startswith("raw")
        wait_for(lambda: box.bureau.alarms(alarm_id=EXCEEDANCE) or raw and box.bureau.alarms(rule="few-minutes", factor="so2"),
                 what="the judgement of the hour")
        wait_for(lambda: box.ask("status")["outbox"][0]["pending"] == 0, what="the acknowledgements")
        assert box.emisd.stop() == 0
        said = box.emisd.text()
        assert words is None or words in said
        assert "Sanitizer" not in said
        assert "damaged" not in said or list(box.data.glob(f"{name}.damaged-*"))
        assert all(len({a["alarm_id"] for a in box.bureau.alarms(seq=seq)}) == 1 for seq in {a["seq"] for a in box.bureau.alarms()})
        judged = box.bureau.alarms(alarm_id=EXCEEDANCE) or box.bureau.alarms(rule="few-minutes", factor="so2")
        assert judged[0]["seq"] > 18, "18 numbers were given before the damage"
        assert not box.bureau.complaints
    shutil.rmtree(folder)
