"""The instruments as mbpoll reads them, the process, scenario files and the control socket."""

import math
import signal
import struct
import time

import pytest

from .harness import PROGRAM, PlantProcess, Wire, wait_for
from .instruments import SPAN_GAS, float_words
from .process import VARIABLES, Process

DEMO_START = "2026-03-02T07:50:00+08:00"
DEMO = PROGRAM.parent / "scenarios" / "demo.txt"


@pytest.fixture(name="plant")
def fixture_plant():
    with PlantProcess("--time-start", DEMO_START) as plant:
        yield plant


def at(plant_seconds, **options):
    """A plant that started so many plant seconds ago."""
    return PlantProcess("--time-start", DEMO_START, "--time-anchor", time.time() - plant_seconds,
                        **options)


# The values that mbpoll reads: link, unit, type, first address, word order, the factors in order,
# the distance between two of them, and the scale.
LAYOUTS = {
    "gas": ("bus1", 1, "3:float", 0x000C, True, ("so2", "no", "o2", "no2", "nox"), 2, 1.0),
    "dust": ("bus1", 2, "4:float", 0x0002, False, ("pm",), 2, 1.0),
    "stack": ("plc", 1, "4:float", 0, False, ("temp", "pressure", "humidity", "velocity"), 2, 1.0),
    "gc": ("voc", 1, "4", 22, False, ("thc", "ch4", "nmhc"), 3, 0.01),
    "cod": ("bus2", 1, "4:float", 30002, True, ("cod",), 2, 1.0),
    "nutrients": ("bus2", 2, "4:float", 0x1008, False, ("nh3n", "tp", "tn"), 11, 1.0),
    "ph": ("bus2", 3, "4", 0, False, ("ph",), 1, 0.01),
    "ph/wtemp": ("bus2", 3, "4", 1, False, ("wtemp",), 1, 0.1),
    "flow": ("bus2", 4, "4:int", 1, True, ("flow",), 2, 0.1),
    "flow/total": ("bus2", 4, "4:int", 3, True, ("total",), 2, 1.0),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_mbpoll_reads_what_the_instrument_shows(plant, layout):
    link, unit, kind, first, big_endian, factors, step, scale = LAYOUTS[layout]
    for i, factor in enumerate(factors):
        plant.do(f"hold {factor} {VARIABLES[factor].steady + i + 3}")
        shown = plant.shown(layout.split("/", maxsplit=1)[0])[factor]
        assert shown == VARIABLES[factor].steady + i + 3
        read = plant.poll(link, unit, kind, first + step * i, 1, big_endian)
        assert read[first + step * i] * scale == pytest.approx(shown, rel=1e-5), factor


def test_steady_values_are_those_promised(plant):
    assert plant.poll("plc", 1, "4:float", 0, 4) == {0: 120.0, 2: -0.5, 4: 8.0, 6: 12.0}
    assert plant.poll("bus1", 1, "3:float", 12, 5, True) == {
        12: 20.0, 14: 12.0, 16: 16.0, 18: 2.0, 20: 30.0}
    assert plant.poll("voc", 1, "4", 20, 9) == {
        20: 0, 21: 60000, 22: 6000, 23: 0, 24: 20000, 25: 2000, 26: 0, 27: 40000, 28: 4000}


@pytest.mark.parametrize("link, unit, kind, address, value, statement, words", [
    # These are the bytes that the device documents print.
    ("bus2", 1, "4:hex", 30002, 5.0518327, "cod", [0x40A1, 0xA89D]),
    ("bus2", 3, "4:hex", 0, 6.86, "ph", [0x02AE]),
    ("bus2", 3, "4:hex", 1, 25.0, "wtemp", [0x00FA]),
    ("bus2", 4, "4:hex", 1, 20.1, "flow", [0x0000, 0x00C9]),
])
def test_published_bytes(plant, link, unit, kind, address, value, statement, words):
    plant.do(f"hold {statement} {value}")
    assert list(plant.poll(link, unit, kind, address, len(words)).values()) == words


@pytest.mark.parametrize("order, words", [
    ("ABCD", (0x42F6, 0xE979)), ("CDAB", (0xE979, 0x42F6)),
    ("BADC", (0xF642, 0x79E9)), ("DCBA", (0x79E9, 0xF642)),
])
def test_float_orders(order, words):
    assert float_words(123.456, order) == words  # 0x42F6E979


def test_no_number_is_served_as_such(plant):
    plant.do("hold so2 nan", "hold no inf", "hold o2 1e300", "hold ph nan", "hold flow -inf")
    words = plant.poll("bus1", 1, "3:hex", 0x000C, 6).values()
    so2, no, o2 = struct.unpack(">fff", struct.pack(">6H", *words))
    assert math.isnan(so2) and no == o2 == math.inf
    assert plant.poll("bus2", 3, "4", 0, 1)[0] == 0xFFFF
    assert plant.get()["values"]["so2"] is None


def test_jiangsu_frame_of_the_maker(plant):
    with Wire(plant.links["bus2"]) as wire:
        wire.send(bytes.fromhex("01 03 75 31 00 0B 4F CE"))
        reply = wire.receive(27)
    assert reply[:3] == bytes([1, 3, 22])
    assert struct.unpack(">H", reply[3:5])[0] == 1
    assert struct.unpack(">6H", reply[13:25])[:4] == (2026, 3, 2, 7)


def test_result_times(plant):
    assert list(plant.poll("bus2", 1, "4", 30006, 6).values()) == [2026, 3, 2, 7, 50, 0]
    for address in (0x1010, 0x101B, 0x1026):
        assert list(plant.poll("bus2", 2, "4:hex", address, 3).values()) == [
            0x2603, 0x0207, 0x5000]
    assert list(plant.poll("voc", 1, "4", 10, 6).values()) == [2026, 3, 2, 7, 50, 0]


def test_water_results_are_discrete():
    with at(3500) as plant:
        plant.do("set cod to 55")
        assert plant.shown("cod") == {"cod": 30.0}
        plant.do("measure cod")
        assert plant.shown("cod") == {"cod": 55.0}
    with at(3700, scenario="+00:59:00 set cod to 44\n+01:00:30 set cod to 66\n") as plant:
        assert plant.shown("cod") == {"cod": 44.0}
        assert plant.get()["instruments"]["cod"]["result_time"] == "2026-03-02T08:50:00+08:00"
    with at(3700, scenario="interval cod 10m\n") as plant:
        assert plant.get()["instruments"]["cod"]["result_time"] == "2026-03-02T08:50:00+08:00"


@pytest.mark.parametrize("statement, link, unit, kind, address, there, normal", [
    ("calibrate gas", "bus1", 1, "3", 0x000A, 0x0003, 0),
    ("fault gas", "bus1", 1, "3", 0x000A, 0x0100, 0),
    ("maintenance gas", "bus1", 1, "3", 0x000B, 0x0001, 0),
    ("calibrate dust", "bus1", 2, "4", 0x0000, 3, 0),
    ("fault dust", "bus1", 2, "4", 0x0000, 6, 0),
    ("maintenance dust", "bus1", 2, "4", 0x0000, 2, 0),
    ("fault gc", "voc", 1, "4", 26, 8, 0),
    ("fault cod", "bus2", 1, "4", 30021, 1, 0),
    ("calibrate nutrients", "bus2", 2, "4", 0x1083, 8, 0),
    ("fault nutrients", "bus2", 2, "4", 0x1083, 23, 0),
    ("maintenance nutrients", "bus2", 2, "4", 0x1083, 12, 0),
])
def test_modes(plant, statement, link, unit, kind, address, there, normal):
    assert plant.poll(link, unit, kind, address, 1)[address] == normal
    plant.do(statement)
    assert plant.poll(link, unit, kind, address, 1)[address] == there
    plant.do(f"{statement} off")
    assert plant.poll(link, unit, kind, address, 1)[address] == normal


def test_calibration_shows_span_gas_and_ends_by_itself():
    with PlantProcess("--time-scale", 120) as plant:
        plant.do("calibrate gas for 2m")
        assert plant.shown("gas") == SPAN_GAS
        assert plant.poll("bus1", 1, "3:float", 12, 1, True)[12] == 80.0
        wait_for(lambda: plant.get()["instruments"]["gas"]["mode"] == "measuring")
        assert plant.shown("gas")["so2"] == 20.0


def test_poke(plant):
    plant.do("poke gas 0x000B 0x0001", "poke gas 42 7")
    assert plant.poll("bus1", 1, "3", 11, 1)[11] == 1
    assert plant.poll("bus1", 1, "3", 42, 1)[42] == 7
    plant.do("unpoke gas")
    assert plant.poll("bus1", 1, "3", 11, 1)[11] == 0


@pytest.mark.parametrize("link, unit, arguments, said", [
    ("voc", 1, ("-t", 3, "-r", 20, "-c", 1), "Illegal function"),
    ("voc", 1, ("-t", 0, "-r", 0, "-c", 1), "Illegal function"),
    ("voc", 1, ("-t", 4, "-r", 0, "-c", 1), "Illegal data address"),
    ("voc", 1, ("-t", 4, "-r", 50, "-c", 4), "Illegal data address"),
    ("bus1", 1, ("-t", 3, "-r", 42, "-c", 2), "Illegal data address"),
    ("voc", 9, ("-t", 4, "-r", 20, "-c", 1), "Target device failed to respond"),
])
def test_bad_requests(plant, link, unit, arguments, said):
    text, code = plant.mbpoll(link, unit, *arguments)
    assert code != 0 and said in text, text


def test_writes_are_refused_and_counted(plant):
    assert plant.get()["writes"] == 0
    text, code = plant.mbpoll("voc", 1, "-t", 4, "-r", 3, write=[1])
    assert code != 0 and "Illegal function" in text, text
    text, code = plant.mbpoll("bus2", 1, "-t", 4, "-r", 40001, write=[1, 2, 3])
    assert code != 0 and "Illegal function" in text, text
    text, code = plant.mbpoll("bus1", 1, "-t", 0, "-r", 3, write=[1])
    assert code != 0 and "Illegal function" in text, text
    state = plant.get()
    assert state["writes"] == 3
    assert {n: i["writes"] for n, i in state["instruments"].items() if i["writes"]} == {
        "gc": 1, "cod": 1, "gas": 1}
    assert state["instruments"]["gc"]["requests"] == {"6": 1}
    assert state["instruments"]["cod"]["requests"] == {"16": 1}


def test_requests_are_counted_by_function(plant):
    plant.poll("bus1", 1, "3", 12, 1)
    plant.poll("bus1", 1, "3", 12, 2)
    plant.mbpoll("bus1", 1, "-t", 4, "-r", 0, "-c", 1)
    gas = plant.get()["instruments"]["gas"]
    assert gas["requests"] == {"3": 1, "4": 2} and gas["exceptions"] == 1


def test_rtu_line_can_be_closed_and_opened_again(plant):
    for _ in range(3):
        assert plant.poll("bus1", 2, "4:float", 2, 1)[2] == 5.0


# The process


def test_process_is_the_same_for_a_seed():
    one, two, other = (Process(0.0, seed) for seed in (7, 7, 8))
    moments = (0.0, 10.4, 10.9, 5000.0)
    for t in reversed(moments):
        one.values(t)
    assert [one.values(t) for t in moments] == [two.values(t) for t in moments]
    assert one.values(10.0) == one.values(10.9) != one.values(11.0)
    assert one.values(10.0) != other.values(10.0)


def test_process_noise_is_about_the_steady_value():
    process = Process(0.0)
    for name, variable in VARIABLES.items():
        values = [process.value(name, t) for t in range(4096)]
        assert sum(values) / 4096 == pytest.approx(variable.steady, abs=0.1 * variable.sigma + 1e-9)
        assert all(abs(v - variable.steady) <= 3.0 * variable.sigma + 1e-9 for v in values)


def test_process_approaches_its_target():
    process = Process(0.0, noise=0.0)
    process.move("so2", 120.0, 100.0, 50.0)
    assert process.value("so2", 50.0) == 20.0
    assert process.value("so2", 100.0) == pytest.approx(110.0)
    assert process.value("so2", 150.0) == pytest.approx(119.0)
    process.move("so2", 20.0, 0.0, 150.0)
    assert process.value("so2", 150.0) == 20.0


def test_hold_and_release():
    process = Process(0.0)
    process.hold("so2", 35.0)
    assert {process.value("so2", t) for t in range(100)} == {35.0}
    process.release("so2")
    assert len({process.value("so2", t) for t in range(100)}) > 50


def test_total_is_the_sum_of_the_flow():
    process = Process(0.0, noise=0.0)
    process.run_total(1800.0)
    process.move("flow", 40.0, 0.0, 1800.0)
    process.run_total(3600.0)
    assert process.value("total", 3600.0) == pytest.approx(100000.0 + 36.0 + 72.0)


# Scenario files and the control socket


def test_demo():
    def plant_at(clock):
        hours, minutes = map(int, clock.split(":"))
        return at((hours - 7) * 3600 + (minutes - 50) * 60, scenario=DEMO.read_text())

    with plant_at("08:02") as plant:
        assert plant.get()["values"]["so2"] == 20.0
    with plant_at("08:10") as plant:
        assert plant.get()["values"]["so2"] == pytest.approx(120.0, abs=0.1)
        assert "2026-03-02T08:04:00+08:00 desulphurisation trip" in plant.told()
    with plant_at("08:50") as plant:
        assert plant.get()["values"]["so2"] == pytest.approx(20.0, abs=0.1)
    with plant_at("09:10") as plant:
        gas = plant.get()["instruments"]["gas"]
        assert gas["mode"] == "calibrate" and gas["shown"] == SPAN_GAS
        assert gas["mode_until"] == "2026-03-02T09:14:00+08:00"
    with plant_at("09:25") as plant:
        instruments = plant.get()["instruments"]
        assert instruments["gas"]["mode"] == "measuring"
        assert instruments["gc"]["misbehaviour"] == {
            "name": "silence", "argument": None, "until": "2026-03-02T09:32:00+08:00", "left": None}
    with plant_at("09:33") as plant:
        assert plant.get()["instruments"]["gc"]["misbehaviour"] is None


def test_ammonia_stop():
    with at(600, scenario="ammonia stop\n") as plant:
        assert plant.get()["values"]["nox"] == pytest.approx(177.0, abs=0.1)
        plant.do("ammonia back")
        assert plant.get()["values"]["nox"] > 100.0


BAD_LINES = [
    ("+00:05 silence gc", 'found "+00:05", expected a time after the start as +HH:MM:SS'),
    ("+00:05:00", "the line ends here, expected a statement"),
    ("sett so2 to 1", 'found "sett so2 to 1", expected a statement: desulphurisation trip'),
    ("set so3 to 1", 'found "so3", expected a variable: so2, no'),
    ("set so2 at 1", 'found "at", expected "to"'),
    ("set so2 to many", 'found "many", expected a number'),
    ("set so2 to 1 within", "the line ends here, expected a duration such as 800ms"),
    ("set so2 to 1 within 5 s", 'found "5", expected a duration such as 800ms'),
    ("set so2 to 1 within 9000h", 'found "9000h", expected a year (8784h) at most'),
    ("silence gc for 10m please", 'found "please", expected the end of the line'),
    ("silence oven", 'found "oven", expected an instrument, a link or all: gas'),
    ("late gc", "the line ends here, expected a duration"),
    ("exception gc 256", 'found "256", expected a whole number from 1 to 255'),
    ("silence gc times 0", 'found "0", expected a whole number from 1 to 1000000'),
    ("crc gc", '"crc" cannot be done by gc, expected an instrument: gas, dust, cod'),
    ("calibrate stack", 'found "stack", expected an instrument: gas, dust, nutrients'),
    ("noise -1", 'found "-1", expected a number of 0 or more'),
    ("interval ph 5m", 'found "ph", expected an instrument: gc, cod, nutrients'),
    ("interval cod 10ms", "the interval is too short, expected 1s or more"),
    ("poke gas 9 1", 'found "9", expected a whole number from 10 to 42'),
]


def test_all_errors_of_a_scenario_are_told():
    lines = ["# a comment", "", *(line for line, _ in BAD_LINES), "silence gc # fine"]
    process = PlantProcess(scenario="\n".join(lines))
    try:
        assert process.process.wait(10) == 2
        told = process.told().splitlines()
        assert len(told) == len(BAD_LINES)
        for i, (_, error) in enumerate(BAD_LINES):
            assert told[i].startswith(f"{process.folder}/scenario.txt:{i + 3}: {error}")
        assert not process.ready.exists()
    finally:
        process.__exit__()


def test_control_tells_errors(plant):
    for line, error in BAD_LINES[2:]:
        assert plant.ask(line).startswith(f"error: {error}")
    assert plant.ask("+00:01:00 silence gc").startswith("error: found")
    assert plant.ask("").startswith("error: ")
    assert plant.ask("\udcff".encode("utf-8", "surrogateescape").decode("latin-1")) != "ok"


def test_misbehaviour_state_is_told(plant):
    plant.do("late bus2 300ms for 1h times 5")
    state = plant.get()["instruments"]
    assert {n for n, i in state.items() if i["misbehaviour"]} == {"cod", "nutrients", "ph", "flow"}
    told = state["ph"]["misbehaviour"]
    assert (told["name"], told["argument"], told["left"]) == ("late", 0.3, 5)
    plant.do("answer ph", "normal all")
    assert not any(i["misbehaviour"] for i in plant.get()["instruments"].values())


def test_plant_time():
    with PlantProcess("--time-scale", 60, "--time-start", DEMO_START, "--time-anchor",
                      time.time() - 60) as plant:
        assert plant.get()["time"].startswith("2026-03-02T08:5")
    with PlantProcess() as plant:
        assert plant.get()["time_unix"] == pytest.approx(time.time(), abs=5.0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_cleanly(plant, number):
    with Wire(plant.links["voc"]), Wire(plant.links["bus1"]):
        plant.do("silence gc")
        assert plant.stop(number) == 0
    assert "Traceback" not in plant.told(), plant.told()
    assert not plant.ready.exists() and not plant.socket.exists()


@pytest.mark.parametrize("arguments, said", [
    (("--time-start", "2026-03-02T07:50:00"), "has no offset"),
    (("--time-scale", "0"), "number from 0.001"),
    (("--noise", "nan"), "number from 0"),
    (("--scenario", "/nonexistent.txt"), "cannot be read"),
])
def test_usage_errors(arguments, said):
    process = PlantProcess(*arguments)
    try:
        assert process.process.wait(10) == 2
        assert said in process.told()
    finally:
        process.__exit__()
