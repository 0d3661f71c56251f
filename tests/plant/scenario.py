"""The language of scenario files and of the control socket: one statement in each line.

parse_statement() returns a Statement to run, or raises StatementError with what was found and
what was expected. README.md lists the statements.
"""

import dataclasses
import math
import re
from typing import Callable

from .instruments import INSTRUMENTS, LINKS, MEASURING
from .misbehave import MISBEHAVIOURS
from .model import Active
from .process import VARIABLES

# fmt: off
COMPOSITES = {
    "desulphurisation trip": ["set so2 to 120 within 120s"],
    "desulphurisation back": ["set so2 to steady within 180s"],
    "ammonia stop":          ["set no to 110 within 180s", "set no2 to 8 within 180s", "set nox to 177 within 180s"],
    "ammonia back":          ["set no to steady within 180s", "set no2 to steady within 180s", "set nox to steady within 180s"],
}
# fmt: on

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
LONGEST = 8784 * 3600.0
DURATION = "a duration such as 800ms, 90s, 10m or 2h"


class StatementError(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Statement:
    text: str
    run: Callable  # (plant, plant time)


class Words:
    """The words of a statement, taken from the left."""

    def __init__(self, text):
        self._words = text.split()

    def peek(self):
        return self._words[0] if self._words else None

    def take(self, expected):
        if not self._words:
            raise StatementError(f"the line ends here, expected {expected}")
        return self._words.pop(0)

    def literal(self, word):
        found = self.take(f'"{word}"')
        if found != word:
            raise StatementError(f'found "{found}", expected "{word}"')

    def choice(self, kind, names):
        expected = f"{kind}: {', '.join(names)}"
        found = self.take(expected)
        if found not in names:
            raise StatementError(f'found "{found}", expected {expected}')
        return found

    def number(self):
        found = self.take("a number")
        try:
            return float(found)
        except ValueError:
            raise StatementError(f'found "{found}", expected a number') from None

    def integer(self, low, high):
        expected = f"a whole number from {low} to {high}"
        found = self.take(expected)
        try:
            number = int(found, 0)
        except ValueError:
            number = None
        if number is None or not low <= number <= high:
            raise StatementError(f'found "{found}", expected {expected}')
        return number

    def duration(self):
        found = self.take(DURATION)
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", found)
        if match is None:
            raise StatementError(f'found "{found}", expected {DURATION}')
        seconds = float(match[1]) * UNITS[match[2]]
        if seconds > LONGEST:
            raise StatementError(f'found "{found}", expected a year (8784h) at most')
        return seconds

    def optional_duration(self, word):
        if self.peek() != word:
            return None
        self.take(word)
        return self.duration()

    def end(self):
        if self._words:
            raise StatementError(f'found "{self._words[0]}", expected the end of the line')


def _factor(words):
    return words.choice("a variable", tuple(VARIABLES))


def _instrument(words, names=tuple(INSTRUMENTS)):
    return words.choice("an instrument", names)


def _targets(words):
    """The instruments that a word names: one, those of a link, or all."""
    name = words.choice("an instrument, a link or all", (*INSTRUMENTS, *LINKS, "all"))
    return [n for n, cls in INSTRUMENTS.items() if name in (n, cls.link, "all")]


def _set(words):
    name = _factor(words)
    words.literal("to")
    if words.peek() == "steady":
        words.take("steady")
        target = VARIABLES[name].steady
    else:
        target = words.number()
    within = words.optional_duration("within") or 0.0
    return lambda plant, t: plant.process.move(name, target, within, t)


def _hold(words):
    name, value = _factor(words), words.number()

    def run(plant, t):
        plant.process.hold(name, value)
        for instrument in plant.instruments.values():
            if instrument.interval is not None and name in instrument.factors:
                plant.measure(instrument, t)

    return run


def _release(words):
    name = words.choice("a variable or all", (*VARIABLES, "all"))
    names = list(VARIABLES) if name == "all" else [name]

    def run(plant, _t):
        for each in names:
            plant.process.release(each)

    return run


def _noise(words):
    noise = words.number()
    if not (math.isfinite(noise) and noise >= 0.0):
        raise StatementError(f'found "{noise:g}", expected a number of 0 or more')

    def run(plant, _t):
        plant.process.noise = noise

    return run


_CYCLIC = tuple(name for name, cls in INSTRUMENTS.items() if cls.interval is not None)


def _measure(words):
    name = _instrument(words, _CYCLIC)
    return lambda plant, t: plant.measure(plant.instruments[name], t)


def _interval(words):
    name, interval = _instrument(words, _CYCLIC), words.duration()
    if interval < 1.0:
        raise StatementError("the interval is too short, expected 1s or more")

    def run(plant, _t):
        plant.instruments[name].interval = interval

    return run


def _mode(mode):
    able = tuple(name for name, cls in INSTRUMENTS.items() if mode in cls.modes)

    def parse(words):
        name = _instrument(words, able)
        off = words.peek() == "off" and words.take("off")
        period = None if off else words.optional_duration("for")

        def run(plant, t):
            instrument = plant.instruments[name]
            if off and instrument.mode != mode:
                return
            instrument.mode = MEASURING if off else mode
            instrument.mode_until = None if period is None else t + period

        return run

    return parse


def _misbehave(verb):
    behaviour = MISBEHAVIOURS[verb]

    def parse(words):
        names = _targets(words)
        for name in names:
            if LINKS[INSTRUMENTS[name].link] not in behaviour.links:
                able = [n for n, c in INSTRUMENTS.items() if LINKS[c.link] in behaviour.links]
                raise StatementError(f'"{verb}" cannot be done by {name}, expected an '
                                     f"instrument: {', '.join(able)}")
        argument = None
        if behaviour.argument == "duration":
            argument = words.duration()
        elif behaviour.argument == "code":
            argument = words.integer(1, 255)
        period = times = None
        while words.peek() in ("for", "times"):
            if words.take("") == "for":
                period = words.duration()
            else:
                times = words.integer(1, 1000000)

        def run(plant, t):
            until = None if period is None else t + period
            for name in names:
                plant.instruments[name].misbehaviour = Active(verb, argument, until, times)

        return run

    return parse


def _normal(words):
    names = _targets(words)

    def run(plant, _t):
        for name in names:
            plant.instruments[name].misbehaviour = None

    return run


def _poke(words):
    name = _instrument(words)
    cls = INSTRUMENTS[name]
    address = words.integer(cls.first, cls.first + cls.count - 1)
    value = words.integer(0, 0xFFFF)

    def run(plant, _t):
        plant.instruments[name].poked[address] = value

    return run


def _unpoke(words):
    name = _instrument(words)
    return lambda plant, _t: plant.instruments[name].poked.clear()


VERBS = {
    "set": _set,
    "hold": _hold,
    "release": _release,
    "noise": _noise,
    "measure": _measure,
    "interval": _interval,
    "calibrate": _mode("calibrate"),
    "fault": _mode("fault"),
    "maintenance": _mode("maintenance"),
    "poke": _poke,
    "unpoke": _unpoke,
    "normal": _normal,
    "answer": _normal,
    **{verb: _misbehave(verb) for verb in MISBEHAVIOURS},
}


def parse_statement(text):
    text = " ".join(text.split())
    if text in COMPOSITES:
        parts = [parse_statement(part) for part in COMPOSITES[text]]

        def run(plant, t):
            for part in parts:
                part.run(plant, t)

        return Statement(text, run)
    words = Words(text)
    found = words.take("a statement")
    if found not in VERBS:
        known = ", ".join([*COMPOSITES, *VERBS])
        raise StatementError(f'found "{text}", expected a statement: {known}')
    run = VERBS[found](words)
    words.end()
    return Statement(text, run)


def parse_scenario(text, filename):
    """([(seconds after the start, Statement)], [error lines])."""
    steps, errors = [], []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        try:
            steps.append(_parse_line(line))
        except StatementError as error:
            errors.append(f"{filename}:{number}: {error}")
    return steps, errors


def _parse_line(line):
    if not line.startswith("+"):
        return 0.0, parse_statement(line)
    offset, _, rest = line.partition(" ")
    match = re.fullmatch(r"\+(\d+):([0-5]\d):([0-5]\d)", offset)
    if match is None:
        raise StatementError(f'found "{offset}", expected a time after the start as +HH:MM:SS')
    return int(match[1]) * 3600.0 + int(match[2]) * 60.0 + int(match[3]), parse_statement(rest)
