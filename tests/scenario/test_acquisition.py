"""Whatever an instrument does on the wire: its value gets a flag and no number, other instruments are not disturbed, and
no wrong value is ever shown."""

import threading

import pytest

from tests.support.rig import START, wait_for
from tests.support.device import Device
from tests.support.serial_server import SerialServer

# The misbehaviour, the flag of the value after it, and the counter of `emisctl instruments` that counts it.
WRONG = [
    ("silence", "B", "timeouts"),
    ("half-frame", "B", "timeouts"),
    ("late 800ms", "B", "timeouts"),  # after half-frame: a late reply would complete the checksum of the half frame
    ("wrong-unit", "B", None),
    ("wrong-function", "B", None),
    ("wrong-count", "B", None),
    ("wrong-length", "B", None),
    ("garbage", "B", None),
    ("echo", "B", None),
    ("exception 1", "D", "1"),
    ("exception 2", "D", "2"),
    ("exception 3", "D", "3"),
    ("exception 4", "D", "4"),
    ("exception 5", "B", "5"),
    ("exception 6", "B", "6"),
    ("exception 10", "B", "10"),
    ("exception 11", "B", "11"),
]
ON_TCP = WRONG + [("wrong-transaction", "B", "foreign"), ("reset", "B", "closed")]
ON_RTU = WRONG + [("crc", "B", "checksum"), ("reset", "B", "timeouts")]
FAILURES = ("timeouts", "checksum", "foreign", "stale", "closed")


def stats(rig, name):
    row = next(r for r in rig.ask("instruments")["instruments"] if r["name"] == name)
    codes = dict(pair.split(":") for pair in row["exceptions"].split())
    return {**row, **{code: int(n) for code, n in codes.items()}}


class Watcher:
    """Asks for one point again and again; keeps every value that was shown."""

    def __init__(self, rig, outlet, factor):
        self.seen = []
        self.done = threading.Event()
        self.rig, self.key = rig, (outlet, factor)
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while not self.done.wait(0.02):
            point = self.rig.point(*self.key)
            self.seen.append((point["raw"], point["flag"]))

    def stop(self):
        self.done.set()
        self.thread.join()
        return self.seen


def suffer(rig, instrument, factor, value, wrongs):
    """Lets an instrument do everything in `wrongs`; each shown value must be the true value or no value."""
    wait_for(lambda: rig.point("DA001", factor)["raw"] == value, what="the first value")
    watcher = Watcher(rig, "DA001", factor)
    try:
        for words, flag, counter in wrongs:
            before = stats(rig, instrument)
            rig.plant.do(f"{words.split()[0]} {instrument} {' '.join(words.split()[1:])}")
            point = wait_for(lambda: (p := rig.point("DA001", factor))["flag"] == flag and p, 20,
                             f"flag {flag} after {words}")
            assert point["raw"] is None and point["converted"] is None, words
            after = stats(rig, instrument)
            if counter:
                assert after.get(counter, 0) > before.get(counter, 0), f"{words}: {counter} did not count"
            else:
                assert sum(after[k] for k in FAILURES) > sum(before[k] for k in FAILURES), words
            rig.plant.do(f"normal {instrument}")
            wait_for(lambda: rig.point("DA001", factor)["flag"] == "N", 20, f"recovery from {words}")
    finally:
        seen = watcher.stop()
    assert {shown for shown, _ in seen} <= {value, None}
    assert all((shown is None) == (flag != "N") for shown, flag in seen)


def test_everything_that_goes_wrong_on_tcp(make_rig):
    rig = make_rig(scale=20, broker=False, plant=["hold temp 120"])
    suffer(rig, "stack", "temp", 120.0, ON_TCP)
    assert stats(rig, "gas")["timeouts"] == 0, "the others did not notice"
    assert rig.plant.get()["writes"] == 0


def test_everything_that_goes_wrong_on_a_bus(make_rig):
    rig = make_rig(scale=20, broker=False, plant=["hold so2 20"])
    suffer(rig, "gas", "so2", 20.0, ON_RTU)
    dust = stats(rig, "dust")
    assert sum(dust[k] for k in FAILURES) == 0, "the neighbour on the bus got its own answers, all of them"
    assert rig.plant.get()["writes"] == 0


