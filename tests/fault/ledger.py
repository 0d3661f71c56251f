"""Compares the data that a program was told to be stored with the data that the store has afterwards."""

import collections
import shutil
import sqlite3
import subprocess

from tests.support.rig import build_dir

EMISD = build_dir() / "daemon/emisd"


def verify(folder):
    """The complaints of emisd --verify; "" if all data are as they were written."""
    done = subprocess.run([EMISD, "--verify", "--directory", folder], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def half_transactions(db):
    """Sentences about rows whose other rows of the same transaction are missing."""
    queries = {
        "events without a message": "SELECT count(*) FROM event WHERE NOT EXISTS"
                                    " (SELECT 1 FROM outbox WHERE stream='alarm' AND outbox.seq=event.seq)",
        "messages without an event": "SELECT count(*) FROM outbox WHERE stream='alarm' AND NOT EXISTS"
                                     " (SELECT 1 FROM event WHERE event.seq=outbox.seq)",
        "events without an alarm": "SELECT count(*) FROM event WHERE NOT EXISTS"
                                   " (SELECT 1 FROM alarm WHERE alarm.id=event.alarm_id)",
        "alarms without an event": "SELECT count(*) FROM alarm WHERE NOT EXISTS"
                                   " (SELECT 1 FROM event WHERE event.alarm_id=alarm.id)",
        "checkpoints without a message": "SELECT count(*) FROM checkpoint WHERE NOT EXISTS"
                                         " (SELECT 1 FROM outbox WHERE stream='checkpoint' AND seq=number)",
        "holes in the sequence": "SELECT count(*) FROM event e WHERE seq>1 AND NOT EXISTS"
                                 " (SELECT 1 FROM event WHERE seq=e.seq-1)",
        "changes told twice": "SELECT count(*) FROM (SELECT 1 FROM event GROUP BY alarm_id, change, period_ms"
                              " HAVING count(*)>1)",
    }
    return [f"{n} {what}" for what, sql in queries.items() if (n := db.execute(sql).fetchone()[0])]


def examine(folder, scratch):
    """Examines a copy, so that emisd is the first to open the files. Returns (complaints, last event, {ids of messages that
    are done})."""
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(folder, scratch)
    if not (scratch / "state.db").exists():
        return [], 0, set()
    db = sqlite3.connect(scratch / "state.db")
    try:
        tables = {name for name, in db.execute("SELECT name FROM sqlite_master")}
        if "outbox" not in tables or not db.execute("SELECT 1 FROM meta WHERE key='site'").fetchone():
            return [], 0, set()  # the power was cut before anything was stored
        found = half_transactions(db)
        last, = db.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()
        done = {row[0] for row in db.execute("SELECT id FROM outbox WHERE state=1")}
    finally:
        db.close()
    if complaint := verify(scratch):
        found.append(complaint)
    return found, last, done


class Ledger:
    """The output lines of tests/fault/store_driver.c, over all runs on one store."""

    def __init__(self):
        self.acknowledged = collections.Counter()  # the highest number of each kind
        self.tried = collections.Counter()
        self.done = set()

    def take(self, output):
        for word, kind, number in (line.split()[:3] for line in output.splitlines() if line[:3] in ("try", "ok ")):
            book = self.acknowledged if word == "ok" else self.tried
            book[kind] = max(book[kind], int(number))
            if (word, kind) == ("ok", "done"):
                self.done.add(int(number))

    def check_opening(self, output):
        """Compares what the program found when it opened the store; returns complaints."""
        line = next((line.split() for line in output.splitlines() if line.startswith("open ")), None)
        if not line:
            return []
        seq, readings, judged, checkpoint, damages, strange, batches = map(int, line[1:])
        found = {"event": seq - 1, "readings": readings, "checkpoint": checkpoint}
        wrong = [f"{kind}: {number} found, {self.acknowledged[kind]} acknowledged, {self.tried[kind]} tried"
                 for kind, number in found.items()
                 if not self.acknowledged[kind] <= number <= max(self.tried[kind], self.acknowledged[kind])]
        if judged < self.acknowledged["judged"]:
            wrong.append("the mark of what was judged went back")
        if damages or strange or batches:
            wrong.append(f"{damages} files are damaged, {strange} readings out of order, {batches} batches unreadable")
        # Data that were tried and are found count as stored from now on; data that are not found were never acknowledged.
        for kind, number in found.items():
            self.acknowledged[kind] = self.tried[kind] = number
        return wrong

    def check_rows(self, last, done):
        wrong = []
        if last not in (self.acknowledged["event"], self.tried["event"]):
            wrong.append(f"events up to {last}: {self.acknowledged['event']} were acknowledged, "
                         f"{self.tried['event']} tried in one transaction")
        if missing := self.done - done:
            wrong.append(f"messages {sorted(missing)} are no longer marked as sent")
        return wrong
