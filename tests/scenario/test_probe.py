"""emisctl probe: looks at the instruments of the simulated plant without a daemon, as during commissioning."""

import os
import subprocess

import pytest

from tests.support.rig import ROOT, START, Plant, build_dir, wait_for


@pytest.fixture(name="plant", scope="module")
def fixture_plant(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plant")
    scenario = folder / "scenario.txt"
    scenario.write_text("hold so2 35\nhold temp 120.5\nhold nmhc 25\n")
    plant = Plant(folder, 1, START, 0, scenario)
    yield plant
    plant.stop()


def probe(*args, socket="/nonexistent"):
    path = f"{build_dir() / 'daemon'}:{os.environ['PATH']}"
    return subprocess.run([build_dir() / "cli/emisctl", "probe", *map(str, args)], capture_output=True, text=True,
                          timeout=60, env={"PATH": path, "EMISD_SOCKET": str(socket)})


def tcp(plant, link):
    return f"{plant.links[link]['host']}:{plant.links[link]['port']}"


def test_scan_finds_the_units_of_a_bus(plant):
    done = probe("--rtu", plant.links["bus1"]["device"], "--baud", 115200, "--scan", "1-5", "--timeout", 0.1, "--function", 4)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["unit 1 answers: exception 2 (illegal data address)",
                                        "unit 2 answers: exception 1 (illegal function)"]
    assert "2 of 5 units answer" in done.stderr


def test_scan_of_a_gateway_knows_silence_from_refusal(plant):
    done = probe("--tcp", tcp(plant, "plc"), "--scan=1-3", "--timeout", 0.2)
    assert (done.returncode, done.stdout) == (0, "unit 1 answers\n")


def test_read_a_range(plant):
    done = probe("--rtu", plant.links["bus1"]["device"], "--baud", 115200, "--function", 4, "--read", "0x000C+2")
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["12", "0x000C", "420C", "16908", "16908"], ["13", "0x000D", "0000", "0", "0"]]


def test_a_pair_under_all_orders_marks_what_is_plausible(plant):
    done = probe("--tcp", tcp(plant, "plc"), "--pair", 0, "--factor", "temp", "--share", ROOT / "config")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()[3:6]}
    assert rows["f32"][1] == "120.5*" and sum("*" in cell for cell in rows["f32"]) == 1
    assert rows["u32"][0] == "17137" and set(rows) == {"f32", "u32", "i32"}
    done = probe("--tcp", tcp(plant, "plc"), "--pair", 0, "--range", "100..110")
    assert "*" not in done.stdout


def test_read_through_a_profile(plant):
    done = probe("--rtu", plant.links["bus1"]["device"], "--baud", 115200, "--profile", "sdl-scs-900uv", "--share", ROOT / "config")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert rows["so2"] == ["420C", "0000", "35", "mg/m3", "N"]
    assert rows["step"][-1] == "N"


def test_a_silent_instrument_is_said(plant):
    done = probe("--rtu", plant.links["bus1"]["device"], "--baud", 115200, "--unit", 9, "--read", 0, "--timeout", 0.1)
    assert (done.returncode, done.stdout) == (1, "") and "unit 9, function 3, 1 registers from 0 (0x0000): no answer" in done.stderr


def test_nobody_listens(tmp_path):
    done = probe("--tcp", "127.0.0.1:1", "--read", 0)
    assert done.returncode == 1 and "no connection to 127.0.0.1: Connection refused" in done.stderr
    done = probe("--rtu", tmp_path / "none", "--read", 0)
    assert done.returncode == 1 and "No such file" in done.stderr


@pytest.mark.parametrize("args,said", [
    ([], "expected one link"), (["--tcp", "h"], "expected one link"), (["--tcp", "h:0", "--scan"], "HOST:PORT"),
    (["--rtu-tcp", "h", "--scan"], 'found "h", expected HOST:PORT'), (["--tcp", "h", "--read", "0+126"], "N from 1 to 125"),
    (["--tcp", "h", "--read", "65536"], "ADDRESS"), (["--tcp", "h", "--scan", "--read", "0"], "only one of"),
    (["--tcp", "h", "--read", "0", "--function", "5"], "an integer from 1 to 4"), (["--tcp", "h", "--scan", "9-1"], "FIRST-LAST"),
    (["--tcp", "h", "--read", "0", "--factor", "so3", "--share", ROOT / "config"], "a key of factors.conf")])
def test_wrong_usage(args, said):
    done = probe(*args)
    assert done.returncode == 2 and said in done.stderr, done.stderr


def test_help():
    done = probe("--help")
    assert done.returncode == 0 and "--pair ADDRESS" in done.stdout


def test_what_the_daemon_holds_is_refused(make_rig):
    rig = make_rig(scale=20, broker=False)
    wait_for(lambda: rig.point("DA001", "so2")["raw"], what="the first value")
    done = probe("--rtu", rig.plant.links["bus1"]["device"], "--baud", 115200, "--read", 0)
    assert done.returncode == 1 and "another process holds it" in done.stderr
    socket = rig.folder / "ctl.sock"
    done = probe("--tcp", tcp(rig.plant, "plc"), "--read", 0, socket=socket)
    assert done.returncode == 1 and "emisd polls" in done.stderr and "link plc" in done.stderr
    done = probe("--tcp", tcp(rig.plant, "plc"), "--read", 0, "--shared", socket=socket)
    assert done.returncode == 0, done.stderr
    assert rig.plant.get()["writes"] == 0
