"""Lines and branches that the tests reach, by folder; `./dev coverage` runs it. Usage: coverage.py BUILD [--uncovered]

A branch that no input can reach is marked in the source with GCOVR_EXCL_BR_LINE and a sentence that says why. The two ways
of an assert() are not counted: an assertion that can fail is a fault of its own.
"""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("common", "core", "drivers", "daemon", "cli")


def measure(build):
    """{source: its lines} of gcovr."""
    done = subprocess.run(["gcovr", "--root", ROOT, *[f"--filter={ROOT}/{folder}/" for folder in FOLDERS], "--json",
                           "--gcov-ignore-parse-errors", "--exclude-branches-by-pattern", r".*\bassert\(", build], check=True, capture_output=True, text=True)
    return {file["file"]: [line for line in file["lines"] if not line["gcovr/noncode"]]
            for file in json.loads(done.stdout)["files"]}


def folder_of(path):
    return path.rpartition("/")[0]


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def print_folders(files):
    sums = defaultdict(lambda: [0, 0, 0, 0])
    for path, lines in files.items():
        branches = [b for line in lines for b in line["branches"]]
        for key in (folder_of(path), "all"):
            for i, n in enumerate((sum(line["count"] > 0 for line in lines), len(lines), sum(b["count"] > 0 for b in branches),
                                   len(branches))):
                sums[key][i] += n
    print(f"{'folder':<22}{'lines':>16}{'branches':>18}")
    for key in [*sorted(set(sums) - {"all"}), "all"]:
        hit, lines, taken, branches = sums[key]
        print(f"{key:<22}{hit:>6}/{lines:<5}{percent(hit, lines):5.1f}%{taken:>6}/{branches:<5}{percent(taken, branches):5.1f}%")


def print_uncovered(files):
    for path, lines in sorted(files.items()):
        for line in lines:
            missed = sum(b["count"] == 0 for b in line["branches"])
            if line["count"] == 0:
                print(f"{path}:{line['line_number']}: never run")
            elif missed:
                print(f"{path}:{line['line_number']}: {missed} of {len(line['branches'])} branches never taken")


if __name__ == "__main__":
    measured = measure(sys.argv[1])
    if "--uncovered" in sys.argv:
        print_uncovered(measured)
    print_folders(measured)
