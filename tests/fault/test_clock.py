"""The clock of the box: 1970 after a power cut, then set, then back one hour, then forward one day. The test runs in real
time; only emisd sees the changed wall clock, and monotonic clocks are not changed."""

import contextlib
import csv
import json
import os
import re
import sqlite3
import struct
import subprocess
import time
from datetime import datetime, timedelta, timezone

from tests.fault import preload
from tests.fault.checker import Books, Truth, check_lives, check_messages, read_only, verify
from tests.fault.site import Site
from tests.support.rig import ROOT, Process, build_dir, replace_section, wait_for

EMISD = build_dir() / "daemon/emisd"
CHINA = timezone(timedelta(hours=8))


class BentSite(Site):
    """emisd without --time-scale; its wall clock is the real one plus `bent`, and only the test sets it."""

    def __init__(self, folder):
        start = datetime.now(CHINA).replace(microsecond=0).isoformat()
        super().__init__(folder, Truth(start, [(0, 120.0)]), 1.0, poll="500ms", judging="warning_minutes = 1;",
                         edit=self.settings)
        self.offset_file = folder / "offset"
        self.synchronized = folder / "synchronized"
        self.environment = preload.environment(EMISD, "clock.so", CLOCK_SHIM=self.offset_file)
        self.bent = 0.0

    def settings(self, text):
        text = text.replace('grace = "30s"', 'grace = "2s"')
        return replace_section(text, "clock", f'{{ synchronized = "{self.synchronized}"; wait = "1h"; }}')

    def bend(self, to=None, by=None, synchronize=True):
        """Sets the clock to a time, or by so many seconds, and touches the file that a synchroniser would touch."""
        self.bent = to.timestamp() - time.time() if to else self.bent + by
        with open(self.offset_file, "r+b" if self.offset_file.exists() else "wb", buffering=0) as file:
            file.write(struct.pack("=q", round(self.bent * 1000)))
        if synchronize:
            self.synchronized.touch()
            os.utime(self.synchronized)

    def wall(self):
        return datetime.fromtimestamp(time.time() + self.bent, CHINA)

    def another_emisd(self, folder):
        return Process([EMISD, "--config", folder / "emisd.conf", "--share", ROOT / "config"], folder / "emisd.log",
                       self.environment)


def stored_seconds(site, files):
    """The wall-clock times, in milliseconds, of the chunks in these files."""
    times = []
    for path in sorted((site.folder / "data").glob(files)):
        with read_only(path) as db:
            times += [ms for ms, in db.execute("SELECT wall_ms FROM chunk")]
    return times


def waiting_seconds(site):
    """The stored times that wait for their date; none while emisd makes the file."""
    try:
        return stored_seconds(site, "raw-1970*.db")
    except sqlite3.OperationalError:
        return []


