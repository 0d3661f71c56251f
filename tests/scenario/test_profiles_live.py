"""Profiles with result times, identify registers and statuses of other instruments, with the real daemon."""

import json
import socket
import sqlite3
import time

import pytest

from tests.support.device import Device
from tests.support.rig import ROOT, Process, build_dir, wait_for

PROFILE = """profile = { name = "%s"; maker = "-"; model = "-"; source = "-"; confidence = "-"; addresses = "wire"; %s };
%s
"""
CONF = """site = {{ id = "live"; name = "live"; }};
simulation = true;
links = ( {links} );
instruments = ( {instruments} );
outlets = ( {{ id = "DA001"; {outlet} tiers = [ ]; points = ( {points} ); }} );
store = {{ path = "{folder}/data"; }};
control = {{ socket = "{folder}/ctl.sock"; }};
"""


class Live:
    """emisd with a clock 20 times as fast and with the profiles and points of a test."""

    def __init__(self, folder, devices, profiles, points, poll="1s", extra="",
                 outlet='medium = "gas"; sector = "steel.sinter-head";', clock=("--time-scale", 20)):
        (folder / "profiles.d").mkdir()
        for name, (head, body) in profiles.items():
            (folder / f"profiles.d/{name}.conf").write_text(PROFILE % (name, head, body))
        links = ", ".join(f'{{ name = "{n}"; type = "tcp"; host = "{host}"; port = {port}; timeout = "200ms"; }}'
                          for n, (host, port) in devices.items())
        instruments = ", ".join(f'{{ name = "{n}"; link = "{n}"; unit = 1; profile = "{n}"; poll = "{poll}"; {extra} }}'
                                for n in devices)
        (folder / "emisd.conf").write_text(CONF.format(links=links, instruments=instruments, points=points, folder=folder,
                                                          outlet=outlet))
        self.folder = folder
        self.clock = clock
        self.start()

    def start(self):
        self.emisd = Process([build_dir() / "daemon/emisd", "--config", self.folder / "emisd.conf", "--share",
                              ROOT / "config", *self.clock], self.folder / "emisd.log")
        wait_for(lambda: self.ask("status"), 20, "the first reply")

    def ask(self, command):
        """{table: [row, ...]}, or None while emisd does not answer."""
        assert self.emisd.running(), self.emisd.text()
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                s.connect(str(self.folder / "ctl.sock"))
                s.sendall(json.dumps({"cmd": command}).encode() + b"\n")
                tables = json.loads(s.makefile().readline())["tables"]
        except OSError:
            return None
        return {t["name"]: [dict(zip((c["name"] for c in t["columns"]), row)) for row in t["rows"]] for t in tables}

    def point_now(self, factor="so2"):
        return next(row for row in self.ask("status")["points"] if row["factor"] == factor)

    def until(self, flag, raw, factor="so2", seconds=20):
        return wait_for(lambda: (p := self.point_now(factor))["flag"] == flag and p["raw"] == raw and p, seconds,
                        f"{factor} {raw} {flag}")

    def stop(self):
        assert self.emisd.stop() == 0
        assert "Sanitizer" not in self.emisd.text(), self.emisd.text()


@pytest.fixture(name="make_live")
def fixture_make_live(tmp_path):
    made = []

    def make(devices, *args, **more):
        made.extend(devices.values())
        live = Live(tmp_path, {n: ("127.0.0.1", d.port) for n, d in devices.items()}, *args, **more)
        made.insert(0, live)
        return live

    yield make
    for thing in made:
        thing.stop()


SO2 = 'channels = ( { name = "so2"; function = 3; address = 0; type = "u16"; unit = "mg/m3"; %s } );'
POINT = '{ factor = "so2"; from = "gas.so2"; %s }'


def test_a_result_that_is_never_renewed_is_none(make_live):
    device = Device({0: 35, 1: 2026, 2: 11, 3: 23})
    live = make_live({"gas": device}, {"gas": ("max_gap = 5;", SO2 % (
        'result_time = { function = 3; address = 1; registers = 3; }; max_age = "40s";'))}, POINT % "")
    live.until("N", 35.0)
    live.until("D", None)  # after two real seconds at this speed, although the device still answers
    device.registers.update({0: 36, 3: 24})
    live.until("N", 36.0)


def bcd(text):
    """The registers for a time such as "260302080500"."""
    return [int(text[i:i + 4], 16) for i in (0, 4, 8)]


