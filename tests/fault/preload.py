"""Runs programs with a library that is loaded before all others (LD_PRELOAD)."""

import functools
import os
import subprocess

from tests.support.rig import build_dir

SHIMS = build_dir() / "tests/fault"


@functools.cache
def sanitizer(program):
    """The library of the address sanitizer, which has to be loaded first; empty if the program has none."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return next((line.split()[2] for line in listed.splitlines() if "libasan" in line), "")


def environment(program, shim, **settings):
    """The environment of a program that runs with a shim; settings that are None are left out."""
    libraries = f"{sanitizer(program)} {SHIMS / shim}".strip()
    chosen = {name: str(value) for name, value in settings.items() if value is not None}
    return {**os.environ, "LD_PRELOAD": libraries, **chosen}
