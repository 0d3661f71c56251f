"""Decides which numbers are missing, and when to ask for them again.

Pure functions: time is an argument (seconds of a monotonic clock), and the requests are returned. The numbers of a site and
stream count 1, 2, 3 ... without gaps, so a missing number is still on its way, or was lost after the broker acknowledged it.
After an outage the gateway sends new messages before those that waited, so it is normal that a gap fills later. Ask only
when no number of the gap has arrived for a while, one range at a time, with longer and longer pauses; in the end, give up and
report it.
"""

import dataclasses
import math
import random

LONGEST_WAIT = 3600.0
MOST = 1000  # largest number of numbers in a request: the gateway refuses more


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
        self.upto = 0        # all numbers up to this one have arrived or were given up
        self.above = set()   # further numbers that have arrived
        self.newest = 0      # the newest number that the gateway announced
        self.lost = set()    # numbers that were given up
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
        """Yields the missing ranges (first, last) in order, none longer than a request allows. A generator, because a gateway
        may announce any number, however large."""
        first = self.upto + 1
        for there in [*sorted(self.above | self.lost), self.top() + 1]:
            while first < there:
                last = min(there, first + MOST) - 1
                yield first, last
                first = last + 1
            first = max(first, there + 1)


class Gaps:
    def __init__(self, patience=30.0, pace=10.0, tries=8, rng=None):
        """patience: seconds after the last change of a gap before asking; pace: seconds between two requests to a site, which
        accepts one every 10 s in the long run; tries: number of requests after which a range is given up."""
        self.patience, self.pace, self.tries = patience, pace, tries
        self.random = rng or random.Random()
        self.lines = {}      # (site, stream) -> Line
        self.offline = set()
        self.next_at = {}    # site -> time of the next request allowed

    def line(self, site, stream):
        return self.lines.setdefault((site, stream), Line())

    def arrived(self, site, stream, number, now):
        line = self.line(site, stream)
        if number != line.top() + 1:  # a number that follows the highest one shows no change of a gap
            line.waits_until = now + self.patience
        line.add(number)

    def announced(self, site, stream, newest, now):
        """The gateway announces its newest number; so missing last messages are noticed."""
        line = self.line(site, stream)
        if newest > line.newest:
            line.newest = newest
            line.waits_until = max(line.waits_until, now + self.patience)

    def presence(self, site, online):
        """A site that is offline gets no requests. When it comes back, the tries are counted from the start."""
        if not online:
            self.offline.add(site)
        elif site in self.offline:
            self.offline.discard(site)
            for (of, _), line in self.lines.items():
                if of == site:
                    line.attempts.clear()

    def missing(self):
        """{(site, stream): first missing range} for all streams with missing numbers."""
        return {key: first for key, line in self.lines.items() if (first := next(line.missing(), None))}

    def due(self, now):
        """The requests to send now, and the ranges that were given up now, both as Requests."""
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
        """The pause doubles each time and varies by +-25 %, so that after a stop of the bureau thousands of sites are not all
        asked in the same second."""
        return min(max(self.pace, self.patience) * 2 ** (count - 1), LONGEST_WAIT) * self.random.uniform(0.75, 1.25)
