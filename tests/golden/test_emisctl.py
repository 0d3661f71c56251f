"""Checks what emisctl prints for replies that were recorded from a running emisd, and how it fails."""

import json
import os
import pathlib
import pty
import re
import socket
import subprocess
import threading
import unicodedata

import pytest

from tests.golden.golden import expect
from tests.support.rig import build_dir

COMMANDS = ["status", "alarms", "limits", "budget", "marks", "audit", "identity", "instruments", "plan", "raw"]
REPLIES = pathlib.Path(__file__).resolve().parent / "replies"


class Replayer:
    """Answers one connection after the other with the same bytes, and keeps the requests."""

    def __init__(self, folder, reply):
        self.path = folder / "ctl.sock"
        self.reply = reply
        self.asked = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.path))
        self.socket.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                self.asked.append(connection.makefile().readline())
                try:
                    if self.reply is not None:
                        connection.sendall(self.reply)
                    else:
                        connection.recv(1)  # sends nothing until emisctl gives up
                except OSError:
                    pass  # emisctl has closed the connection

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()


@pytest.fixture(name="replay")
def fixture_replay(tmp_path):
    made = []

    def make(reply):
        made.append(Replayer(tmp_path, reply))
        return made[-1]

    yield make
    for replayer in made:
        replayer.stop()


def recorded(command):
    """A recorded reply as the one line that the daemon sends; the files have several lines to be readable."""
    return json.dumps(json.loads((REPLIES / f"{command}.json").read_text())).encode() + b"\n"


def emisctl(socket_path, *args, width=80, **env):
    return subprocess.run([build_dir() / "cli/emisctl", "--socket", socket_path, *args], capture_output=True, text=True,
                          timeout=30, env={"PATH": os.environ["PATH"], "COLUMNS": str(width), **env})