@pytest.mark.parametrize("words,instrument,factor", [("bytewise", "stack", "temp"), ("twice", "gas", "so2"),
                                                     ("bytewise", "gas", "so2"), ("flood", "gas", "so2")])
def test_what_is_odd_and_harmless(make_rig, words, instrument, factor):
    rig = make_rig(scale=20, broker=False, plant=["hold temp 120", "hold so2 20"])
    value = {"temp": 120.0, "so2": 20.0}[factor]
    wait_for(lambda: rig.point("DA001", factor)["raw"] == value, what="the first value")
    rig.plant.do(f"{words} {instrument}")
    before = stats(rig, instrument)["answers"]
    wait_for(lambda: stats(rig, instrument)["answers"] > before + 20, 20, "twenty answers")
    assert rig.point("DA001", factor)["raw"] == value


@pytest.mark.parametrize("words", ["twice", "flood"])
def test_bytes_that_nobody_asked_for_end_a_tcp_connection(make_rig, words):
    rig = make_rig(scale=20, broker=False, plant=["hold temp 120"])
    wait_for(lambda: rig.point("DA001", "temp")["raw"] == 120.0, what="the first value")
    rig.plant.do(f"{words} stack times 1")
    wait_for(lambda: stats(rig, "stack")["stale"] + stats(rig, "stack")["closed"] > 0, 20, "the stale bytes")
    wait_for(lambda: rig.point("DA001", "temp")["raw"] == 120.0, what="recovery")
    assert next(l for l in rig.ask("status")["links"] if l["name"] == "plc")["reconnects"] == 1


def test_a_refused_register_costs_only_itself(make_rig):
    # Floats low word first: 118.5 degC, -0.5 kPa; the humidity at 4 is missing; velocity 12 m/s.
    device = Device({0: 0, 1: 0x42ED, 2: 0, 3: 0xBF00, 6: 0, 7: 0x4140})
    rig = make_rig(scale=20, broker=False, links={"plc": {"type": "tcp", "host": "127.0.0.1", "port": device.port}})
    try:
        wait_for(lambda: rig.point("DA001", "temp")["raw"] == 118.5, what="temperature")
        shown = {f: (rig.point("DA001", f)["raw"], rig.point("DA001", f)["flag"])
                 for f in ("temp", "pressure", "humidity", "velocity")}
        assert shown == {"temp": (118.5, "N"), "pressure": (-0.5, "N"), "humidity": (None, "D"), "velocity": (12.0, "N")}
        before = stats(rig, "stack")
        assert before["refused"] == 1
        wait_for(lambda: stats(rig, "stack")["answers"] > before["answers"] + 20, 20, "more polls")
        told = [line for line in rig.emisd.text().splitlines() if "the rest is read without them" in line]
        assert len(told) == 1 and "2 registers from 4 (0x0004)" in told[0] and "illegal data address" in told[0]
        registers = rig.ask("raw", argument="stack")["raw"][0]["registers"].split()
        assert registers == ["0000", "42ED", "0000", "BF00", "-", "-", "0000", "4140"]
        device.registers.update({4: 0, 5: 0x4100})  # the sensor is repaired
        wait_for(lambda: rig.point("DA001", "humidity")["raw"] == 8.0, 40, "the register that came back")
        assert {function for function, _, _ in device.asked} == {3}
    finally:
        rig.stop()
        device.stop()


def test_rtu_over_tcp(make_rig):
    servers = []

    def through_a_serial_server(links):
        servers.append(SerialServer(links["bus1"]["device"]))
        return {"bus1": {"type": "rtu-tcp", "host": "127.0.0.1", "port": servers[0].port}}

    rig = make_rig(scale=20, broker=False, plant=["hold so2 20"], links=through_a_serial_server)
    try:
        suffer(rig, "gas", "so2", 20.0, [w for w in ON_RTU if w[0] in ("silence", "late 800ms", "crc", "half-frame",
                                                                       "wrong-unit", "exception 4")])
        assert stats(rig, "dust")["checksum"] == 0
        servers[0].drop()
        wait_for(lambda: servers[0].connections > 1, 20, "a new connection")
        wait_for(lambda: rig.point("DA001", "so2")["raw"] == 20.0, 20, "values after it")
    finally:
        rig.stop()
        for server in servers:
            server.stop()


