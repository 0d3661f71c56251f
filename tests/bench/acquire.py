"""Measures the cost of acquisition: emisd and a bare libmodbus loop on the same devices in one run. `./dev bench acquire`."""

import json
import os
import pathlib
import platform
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("EMISD_BUILD", ROOT / "build")).resolve()
SECONDS = 8
DEVICES = 32
SCALE = 10  # the shortest interval is 200 ms; with ten times the speed it takes 20 ms
CHARACTER_MS = 10 / 9600 * 1000

PROFILE = """profile = { name = "bench"; maker = "-"; model = "-"; source = "-"; confidence = "-"; addresses = "wire"; };
channels = (
%s
);
"""
KEYS = ["so2", "nox", "o2", "pm", "temp", "pressure", "humidity", "velocity", "co", "nmhc"]
UNITS = {"o2": "%", "temp": "degC", "pressure": "kPa", "humidity": "%", "velocity": "m/s"}


def profile_text():
    """A profile with ten floats in two blocks of ten registers."""
    rows = [f'  {{ name = "{key}"; function = 3; address = {i * 2 if i < 5 else 90 + i * 2}; type = "f32"; order = "ABCD"; '
            f'unit = "{UNITS.get(key, "mg/m3")}"; }}' for i, key in enumerate(KEYS)]
    return PROFILE % ",\n".join(rows)


class Devices:
    def __init__(self, *args):
        self.child = subprocess.Popen([BUILD / "tests/bench/bench_devices", *map(str, args)], stdout=subprocess.PIPE, text=True)
        self.names = []
        for line in self.child.stdout:
            if line.strip() == "ready":
                break
            self.names.append(line.strip())

    def __enter__(self):
        return self.names

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()


def configuration(folder, links, instruments, poll, simulation):
    (folder / "profiles.d").mkdir(exist_ok=True)
    (folder / "profiles.d/bench.conf").write_text(profile_text())
    points = ",\n    ".join('{ factor = "%s"; from = "%%s.%s"; }' % (key, key) for key in KEYS)
    outlets = ",\n".join('  { id = "%s"; medium = "gas"; sector = "steel.sinter-head"; tiers = [ "ultra-low" ];\n    points = (\n    %s ); }'
                         % (f"DA{n:03d}", points.replace("%s", name)) for n, (name, _, _) in enumerate(instruments))
    rows = ",\n".join('  { name = "%s"; link = "%s"; unit = %d; profile = "bench"; poll = "%s"; }' % (*i, poll) for i in instruments)
    conf = folder / "emisd.conf"
    conf.write_text(f'site = {{ id = "bench"; name = "bench"; }};\nsimulation = {str(simulation).lower()};\n'
                    f'links = (\n{links}\n);\ninstruments = (\n{rows}\n);\noutlets = (\n{outlets}\n);\n'
                    f'store = {{ path = "{folder}/data"; batch = "2s"; }};\ncontrol = {{ socket = "{folder}/ctl.sock"; }};\n')
    return conf


def tcp_site(folder, ports, poll, simulation, timeout="500ms"):
    links = ",\n".join(f'  {{ name = "l{p}"; type = "tcp"; host = "127.0.0.1"; port = {p}; timeout = "{timeout}"; }}' for p in ports)
    return configuration(folder, links, [(f"i{p}", f"l{p}", 1) for p in ports], poll, simulation)


