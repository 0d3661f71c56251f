"""Which numbers are missing, and when to ask for them again.

Pure: time is an argument (seconds of a monotonic clock), what is to be asked is returned. Numbers of a site and stream
count 1, 2, 3 ... without gaps, so a hole means: still on its way, or lost behind the broker's back. The gateway sends
what is new before what waited, so a hole that fills by itself is normal after an outage: ask only when nothing has
filled it for a while, one range at a time, ever less often, and in the end give up and say so.
"""

import dataclasses
import math
import random

LONGEST_WAIT = 3600.0
MOST = 1000  # numbers in a request: the gateway refuses more


@dataclasses.dataclass
class Request:
    site: str
    stream: str
    first: int
    last: int


@dataclasses.dataclass
class Attempt:
    count: int = 0
    next_at: float = 0.0


class Line:
    """The numbers of one stream of one site."""

    def __init__(self):
        self.upto = 0        # all up to here are there
        self.above = set()   # and these
        self.newest = 0      # what the gateway says it has
        self.lost = set()    # given up
        self.attempts = {}   # first number of a range -> Attempt
        self.waits_until = -math.inf

    def add(self, number):
        if number <= self.upto:
            return
        self.above.add(number)
        self.lost.discard(number)
        self._close_up()

    def give_up(self, first, last):
        self.lost.update(range(first, last + 1))
        self._close_up()

    def _close_up(self):
        while self.upto + 1 in self.above or self.upto + 1 in self.lost:
            self.upto += 1
            self.above.discard(self.upto)

    def top(self):
        """The highest number that is known to exist."""
        return max(self.upto, self.newest, max(self.above, default=0))

    def missing(self):
        """(first, last) in order, none longer than a request may be. Lazy: a gateway may claim to be at any number."""
        first = self.upto + 1
        for there in [*sorted(self.above | self.lost), self.top() + 1]:
            while first < there:
                last = min(there, first + MOST) - 1
                yield first, last
                first = last + 1
            first = max(first, there + 1)


class Gaps:
    def __init__(self, patience=30.0, pace=10.0, tries=8, rng=None):
        """patience: a hole is left alone so long after it was last seen to open or to fill; pace: between two requests to
        a site, which answers one in 10 s for long; tries: then a range is given up."""
        self.patience, self.pace, self.tries = patience, pace, tries
        self.random = rng or random.Random()
        self.lines = {}      # (site, stream) -> Line
        self.offline = set()
        self.next_at = {}    # site -> when it may be asked again

    def line(self, site, stream):
        return self.lines.setdefault((site, stream), Line())

    def arrived(self, site, stream, number, now):
        line = self.line(site, stream)
        if number != line.top() + 1:  # the next in the row says nothing about a hole
            line.waits_until = now + self.patience
        line.add(number)

    def announced(self, site, stream, newest, now):
        """The gateway says how far it has counted: with it a lost tail is noticed."""
        line = self.line(site, stream)
        if newest > line.newest:
            line.newest = newest
            line.waits_until = max(line.waits_until, now + self.patience)

    def presence(self, site, online):
        """Nobody answers while a site is away. When it comes back it is asked as if for the first time."""
        if not online:
            self.offline.add(site)
        elif site in self.offline:
            self.offline.discard(site)
            for (of, _), line in self.lines.items():
                if of == site:
                    line.attempts.clear()

    def missing(self):
        """{(site, stream): first range} where something is missing."""
        return {key: first for key, line in self.lines.items() if (first := next(line.missing(), None))}

    def due(self, now):
        """What to ask for now, and what was given up now, as Requests."""
        ask, given_up = [], []
        for (site, stream), line in self.lines.items():
            if site in self.offline or now < line.waits_until or now < self.next_at.get(site, -math.inf):
                continue
            for first, last in line.missing():
                attempt = line.attempts.setdefault(first, Attempt())
                if attempt.next_at > now:
                    continue
                request = Request(site, stream, first, last)
                if attempt.count >= self.tries:
                    line.give_up(first, last)
                    del line.attempts[first]
                    given_up.append(request)
                    continue
                attempt.count += 1
                attempt.next_at = now + self._wait(attempt.count)
                self.next_at[site] = now + self.pace
                ask.append(request)
                break
        return ask, given_up

    def _wait(self, count):
        """Doubling, and +-25 %: thousands of sites shall not be asked in the same second after the bureau's own stop."""
        return min(max(self.pace, self.patience) * 2 ** (count - 1), LONGEST_WAIT) * self.random.uniform(0.75, 1.25)
