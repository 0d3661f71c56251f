"""core/ asks the linker for nothing but arithmetic, memory and strings: no I/O, no clock, no threads.

Run by meson with libcore.a. `--self-test` shows that a forbidden symbol is noticed.
"""

import re
import subprocess
import sys

ALLOWED = re.compile(
    r"mem(cpy|set|move|cmp)|str(cmp|ncmp|len|rchr|chr)|snprintf|calloc|free|"
    r"(__)?(is|f)?(nan|finite|inf)\w*|fabs|fmin|fmax|fmod|floor|sqrt|pow|"
    r"time_(floor|month|next_month|quarter|next_quarter|parse|format|format_compact)|num_(parse_double|round_half_even)|"  # common/time.h, num.h
    r"__(asan|ubsan|lsan|tsan|sanitizer|stack_chk)\w*|_GLOBAL_OFFSET_TABLE_|__(snprintf|mem\w+|str\w+)_chk|"
    r"__start_asan_globals|__stop_asan_globals|__asan_\w+|"
    r"(alarm|assess|condition|convert|decode|answer|field|flag|judge|limit|mean|outlet|outlook|period|pipeline|plan|profile|roll|series|share)_\w+")


def strangers(listing):
    """Undefined symbols of an `nm -u` listing that core may not ask for."""
    symbols = {line.split()[-1] for line in listing.splitlines() if re.match(r"\s+[Uw] ", line)}
    return sorted(s for s in symbols if not ALLOWED.fullmatch(s))


def main(argument):
    if argument == "--self-test":
        return [] if strangers("  U time\n  U open\n  U memcpy\n") == ["open", "time"] else ["a stranger was not noticed"]
    listing = subprocess.run(["nm", "-u", argument], capture_output=True, text=True, check=True).stdout
    return [f"core asks for {s}" for s in strangers(listing)]


if __name__ == "__main__":
    faults = main(sys.argv[1])
    print("\n".join(faults))
    sys.exit(1 if faults else 0)
