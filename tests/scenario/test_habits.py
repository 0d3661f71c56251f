"""Odd habits of gateways and serial servers: emisd never shows the value of another register, and loses no reading."""

import json
import socket
import struct

import pytest

from tests.scenario.test_profiles_live import PROFILE
from tests.support.odd_device import OddDevice
from tests.support.rig import ROOT, Process, build_dir, wait_for

TIMEOUT = 0.2  # time-out of the link, in real seconds
SO2, O2 = 500.0, 15.0

# Two blocks of the same length, far apart: an answer for one differs from an answer for the other only in the
# transaction id.
CHANNELS = """channels = (
  { name = "so2"; function = 3; address = 0;    type = "f32"; order = "ABCD"; unit = "mg/m3"; min = 0.0; max = 5000.0; },
  { name = "o2";  function = 3; address = 2000; type = "f32"; order = "ABCD"; unit = "%";     min = 0.0; max = 25.0; } );
"""
CONF = """site = {{ id = "habits"; name = "habits"; }};
simulation = true;
links = ( {{ name = "l"; type = "{type}"; host = "127.0.0.1"; port = {port}; timeout = "200ms"; {more} }} );
instruments = ( {{ name = "gas"; link = "l"; unit = 1; profile = "two"; poll = "5s"; }} );
outlets = ( {{ id = "DA001"; medium = "gas"; sector = "steel.sinter-head"; tiers = [ ];
  points = ( {{ factor = "so2"; from = "gas.so2"; }}, {{ factor = "o2"; from = "gas.o2"; }} ); }} );
store = {{ path = "{folder}/data"; }};
control = {{ socket = "{folder}/ctl.sock"; }};
"""


def words(value):
    return struct.unpack(">HH", struct.pack(">f", value))


REGISTERS = dict(zip((0, 1, 2000, 2001), words(SO2) + words(O2)))


class Gateway:
    """emisd with a clock 20 times as fast and one device with an odd habit; keeps every value that was shown."""

    def __init__(self, folder, device, kind="tcp", more=""):
        (folder / "profiles.d").mkdir()
        (folder / "profiles.d/two.conf").write_text(PROFILE % ("two", "", CHANNELS))
        (folder / "emisd.conf").write_text(CONF.format(type=kind, port=device.port, more=more, folder=folder))
        self.folder, self.device = folder, device
        self.seen = set()
        self.emisd = Process([build_dir() / "daemon/emisd", "--config", folder / "emisd.conf", "--share", ROOT / "config",
                              "--time-scale", 20], folder / "emisd.log")
        wait_for(lambda: self.ask("status"), 20, "the first reply")

    def ask(self, command):
        assert self.emisd.running(), self.emisd.text()
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                s.connect(str(self.folder / "ctl.sock"))
                s.sendall(json.dumps({"cmd": command}).encode() + b"\n")
                tables = json.loads(s.makefile().readline())["tables"]
        except OSError:
            return None  # emisd is not up yet
        return {t["name"]: [dict(zip((c["name"] for c in t["columns"]), row)) for row in t["rows"]] for t in tables}

    def look(self):
        for point in self.ask("status")["points"]:
            self.seen.add((point["factor"], point["raw"], point["flag"]))

    def stats(self):
        self.look()
        return self.ask("instruments")["instruments"][0]

    def stop(self):
        assert self.emisd.stop() == 0
        assert "Sanitizer" not in self.emisd.text(), self.emisd.text()
        self.device.stop()


@pytest.fixture(name="gateway")
def fixture_gateway(tmp_path):
    made = []

    def make(habit, kind="tcp", more=""):
        made.append(Gateway(tmp_path, OddDevice(REGISTERS, habit, rtu=kind == "rtu-tcp"), kind, more))
        return made[0]

    yield make
    for thing in made:
        thing.stop()


def never_wrong(gateway):
    numbers = {(factor, raw) for factor, raw, _ in gateway.seen if raw is not None}
    assert numbers <= {("so2", SO2), ("o2", O2)}, gateway.seen
    assert not any(flag == "N" and raw is None for _, raw, flag in gateway.seen)


def every_poll_counts(gateway, polls=6):
    """Waits for so many polls of two requests each, and checks that every request got its answer."""
    row = wait_for(lambda: (r := gateway.stats())["answers"] >= 2 * polls and r, 60, f"{polls} polls")
    assert row["timeouts"] == 0 and row["requests"] - row["answers"] <= 1, row  # one request may be waiting for its answer
    never_wrong(gateway)
    assert {("so2", SO2, "N"), ("o2", O2, "N")} <= gateway.seen
    return row


# ---- habits ----


def good(device, peer, question):
    peer.sendall(device.answer(question))


def closes_after_each_answer(device, peer, question):
    peer.sendall(device.answer(question))
    return False


