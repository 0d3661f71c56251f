"""A mean that equals its limit in decimal arithmetic does not exceed it, and one just above does: fractions are the judge.

For limits of the catalogue the test makes means in random ways: of minutes, of readings of minutes, with conversion to a
reference oxygen, with weights by flow, of the days of a month that went through the store. Half of the means equal the limit
exactly, the others differ from it by one unit of a last digit of one number. EMISD_CASES gives the number of cases (20,000);
`./dev judge` runs ten million.
"""

import os
import random
import subprocess
from fractions import Fraction

import pytest

from tests.golden.test_catalogue import LIMITS, digits_of
from tests.support.rig import build_dir

CASES = int(os.environ.get("EMISD_CASES", "20000"))
SEED = int(os.environ.get("EMISD_SEED", "8170"))
CHUNK = 20000
ONE = 10 ** 9  # numbers are integers of 1e-9
# emisd ignores a difference from the limit of this fraction of the limit or less (core/judge.c: 12 significant digits).
NOISE = Fraction(1, 10 ** 11)


def text(number):
    whole, fraction = divmod(abs(number), ONE)
    return f"{'-' if number < 0 else ''}{whole}.{fraction:09d}"


def unit_of(decimals):
    return 10 ** (9 - decimals)


def with_sum(rng, n, unit, limit):
    """n multiples of the unit whose mean is `limit`: pairs, of which one lies below and one above the limit."""
    base = limit // unit
    spread = max(1, min(base // 2, 5000))
    numbers = []
    for _ in range(n // 2):
        shift = rng.randint(-spread, spread)
        numbers += [(base + shift) * unit, (base - shift) * unit]
    if n % 2:
        numbers.append(base * unit)
    rng.shuffle(numbers)
    return numbers


def minutes(rng, limit, decimals, n):
    return with_sum(rng, n, unit_of(decimals + rng.randint(0, 3)), limit)


def plain_mean(numbers, _):
    return Fraction(sum(numbers), len(numbers))


def values(rng, limit, decimals):
    return "m", 0, minutes(rng, limit, decimals, rng.choice((3, 6, 45, 59, 60)))


def readings(rng, limit, decimals):
    return "r", 0, minutes(rng, limit, decimals, 12 * rng.choice((1, 3, 5)))


def days(rng, limit, decimals):
    return "d", 0, minutes(rng, limit, decimals, 3 * rng.choice((7, 23, 31)))


def converted(rng, limit, decimals):
    """Concentrations and O2 values whose converted values have the mean `limit`; all of them are decimal numbers."""
    o2_ref = rng.choice((16, 11, 8, 9, 6, 3.5, 3, 15))
    asked = int((21 - o2_ref) * ONE)
    numbers = []
    for value in with_sum(rng, rng.choice((2, 5, 9)), unit_of(decimals + rng.randint(0, 1)), limit):
        o2 = (rng.randint(0, 20999) if rng.random() < 0.8 else rng.randint(20900, 20999)) * 10 ** 6
        concentration, rest = divmod(value * (21 * ONE - o2), asked)
        if rest:
            # 21 - o2_ref has another prime factor than 2 and 5: take an oxygen for which 21 - o2 has it, too.
            left = asked // 100 * rng.randint(1, 100)
            o2 = 21 * ONE - left
            concentration, rest = divmod(value * left, asked)
            assert rest == 0
        numbers += [concentration, o2]
    return "c", o2_ref, numbers


def converted_mean(numbers, o2_ref):
    asked = int((21 - o2_ref) * ONE)
    pairs = list(zip(numbers[::2], numbers[1::2]))
    return sum(Fraction(concentration * asked, 21 * ONE - o2) for concentration, o2 in pairs) / len(pairs)


def weighted(rng, limit, decimals):
    """Pairs of values below and above the limit, with flows such that the weighted mean is the limit."""
    unit = unit_of(decimals + 1)
    numbers = []
    for _ in range(rng.choice((1, 3, 12))):
        below, above = rng.randint(0, limit // unit), rng.randint(1, 1000)
        share = rng.randint(1, 10 ** 6) * 10 ** 5
        numbers += [limit - below * unit, share * above, limit + above * unit, share * below]
    return "w", 0, numbers


def weighted_mean(numbers, _):
    flows = numbers[1::2]
    return Fraction(sum(value * flow for value, flow in zip(numbers[::2], flows)), sum(flows))


MEANS = {"m": plain_mean, "r": plain_mean, "d": plain_mean, "c": converted_mean, "w": weighted_mean}


def half_even(mean, decimals):
    unit = unit_of(decimals)
    return round(mean / unit) * unit  # round() of a Fraction is exact, and half to even


def case(rng, maxima):
    """A line for judge_cases and the letters that it must answer; None where the difference is too small to count."""
    limit, decimals = rng.choice(maxima)
    kind, o2_ref, numbers = rng.choice((values, readings, days, converted, weighted))(rng, limit, decimals)
    expected = "OO"
    if rng.random() < 0.5:  # change one number by one unit of a last digit
        i = rng.randrange(0, len(numbers), 2 if kind in "cw" else 1)
        numbers[i] += rng.choice((-1, 1, 1)) * unit_of(rng.randint(decimals, min(9, decimals + 4)))
        mean = MEANS[kind](numbers, o2_ref)
        expected = ("E" if mean > limit else "O") + ("E" if half_even(mean, decimals) > limit else "O")
        if mean != limit and abs(mean - limit) < NOISE * limit:
            expected = None
    elif rng.random() < 0.01:
        assert MEANS[kind](numbers, o2_ref) == limit
    return f"{kind} {text(limit)} {decimals} {o2_ref} {len(numbers)} {' '.join(map(text, numbers))}", expected


@pytest.fixture(scope="module")
def maxima():
    limits = {(Fraction(str(limit["max"])) * ONE, digits_of(limit)) for _, limit in LIMITS if "max" in limit}
    assert all(maximum.denominator == 1 for maximum, _ in limits)
    return sorted((int(maximum), decimals) for maximum, decimals in limits)


def test_equal_is_never_beyond_and_above_always_is(maxima):
    rng = random.Random(SEED)
    print("seed", SEED)
    letters = {"EE": 0, "EO": 0, "OO": 0}
    for start in range(0, CASES, CHUNK):
        cases = [case(rng, maxima) for _ in range(min(CHUNK, CASES - start))]
        found = subprocess.run([build_dir() / "tests/golden/judge_cases"], input="\n".join(line for line, _ in cases),
                               capture_output=True, text=True, timeout=600, check=True).stdout.split()
        assert len(found) == len(cases)
        for (line, expected), got in zip(cases, found):
            assert expected in (None, got), f"{line}: {got} and not {expected}"
            letters[got] += 1
    assert min(letters.values()) > CASES // 100, letters
    print(CASES, "cases:", letters)
