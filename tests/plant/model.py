"""The plant as a whole: plant time, the process, the instruments and the scheduled events.

No I/O. advance() does everything that is due: events in their order, results of the analysers
that measure in cycles, ends of modes. advance() is called before any value is read or changed, so
the number of calls does not matter; the registers are rebuilt at most every REFRESH seconds.
"""

import dataclasses
import datetime
import heapq
import itertools
import math
import time
from typing import Optional

from .instruments import INSTRUMENTS, MEASURING
from .process import Process

REFRESH = 0.010  # real seconds


class Clock:
    """Plant time = start + scale * (now - anchor), all in seconds since the epoch."""

    def __init__(self, scale, start, anchor):
        self.scale, self.start, self.anchor = scale, start, anchor

    def now(self):
        return self.start + self.scale * (time.time() - self.anchor)


@dataclasses.dataclass(frozen=True)
class Snapshot:
    number: int
    time: float
    values: dict
    zone: datetime.tzinfo

    def local(self, t):
        return datetime.datetime.fromtimestamp(t, self.zone)


@dataclasses.dataclass
class Active:
    """A misbehaviour in effect. until: its end in plant time; left: remaining replies."""

    name: str
    argument: object = None
    until: Optional[float] = None
    left: Optional[int] = None


class Plant:
    def __init__(self, clock, zone, seed=1, noise=1.0, log=lambda line: None):
        self.clock, self.zone, self.log = clock, zone, log
        self.process = Process(clock.start, seed, noise)
        started = datetime.datetime.fromtimestamp(clock.start, zone)
        self.instruments = {name: cls(started) for name, cls in INSTRUMENTS.items()}
        self._events = []
        self._order = itertools.count()
        self._snapshot = None
        self._refreshed = -math.inf
        for instrument in self.instruments.values():
            if instrument.interval is not None:
                self.measure(instrument, clock.start)

    def schedule(self, t, statement):
        heapq.heappush(self._events, (t, next(self._order), statement))

    def do(self, statement):
        """Runs a statement now; the registers have changed when this returns."""
        now = self.clock.now()
        self.advance(now)
        self._run(statement, now)
        self._snapshot = None

    def snapshot(self):
        """The present process values, which the registers show."""
        real = time.monotonic()
        if self._snapshot is None or real - self._refreshed >= REFRESH:
            now = self.clock.now()
            self.advance(now)
            values = self.process.values(now)
            self._snapshot = Snapshot(next(self._order), now, values, self.zone)
            self._refreshed = real
        return self._snapshot

    def advance(self, now):
        while self._events and self._events[0][0] <= now:
            t, _, statement = heapq.heappop(self._events)
            self._step(t)
            self._run(statement, t)
        self._step(now)

    def until_next(self, longest):
        """Real seconds until the next scheduled event, at most `longest`."""
        if not self._events:
            return longest
        return min(max((self._events[0][0] - self.clock.now()) / self.clock.scale, 0.0), longest)

    def measure(self, instrument, t):
        """Makes a new result of an analyser that measures in cycles."""
        instrument.result_at = t
        instrument.result = {f: self.process.value(f, t) for f in instrument.factors}

    def misbehaviour(self, instrument):
        """The misbehaviour in effect, or None."""
        active = instrument.misbehaviour
        if active and active.until is not None and self.clock.now() >= active.until:
            active = instrument.misbehaviour = None
        return active

    def take_misbehaviour(self, instrument):
        """The misbehaviour for the reply that is sent now, or None; counts the reply."""
        active = self.misbehaviour(instrument)
        if active and active.left is not None:
            active.left -= 1
            if active.left == 0:
                instrument.misbehaviour = None
        return active

    def local(self, t):
        return datetime.datetime.fromtimestamp(t, self.zone).isoformat(timespec="seconds")

    def _run(self, statement, t):
        self.log(f"{self.local(t)} {statement.text}")
        statement.run(self, t)

    def _step(self, t):
        self.process.run_total(t)
        for instrument in self.instruments.values():
            if instrument.interval is not None:
                self._results(instrument, t)
            until = instrument.mode_until
            if until is not None and t >= until:
                instrument.mode, instrument.mode_until = MEASURING, None

    def _results(self, instrument, t):
        """Makes the results that were due up to t; none while the instrument is in another mode than measuring."""
        cycles = (t - instrument.result_at) // instrument.interval
        if cycles < 1:
            return
        due = instrument.result_at + cycles * instrument.interval
        until = math.inf if instrument.mode_until is None else instrument.mode_until
        if instrument.mode == MEASURING or due >= until:
            self.measure(instrument, due)
