"""The bureau's reference consumer (tests/bureau) as a process, and what its database holds."""

import contextlib
import json
import signal
import sqlite3

from tests.support.rig import PYTHON, ROOT, Process, wait_for


class Consumer(Process):
    """A consumer that is started and has subscribed; `options` are command-line arguments of bureau.py."""

    def __init__(self, folder, port, *options, host="127.0.0.1", prefix=(), name="bureau"):
        self.database = folder / f"{name}.db"
        self.ready = folder / f"{name}.ready"
        self.ready.unlink(missing_ok=True)
        super().__init__([*prefix, PYTHON, ROOT / "tests/bureau/bureau.py", "--broker", f"{host}:{port}", "--database",
                          self.database, "--ready", self.ready, "--client-id", name, *options], folder / f"{name}.log")
        try:
            wait_for(lambda: self.ready.exists() or not self.running(), what="the consumer's subscription")
            if not self.running():
                raise AssertionError("the consumer ended: " + self.text())
        except BaseException:
            if self.running():
                self.stop(signal.SIGKILL)
            raise

    def rows(self, sql, *values):
        """Rows of the consumer's database as dictionaries."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql, values)]

    def alarms(self, **wanted):
        """The payloads of alarm events with the wanted fields, in order of their numbers; write `class_` for class."""
        fields = {key.rstrip("_"): value for key, value in wanted.items()}
        payloads = [json.loads(row["payload"]) for row in self.rows("SELECT payload FROM alarm ORDER BY site, seq")]
        return [p for p in payloads if all(p[k] == v for k, v in fields.items())]

    def seqs(self):
        return [row["seq"] for row in self.rows("SELECT seq FROM alarm ORDER BY site, seq")]

    def reports(self, kind=None):
        return [row["words"] for row in self.rows("SELECT kind, words FROM report ORDER BY at")
                if kind in (None, row["kind"])]

    def copies(self):
        """How many messages arrived that the database had already."""
        return sum(row["n"] for row in self.rows("SELECT n FROM copies"))
