"""Measures the cost of storing: emisd's store and a bare loop of packed blobs, on a separate file system. `./dev bench store`.

Run as root, it makes an ext4 image, mounts it through a loop device and counts the sectors that reach the device.
"""

import os
import pathlib
import platform
import re
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("EMISD_BUILD", ROOT / "build")).resolve()
PROGRAM = BUILD / "tests/bench/bench_store"
ENVIRONMENT = {**os.environ, "PATH": f"{BUILD / 'daemon'}:{os.environ['PATH']}"}
SECTOR = 512
HOUR = 3600
RUNS = 5  # runs of each timed program; the median counts


def run(*args):
    return subprocess.run([str(a) for a in args], check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout


class Disk:
    """An ext4 file system in a file, behind a loop device."""

    def __init__(self, folder, megabytes):
        self.image, self.mount = folder / "disk.img", folder / "disk"
        self.mount.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(megabytes << 20)
        run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image)
        self.device = run("losetup", "--find", "--show", self.image).strip()
        run("mount", self.device, self.mount)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", self.mount], check=False)
        subprocess.run(["losetup", "--detach", self.device], check=False)

    def written(self):
        """The bytes that have reached the device, after a sync."""
        os.sync()
        name = self.device.rsplit("/", 1)[1]
        for line in pathlib.Path("/proc/diskstats").read_text().splitlines():
            words = line.split()
            if words[2] == name:
                return int(words[9]) * SECTOR
        raise SystemExit(f"{self.device} is not in /proc/diskstats")


def readings(disk, mode, name, batch, seconds, *source):
    """(readings, CPU seconds, bytes that reached the device)"""
    folder = disk.mount / name
    folder.mkdir()
    before = disk.written()
    n, cpu = run(PROGRAM, mode, folder, batch, seconds, *source).split()
    return int(n), float(cpu), disk.written() - before


def kept(folder, seconds, source):
    """Bytes per reading of finished hours: in the chunks, and in the whole file."""
    folder.mkdir()
    run(PROGRAM, "readings", folder, 10, seconds, source)
    size = n = chunks = 0
    for file in folder.glob("raw-*.db"):
        with sqlite3.connect(file) as db:
            one = db.execute("SELECT count(*), sum(n), sum(length(data)) FROM chunk WHERE finished=1").fetchone()
            chunks, n, size = chunks + one[0], n + (one[1] or 0), size + (one[2] or 0)
    return size / n, sum(file.stat().st_size for file in folder.glob("raw-*.db")) / n


def device(folder):
    print("\nBytes that reach the device per reading: 100 points every 2 s for eight hours, ext4 on a loop device\n\n"
          "| batch | store | goal | bare loop of blobs | ratio |\n|---|---:|---:|---:|---:|")
    with Disk(folder, 512) as disk:
        for batch, goal in ((2, 60), (10, 30)):
            n, _, ours = readings(disk, "readings", f"store{batch}", batch, 8 * HOUR, "plant")
            m, _, bare = readings(disk, "floor", f"floor{batch}", batch, 8 * HOUR)
            print(f"| {batch} s | {ours / n:.1f} | {goal} | {bare / m:.1f} | {ours / n / (bare / m):.2f} |")
        print("\nReadings stored per CPU second, four hours of the same, median of "
              f"{RUNS} runs of each, in turn; goal: ratio at most 2\n\n| batch | store | bare loop of blobs | ratio |\n|---|---:|---:|---:|")
        for batch in (2, 10):
            ours, bare = [], []
            for i in range(RUNS):
                n, cpu, _ = readings(disk, "readings", f"s{batch}-{i}", batch, 4 * HOUR, "plant")
                ours.append(n / cpu)
                n, cpu, _ = readings(disk, "floor", f"f{batch}-{i}", batch, 4 * HOUR)
                bare.append(n / cpu)
            a, b = statistics.median(ours), statistics.median(bare)
            print(f"| {batch} s | {a:,.0f} | {b:,.0f} | {b / a:.2f} |")


def sizes(folder):
    print("\nBytes kept per reading once its hour is finished\n\n| readings | in the chunks | whole file | goal |\n|---|---:|---:|---:|")
    for words, seconds, source, goal in (
            ("the plant's noise, with the decimals of factors.conf, a day", 24 * HOUR, "plant", 1.5),
            ("the same, all 24 bits of its floats, an hour", HOUR, "plant-f32", "-"),
            ("gas-turbine-2011.csv, a row every 2 s", 1 << 30, ROOT / "tests/data/gas-turbine-2011.csv", 2),
            ("wwtp-1990.csv, a row every 2 s", 1 << 30, ROOT / "tests/data/wwtp-1990.csv", 2)):
        chunks, files = kept(folder / re.sub(r"\W", "", words), seconds, source)
        print(f"| {words} | {chunks:.2f} | {files:.2f} | {goal} |")


def cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def drop_from_memory(folder):
    for file in folder.iterdir():
        fd = os.open(file, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def history(folder):
    store = folder / "year"
    store.mkdir()
    # The store is made in memory: on a device the syncs would take an hour.
    with tempfile.TemporaryDirectory(prefix="emisd-bench-", dir="/dev/shm") as memory:
        n, cpu_s = run(PROGRAM, "means", memory, 365).split()
        shutil.copytree(memory, store, dirs_exist_ok=True)
    size = sum(file.stat().st_size for file in store.glob("min-2*.db"))
    rows = 0
    seconds, used = {"cold": [], "warm": []}, []
    for _ in range(RUNS):
        drop_from_memory(store)
        for kind in ("cold", "warm"):
            start, before = time.monotonic(), cpu()
            text = run(BUILD / "cli/emisctl", "history", "DA004", "nox", "--period", "minute", "--format", "csv", "-d", store)
            seconds[kind].append(time.monotonic() - start)
            used.append(cpu() - before)
            rows = text.count("\n") - 1
    assert rows == 365 * 1440, rows
    print(f"\nA year of minutes of one point of 100, as CSV ({rows:,} rows, median of {RUNS} runs); goal: 0.5 s\n\n| | |\n|---|---:|\n"
          f"| emisctl history, files not in memory, s | {statistics.median(seconds['cold']):.2f} |\n"
          f"| emisctl history, files in memory, s | {statistics.median(seconds['warm']):.2f} |\n"
          f"| CPU seconds of it | {statistics.median(used):.2f} |\n"
          f"| CPU us to store and pack a mean | {float(cpu_s) / int(n) * 1e6:.2f} |\n"
          f"| bytes kept per minute mean with min, max, flag and counts | {size / (100 * rows):.2f} |")


def main():
    print(f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}")
    with tempfile.TemporaryDirectory(prefix="emisd-bench-") as name:
        folder = pathlib.Path(name)
        if os.geteuid() == 0:
            device(folder)
        else:
            print("\nNot root: what reaches a device cannot be counted.")
        sizes(folder)
        history(folder)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
