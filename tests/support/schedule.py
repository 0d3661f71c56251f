"""How long a fault test runs: a short schedule in `./dev test`, the long schedule in `./dev fault`."""

import os
import random

LONG = os.environ.get("EMISD_FAULT") == "long"


def runs(short, long):
    return long if LONG else short


def schedule(name):
    """The random numbers of a schedule; the seed is printed, and EMISD_SEED repeats a schedule."""
    seed = int(os.environ.get("EMISD_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"{name}: EMISD_SEED={seed}")
    return random.Random(f"{name}/{seed}")
