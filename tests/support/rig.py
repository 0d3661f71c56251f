"""A whole site on one machine: the simulated plant, a private Mosquitto, emisd and the bureau's subscriber.

All of them run on 127.0.0.1, on ports chosen by the kernel and in their own folder, and are stopped by their pid.
"""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from datetime import datetime
from pathlib import Path

import paho.mqtt.client as mqtt

from tests.support.contract import complaint

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"
START = "2026-03-02T07:50:00+08:00"


def build_dir():
    return Path(os.environ.get("EMISD_BUILD", ROOT / "build")).resolve()


def wait_for(condition, seconds=30.0, what="the condition"):
    """The first true value of condition(), which is called again and again until the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {seconds:g} s")
        time.sleep(0.01)


class Process:
    """A child process whose standard error goes to a file."""

    def __init__(self, args, log, env=None):
        self.log = Path(log)
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen([str(a) for a in args], stdout=out, stderr=out, env=env)

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def text(self):
        return self.log.read_text(errors="replace")

    def stop(self, sig=signal.SIGTERM, seconds=10.0):
        """Stops the process and returns its exit status."""
        if self.running():
            self.child.send_signal(sig)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise


class Plant(Process):
    def __init__(self, folder, scale, start, anchor, scenario=None, noise=0.0):
        self.ready = folder / "plant.json"
        self.control = folder / "plant.sock"
        args = [PYTHON, ROOT / "tests/plant/plant.py", "--ready", self.ready, "--control", self.control,
                "--time-scale", scale, "--time-start", start, "--time-anchor", repr(anchor), "--noise", noise]
        if scenario:
            args += ["--scenario", scenario]
        super().__init__(args, folder / "plant.log")
        wait_for(lambda: self.ready.exists() or not self.running(), what="the plant")
        if not self.running():
            raise AssertionError("the plant ended: " + self.text())
        self.links = json.loads(self.ready.read_text())["links"]

    def do(self, *statements):
        """Sends statements as in a scenario; returns the answer to the last one."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(self.control))
            stream = s.makefile("rw")
            for statement in statements:
                stream.write(statement + "\n")
                stream.flush()
                answer = stream.readline().strip()
                if answer.startswith("error"):
                    raise AssertionError(f"{statement}: {answer}")
        return answer

    def get(self):
        return json.loads(self.do("get"))


class Broker(Process):
    """Mosquitto on a port chosen by the kernel; a restart uses the same port."""

    def __init__(self, folder, port=None, extra=""):
        if port is None:
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                port = s.getsockname()[1]
        self.port = port
        conf = folder / "mosquitto.conf"
        conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_type warning\nlog_type error\n"
                        f"user root\n{extra}")
        super().__init__(["/usr/sbin/mosquitto", "-c", conf], folder / "mosquitto.log")
        wait_for(self.answers, what="the broker")

    def answers(self):
        if not self.running():
            raise AssertionError("the broker ended: " + self.text())
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0


