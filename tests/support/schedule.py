"""How much a fault test does: a little within `./dev test`, the long schedule with `./dev fault`."""

import os
import random

LONG = os.environ.get("EMISD_FAULT") == "long"


def runs(short, long):
    return long if LONG else short


def schedule(name):
    """A random schedule whose seed is printed; EMISD_SEED repeats one."""
    seed = int(os.environ.get("EMISD_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"{name}: EMISD_SEED={seed}")
    return random.Random(f"{name}/{seed}")
