"""Bad input gives a sentence and the right exit status, or a daemon that runs on and says what it does about the input."""

import os
import signal
import socket
import subprocess

import pytest

from tests.support.rig import ROOT, Process, Rig, build_dir, wait_for

EMISD = build_dir() / "daemon/emisd"


def check(text, folder, *options):
    """Exit status and output of emisd --check for this configuration."""
    conf = folder / "emisd.conf"
    conf.write_text(text)
    done = subprocess.run([EMISD, "--config", conf, "--share", ROOT / "config", *(options or ["--check"])],
                          capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


def example():
    return (ROOT / "config/emisd.conf").read_text()


FAULTS = [
    ("an unknown key", 'unit = 2; profile = "fpi', 'units = 2; profile = "fpi', 'unknown key "units"'),
    ("a misspelt factor", 'factor = "nox"', 'factor = "noxx"', '"noxx" is not in factors.conf'),
    ("a dangling instrument", 'from = "dust.pm"', 'from = "dusty.pm"', 'no instrument "dusty"'),
    ("a dangling channel", 'from = "dust.pm"', 'from = "dust.pmm"', 'has no channel "pmm"'),
    ("a dangling link", 'name = "gc";        link = "voc"', 'name = "gc";        link = "vocc"', 'no link "vocc"'),
    ("a missing profile", 'profile = "liance-ph"', 'profile = "liance-phh"', 'did you mean "liance-ph"?'),
    ("another unit than the factor's", 'from = "gas.nox"', 'from = "gas.o2"', "nox is measured and judged in mg/m3"),
    ("a wrong type", 'unit = 2; profile = "fpi', 'unit = "2"; profile = "fpi', "found a string, expected an integer"),
    ("out of range", 'unit = 2; profile = "fpi', 'unit = 248; profile = "fpi', "allowed are 1 to 247"),
    ("a number out of range", "barometric_kpa = 100.0;", "barometric_kpa = 1000.0;", "allowed are 50 to 110"),
    ("two points for a factor", '{ factor = "so2";      from = "gas.so2"; },',
     '{ factor = "so2"; from = "gas.so2"; }, { factor = "so2"; from = "gas.nox"; },', "has two points for so2"),
    ("a number that does not fit", 'port = 502; },\n\t{ name = "voc"', 'port = 4294967296; },\n\t{ name = "voc"',
     "does not fit 32 bits"),
    ("an unknown baud rate", 'device = "/dev/ttyS1"; baud = 9600', 'device = "/dev/ttyS1"; baud = 9601', "baud: 9601"),
    ("no duration", 'poll = "60s"', 'poll = "60 sec"', "is not a duration"),
    ("an unknown tier", 'tiers = [ "special" ]', 'tiers = [ "specials" ]', '"specials" is not'),
    ("a sector without limits", 'sector = "coatings-inks.process"', 'sector = "coatings-ink"', 'no sector "coatings-ink"; did you mean "coatings-inks.'),
    ("a missing input", '{ factor = "humidity"; from = "stack.humidity"; },', "", "needs a point for humidity"),
    ("a missing section", "\ninstruments = (", "\ninstrument = (", '"instruments" is missing'),
    ("the same name twice", 'name = "plc";  type', 'name = "bus1";  type', 'link "bus1" is described twice'),
    ("two links to one place", 'host = "192.168.10.31"', 'host = "192.168.10.21"', "lead to the same place"),
]


@pytest.mark.parametrize("rule,old,new,said", FAULTS, ids=[f[0] for f in FAULTS])
def test_a_fault_is_told_with_its_line(tmp_path, rule, old, new, said):
    good = example()
    assert old in good, f"the example no longer holds {old!r}"
    bad = good.replace(old, new, 1)
    status, output = check(bad, tmp_path)
    assert status == 1
    lines = [line for line in output.splitlines() if said in line]
    assert lines, output
    if rule == "a missing profile":
        assert f"{tmp_path}/profiles.d/liance-phh.conf nor {ROOT}/config/profiles.d/liance-phh.conf" in lines[0]
    if rule == "a missing section":
        assert lines[0].startswith(f"{tmp_path}/emisd.conf: ")
    else:
        assert lines[0].startswith(f"{tmp_path}/emisd.conf:") and lines[0].split(":")[1].isdigit(), lines[0]


def test_all_faults_are_told_at_once(tmp_path):
    bad = example().replace('factor = "nox"', 'factor = "noxx"').replace('unit = 2; profile = "fpi', 'unit = 300; profile = "fpi')
    status, output = check(bad, tmp_path)
    assert status == 1 and "noxx" in output and "300 is out of range" in output


def test_a_bus_that_cannot_carry_it_is_told_with_its_line(tmp_path):
    slow = example().replace('device = "/dev/ttyS2"; baud = 9600', 'device = "/dev/ttyS2"; baud = 1200').replace('poll = "60s"', 'poll = "500ms"')
    status, output = check(slow, tmp_path)
    assert status == 0, output
    line = next(line for line in output.splitlines() if 'link "bus2"' in line)
    assert line.startswith(f"note: {tmp_path}/emisd.conf:") and "the intervals cannot be kept" in line


@pytest.mark.parametrize("text,said", [
    ("", '"site" is missing'),
    ("site = {", "emisd.conf:1: found the end of the file, expected ; or the name of a setting or }"),
    ("\ufeffsite = { };", "byte order mark"),
    ("/* never closed\nsite = { };", "this comment is never closed"),
    ("site = { id = 1e999; };", "found a number, expected a string"),
])
def test_a_file_that_is_none(tmp_path, text, said):
    status, output = check(text, tmp_path)
    assert status == 1 and said in output


def test_a_missing_file_and_a_folder(tmp_path):
    done = subprocess.run([EMISD, "--config", tmp_path / "none.conf", "--check"], capture_output=True, text=True)
    assert done.returncode == 1 and "none.conf: cannot be opened: No such file or directory" in done.stderr
    done = subprocess.run([EMISD, "--config", tmp_path, "--check"], capture_output=True, text=True)
    assert done.returncode == 1 and "is not a regular file" in done.stderr


def test_a_limit_in_another_unit_is_refused(tmp_path):
    (tmp_path / "limits.d").mkdir()
    own = (ROOT / "config/limits.d/mee-2019-35-steel.conf").read_text()
    (tmp_path / "limits.d/mee-2019-35-steel.conf").write_text(own.replace('unit = "mg/m3"', 'unit = "g/m3"', 1))
    status, output = check(example(), tmp_path)
    assert status == 1 and "the limit is in g/m3" in output and "is measured in mg/m3" in output


def test_the_normal_form_reads_back_to_itself(tmp_path):
    status, first = check(example(), tmp_path, "--print")
    assert status == 0
    status, second = check(first, tmp_path, "--print")
    assert status == 0 and second == first


@pytest.mark.parametrize("args,status", [(["--version"], 0), (["--help"], 0), (["--nonsense"], 2), (["stray"], 2),
                                         (["--time-scale", "0"], 2), (["--time-start", "today"], 2),
                                         (["--time-anchor", "now"], 2), (["--time-anchor", "1.5"], 2),
                                         (["--time-start", "2026-03-02T07:50:00+08:00"], 2)])
def test_options(args, status):
    assert subprocess.run([EMISD, *args], capture_output=True).returncode == status


def test_time_is_simulated_only_where_the_configuration_says_so(tmp_path):
    status, output = check(example(), tmp_path, "--time-scale", "60")
    assert status == 1 and "simulation = true" in output


def test_a_second_emisd_is_refused(make_rig):
    rig = make_rig(broker=False)
    second = Process([EMISD, "--config", rig.conf, "--share", ROOT / "config", "--time-scale", "60"],
                     rig.folder / "second.log")
    assert second.child.wait(20) == 1
    assert f"in use by another emisd (pid {rig.emisd.pid})" in second.text()
    assert rig.ask("status"), "the first goes on"


def test_real_and_simulated_data_do_not_mix(make_rig):
    rig = make_rig(broker=False)
    assert rig.emisd.stop() == 0
    real = Process([EMISD, "--config", rig.conf, "--share", ROOT / "config"], rig.folder / "real.log")
    assert real.child.wait(20) == 1
    assert 'holds data of time kind "simulated"' in real.text()


def test_a_socket_left_by_a_killed_emisd_is_replaced(make_rig):
    rig = make_rig(broker=False)
    rig.emisd.stop(signal.SIGKILL)
    assert (rig.folder / "ctl.sock").exists()
    rig.start_emisd()


def test_a_refused_device_and_an_unreachable_broker_are_said_and_survived(make_rig):
    rig = make_rig(broker=False)
    rig.emisd.stop()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        closed = s.getsockname()[1]  # a port on which nobody listens
        text = rig.conf.read_text().replace(f"port = {rig.plant.links['voc']['port']}", f"port = {closed}")
        rig.conf.write_text(text + f'mqtt = {{ broker = "mqtt://127.0.0.1:{closed}"; }};\n')
        rig.start_emisd()
        link = wait_for(lambda: (l := next(l for l in rig.ask("status")["links"] if l["name"] == "voc"))["state"] ==
                        "down" and l, what="the word that the device refuses")
        assert "refused" in link["error"]
        outbox = wait_for(lambda: (o := rig.ask("status")["outbox"][0])["error"] and o, what="the broker's absence")
        assert outbox["state"] == "waiting"
        assert rig.point("DA002", "nmhc")["flag"] == "B"
        wait_for(lambda: rig.point("DA001", "so2")["flag"] == "N", what="the other instruments")
        assert "no connection to 127.0.0.1" in rig.emisd.text()


def test_garbage_on_the_bus_is_no_value(make_rig):
    rig = make_rig(broker=False, scale=20)
    wait_for(lambda: rig.point("DA001", "so2")["flag"] == "N", what="the first value")
    rig.plant.do("hold so2 77", "garbage gas")
    wait_for(lambda: rig.point("DA001", "so2")["flag"] == "B", what="flag B")
    rig.plant.do("normal gas", "hold so2 21")
    after = wait_for(lambda: (p := rig.point("DA001", "so2"))["flag"] == "N" and p, 60, "the value after the noise")
    assert after["raw"] == 21.0


@pytest.mark.parametrize("fault", ["wrong-unit gc", "wrong-count gc", "wrong-length gc", "wrong-function gc",
                                   "wrong-transaction gc", "half-frame gc", "reset gc", "late gc 400ms", "crc gas",
                                   "wrong-unit gas", "half-frame gas"])
def test_a_frame_that_is_not_the_answer_is_no_value(make_rig, fault):
    rig = make_rig(broker=False, scale=20)
    outlet, factor = ("DA002", "nmhc") if " gc" in fault else ("DA001", "so2")
    wait_for(lambda: rig.point(outlet, factor)["flag"] == "N", what="the first value")
    rig.plant.do(fault)
    wait_for(lambda: rig.point(outlet, factor)["flag"] == "B", what="flag B")
    assert rig.point(outlet, factor)["raw"] is None
    rig.plant.do("normal " + fault.split()[1])
    wait_for(lambda: rig.point(outlet, factor)["flag"] == "N", 60, "the return")


def test_a_refusal_of_the_device_is_a_fault_and_not_silence(make_rig):
    rig = make_rig(broker=False)
    wait_for(lambda: rig.point("DA002", "nmhc")["flag"] == "N", what="the first value")
    rig.plant.do("exception gc 2")
    wait_for(lambda: rig.point("DA002", "nmhc")["flag"] == "D", what="flag D")
    rig.plant.do("exception gc 11")
    wait_for(lambda: rig.point("DA002", "nmhc")["flag"] == "B", what="flag B for a gateway's dead target")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_full_disk_at_start_is_a_sentence(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=True)
    try:
        (disk / "filler").write_bytes(b"x" * 60000)
        conf = example().replace('path = "/var/lib/emisd"', f'path = "{disk}/data"')
        assert f"{disk}/data" in conf
        status, output = check(conf, tmp_path, "--debug")
        assert status == 1
        assert "KiB free: make room and start again" in output, output
    finally:
        subprocess.run(["umount", disk], check=True)


def test_nonsense_at_the_control_socket_harms_nobody(make_rig):
    rig = make_rig(broker=False)
    for line, said in [(b"nonsense\n", "not JSON"), (b"{}\n", "has no text"), (b'{"cmd":"burn"}\n', "unknown command")]:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(rig.folder / "ctl.sock"))
            s.sendall(line)
            assert said in s.makefile().readline()
    with socket.socket(socket.AF_UNIX) as s:  # a request line without an end
        s.settimeout(10)
        s.connect(str(rig.folder / "ctl.sock"))
        s.sendall(b"x" * 5000)
        with pytest.raises(ConnectionError):
            assert s.recv(1) == b""  # the daemon closed the connection, possibly with a reset
            raise ConnectionError
    crowd = []
    for _ in range(40):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(rig.folder / "ctl.sock"))
        crowd.append(s)
    for s in crowd:
        s.close()
    wait_for(lambda: rig.answers(), what="an answer after the crowd")


def test_rig_stops_what_it_started(tmp_path):
    """Tests the rig: after its end none of its processes runs."""
    with Rig(tmp_path) as rig:
        pids = [rig.emisd.pid, rig.plant.pid, rig.broker.pid]
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)
