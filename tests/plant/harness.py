"""For tests: runs a plant, talks to its control socket, reads its registers with mbpoll."""

import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PROGRAM = pathlib.Path(__file__).with_name("plant.py")
DEADLINE = 10.0  # seconds; only a failing test waits so long


def wait_for(condition, deadline=DEADLINE):
    """The first true result of condition()."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline} s: {condition}")
        time.sleep(0.005)


class PlantProcess:
    """A separate plant in its own folder. Use it as a context manager."""

    def __init__(self, *arguments, noise=0, scenario=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="plant-"))
        self.ready = self.folder / "ready.json"
        self.socket = self.folder / "ctl"
        self.stderr = self.folder / "stderr"
        command = [sys.executable, str(PROGRAM), "--ready", str(self.ready), "--control",
                   str(self.socket), "--noise", str(noise), *map(str, arguments)]
        if scenario is not None:
            path = self.folder / "scenario.txt"
            path.write_text(scenario, encoding="utf-8")
            command += ["--scenario", str(path)]
        with open(self.stderr, "wb") as stderr:
            self.process = subprocess.Popen(command, stderr=stderr)
        self.links = {}
        self._control = None

    def __enter__(self):
        try:
            wait_for(lambda: self.ready.exists() or self.process.poll() is not None)
            assert self.process.poll() is None, self.told()
            self.links = json.loads(self.ready.read_text())["links"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._control:
            self._control.close()
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder)

    def stop(self, number=signal.SIGTERM):
        os.kill(self.process.pid, number)
        return self.process.wait(DEADLINE)

    def told(self):
        return self.stderr.read_text(encoding="utf-8")

    def ask(self, line):
        """Sends a line to the control socket; returns the line that answers it."""
        if self._control is None:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(DEADLINE)
            connection.connect(str(self.socket))
            self._control = connection.makefile("rw", encoding="utf-8", newline="\n")
            connection.close()  # the file object keeps the socket open
        self._control.write(line + "\n")
        self._control.flush()
        return self._control.readline().rstrip("\n")

    def do(self, *statements):
        for statement in statements:
            answer = self.ask(statement)
            assert answer == "ok", f"{statement}: {answer}"

    def get(self):
        return json.loads(self.ask("get"))

    def shown(self, instrument):
        return self.get()["instruments"][instrument]["shown"]

    def mbpoll(self, link, unit, *arguments, write=()):
        """The output of mbpoll and its exit status. Addresses are wire addresses (-0)."""
        place = self.links[link]
        command = ["mbpoll", "-0", "-1", "-a", str(unit), "-o", "5"]
        if place["type"] == "tcp":
            command += ["-m", "tcp", "-p", str(place["port"]), *map(str, arguments), place["host"]]
        else:
            command += ["-m", "rtu", "-b", "9600", "-P", "none", *map(str, arguments),
                        place["device"]]
        done = subprocess.run(command + [str(v) for v in write], capture_output=True, text=True,
                              timeout=DEADLINE, check=False)
        return done.stdout + done.stderr, done.returncode

    def poll(self, link, unit, kind, address, count, big_endian=False):
        """Values read with mbpoll, by address. kind: "4", "4:float", "3:hex"..."""
        order = ["-B"] if big_endian else []
        text, code = self.mbpoll(link, unit, "-t", kind, "-r", address, "-c", count, *order)
        assert code == 0, text
        found = re.findall(r"^\[(\d+)\]:\s+(\S+)", text, re.MULTILINE)
        assert len(found) == count, text
        base = 16 if kind.endswith("hex") else None
        return {int(a): int(v, 16) if base else float(v) for a, v in found}


class Wire:
    """Raw bytes to and from a link."""

    def __init__(self, place):
        self._socket = None
        if place["type"] == "tcp":
            self._socket = socket.create_connection((place["host"], place["port"]), DEADLINE)
            self._fd = self._socket.fileno()
        else:
            self._fd = os.open(place["device"], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._socket:
            self._socket.close()
        else:
            os.close(self._fd)

    def send(self, data):
        if self._socket:
            self._socket.sendall(data)
            return
        while data:
            assert _ready(self._fd, write=True, deadline=DEADLINE), "the line stays full"
            data = data[os.write(self._fd, data[:512]) :]

    def receive(self, count):
        """Receives exactly `count` bytes, or fewer if the other side closes."""
        data = b""
        while len(data) < count:
            assert _ready(self._fd, deadline=DEADLINE), f"no more than {data.hex(' ')}"
            part = os.read(self._fd, count - len(data))
            if not part:
                break
            data += part
        return data

    def quiet(self):
        """True if no bytes are waiting to be read."""
        return not _ready(self._fd)


def _ready(fd, write=False, deadline=0.0):
    lists = ([], [fd]) if write else ([fd], [])
    reading, writing, _ = select.select(*lists, [], deadline)
    return bool(reading or writing)