def resets_after_each_answer(device, peer, question):
    peer.sendall(device.answer(question))
    peer.recv(1, socket.MSG_PEEK)  # the next request shows that the answer before it has arrived
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def closes_when_idle(device, peer, question):
    peer.sendall(device.answer(question))
    peer.settimeout(0.1)
    try:
        peer.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return False
    finally:
        peer.settimeout(None)
    return None


def resets_when_idle(device, peer, question):
    if closes_when_idle(device, peer, question) is False:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    return None


def appends_a_checksum(device, peer, question):
    frame = device.answer(question)
    peer.sendall(frame + b"\x1b\x2c")


def appends_a_checksum_later(device, peer, question):
    peer.sendall(device.answer(question))
    device.later(0.005, b"\x1b\x2c", peer)


def answers_twice(device, peer, question):
    peer.sendall(device.answer(question) * 2)


def answers_twice_apart(device, peer, question):
    peer.sendall(device.answer(question))
    device.later(0.05, device.answer(question), peer)


def gives_up_and_answers_late(code, delay):
    """The request for SO2 gets an exception; its real answer comes during the request for O2."""
    def habit(device, peer, question):
        if device.address(question) == 0:
            peer.sendall(device.exception(question, code))
            device.later(delay * TIMEOUT, device.answer(question))
        else:
            device.later(0.05, device.answer(question), peer)
    return habit


def answers_with_ids_of_its_own(device, peer, question):
    device.kept["id"] = device.kept.get("id", 0x7000) + 1
    peer.sendall(device.answer(question, device.kept["id"]))


def answers_with_id_0(device, peer, question):
    peer.sendall(device.answer(question, 0))


def own_ids_and_late_answers(device, peer, question):
    if device.address(question) == 0:
        peer.sendall(device.exception(question, 11, 0))
        device.later(0.3 * TIMEOUT, device.answer(question, 0))
    else:
        device.later(0.4 * TIMEOUT, device.answer(question, 0), peer)


# ---- results ----


@pytest.mark.parametrize("habit", [good, closes_after_each_answer, resets_after_each_answer, closes_when_idle,
                                   resets_when_idle, appends_a_checksum, appends_a_checksum_later, answers_twice, answers_twice_apart],
                         ids=lambda habit: habit.__name__)
def test_no_poll_is_lost_on_tcp(gateway, habit):
    every_poll_counts(gateway(habit))


@pytest.mark.parametrize("habit", [good, closes_after_each_answer, closes_when_idle, answers_twice, answers_twice_apart],
                         ids=lambda habit: habit.__name__)
def test_no_poll_is_lost_on_rtu_over_tcp(gateway, habit):
    every_poll_counts(gateway(habit, kind="rtu-tcp"))


@pytest.mark.parametrize("kind", ["tcp", "rtu-tcp"])
@pytest.mark.parametrize("code,delay", [(11, 0.1), (11, 1.5), (5, 0.15), (6, 0.9), (10, 0.2), (4, 1.2), (2, 0.3)])
def test_an_answer_behind_an_exception_is_nobodys(gateway, kind, code, delay):
    g = gateway(gives_up_and_answers_late(code, delay), kind)
    wait_for(lambda: g.look() or ("o2", O2, "N") in g.seen, 30, "oxygen")
    before = g.stats()
    wait_for(lambda: g.stats()["answers"] >= before["answers"] + 5, 60, "five more")
    never_wrong(g)
    assert not any(factor == "so2" and raw is not None for factor, raw, _ in g.seen)
    if kind == "tcp" and delay < 0.25:
        assert g.stats()["discarded"] > 0


@pytest.mark.parametrize("habit", [answers_with_ids_of_its_own, answers_with_id_0], ids=lambda habit: habit.__name__)
def test_a_gateway_with_ids_of_its_own_needs_the_setting(gateway, habit):
    g = gateway(habit)
    row = wait_for(lambda: (r := g.stats())["foreign"] >= 4 and r, 30, "four foreign answers")
    assert row["answers"] == 0 and not any(raw is not None for _, raw, _ in g.seen)
    assert "only answers with the transaction id of another request" in g.emisd.text()


@pytest.mark.parametrize("habit", [answers_with_ids_of_its_own, answers_with_id_0, closes_after_each_answer],
                         ids=lambda habit: habit.__name__)
def test_with_the_setting_it_is_read(gateway, habit):
    every_poll_counts(gateway(habit, more='transaction_ids = "ignored";'))


def test_with_the_setting_late_answers_are_still_nobodys(gateway):
    g = gateway(own_ids_and_late_answers, more='transaction_ids = "ignored";')
    wait_for(lambda: g.stats()["answers"] >= 5, 60, "five answers")
    never_wrong(g)
    assert not any(factor == "so2" and raw is not None for factor, raw, _ in g.seen)