def minutes(site, factor="so2"):
    """{start: value} of the point's minutes, as `emisctl history` prints them."""
    done = subprocess.run([EMISD, "--history", "DA001", factor, "--directory", site.folder / "data", "--period", "minute",
                           "--from", "2026-01-01", "--format", "csv"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"history: {done.stderr}")  # history may fail, because the files of the store change while emisd runs
        return {}
    rows = list(csv.DictReader(done.stdout.splitlines()))
    starts = [datetime.fromisoformat(row["start"]) for row in rows]
    assert len(starts) == len(set(starts)), "no minute twice"
    return {start: float(row["value"]) if row["value"] else None for start, row in zip(starts, rows)}


def test_a_new_box_that_boots_in_1970_judges_what_it_read_before_its_clock_was_set(tmp_path):
    site = BentSite(tmp_path)
    minute = (datetime.now(CHINA) + timedelta(hours=2)).replace(second=0, microsecond=0)
    site.bend(to=datetime.fromtimestamp(60, CHINA), synchronize=False)
    with site:
        wait_for(lambda: site.point("DA001", "so2")["flag"] == "N", what="a reading in 1970")
        began = site.wall()
        wait_for(lambda: site.wall() - began > timedelta(seconds=12), what="readings of a while")
        site.bend(to=minute - timedelta(seconds=2))
        before = minute - timedelta(minutes=1)
        wait_for(lambda: minutes(site).get(before) == 120.0, 40, "the minute that was read in 1970")
        site.settle()


def test_from_1970_to_now_back_an_hour_and_forward_a_day(tmp_path):
    site = BentSite(tmp_path)
    # The clock will be set to three seconds before a full hour, so the minute before has only readings from 1970.
    hour = (datetime.now(CHINA) + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    site.bend(to=hour - timedelta(minutes=3, seconds=5))
    with site:
        wait_for(lambda: site.point("DA001", "so2")["flag"] == "N", what="a reading with a good clock")
        wait_for(lambda: site.wall() >= hour - timedelta(minutes=3), what="the end of a minute")
        site.stop_emisd()
        # ---- the power comes back in 1970
        os.unlink(site.synchronized)
        site.bend(to=datetime.fromtimestamp(60, CHINA), synchronize=False)
        site.start_emisd()
        wait_for(lambda: site.point("DA001", "so2")["flag"] == "N", what="a reading in 1970")
        wait_for(lambda: site.consumer.alarms(rule="clock-unset", event="raised"), what="the word that the clock is not set")
        began = site.wall()
        # This only lets time pass.
        wait_for(lambda: site.wall() - began > timedelta(seconds=12), what="readings of a while")
        assert not site.consumer.alarms(class_="warning") and not site.consumer.alarms(class_="exceedance")
        undated = stored_seconds(site, "raw-1970*.db")
        assert undated, "they wait in a file of their own"
        # ---- the clock is set
        site.bend(to=hour - timedelta(seconds=3))
        cleared = wait_for(lambda: site.consumer.alarms(rule="clock-unset", event="cleared"), what="the set clock")[0]
        assert abs(datetime.fromisoformat(cleared["at"]) - hour) < timedelta(seconds=30), cleared["at"]
        raised = wait_for(lambda: site.consumer.alarms(rule="minutes-beyond", event="raised", factor="so2"), 30,
                          "the warning of a minute that was read in 1970")[0]
        assert datetime.fromisoformat(raised["period"]["end"]) == hour, raised["period"]
        assert raised["valid"] >= 12 and raised["value"] == 120.0
        assert not stored_seconds(site, "raw-1970*.db"), "relabelled"
        dated = stored_seconds(site, f"raw-{hour - timedelta(seconds=1):%Y%m%d}.db")
        assert min(dated) < (hour - timedelta(seconds=10)).timestamp() * 1000, "with the times at which they were taken"
        # ---- the clock goes back one hour
        judged = site.judged_until()
        before = site.events()
        site.bend(by=-3600.0)
        wait_for(lambda: site.consumer.alarms(rule="clock-step"), what="the word about the jump")
        began = site.wall()
        wait_for(lambda: site.wall() - began > timedelta(seconds=8), what="readings of a while")
        assert site.judged_until() == judged, "nothing is judged twice"
        again = [a for a in site.consumer.alarms() if a["seq"] > before and a["outlet"] != "gateway"]
        assert not again, again
        # ---- the clock goes forward one day, to ten seconds before the end of a minute
        site.bend(to=hour + timedelta(days=1, minutes=2, seconds=-12))
        next_day = hour + timedelta(days=1, minutes=1)
        wait_for(lambda: minutes(site).get(next_day) == 120.0, 40, "the minute of the next day")
        with read_only(site.folder / "data/state.db") as db:
            jumps = db.execute("SELECT old, new FROM audit WHERE what='clock step' ORDER BY id").fetchall()
        assert len(jumps) == 3, jumps
        assert site.point("DA001", "so2")["flag"] == "N"
        # ---- the records agree
        site.settle()
        wait_for(lambda: len(site.consumer.seqs()) == site.events(), what="all of it at the bureau")
        books = Books()
        check_messages(site.folder / "data", site.consumer, books)
        alarms = site.consumer.alarms()
        check_lives(alarms)
        told_minutes = minutes(site)
        assert told_minutes[hour - timedelta(minutes=1)] == 120.0, "read in 1970"
        assert {value for value in told_minutes.values()} <= {120.0, None}
        told = [(a["alarm_id"], a["event"], json.dumps(a.get("period")), a["at"]) for a in alarms]
        assert len(told) == len(set(told)), "no period twice"
        status, said = verify(site.folder / "data")
        assert status == 0, said
        print(f"clock: {books}; {len(undated)} batches were taken in 1970")
        print("\n".join(f"{a['seq']} {a['at']} {a['rule']} {a['event']}: {a.get('words', '')}" for a in alarms
                        if a["outlet"] == "gateway"))


def test_a_jump_without_the_synchroniser_is_believed_once_it_is_back(tmp_path):
    site = BentSite(tmp_path)
    site.bend(to=datetime.now(CHINA) + timedelta(hours=2))
    with site:
        wait_for(lambda: site.point("DA001", "so2")["flag"] == "N", what="a reading with a good clock")
        site.bend(by=-3600.0, synchronize=False)
        step = wait_for(lambda: site.consumer.alarms(rule="clock-step"), what="the word about the jump")[0]
        assert re.search("the clock jumped by -(3599|3600) s", step["words"]) and "it is not trusted yet" in step["words"]
        wait_for(lambda: site.consumer.alarms(rule="clock-unset", event="raised"), what="the word that the clock is not set")
        assert site.ask("status")["site"][0]["clock"] == "not set"
        judged = site.judged_until()
        wait_for(lambda: waiting_seconds(site), what="readings that wait for their date")
        # ---- the synchroniser is back, but another program holds the database
        with contextlib.closing(sqlite3.connect(site.folder / "data/state.db", isolation_level=None, timeout=10)) as db:
            db.execute("BEGIN IMMEDIATE")
            site.bend(by=0.0)
            wait_for(lambda: "cannot store the readings from before the clock was set" in site.emisd.text(), what="the line of the log")
            assert site.ask("status")["site"][0]["clock"] == "not set"
            db.execute("ROLLBACK")
        wait_for(lambda: site.consumer.alarms(rule="clock-unset", event="cleared"), what="the set clock")
        assert site.ask("status")["site"][0]["clock"] == "synchronized"
        assert not stored_seconds(site, "raw-1970*.db"), "all have their date"
        assert site.judged_until() == judged, "the hour of before is not judged twice"
        site.settle()


def test_readings_of_a_run_whose_clock_was_never_set_are_kept_without_a_date(tmp_path):
    site = BentSite(tmp_path)
    site.bend(to=datetime.fromtimestamp(60, CHINA), synchronize=False)
    with site:
        wait_for(lambda: waiting_seconds(site), what="readings of 1970")
        site.stop_emisd()
        undated = stored_seconds(site, "raw-1970*.db")
        for path in (site.folder / "data").glob("raw-1970*.db"):  # a power cut: the monotonic clock began anew
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
                db.execute("UPDATE boot SET name = '00000000-0000-4000-8000-000000000000'")
        site.bend(to=datetime.now(CHINA) + timedelta(hours=2))
        site.start_emisd()
        told = wait_for(lambda: site.consumer.alarms(rule="readings-undated", event="raised"), what="the word about them")[0]
        assert "readings of a run that ended before its clock was set are kept without a date in raw-1970*.db" in told["words"]
        assert stored_seconds(site, "raw-1970*.db")[:len(undated)] == undated, "and they are kept"
        # An operator who has read this ends it; emisd remembers across a restart that it said it.
        site.stop_emisd()
        site.start_emisd()
        wait_for(lambda: site.point("DA001", "so2")["flag"] == "N", what="a reading")
        assert len(site.consumer.alarms(rule="readings-undated")) == 1
        site.ask("ack", argument=told["alarm_id"], remark="seen")
        wait_for(lambda: site.consumer.alarms(rule="readings-undated", event="cleared"), what="the end of it")
        site.settle()