def columns(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("command", COMMANDS)
def test_tables(replay, command, width, lang):
    argument = ["gas"] if command == "raw" else []
    done = emisctl(replay(recorded(command)).path, "--lang", lang, command, *argument, width=width)
    assert (done.returncode, done.stderr) == (0, "")
    expect(f"emisctl-{command}-{width}-{lang}.txt", done.stdout)
    assert "\033" not in done.stdout, "no colours in a pipe"
    if width >= 80 and command not in ("raw", "audit"):
        assert max(columns(line) for line in done.stdout.splitlines()) <= width


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_columns_align_whatever_the_width_of_the_letters(replay, lang):
    done = emisctl(replay(recorded("status")).path, "--lang", lang, "status", width=120)
    lines = [line for line in done.stdout.splitlines() if re.search(r" mg/m3 +\d+/\d+", line)]
    assert len(lines) == 4
    assert len({columns(line[:line.index(" mg/m3 ")]) for line in lines}) == 1


@pytest.mark.parametrize("command", ["status", "alarms", "limits", "budget", "marks", "audit"])
def test_json_says_all_of_it(replay, command):
    done = emisctl(replay(recorded(command)).path, "--json", command)
    assert done.returncode == 0
    shown = json.loads(done.stdout)
    for table in json.loads((REPLIES / f"{command}.json").read_text())["tables"]:
        names = [column["name"] for column in table["columns"]]
        assert shown[table["name"]] == [dict(zip(names, row)) for row in table["rows"]]


def test_one_outlet_one_factor(replay):
    path = replay(recorded("limits")).path
    rows = emisctl(path, "--outlet", "DA001", "--factor", "so2", "limits", width=200).stdout.splitlines()[1:]
    assert rows and all(row.split()[:2] == ["DA001", "so2"] for row in rows)


def test_what_is_asked(replay):
    replayer = replay(recorded("alarms"))
    emisctl(replayer.path, "--all", "alarms")
    emisctl(replayer.path, "raw", "gas")
    assert [json.loads(line) for line in replayer.asked] == [
        {"cmd": "alarms", "all": True}, {"cmd": "raw", "all": False, "argument": "gas"}]


def on_a_terminal(path, **env):
    """The output of `emisctl status` on a terminal of 80 columns."""
    parent, child = pty.openpty()
    process = subprocess.Popen([build_dir() / "cli/emisctl", "--socket", path, "status"], stdout=child,
                               env={"PATH": os.environ["PATH"], "COLUMNS": "80", **env})
    os.close(child)
    text = b""
    try:
        while chunk := os.read(parent, 4096):
            text += chunk
    except OSError:  # emisctl has closed the terminal
        pass
    os.close(parent)
    assert process.wait() == 0
    return text.decode().replace("\r\n", "\n")


def test_colours_on_a_terminal_unless_refused(replay):
    path = replay(recorded("status")).path
    coloured = on_a_terminal(path)
    assert "\033[31m" in coloured, "a flag other than N is red"
    plain = on_a_terminal(path, NO_COLOR="1")
    assert plain == (REPLIES.parent / "expected/emisctl-status-80-en.txt").read_text()
    assert re.sub(r"\033\[\d*m", "", coloured) == plain


def test_language_follows_the_locale(replay):
    path = replay(recorded("status")).path
    assert "小时均值" in emisctl(path, "status", LANG="zh_CN.UTF-8").stdout
    assert "hour mean" in emisctl(path, "status", LANG="zh_CN.UTF-8", LC_ALL="C.UTF-8").stdout


@pytest.mark.parametrize("reply,status,said", [
    (b'{"ok":false,"error":"no such outlet","end":true}\n', 1, "emisctl: no such outlet"),
    (b'{"ok":true,"tables":[]}\n', 3, "the daemon's reply has no end mark"),
    (b'{"ok":true,"end":true}\n', 3, "the daemon's reply has no tables"),
    (b'{"ok":true,"tables":[', 3, "the daemon's reply ended before its end mark"),
    (b"SSH-2.0-OpenSSH_9.2\n", 3, "the daemon's reply is not JSON"),
    (b"x" * (5 << 20), 3, "the daemon's reply is longer than 4 MiB"),
    (None, 3, "the daemon does not answer in time"),
], ids=["refused", "no end mark", "no tables", "cut off", "not the daemon", "too long", "silent"])
def test_a_bad_reply_is_a_sentence(replay, reply, status, said):
    done = emisctl(replay(reply).path, "--timeout", "0.3" if reply is None else "10", "status")
    assert done.returncode == status and said in done.stderr and done.stdout == ""


@pytest.mark.parametrize("reply", [b'{"ok":true,"tables":[{}, 5, {"name":7}],"end":true}\n',
                                   b'{"ok":true,"tables":[{"name":"points","columns":[{}],"rows":[[],{},7]}],"end":true}\n',
                                   b'{"ok":true,"tables":[{"name":"site","rows":[[]]}],"end":true}\n'])
def test_a_strange_reply_does_no_harm(replay, reply):
    path = replay(reply).path
    for command in ("status", "alarms", "limits"):
        assert emisctl(path, command).returncode in (0, 3)
        assert emisctl(path, "--json", command).returncode in (0, 3)


@pytest.mark.parametrize("args,status", [
    ([], 2), (["stat"], 2), (["status", "now"], 2), (["--lang", "fr", "status"], 2), (["--timeout", "soon", "status"], 2),
    (["--nonsense"], 2), (["raw"], 2), (["raw", "gas", "dust"], 2), (["status"], 3), (["--help"], 0), (["--version"], 0)])
def test_exit_status(tmp_path, args, status):
    done = emisctl(tmp_path / "nobody.sock", *args)
    assert done.returncode == status
    assert bool(done.stderr) == (status != 0) and bool(done.stdout) == (status == 0)


def test_a_full_disk_is_no_success(replay):
    with open("/dev/full", "w") as full:
        done = subprocess.run([build_dir() / "cli/emisctl", "--socket", replay(recorded("status")).path, "status"],
                              stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
