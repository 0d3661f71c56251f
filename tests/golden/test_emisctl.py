"""Checks what emisctl prints for replies that were recorded from a running emisd, and how it fails."""

import json
import os
import pathlib
import pty
import re
import shutil
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


def changed(command, table, only=None, **cells):
    """A recorded reply with other cells in the rows of one table, or in the rows of one factor only."""
    reply = json.loads((REPLIES / f"{command}.json").read_text())
    found = next(t for t in reply["tables"] if t["name"] == table)
    names = [column["name"] for column in found["columns"]]
    for row in found["rows"]:
        for name, value in cells.items():
            if only is None or row[names.index("factor")] == only:
                row[names.index(name)] = value
    return json.dumps(reply).encode() + b"\n"


def without(command, table, rows=False):
    """A recorded reply in which a table has no rows, or (rows=None) is not there."""
    reply = json.loads((REPLIES / f"{command}.json").read_text())
    for found in reply["tables"]:
        if found["name"] == table:
            found["rows"] = []
    if rows is None:
        reply["tables"] = [t for t in reply["tables"] if t["name"] != table]
    return json.dumps(reply).encode() + b"\n"


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


def on_a_terminal(path, *options, **env):
    """The output of `emisctl status` on a terminal of 80 columns."""
    parent, child = pty.openpty()
    process = subprocess.Popen([build_dir() / "cli/emisctl", "--socket", path, *options, "status"], stdout=child,
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


@pytest.mark.parametrize("rule, reply, english, chinese", [
    ("a clock that is not set holds all judging", changed("status", "site", clock="not set"),
     "The clock is not set: readings wait, and nothing is judged.", "时钟未校准"),
    ("a store that cannot be read hides the alarms", without("status", "alarms", rows=None),
     "The open alarms are not known: the store cannot be read.", "无法读取报警"),
    ("without an alarm, the list is empty and says so", without("status", "alarms"), "No open alarms.", "没有报警。"),
    ("a message that waits too long is mentioned", changed("status", "outbox", pending=3, oldest=1234.0),
     "The oldest pending message has waited for 21 min.", "最早的待发消息已等待 21 min"),
    ("a short wait is not", changed("status", "outbox", pending=3, oldest=599.0), "3 pending", "待发 3"),
    ("refused messages are counted", changed("status", "outbox", parked=2),
     "2 messages are parked: the broker refused them.", "2 条消息被服务器拒收，已搁置"),
    ("the reason of a lost connection follows it", changed("status", "outbox", state="waiting", error="no route"),
     "waiting, ", "; no route"),
])
def test_what_status_says_of_a_box_in_trouble(replay, rule, reply, english, chinese):
    path = replay(reply).path
    for lang, words in (("en", english), ("zh", chinese)):
        done = emisctl(path, "--lang", lang, "status", width=200)
        assert done.returncode == 0 and words in done.stdout, rule
    assert ("has waited" in emisctl(path, "--lang", "en", "status").stdout) == ("too long" in rule)


def point_line(path, factor):
    lines = emisctl(path, "--lang", "en", "--factor", factor, "status", width=200).stdout.splitlines()
    return re.split("  +", next(line for line in lines if line.startswith(factor) and "mg" in line).strip())


@pytest.mark.parametrize("age, shown", [
    (None, "-"), (-0.5, "0 s"), (99.4, "99 s"), (100.0, "2 min"), (7199.0, "120 min"), (7200.0, "2 h"), (172799.0, "48 h"),
    (172800.0, "2 d"),
])
def test_an_age_has_the_unit_that_fits(replay, age, shown):
    assert point_line(replay(changed("status", "points", only="so2", age=age)).path, "so2")[7] == shown


def test_ten_alarms_are_shown_and_the_others_counted(replay):
    reply = json.loads((REPLIES / "status.json").read_text())
    alarms = next(t for t in reply["tables"] if t["name"] == "alarms")
    alarms["rows"] = [alarms["rows"][0]] * 12
    path = replay(json.dumps(reply).encode() + b"\n").path
    for lang, head, more in (("en", "Open alarms: 12", "... emisctl alarms shows the others"),
                             ("zh", "当前报警 12 条：", "其余见 emisctl alarms")):
        lines = emisctl(path, "--lang", lang, "status", width=200).stdout.splitlines()
        at = lines.index(head)
        assert lines.index(more) - at == 1 + 1 + 10, "the head of the table and ten rows"


@pytest.mark.parametrize("command, table, english, chinese", [
    ("alarms", "alarms", "no alarms", "没有报警"), ("limits", "limits", "no limits", "没有限值"),
    ("budget", "budget", "no limit here is met by a share of the month", "没有按月达标率评判的限值"),
    ("marks", "marks", "no marks", "没有数据标记"),
])
def test_an_empty_table_is_said_in_words_apart_from_the_data(replay, command, table, english, chinese):
    path = replay(without(command, table)).path
    for lang, words in (("en", english), ("zh", chinese)):
        done = emisctl(path, "--lang", lang, command)
        assert (done.returncode, done.stderr) == (0, words + "\n")


PARKED = {"name": "parked", "columns": [
    {"name": "stream", "type": "text"}, {"name": "number", "type": "integer"}, {"name": "topic", "type": "text"},
    {"name": "bytes", "type": "integer"}, {"name": "created", "type": "time"}, {"name": "parked", "type": "time"},
    {"name": "reason", "type": "text"}]}
REFUSED = ["alarm", 7, "emis/1/anyang-steel-01/DA001/alarm", 812, "2026-03-02T09:00:31+08:00", "2026-03-02T09:00:32+08:00",
           "not authorized"]


def test_refused_messages_are_listed_with_their_reason(replay):
    reply = {"ok": True, "tables": [{**PARKED, "rows": [REFUSED]}], "end": True}
    path = replay(json.dumps(reply).encode() + b"\n").path
    head, row = emisctl(path, "--lang", "en", "outbox", width=200).stdout.splitlines()
    assert re.split("  +", head.strip()) == ["stream", "number", "reason", "bytes", "created", "parked", "topic"]
    assert re.split("  +", row.strip()) == ["alarm", "7", "not authorized", "812", "2026-03-02 09:00", "2026-03-02 09:00",
                                            "emis/1/anyang-steel-01/DA001/alarm"]
    narrow = emisctl(path, "--lang", "zh", "outbox", width=50).stdout
    assert "原因" in narrow and "not authorized" in narrow and "emis/1" not in narrow


def test_no_refused_message_is_said_in_words(replay):
    path = replay(json.dumps({"ok": True, "tables": [{**PARKED, "rows": []}], "end": True}).encode() + b"\n").path
    for lang, words in (("en", "the broker refused no message"), ("zh", "没有被拒收的消息")):
        assert emisctl(path, "--lang", lang, "outbox").stderr == words + "\n"


@pytest.mark.parametrize("old, new, shown", [("5", "7", "\n    old: 5\n    new: 7\n"), ("", "7", "\n    new: 7\n"),
                                             ("5", "", "\n    old: 5\n")])
def test_every_change_is_shown_from_what_to_what(replay, old, new, shown):
    text = emisctl(replay(changed("audit", "audit", who="configuration", old=old, new=new)).path, "audit").stdout
    assert "  configuration  " in text and shown in text
    assert ("old:" in text) == bool(old) and ("new:" in text) == bool(new)


def test_a_link_without_a_load_has_a_dash(replay):
    path = replay(changed("status", "links", load=None, requests=77)).path
    lines = [line for line in emisctl(path, "--lang", "en", "status", width=200).stdout.splitlines() if " 77 " in line]
    assert lines and all(re.search(r" 77 +- ", line) for line in lines)


def test_the_load_of_a_link_is_a_percentage(replay):
    path = replay(changed("status", "links", load=0.234)).path
    assert " 23 % " in emisctl(path, "--lang", "en", "status", width=200).stdout


def test_one_factor_of_a_table(replay):
    path = replay(recorded("budget")).path
    _, *rows = emisctl(path, "--factor", "nox", "budget", width=200).stdout.splitlines()
    assert [row.split()[:2] for row in rows] == [["DA001", "nox"]]


def test_control_characters_do_not_reach_the_terminal(replay):
    text = emisctl(replay(changed("status", "links", error="\033[2Jgone\177\a")).path, "status", width=300).stdout
    assert "?[2Jgone??" in text and not set("\033\177\a") & set(text)


def test_a_column_that_an_older_daemon_does_not_know_stays_empty(replay):
    reply = json.loads((REPLIES / "marks.json").read_text())
    reply["tables"][0]["columns"][4]["name"] = "letter"
    head, *rows = emisctl(replay(json.dumps(reply).encode() + b"\n").path, "--lang", "en", "marks", width=200).stdout.splitlines()
    at = head.index("flag")
    assert rows and all(row[at:at + 4].strip() == "-" for row in rows)


def test_no_color_is_an_option_too(replay):
    path = replay(recorded("status")).path
    assert "\033" not in on_a_terminal(path, "--no-color") and "\033" in on_a_terminal(path)


def test_a_socket_path_that_no_socket_can_have(tmp_path):
    path = tmp_path / ("x" * 120)
    done = emisctl(path, "status")
    assert done.returncode == 3 and f"the socket path {path} is too long" in done.stderr


def test_a_daemon_that_does_not_take_the_request(tmp_path):
    """More than the buffers of a socket hold, and the other end closes without reading it."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "ctl.sock"))
        listener.listen()
        texts = [word for option in ("--remark", "--from", "--until", "--kind") for word in (option, "x" * 120_000)]
        with subprocess.Popen([build_dir() / "cli/emisctl", "--socket", tmp_path / "ctl.sock", *texts, "ack", "1"],
                              stderr=subprocess.PIPE, text=True) as process:
            connection, _ = listener.accept()
            connection.recv(1)
            connection.close()
            assert process.wait(30) == 3 and process.stderr.read() == "emisctl: the daemon does not take the request\n"


@pytest.mark.parametrize("args, why", [
    (["history", "DA001", "so2"], "which knows the store"), (["verify", "--help"], "which knows the store"),
    (["backtest", "x.csv"], "which does the judging"), (["probe", "--rtu", "/dev/null"], "which does the reading"),
])
def test_without_emisd_its_programs_say_what_is_missing(replay, tmp_path, args, why):
    alone = shutil.copy(build_dir() / "cli/emisctl", tmp_path)
    path = replay(recorded("status")).path
    done = subprocess.run([alone, *args], capture_output=True, text=True, timeout=30,
                          env={"PATH": str(tmp_path), "EMISD_SOCKET": str(path)})
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == f"emisctl: emisd, {why}, cannot be started: No such file or directory\n"


def test_probe_leaves_an_endpoint_to_the_daemon_that_polls_it(replay, tmp_path):
    path = replay(changed("status", "links", name="plc", endpoint="192.0.2.7:502")).path
    env = {"PATH": str(tmp_path), "EMISD_SOCKET": str(path)}
    alone = shutil.copy(build_dir() / "cli/emisctl", tmp_path)

    def probe(*args):
        return subprocess.run([alone, "probe", *args], capture_output=True, text=True, timeout=30, env=env).stderr

    for args in (["--tcp=192.0.2.7"], ["--tcp", "192.0.2.7:502"], ["--rtu-tcp=192.0.2.7"], ["--rtu-tcp", "192.0.2.7"]):
        assert "(link plc), and many devices allow one connection only" in probe(*args), args
    for args in (["--tcp=192.0.2.7", "--shared"], ["--tcp=192.0.2.7:503"], ["--tcp"]):
        assert "which does the reading, cannot be started" in probe(*args), args
