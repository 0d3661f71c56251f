"""Each write, sync, allocation and SQLite call on the way from the readings to the bureau fails once: no event is lost, no
event comes under two numbers, and the next start continues."""

import collections
import concurrent.futures
import shutil
import signal
import sqlite3
import subprocess

import pytest

from tests.fault import preload
from tests.fault.ledger import half_transactions, verify
from tests.support.rig import ROOT, Broker, Bureau, site_conf, wait_for
from tests.support.schedule import runs, schedule

DRIVER = preload.SHIMS / "publish_driver"
LINKS = ("bus1", "plc", "voc", "bus2")  # links of the example's instruments, which are not polled here
TOUCHED, FINE = 3, 0
ABORTED = 128 + signal.SIGABRT  # out of memory for an alarm: recorder.c ends the process so that the alarm is not lost


class Way:
    """A broker, the bureau, and the driver that publishes from a store to them."""

    def __init__(self, folder):
        self.folder = folder
        self.told = collections.defaultdict(list)  # alarms of each site
        # The broker must not drop messages although the subscriber is slower than eight drivers.
        self.broker = Broker(folder, extra="max_queued_messages 0\n")
        self.bureau = Bureau(self.broker.port, self.note)
        links = {name: {"type": "tcp", "host": "127.0.0.1", "port": i + 1} for i, name in enumerate(LINKS)}
        (folder / "emisd.conf").write_text(site_conf(folder, links, self.broker.port))

    def note(self, alarm):
        self.told[alarm["site"]].append({key: alarm[key] for key in ("alarm_id", "event", "period", "seq")})
        with self.bureau.lock:
            self.bureau.messages.clear()  # some hundred thousand messages come

    def stop(self):
        self.bureau.stop()
        self.broker.stop()

    def runs(self, name, first, stride):
        """(n, status with the fault, status of the run after it) for each n; in the last run the fault was not reached."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        arguments = ["fail", self.folder / "emisd.conf", ROOT / "config", folder, name, first, stride]
        done = subprocess.run([DRIVER, *map(str, arguments)], capture_output=True, text=True, check=False)
        found = [tuple(map(int, line.split()[1:])) for line in done.stdout.splitlines() if line.startswith("run ")]
        assert done.returncode == 0 and found and found[-1][1] == FINE, done.stderr[-4000:]
        return found

    def facts(self, site):
        """{(alarm id without the site, event, start of the period): the numbers of the messages that reported it}"""
        told = collections.defaultdict(set)
        for alarm in self.told[site]:
            told[alarm["alarm_id"].removeprefix(site), alarm["event"], alarm["period"] and alarm["period"]["start"]].add(
                alarm["seq"])
        return told

    def complaints(self, name, n, statuses, expected):
        site, folder = f"{name}-{n}", self.folder / name / str(n)
        with sqlite3.connect(folder / "state.db") as db:
            found = half_transactions(db)
            last, pending = db.execute("SELECT max(seq), sum(state=0) FROM outbox WHERE stream='alarm'").fetchone()
        db.close()
        if statuses[0] not in (FINE, TOUCHED, ABORTED) or statuses[1] != FINE:
            found.append(f"statuses {statuses}")
        if pending:
            found.append(f"{pending} messages were not sent")
        wait_for(lambda: len({a["seq"] for a in self.told[site]}) >= last, 20, f"{last} messages of {site}")
        told = self.facts(site)
        found += [f"{fact} has the numbers {numbers}" for fact, numbers in told.items() if len(numbers) > 1]
        found += [f"lost: {fact}" for fact in expected - set(told)] + [f"made up: {fact}" for fact in set(told) - expected]
        if complaint := verify(folder):
            found.append(complaint)
        return found


@pytest.fixture(name="way")
def fixture_way(tmp_path):
    way = Way(tmp_path)
    yield way
    way.stop()
    shutil.rmtree(tmp_path, ignore_errors=True)


# The kind of call that fails (with "-lasting": all calls from the nth on), and the distance between two tested calls in the
# short and in the long schedule. There are about 300 writes, 60 syncs, 750 SQLite calls and 14000 allocations. The first
# tested call is random.
FAULTS = {"write": (37, 1), "write-lasting": (151, 1), "sync": (17, 1), "memory": (1801, 8), "sql": (113, 1),
          "sql-lasting": (307, 1)}
SIDE_BY_SIDE = 8  # number of drivers in the long schedule


def starts(rng):
    """(name, first, stride) of each driver."""
    for name, (short, long) in FAULTS.items():
        first = 1 + rng.randrange(runs(short, long))
        for i in range(runs(1, SIDE_BY_SIDE)):
            yield name, first + i * long, runs(short, SIDE_BY_SIDE * long)


def report(way, name, found, untouched, expected):
    count = collections.Counter(statuses[0] for _, *statuses in found)
    twice = sum(len(way.told[f"{name}-{n}"]) - len(way.facts(f"{name}-{n}")) for n, *_ in found)
    print(f"{name}: {count[TOUCHED]} runs with a failing call of less than {untouched}, {count[ABORTED]} ended by abort(); "
          f"{len(expected)} facts a run, {twice} came twice under one number")


def test_every_call_may_fail(way):
    """The drivers mostly wait for the broker, so several of them run at the same time."""
    drivers = list(starts(schedule("failing calls")))
    with concurrent.futures.ThreadPoolExecutor(runs(4, SIDE_BY_SIDE)) as pool:
        all_found = list(pool.map(lambda driver: way.runs(*driver), drivers))
    wrong = {}
    for name in FAULTS:
        found = [run for driver, here in zip(drivers, all_found) if driver[0] == name for run in here]
        untouched = max(n for n, *_ in found)
        expected = set(way.facts(f"{name}-{untouched}"))
        assert any("period-mean" in fact[0] for fact in expected)
        wrong.update({f"{name}-{n}": said for n, *statuses in found if (said := way.complaints(name, n, statuses, expected))})
        report(way, name, found, untouched, expected)
    assert not wrong, wrong
