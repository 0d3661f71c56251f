"""Measures emisctl backtest on a year of minutes of eight factors, and awk that sums the same columns.

`./dev bench backtest` runs it. Each figure is the best of five alternating runs; the goal is less than 5 seconds.
"""

import datetime
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
EMISD = pathlib.Path(os.environ["EMISD_BUILD"]) / "daemon/emisd"
ROUNDS = 5
LEVELS = {"so2": (25, 8), "nox": (40, 10), "pm": (6, 2), "o2": (15.5, 0.5), "temp": (120, 3), "pressure": (-0.5, 0.05),
          "humidity": (8, 0.5), "velocity": (12, 0.5)}


def make_year(path):
    rng = random.Random(7)
    start = datetime.datetime(2025, 1, 1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("time," + ",".join(LEVELS) + "\n")
        for minute in range(365 * 1440):
            at = (start + datetime.timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%S+08:00")
            file.write(at + "".join(f",{max(0.01, rng.gauss(*level)):.2f}" for level in LEVELS.values()) + "\n")


def seconds(arguments):
    began = time.perf_counter()
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "year.csv"
        make_year(path)
        awk = ["awk", "-F,", "NR > 1 { for (i = 2; i <= NF; i++) s[i] += $i } END { for (i in s) print s[i] }", path]
        emisd = [EMISD, "--backtest", "--share", ROOT / "config", "--limits", "ultra-low,special", "--sector",
                 "steel.sinter-head", path]
        times = {"awk": [], "emisd": []}
        for _ in range(ROUNDS):
            times["awk"].append(seconds(awk))
            times["emisd"].append(seconds(emisd))
        best = {name: min(values) for name, values in times.items()}
        print(f"365 days of minutes, {len(LEVELS)} factors, {path.stat().st_size / 1e6:.0f} MB, best of {ROUNDS}\n")
        print("| what | s | ratio |\n|---|---:|---:|")
        print(f"| awk, sums of the columns | {best['awk']:.2f} | 1.0 |")
        print(f"| emisctl backtest | {best['emisd']:.2f} | {best['emisd'] / best['awk']:.1f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