def test_a_dead_neighbour_costs_a_bus_nothing_but_its_time_outs(make_rig):
    rig = make_rig(scale=20, broker=False, plant=["silence dust"])
    wait_for(lambda: stats(rig, "gas")["answers"] > 100, 40, "a hundred polls")
    gas, dust = stats(rig, "gas"), stats(rig, "dust")
    assert sum(gas[k] for k in FAILURES) == 0
    # emisd has backed off: it sends far fewer requests to the dead instrument than to the healthy one.
    assert dust["timeouts"] < gas["answers"] / 4
    assert dust["answers"] == 0


def test_after_a_silence_the_rest_of_a_poll_is_not_asked(make_rig):
    """An instrument with five requests that does not answer costs the others on its bus one time-out per poll, not five."""
    rig = make_rig(scale=20, broker=False, plant=["silence nutrients"])
    assert len([r for r in rig.ask("plan")["plan"] if r["instrument"] == "nutrients"]) == 5
    wait_for(lambda: "instrument nutrients on link" in rig.emisd.text() and "failure 4 in a row" in rig.emisd.text(), 60,
             "four polls without an answer")
    nutrients = stats(rig, "nutrients")
    assert 4 <= nutrients["timeouts"] - nutrients["retries"] <= 7, nutrients


def test_a_neighbour_that_only_refuses_costs_a_bus_no_more_than_a_dead_one(make_rig):
    """After each exception emisd waits for silence, because the real answer may follow; this costs the others time."""
    rig = make_rig(scale=20, broker=False, plant=["exception dust 4"])
    wait_for(lambda: stats(rig, "gas")["answers"] > 100, 40, "a hundred polls")
    gas, dust = stats(rig, "gas"), stats(rig, "dust")
    assert sum(gas[k] for k in FAILURES) == 0
    assert 0 < dust["4"] < gas["answers"] / 4
    assert dust["answers"] == 0


def test_the_serial_port_belongs_to_one_process(make_rig):
    rig = make_rig(scale=20, broker=False)
    wait_for(lambda: rig.point("DA001", "so2")["raw"], what="the first value")
    folder = rig.folder / "second"
    folder.mkdir()
    text = rig.conf.read_text().replace(str(rig.folder / "data"), str(folder / "data"))
    (folder / "emisd.conf").write_text(text.replace(str(rig.folder / "ctl.sock"), str(folder / "ctl.sock")))
    second = rig.another_emisd(folder)
    try:
        wait_for(lambda: "another process holds it" in second.text(), 20, "the refusal")
        assert sum(stats(rig, "gas")[k] for k in FAILURES) == 0
    finally:
        second.stop()


def test_an_unknown_state_is_a_fault_and_named_once(make_rig):
    rig = make_rig(scale=20, broker=False, plant=["hold so2 20"])
    wait_for(lambda: rig.point("DA001", "so2")["raw"] == 20.0, what="the first value")
    rig.plant.do("poke gas 0x000A 0x0009")
    wait_for(lambda: rig.point("DA001", "so2")["flag"] == "D", what="flag D")
    polls = stats(rig, "gas")["answers"]
    wait_for(lambda: stats(rig, "gas")["answers"] > polls + 10, what="ten polls")
    told = [line for line in rig.emisd.text().splitlines() if "does not know" in line]
    assert len(told) == 1 and 'instrument gas: its status "step" is 9 (0x9)' in told[0]


def test_only_reads_ever_leave(make_rig):
    rig = make_rig(scale=60, broker=False, start=START, plant=["fault cod", "silence gc", "exception nutrients 2"])
    wait_for(lambda: stats(rig, "gas")["answers"] > 200, 40, "two hundred polls")
    state = rig.plant.get()
    assert state["writes"] == 0
    assert {int(code) for i in state["instruments"].values() for code in i["requests"]} <= {1, 2, 3, 4}