def cpu_seconds(pid):
    """The CPU time of all threads of a process, as counted by the scheduler."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


class Emisd:
    def __init__(self, folder, conf, *args):
        self.folder = folder
        self.log = open(folder / "emisd.log", "wb")
        self.child = subprocess.Popen([BUILD / "daemon/emisd", "--config", conf, "--share", ROOT / "config", *map(str, args)],
                                      stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 20
        while not self.ask("status"):
            if time.monotonic() > deadline or self.child.poll() is not None:
                raise SystemExit("emisd does not start: " + (folder / "emisd.log").read_text())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()
        self.log.close()

    def ask(self, command):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(str(self.folder / "ctl.sock"))
                s.sendall(json.dumps({"cmd": command}).encode() + b"\n")
                tables = json.loads(s.makefile().readline())["tables"]
        except OSError:
            return None
        return {t["name"]: [dict(zip((c["name"] for c in t["columns"]), row)) for row in t["rows"]] for t in tables}

    def memory_mb(self):
        status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def run(*args):
    return subprocess.run([str(a) for a in args], check=True, capture_output=True, text=True).stdout.split()


def cost(folder):
    """CPU seconds per million registers: the floor, the floor again, acquisition alone, the whole daemon."""
    rows = []
    with Devices("tcp", DEVICES, 0) as ports:
        conf = tcp_site(folder, ports, "200ms", True)
        for name in ("bare libmodbus loop (floor)", "the floor once more"):
            registers, cpu = run(BUILD / "tests/bench/bench_floor", 200 // SCALE, SECONDS, *ports)
            rows.append((name, int(registers), float(cpu)))
        registers, _, cpu = run(BUILD / "tests/bench/bench_reading", ROOT / "config", conf, SCALE, SECONDS)
        rows.append(("emisd, reading and decoding", int(registers), float(cpu)))
        with Emisd(folder, conf, "--time-scale", SCALE) as emisd:
            time.sleep(1)
            before, cpu = emisd.ask("instruments")["instruments"], cpu_seconds(emisd.child.pid)
            time.sleep(SECONDS)
            after, cpu = emisd.ask("instruments")["instruments"], cpu_seconds(emisd.child.pid) - cpu
            answers = sum(row["answers"] for row in after) - sum(row["answers"] for row in before)
            rows.append(("emisd, with store and judgement", answers * 10, cpu))
    floor = min(cpu / registers for _, registers, cpu in rows[:2])
    print(f"\nCPU seconds per million registers: {DEVICES} devices x 20 registers in 2 requests, every {200 // SCALE} ms\n")
    print("| what | registers | CPU s per million | ratio |\n|---|---:|---:|---:|")
    for name, registers, cpu in rows:
        print(f"| {name} | {registers} | {cpu / registers * 1e6:.2f} | {cpu / registers / floor:.2f} |")


def memory(folder):
    print("\nResident memory, TCP devices polled every second\n\n| devices | MB |\n|---:|---:|")
    for n in (10, 100, 256):
        sub = folder / f"memory{n}"
        sub.mkdir()
        with Devices("tcp", n, 0) as ports, Emisd(sub, tcp_site(sub, ports, "1s", False)) as emisd:
            time.sleep(6)
            print(f"| {n} | {emisd.memory_mb():.1f} |")


def dead(folder):
    sub = folder / "dead"
    sub.mkdir()
    with Devices("tcp", 100, 30) as ports, Emisd(sub, tcp_site(sub, ports, "1s", False)) as emisd:
        time.sleep(3)
        first = {r["name"]: r for r in emisd.ask("instruments")["instruments"]}
        start = time.monotonic()
        time.sleep(20)
        last = {r["name"]: r for r in emisd.ask("instruments")["instruments"]}
        polls = (time.monotonic() - start) / 1.0
        names = [f"i{p}" for p in ports[30:]]
        fewest = min((last[n]["answers"] - first[n]["answers"]) / 2 for n in names)
        print(f"\n30 of 100 devices dead, every second for 20 s: the 70 healthy ones\n\n| | |\n|---|---:|\n| polls due | {polls:.1f} |"
              f"\n| fewest polls answered of a device | {fewest:.1f} |"
              f"\n| polls skipped because the last one still ran | {sum(last[n]['skipped'] for n in names)} |"
              f"\n| slowest answer, ms | {max(last[n]['max'] for n in names):.1f} |")


def line(folder):
    sub = folder / "line"
    sub.mkdir()
    with Devices("rtu", 9600, 0) as names:
        links = f'  {{ name = "bus"; type = "rtu"; device = "{names[0]}"; baud = 9600; timeout = "500ms"; }}'
        conf = configuration(sub, links, [(f"u{u}", "bus", u) for u in range(1, 9)], "200ms", False)
        with Emisd(sub, conf) as emisd:
            time.sleep(1)
            first = sum(r["answers"] for r in emisd.ask("instruments")["instruments"])
            start = time.monotonic()
            time.sleep(15)
            last = sum(r["answers"] for r in emisd.ask("instruments")["instruments"])
            rate = (last - first) / (time.monotonic() - start)
    # The request has 8 bytes, the answer 25; after each come 3.5 characters of silence.
    best = 1000 / ((8 + 25 + 2 * 3.5) * CHARACTER_MS)
    print(f"\nA bus at 9600 baud, 8 instruments, more asked of it than it can carry\n\n| | |\n|---|---:|\n| requests a second, theoretical | {best:.2f} |"
          f"\n| requests a second, reached | {rate:.2f} |\n| share | {100 * rate / best:.1f} % |")


def neighbours(folder):
    sub = folder / "neighbours"
    sub.mkdir()
    with Devices("rtu", 9600, 1) as names:
        links = f'  {{ name = "bus"; type = "rtu"; device = "{names[0]}"; baud = 9600; timeout = "300ms"; }}'
        conf = configuration(sub, links, [(f"u{u}", "bus", u) for u in range(1, 5)], "2s", False)
        with Emisd(sub, conf) as emisd:
            time.sleep(3)
            first = {r["name"]: r for r in emisd.ask("instruments")["instruments"]}
            start = time.monotonic()
            time.sleep(30)
            last = {r["name"]: r for r in emisd.ask("instruments")["instruments"]}
            polls = (time.monotonic() - start) / 2.0
    fewest = min((last[n]["answers"] - first[n]["answers"]) / 2 for n in ("u2", "u3", "u4"))
    print(f"\nA bus at 9600 baud with a dead instrument among four, every 2 s for 30 s: the three others\n\n| | |\n|---|---:|"
          f"\n| polls due | {polls:.1f} |\n| fewest polls answered of an instrument | {fewest:.1f} |"
          f"\n| polls skipped | {sum(last[n]['skipped'] - first[n]['skipped'] for n in ('u2', 'u3', 'u4'))} |"
          f"\n| questions to the dead one | {last['u1']['timeouts'] - first['u1']['timeouts']} |")


def main():
    print(f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}")
    with tempfile.TemporaryDirectory(prefix="emisd-bench-") as name:
        folder = pathlib.Path(name)
        cost(folder)
        memory(folder)
        dead(folder)
        line(folder)
        neighbours(folder)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
