"""Compares three records that must agree: what the plant did, what the box stored, what the bureau received.

The record of the plant is computed here from the values that the plant had to hold, without any code of emisd.
"""

import contextlib
import dataclasses
import sqlite3
import subprocess
from datetime import datetime, timedelta

from tests.support.rig import build_dir

HOUR = 3600
ULTRA_LOW = {"steel.sinter.ultra-low.so2": 35.0}


class Truth:
    """The real values of one variable of the plant: [(seconds after the start, value)], each held until the next; and the
    limits that the variable may exceed.
    """

    def __init__(self, start, changes, variable="so2", limits=None):
        self.start = datetime.fromisoformat(start)
        self.changes = sorted(changes)
        self.variable = variable
        self.limits = limits or ULTRA_LOW

    def statements(self):
        """The scenario that makes the plant hold these values."""
        return [f"+{int(at) // 3600:02d}:{int(at) // 60 % 60:02d}:{int(at) % 60:02d} hold {self.variable} {value}"
                for at, value in self.changes]

    def value(self, at):
        """The value at a time. Before the start it is the value of the start, since nothing was measured then."""
        return ([value for since, value in self.changes if since <= at] or [self.changes[0][1]])[-1]

    def mean(self, begin, end):
        """The mean over [begin, end), weighted by time; both are datetimes."""
        begin, end = ((t - self.start).total_seconds() for t in (begin, end))
        edges = [begin, *(at for at, _ in self.changes if begin < at < end), end]
        return sum(self.value(a) * (b - a) for a, b in zip(edges, edges[1:])) / (end - begin)

    def hours(self, since, until):
        """{start: mean} of the whole hours between the two times."""
        first = since.replace(minute=0, second=0, microsecond=0)
        first += timedelta(hours=first < since)
        result = {}
        while first + timedelta(hours=1) <= until:
            result[first] = self.mean(first, first + timedelta(hours=1))
            first += timedelta(hours=1)
        return result


