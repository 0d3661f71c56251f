"""Checks that core/ only links functions for arithmetic, memory and strings: no I/O, no clock, no threads.

meson runs it with libcore.a. `--self-test` shows that a forbidden symbol is noticed.
"""

import re
import subprocess
import sys

ALLOWED = re.compile(
    r"mem(cpy|set|move|cmp)|str(cmp|ncmp|len|rchr|chr)|snprintf|calloc|free|"
    r"(__)?(is|f)?(nan|finite|inf)\w*|fabs|fmin|fmax|fmod|floor|sqrt|pow|"
    r"time_(floor|month|next_month|quarter|next_quarter|from_parts|format|format_compact)|num_(parse_double|round_half_even|significant|of_float)|"  # common/time.h, num.h
    r"exact_(of|decimal|sum|difference|product|quotient)|"  # common/exact.h
    r"__(asan|ubsan|lsan|tsan|sanitizer|stack_chk)\w*|_GLOBAL_OFFSET_TABLE_|__(snprintf|mem\w+|str\w+)_chk|"
    r"__start_asan_globals|__stop_asan_globals|__asan_\w+")


def strangers(listing):
    """Symbols of an `nm` listing that core needs, does not define and may not use."""
    lines = listing.splitlines()
    wanted = {line.split()[-1] for line in lines if re.match(r"\s+[Uw] ", line)}
    own = {line.split()[-1] for line in lines if re.match(r"[0-9a-f]+ [A-Z] ", line)}
    return sorted(s for s in wanted - own if not ALLOWED.fullmatch(s))


def main(argument):
    if argument == "--self-test":
        listing = "  U time\n  U open\n  U memcpy\n  U mean_add\n0000000000000010 T mean_add\n0000000000000020 t open\n"
        return [] if strangers(listing) == ["open", "time"] else ["a stranger was not noticed"]
    listing = subprocess.run(["nm", argument], capture_output=True, text=True, check=True).stdout
    return [f"core asks for {s}" for s in strangers(listing)]


if __name__ == "__main__":
    faults = main(sys.argv[1])
    print("\n".join(faults))
    sys.exit(1 if faults else 0)
