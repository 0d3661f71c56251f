"""What emisd tells the service manager: that it is ready, that it lives, and that it stops. The test plays the manager."""

import contextlib
import socket
import subprocess
import time

import pytest

from tests.support.rig import ROOT, Process, build_dir, wait_for


@pytest.fixture(name="manager")
def fixture_manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(tmp_path / "notify"))
        s.settimeout(30)
        yield s


def started(rig, folder, **env):
    rig.emisd.stop()
    rig.emisd = Process([build_dir() / "daemon/emisd", "--config", rig.conf, "--share", ROOT / "config", "--time-scale", rig.scale,
                         "--time-start", rig.start, "--time-anchor", repr(rig.anchor)], rig.folder / "emisd.log",
                        {"PATH": "/usr/bin", "NOTIFY_SOCKET": str(folder / "notify"), **env})


def words(manager):
    return manager.recv(4096).decode().splitlines()


def test_ready_alive_and_stopping(make_rig, manager, tmp_path):
    rig = make_rig(broker=False)
    started(rig, tmp_path, WATCHDOG_USEC="300000")
    told = words(manager)
    assert told[0] == "READY=1", told
    assert rig.ask("status")["site"], "ready means that it answers"
    times = []
    while len(times) < 5:
        if words(manager) == ["WATCHDOG=1"]:
            times.append(time.monotonic())
    assert times[-1] - times[0] > 4 * 0.05, "a third of the interval apart, and not without a pause"
    assert rig.emisd.stop() == 0
    while told != ["STOPPING=1"]:
        told = words(manager)


def test_without_a_watchdog_there_is_no_word_of_life(make_rig, manager, tmp_path):
    rig = make_rig(broker=False)
    started(rig, tmp_path)
    told = words(manager)
    assert told[0] == "READY=1", told
    wait_for(rig.answers, what="an answer")
    assert rig.emisd.stop() == 0
    while told != ["STOPPING=1"]:
        told = words(manager)
        assert "WATCHDOG=1" not in told


def test_an_emisd_that_cannot_start_is_never_ready(make_rig, manager, tmp_path):
    rig = make_rig(broker=False)  # it holds the store and the socket
    done = subprocess.run([build_dir() / "daemon/emisd", "--config", rig.conf, "--share", ROOT / "config", "--time-scale", "60"],
                          env={"NOTIFY_SOCKET": str(tmp_path / "notify")}, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1, done.stderr
    manager.setblocking(False)
    told = []
    with contextlib.suppress(BlockingIOError):
        while True:
            told += words(manager)
    assert "READY=1" not in told, told