def random_truth(rng, start, hours, variable="so2", calm=20.0, bad=120.0):
    """A Truth with hours within the limit, hours beyond it, and hours whose first half is beyond it, at least one of each.
    So a missing quarter of an hour at either end of an outage changes the result."""
    kinds = ["calm", "bad", "half"] + [rng.choice(["calm", "bad", "half"]) for _ in range(max(hours, 3) - 3)]
    rng.shuffle(kinds)
    begin = datetime.fromisoformat(start)
    first = HOUR - (begin.minute * 60 + begin.second)
    changes = [(0, calm)]
    for i, kind in enumerate(kinds[:hours]):
        at = first + i * HOUR
        changes.append((at, calm if kind == "calm" else bad))
        if kind == "half":
            changes.append((at + HOUR // 2, calm))
    changes.append((first + hours * HOUR, calm))
    return Truth(start, changes, variable)


@dataclasses.dataclass
class Books:
    """The figures of a check, for the table of the report."""

    events: int = 0        # events stored by the box
    exceedances: int = 0   # hours beyond a limit that the bureau knows
    unknown: int = 0       # hours with too few data to judge, which the bureau was told
    copies: int = 0        # messages that came again and changed nothing
    lost: int = 0
    duplicated: int = 0    # facts that the bureau has twice

    def __str__(self):
        return (f"{self.events} events, {self.exceedances} exceedances, {self.unknown} hours unknown and told, "
                f"{self.copies} copies dropped, {self.lost} lost, {self.duplicated} duplicated")


@contextlib.contextmanager
def read_only(path):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        yield db


def recorded(folder):
    """{(stream, seq): (topic, payload, state)} from the box's outbox; checks that each event has its message there."""
    with read_only(folder / "state.db") as db:
        rows = {(stream, seq): (topic, payload, state) for stream, seq, topic, payload, state in
                db.execute("SELECT stream, seq, topic, payload, state FROM outbox")}
        events = [seq for seq, in db.execute("SELECT seq FROM event ORDER BY seq")]
        checkpoints = [number for number, in db.execute("SELECT number FROM checkpoint ORDER BY number")]
    assert events == list(range(1, len(events) + 1)), "the box's events are numbered without gaps"
    assert checkpoints == list(range(1, len(checkpoints) + 1)), "and so are its checkpoints"
    assert sorted(seq for stream, seq in rows if stream == "alarm") == events, "each event has its message"
    assert sorted(seq for stream, seq in rows if stream == "checkpoint") == checkpoints
    return rows


def verify(folder, *options):
    """(status, output) of `emisd --verify` for a store whose daemon is stopped, or for a copy."""
    done = subprocess.run([build_dir() / "daemon/emisd", "--verify", "--directory", folder, *options],
                          capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def check_messages(folder, consumer, books, parked=()):
    """Checks that the bureau has all messages that the box stored, byte for byte, and no others."""
    box = {key: row for key, row in recorded(folder).items() if key not in parked}
    bureau = {("alarm", row["seq"]): (row["topic"], row["payload"])
              for row in consumer.rows("SELECT seq, topic, payload FROM alarm")}
    bureau |= {("checkpoint", row["number"]): (row["topic"], row["payload"])
               for row in consumer.rows("SELECT number, topic, payload FROM checkpoint")}
    books.events = sum(stream == "alarm" for stream, _ in box)
    books.copies = consumer.copies()
    missing = sorted(set(box) - set(bureau))
    books.lost += len(missing)
    assert not missing, f"recorded, and not at the bureau: {missing[:10]}"
    assert not set(bureau) - set(box), "at the bureau, and never recorded"
    assert all(bureau[key] == box[key][:2] for key in box), "the same bytes"
    assert consumer.rows("SELECT * FROM conflict") == [] and consumer.rows("SELECT * FROM rejected") == []


def check_lives(alarms):
    """Checks that each alarm is raised once and cleared at most once, in this order; an acknowledgement may come in between.
    Only the warnings approach and projected may be raised again within their open hour.
    """
    lives = {}
    for alarm in alarms:
        if alarm["event"] != "acknowledged":
            lives.setdefault((alarm["alarm_id"], alarm["rule"]), []).append(alarm["event"])
    for (alarm_id, rule), events in lives.items():
        ends = [i for i, event in enumerate(events) if event == "cleared"]
        starts = [i for i, event in enumerate(events) if event == "raised"]
        assert starts == [0] + [i + 1 for i in ends if i + 1 < len(events)], (alarm_id, events)
        assert len(starts) == 1 or rule in ("approach", "projected"), (alarm_id, events)


def told_unknown(alarms, truth, hour):
    """True if the bureau was told that this hour is unknown: its data stopped, or were too few."""
    spans = {}
    for a in alarms:
        if a.get("factor") == truth.variable and a["rule"] in ("few-minutes", "no-data"):
            begin, end = spans.get(a["alarm_id"], (datetime.fromisoformat(a["since"]), None))
            if a["event"] == "cleared":
                end = datetime.fromisoformat(a["period"]["start"])
            spans[a["alarm_id"]] = (begin, end)
    return any(begin < hour + timedelta(hours=1) and (end is None or end > hour) for begin, end in spans.values())


def check_facts(alarms, truth, span, books, outlets=1):
    """Checks that the bureau has every hour of the span in which the plant was beyond a limit, once for each outlet and limit,
    and no other hour.
    """
    means, facts = truth.hours(*span), {}
    for a in alarms:
        if a["class"] == "exceedance" and a["event"] != "cleared":
            key = (a["outlet"], a["limit"]["key"], datetime.fromisoformat(a["period"]["start"]))
            assert a["factor"] == truth.variable and key[1] in truth.limits, f"the plant was within this limit: {a}"
            assert truth.mean(key[2], key[2] + timedelta(hours=1)) > truth.limits[key[1]], f"no such hour: {a}"
            facts[key] = facts.get(key, 0) + 1
    books.exceedances = sum(hour in means for _, _, hour in facts)
    books.duplicated += sum(n - 1 for n in facts.values())
    lost = []
    for limit, most in truth.limits.items():
        for hour in (h for h, mean in means.items() if mean > most):
            there = sum(key[1:] == (limit, hour) for key in facts)
            if there < outlets and told_unknown(alarms, truth, hour):
                books.unknown += outlets - there
            elif there < outlets:
                lost.append((limit, hour.isoformat(), there))
    books.lost += len(lost)
    assert not lost, f"the plant was beyond its limit, and the bureau does not know: {lost}"
    assert not books.duplicated, [key for key, n in facts.items() if n > 1]


def check_warnings(alarms, truth):
    """Checks that warnings are true: the minutes were beyond the limit, and an hour reported as certain did exceed it."""
    for a in alarms:
        if a["class"] != "warning" or a["event"] != "raised" or a["factor"] != truth.variable:
            continue
        begin, end = (datetime.fromisoformat(a["period"][edge]) for edge in ("start", "end"))
        if a["rule"] == "minutes-beyond":
            # A reading belongs to the minute in which it arrives; the plant may have changed its value a moment before.
            worst = max(truth.mean(begin, end), truth.mean(end, end + timedelta(minutes=1)))
            assert worst > a["limit"]["max"], a
        elif a["rule"] == "certain":
            assert truth.mean(begin, end) > a["limit"]["max"], a


def check_all(folder, consumer, truth, span, outlets=1, reports=("key-unconfirmed",), parked=()):
    """Makes all comparisons, with emisd stopped and all messages delivered; returns the figures for the report."""
    books = Books()
    check_messages(folder, consumer, books, parked)
    alarms = consumer.alarms()
    check_lives(alarms)
    check_facts(alarms, truth, span, books, outlets)
    check_warnings(alarms, truth)
    assert {row["kind"] for row in consumer.rows("SELECT kind FROM report")} <= set(reports), consumer.reports()
    assert all(row["proved"] for row in consumer.rows("SELECT proved FROM checkpoint"))
    status, said = verify(folder)
    assert status == 0, said
    against = consumer.rows("SELECT link, hash FROM checkpoint WHERE proved ORDER BY number DESC LIMIT 1")
    if against:
        status, said = verify(folder, "--against", f"{against[0]['link']}:{against[0]['hash']}")
        assert status == 0, said
    return books