def test_a_discrete_result_belongs_to_the_hour_of_its_sample_and_counts_once(make_live, tmp_path):
    """COD every half hour. The second result comes at 09:05, for a sample of 08:35; after that emisd is restarted."""
    device = Device({0: 40, **dict(enumerate(bcd("260302073500"), 1))})
    start = ("--time-scale", 300, "--time-start", "2026-03-02T07:58:00+08:00", "--time-anchor", repr(time.time()))
    live = make_live({"gas": device}, {"gas": ("", SO2.replace("so2", "cod").replace("mg/m3", "mg/L") % (
        'result_time = { function = 3; address = 1; registers = 3; format = "bcd"; }; max_age = "3h";'))},
        '{ factor = "cod"; from = "gas.cod"; cycle = "30min"; }', poll="10s",
        outlet='medium = "water"; sector = "wwtp.1a"; grace = "75min";', clock=start)

    def until(wall):
        wait_for(lambda: live.ask("status")["site"][0]["time"][11:16] >= wall, 60, wall)

    until("08:20")
    device.registers.update({0: 48, **dict(enumerate(bcd("260302080500"), 1))})
    until("09:05")
    device.registers.update({0: 52, **dict(enumerate(bcd("260302083500"), 1))})
    until("09:20")
    assert live.emisd.stop() == 0
    live.start()
    until("10:17")
    with sqlite3.connect(tmp_path / "data/roll-2026.db") as db:
        hours = db.execute("SELECT value, valid, n_valid, n_due FROM hour JOIN series ON id=series WHERE factor='cod'"
                           " AND start_ms=unixepoch('2026-03-02T08:00:00+08:00')*1000").fetchall()
    assert hours == [(50.0, 1, 2, 2)]


def test_the_state_of_a_cabinet_speaks_about_its_instruments(make_live):
    gas, plc = Device({0: 35}), Device({0: 0})
    state = ('statuses = ( { name = "state"; function = 3; address = 0; type = "u16"; otherwise = "D"; '
             'rules = ( { equals = 0; flag = "N"; }, { mask = 0x01; flag = "C"; } ); } );')
    live = make_live({"gas": gas, "plc": plc}, {"gas": ("", SO2 % ""), "plc": ("", state)}, POINT % 'flags = [ "plc.state" ];')
    live.until("N", 35.0)
    plc.registers[0] = 1
    live.until("C", 35.0)
    plc.registers[0] = 8
    live.until("D", 35.0)
    plc.registers[0] = 0
    live.until("N", 35.0)
    plc.registers.clear()  # a state that cannot be read does not count as good
    live.until("D", 35.0)


def test_another_instrument_than_expected_is_a_fault(make_live):
    device = Device({0: 35, 100: 9})
    live = make_live({"gas": device}, {"gas": ("", (SO2 % "") + '\nidentify = ( { name = "model"; function = 3; address = 100; '
                                               'type = "u16"; equals = 6; } );')}, POINT % "")
    live.until("D", 35.0)
    assert 'its status "model" is 9 (0x9)' in live.emisd.text()
    polls = len(device.asked)
    wait_for(lambda: len(device.asked) > polls + 20, what="twenty polls")
    assert device.asked.count((3, 100, 1)) == 1, "identity is read once an hour and with each connection"


def test_slow_registers_rest(make_live):
    device = Device({0: 35, 50: 7})
    body = ('channels = ( { name = "so2"; function = 3; address = 0; type = "u16"; unit = "mg/m3"; }, '
            '{ name = "temp"; function = 3; address = 50; type = "u16"; unit = "degC"; every = "20s"; } );')
    live = make_live({"gas": device}, {"gas": ("", body)}, POINT % "" + ', { factor = "temp"; from = "gas.temp"; }')
    live.until("N", 7.0, "temp")
    wait_for(lambda: device.asked.count((3, 50, 1)) >= 3, 20, "the third slow read")
    fast, slow = device.asked.count((3, 0, 1)), device.asked.count((3, 50, 1))
    assert fast > 8 * slow
    assert live.point_now("temp")["flag"] == "N", "a slow value is not silence between its reads"


def test_retries_and_pauses(make_live):
    device = Device({0: 35, 10: 1})
    body = ('channels = ( { name = "so2"; function = 3; address = 0; type = "u16"; unit = "mg/m3"; }, '
            '{ name = "temp"; function = 3; address = 10; type = "u16"; unit = "degC"; } );')
    live = make_live({"gas": device}, {"gas": ('retries = 2; delay = "20ms";', body)},
                     POINT % "" + ', { factor = "temp"; from = "gas.temp"; }')
    live.until("N", 35.0)
    assert live.point_now("temp")["raw"] == 1.0


def test_a_device_with_one_connection_is_not_opened_twice(make_live):
    device = Device({0: 35})
    live = make_live({"gas": device}, {"gas": ("", SO2 % "")}, POINT % "")
    live.until("N", 35.0)
    device.silent = True
    live.until("B", None)
    device.silent = False
    live.until("N", 35.0)  # this would be impossible if the old connection were still open
    assert device.connections > 1


def test_over_ipv6(tmp_path):
    try:
        device = Device({0: 35}, host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    live = Live(tmp_path, {"gas": ("::1", device.port)}, {"gas": ("", SO2 % "")}, POINT % "")
    try:
        live.until("N", 35.0)
    finally:
        live.stop()
        device.stop()
