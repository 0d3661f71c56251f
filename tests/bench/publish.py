"""Measures the time of an alarm from the decision to the subscriber, and compares a backlog with a bare paho publisher.

`./dev bench publish` runs it. The store lies in the build folder, on a real disk. The goal: a backlog takes at most 1.5 times
the time of the bare publisher for the same messages, with the same window and the same broker.
"""

import os
import pathlib
import platform
import socket
import statistics
import subprocess
import tempfile
import time

BUILD = pathlib.Path(os.environ["EMISD_BUILD"])
BENCH = BUILD / "tests/bench/bench_publish"
ALARMS = 1000
BACKLOG = 20000
ROUNDS = 5
STATES = (10, 510, 13056)  # numbers of points: a small site, a large site, a whole works
STATE_ALARMS = 300


def broker(folder):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    conf = folder / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\nlog_type error\n"
                    "max_queued_messages 0\nmax_inflight_messages 0\nset_tcp_nodelay true\n")
    child = subprocess.Popen(["/usr/sbin/mosquitto", "-c", conf], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return child, port
    raise SystemExit("the broker does not answer")


def run(mode, port, *n):
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        done = subprocess.run([BENCH, mode, str(port), folder, *map(str, n)], check=True, capture_output=True, text=True)
        return done.stdout


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure_states(port, n_states):
    """Latencies of alarms with and without states on their way, in the same run; and the number of published states."""
    def latencies(lines):
        return [float(line.split()[1]) for line in lines]
    with_states = run("latency", port, STATE_ALARMS, n_states).splitlines()
    return latencies(with_states[:-1]), latencies(run("latency", port, STATE_ALARMS).splitlines()), int(with_states[-1])


def main():
    with tempfile.TemporaryDirectory() as folder:
        child, port = broker(pathlib.Path(folder))
        try:
            pairs = [tuple(map(float, line.split())) for line in run("latency", port, ALARMS).splitlines()]
            states = {n: measure_states(port, n) for n in STATES}
            ratios, rates = [], []
            for _ in range(ROUNDS):
                drain, bare = float(run("drain", port, BACKLOG)), float(run("bare", port, BACKLOG))
                ratios.append(drain / bare)
                rates.append((BACKLOG / drain, BACKLOG / bare))
        finally:
            child.terminate()
            child.wait()
    print(f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}\n")
    print(f"An alarm from the decision to the subscriber, {ALARMS} one after the other, microseconds\n")
    print("| | p50 | p99 |\n|---|---:|---:|")
    commits, whole = [p[0] for p in pairs], [p[1] for p in pairs]
    print(f"| decision to subscriber | {percentile(whole, 0.5):.0f} | {percentile(whole, 0.99):.0f} |")
    print(f"| of it the commit (with its fsync) | {percentile(commits, 0.5):.0f} | {percentile(commits, 0.99):.0f} |")
    print(f"| share of the commit in the median | {percentile(commits, 0.5) / percentile(whole, 0.5):.2f} | |\n")
    print(f"The same, {STATE_ALARMS} alarms, while rounds of retained states follow each other\n")
    print("| states | p50 | p99 | max | p50 without states | ratio of p50 | states published meanwhile |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for n, (loaded, alone, published) in states.items():
        floor = percentile(alone, 0.5)
        print(f"| {n} | {percentile(loaded, 0.5):.0f} | {percentile(loaded, 0.99):.0f} | {max(loaded):.0f} | {floor:.0f} | "
              f"{percentile(loaded, 0.5) / floor:.2f} | {published} |")
    print()
    print(f"A backlog of {BACKLOG} messages of 1.2 kB, window 100, median of {ROUNDS} turns\n")
    print("| what | messages/s | ratio of times |\n|---|---:|---:|")
    print(f"| bare paho publisher (floor) | {statistics.median(r[1] for r in rates):.0f} | 1.00 |")
    print(f"| store and outbox | {statistics.median(r[0] for r in rates):.0f} | {statistics.median(ratios):.2f} |")


if __name__ == "__main__":
    main()