class Bureau:
    """A subscriber that keeps the messages which arrive at the environmental bureau."""

    def __init__(self, port, on_alarm=None):
        self.lock = threading.Lock()
        self.messages = []  # (topic, payload)
        self.complaints = []  # texts about messages that break the contract
        self.on_alarm = on_alarm
        self.subscribed = threading.Event()
        self.client = mqtt.Client(client_id="bureau", clean_session=False)
        self.client.on_connect = lambda client, *_: client.subscribe("emis/1/#", qos=1)
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.on_message = self._take
        self.client.reconnect_delay_set(min_delay=1, max_delay=1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        if not self.subscribed.wait(10):
            raise AssertionError("the bureau could not subscribe")

    def _take(self, _client, _data, message):
        if message.topic.endswith("/resend"):
            return  # a request of another subscriber at the bureau
        payload = json.loads(message.payload)
        wrong = complaint(message.topic, payload)
        with self.lock:
            self.messages.append((message.topic, payload))
            self.complaints += [wrong] if wrong else []
        if self.on_alarm and message.topic.endswith("/alarm"):
            self.on_alarm(payload)

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()

    def all(self, ending):
        with self.lock:
            return [payload for topic, payload in self.messages if topic.endswith(ending)]

    def alarms(self, **wanted):
        """Alarm events with the wanted fields, in order of arrival; write `class_` for class."""
        fields = {key.rstrip("_"): value for key, value in wanted.items()}
        return [a for a in self.all("/alarm") if all(a.get(k) == v for k, v in fields.items())]


def site_conf(folder, links, broker_port=None, judging="", poll="2s", extra=""):
    """The example configuration with the plant's addresses, so that the tests use the file that is shipped."""
    text = (ROOT / "config/emisd.conf").read_text()
    bus = '{ name = "%s"; type = "rtu"; device = "%s"; baud = 115200; timeout = "200ms"; }'
    tcp = '{ name = "%s"; type = "%s"; host = "%s"; port = %d; timeout = "200ms"; }'
    lines = [bus % (name, link["device"]) if link["type"] == "rtu"
             else tcp % (name, link["type"], link["host"], link["port"]) for name, link in links.items()]
    text = replace_section(text, "links", "(\n\t" + ",\n\t".join(lines) + "\n)")
    text = replace_section(text, "store", '{ path = "%s"; batch = "1s"; }' % (folder / "data"))
    text = replace_section(text, "control", '{ socket = "%s"; }' % (folder / "ctl.sock"))
    text = replace_section(text, "judging", '{ grace = "30s"; %s }' % judging)
    text = replace_section(text, "mqtt",
                           None if broker_port is None else '{ broker = "mqtt://127.0.0.1:%d"; }' % broker_port)
    text = text.replace('poll = "2s"', f'poll = "{poll}"')
    # Without a lower bound no exceedance is certain before the end of the hour; the simulated analyser never shows
    # a value below 0.
    text = re.sub(r'factor = "so2"; +from', 'factor = "so2"; least = 0.0; from', text)
    return text + "simulation = true;\n" + extra


def replace_section(text, name, value):
    """Gives a top-level setting another value; None removes the setting."""
    found = re.search(rf"^{name} = ", text, re.M)
    line = "" if value is None else f"{name} = {value};\n"
    if not found:
        return text + line
    depth, end = 0, found.end()
    while depth or text[end] != ";":
        depth += (text[end] in "({") - (text[end] in ")}")
        end += 1
    return text[:found.start()] + line + text[end + 1:]


class Rig:
    def __init__(self, folder, scale=60.0, start=START, scenario=None, noise=0.0, broker=True, judging="",
                 poll="2s", on_alarm=None, mqtt_extra="", plant=(), links=None, edit=None):
        """`plant` holds statements that are in effect from the very start, however late emisd starts. `links` replaces the
        plant's links, or is a function that makes links from them. `edit` changes the text of the configuration.
        """
        self.folder = Path(folder)
        if plant:
            scenario = self.folder / "scenario.txt"
            scenario.write_text("\n".join(plant) + "\n")
        self.scale = scale
        self.start = start
        self.anchor = time.time()
        self.conf = self.folder / "emisd.conf"
        self.plant = self.broker = self.bureau = self.emisd = None
        self.wanted = {"scenario": scenario, "noise": noise, "broker": broker, "judging": judging, "poll": poll,
                       "on_alarm": on_alarm, "mqtt_extra": mqtt_extra, "links": links, "edit": edit}

    def __enter__(self):
        try:
            self.start_surroundings()
            self.start_emisd()
        except BaseException:
            self.stop()
            raise
        return self

    def start_surroundings(self):
        want = self.wanted
        self.plant = Plant(self.folder, self.scale, self.start, self.anchor, want["scenario"], want["noise"])
        if want["broker"]:
            self.broker = Broker(self.folder, extra=want["mqtt_extra"])
            self.bureau = Bureau(self.broker.port, want["on_alarm"])
        links = want["links"](self.plant.links) if callable(want["links"]) else want["links"]
        text = site_conf(self.folder, {**self.plant.links, **(links or {})}, self.broker.port if self.broker else None,
                         want["judging"], want["poll"])
        self.conf.write_text(want["edit"](text) if want["edit"] else text)

    def __exit__(self, *_):
        self.stop()

    def another_emisd(self, folder):
        """Another daemon, with the configuration in that folder."""
        return Process([build_dir() / "daemon/emisd", "--config", folder / "emisd.conf", "--share", ROOT / "config",
                        "--time-scale", self.scale, "--time-start", self.start, "--time-anchor", repr(self.anchor)],
                       folder / "emisd.log")

    def start_emisd(self, wait=True):
        self.emisd = self.another_emisd(self.folder)
        if wait:
            wait_for(self.answers, what="emisd's control socket")

    def answers(self):
        if not self.emisd.running():
            raise AssertionError("emisd ended: " + self.emisd.text())
        try:
            return self.ask("status")
        except OSError:
            return None

    def stop(self):
        for process in (self.emisd, self.plant):
            if process and process.running():
                process.stop()
        if self.bureau:
            self.bureau.stop()
        if self.broker and self.broker.running():
            self.broker.stop()

    def restart_broker(self):
        self.broker = Broker(self.folder, self.broker.port)

    # ---- the operator's view

    def ask(self, command, **more):
        """Sends a control command; returns the daemon's tables as lists of dictionaries."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(self.folder / "ctl.sock"))
            s.sendall(json.dumps({"cmd": command, **more}).encode() + b"\n")
            reply = json.loads(s.makefile().readline())
        if not reply["ok"]:
            raise AssertionError(reply["error"])
        return {t["name"]: [dict(zip((c["name"] for c in t["columns"]), row)) for row in t["rows"]]
                for t in reply["tables"]}

    def point(self, outlet, factor):
        return next(p for p in self.ask("status")["points"] if (p["outlet"], p["factor"]) == (outlet, factor))

    def now(self):
        """Simulated seconds since the start."""
        return (time.time() - self.anchor) * self.scale

    def clock(self):
        return datetime.fromisoformat(self.start).timestamp() + self.now()

    def until(self, wall, seconds=None):
        """Waits until the simulated clock shows a time, for example "08:00:40"."""
        at = datetime.fromisoformat(self.start[:11] + wall + self.start[19:]).timestamp()
        limit = seconds or (at - self.clock()) / self.scale + 10
        wait_for(lambda: self.clock() >= at, limit, wall)
