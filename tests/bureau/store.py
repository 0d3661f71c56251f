"""The bureau's database in SQLite: each message is stored once and completely, on disk before it is acknowledged.

Each message is one transaction. (site, seq) is the key of an alarm event, (site, number) the key of a checkpoint. A repeated
message changes nothing; a different message with the same number is kept separately and reported.
"""

import contextlib
import sqlite3
import time

SCHEMA = """
CREATE TABLE IF NOT EXISTS alarm(
  site TEXT NOT NULL, seq INTEGER NOT NULL, alarm_id TEXT NOT NULL, event TEXT NOT NULL, class TEXT NOT NULL,
  rule TEXT NOT NULL, outlet TEXT NOT NULL, factor TEXT, limit_key TEXT, period_kind TEXT, period_start TEXT, value REAL,
  at TEXT NOT NULL, topic TEXT NOT NULL, payload TEXT NOT NULL, received REAL NOT NULL,
  PRIMARY KEY(site, seq)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS alarm_id ON alarm(alarm_id, seq);
CREATE TABLE IF NOT EXISTS checkpoint(
  site TEXT NOT NULL, number INTEGER NOT NULL, link INTEGER, hash TEXT, proved INTEGER NOT NULL,
  topic TEXT NOT NULL, payload TEXT NOT NULL, received REAL NOT NULL,
  PRIMARY KEY(site, number)) STRICT, WITHOUT ROWID;
-- Another payload under a number that is taken: somebody has to look.
CREATE TABLE IF NOT EXISTS conflict(
  site TEXT NOT NULL, stream TEXT NOT NULL, seq INTEGER NOT NULL, topic TEXT NOT NULL, payload TEXT NOT NULL,
  received REAL NOT NULL, UNIQUE(site, stream, seq, topic, payload)) STRICT;
-- What breaks the contract is kept as it came.
CREATE TABLE IF NOT EXISTS rejected(
  topic TEXT NOT NULL, payload BLOB NOT NULL, why TEXT NOT NULL, received REAL NOT NULL) STRICT;
-- The bureau's own alarms: about the data, not about the plant.
CREATE TABLE IF NOT EXISTS report(
  site TEXT NOT NULL, kind TEXT NOT NULL, words TEXT NOT NULL, at REAL NOT NULL, UNIQUE(site, kind, words)) STRICT;
CREATE TABLE IF NOT EXISTS key(site TEXT PRIMARY KEY, public_key TEXT NOT NULL, confirmed INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS copies(
  site TEXT NOT NULL, stream TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY(site, stream)) STRICT;
-- The legal facts: one row for each period beyond each limit.
CREATE VIEW IF NOT EXISTS exceedance AS
  SELECT site, outlet, factor, limit_key, period_kind, period_start, value, seq, alarm_id FROM alarm
  WHERE class = 'exceedance' AND rule = 'period-mean' AND event IN ('raised', 'continued', 'worsened');
"""

NEW, AGAIN, CONFLICT = "new", "again", "conflict"
NUMBER = {"alarm": "seq", "checkpoint": "number"}  # each stream and the column of its numbers


class Store:
    def __init__(self, path):
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")  # with NORMAL a power cut could lose acknowledged messages
        self.db.executescript(SCHEMA)

    def close(self):
        self.db.close()

    @contextlib.contextmanager
    def transaction(self):
        """Stores a message completely or not at all; a caller that leaves it without an exception may acknowledge."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    def alarm(self, topic, text, payload):
        """Stores an alarm event; returns NEW, AGAIN or CONFLICT. Call this inside a transaction."""
        seen = self._seen("alarm", payload["site"], payload["seq"], topic, text)
        if seen == NEW:
            period, limit = payload.get("period") or {}, payload.get("limit") or {}
            self.db.execute("INSERT INTO alarm VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                            (payload["site"], payload["seq"], payload["alarm_id"], payload["event"], payload["class"],
                             payload["rule"], payload["outlet"], payload.get("factor"), limit.get("key"),
                             period.get("kind"), period.get("start"), payload.get("value"), payload["at"], topic, text,
                             time.time()))
        return seen

    def checkpoint(self, topic, text, payload, link, digest, proved):
        """Stores a checkpoint; returns NEW, AGAIN or CONFLICT. Call this inside a transaction."""
        seen = self._seen("checkpoint", payload["site"], payload["number"], topic, text)
        if seen == NEW:
            self.db.execute("INSERT INTO checkpoint VALUES(?,?,?,?,?,?,?,?)",
                            (payload["site"], payload["number"], link, digest, proved, topic, text, time.time()))
        return seen

    def _seen(self, stream, site, number, topic, text):
        row = self.db.execute(f"SELECT topic, payload FROM {stream} WHERE site=? AND {NUMBER[stream]}=?",
                              (site, number)).fetchone()
        if row is None:
            return NEW
        if row == (topic, text):
            self.db.execute("INSERT INTO copies VALUES(?,?,1) ON CONFLICT DO UPDATE SET n=n+1", (site, stream))
            return AGAIN
        self.db.execute("INSERT OR IGNORE INTO conflict VALUES(?,?,?,?,?,?)",
                        (site, stream, number, topic, text, time.time()))
        self.report(site, "conflict", f"{stream} {number} came with another content than before; both are kept")
        return CONFLICT

    def reject(self, topic, payload, why):
        self.db.execute("INSERT INTO rejected VALUES(?,?,?,?)", (topic, payload, why, time.time()))

    def report(self, site, kind, words):
        """Stores a report; returns True if the same report was not stored before."""
        return self.db.execute("INSERT OR IGNORE INTO report VALUES(?,?,?,?)", (site, kind, words, time.time())).rowcount > 0

    def numbers(self, stream):
        """[(site, number)] of all stored messages of the stream."""
        return self.db.execute(f"SELECT site, {NUMBER[stream]} FROM {stream}").fetchall()

    # ---- keys of the sites

    def confirm_key(self, site, public_key):
        self.db.execute("INSERT OR REPLACE INTO key VALUES(?,?,1)", (site, public_key))

    def key(self, site, first):
        """The trusted key of a site, and whether a person confirmed it; until then, the first key seen is trusted."""
        self.db.execute("INSERT OR IGNORE INTO key VALUES(?,?,0)", (site, first))
        return self.db.execute("SELECT public_key, confirmed FROM key WHERE site=?", (site,)).fetchone()

    def neighbours(self, site, number):
        """(number, link, hash) of the proved checkpoints just before and just after; None where there is none."""
        columns = "SELECT number, link, hash FROM checkpoint WHERE site=? AND proved AND "
        return (self.db.execute(columns + "number<? ORDER BY number DESC", (site, number)).fetchone(),
                self.db.execute(columns + "number>? ORDER BY number", (site, number)).fetchone())

    def against(self, site):
        """The newest proved LINK:HASH, for `emisctl verify --against`; None if there is none."""
        row = self.db.execute("SELECT link, hash FROM checkpoint WHERE site=? AND proved ORDER BY number DESC",
                              (site,)).fetchone()
        return f"{row[0]}:{row[1]}" if row else None
