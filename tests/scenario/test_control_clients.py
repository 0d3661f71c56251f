"""Clients of the control socket that stall, flood, leave or may not: each gets what it is due, and no other client waits."""

import grp
import json
import select
import socket
import sqlite3
import subprocess

import pytest

from tests.scenario.test_operators import EMISCTL, NOBODY, emisctl, let_everybody_in
from tests.scenario.test_starting import second, start
from tests.support.rig import replace_section

PATIENCE_S = 10  # CLIENT_PATIENCE_MS of control_socket.c
CLIENTS = 16     # MAX_CLIENTS


def connect(rig):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(str(rig.folder / "ctl.sock"))
    return s


def reply(stream):
    return json.loads(stream.readline())


def test_a_client_that_does_not_read_gets_all_of_it_later_and_in_order(quiet):
    with connect(quiet) as s, connect(quiet) as probe:
        # The replies are longer than a socket's buffers hold: the daemon has to wait with the rest of them.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asked = [{"cmd": "limits", "all": True}] * 4 + [{"cmd": "marks"}, {"cmd": "limits", "all": True, "factor": "cod"}]
        s.sendall(b"".join(json.dumps(a).encode() + b"\n" for a in asked))
        stream = probe.makefile("rw")
        for _ in range(3):  # the others are answered meanwhile
            stream.write('{"cmd":"marks"}\n')
            stream.flush()
            assert reply(stream)["tables"][0]["name"] == "marks"
        answers = s.makefile()
        *everything, marks, cod = (reply(answers)["tables"][0] for _ in asked)
        assert [len(table["rows"]) for table in everything] == [431] * 4
        assert (marks["name"], cod["name"]) == ("marks", "limits") and 0 < len(cod["rows"]) < 431


def test_a_client_that_leaves_in_the_middle_of_a_reply_harms_nobody(quiet):
    s = connect(quiet)
    s.sendall(b'{"cmd":"limits","all":true}\n' * 5)
    s.recv(1000)
    s.close()
    assert quiet.ask("status")["site"]


def test_a_client_that_says_nothing_makes_room_for_others(quiet):
    """All places are taken by clients that say nothing: the next one is turned away, until their time is over."""
    idle = [connect(quiet) for _ in range(CLIENTS)]
    with connect(quiet) as late:
        assert late.recv(1) == b"", "turned away"
    poller = select.poll()
    for s in idle:
        poller.register(s, select.POLLIN)
    gone = {fd for fd, _ in poller.poll((PATIENCE_S + 20) * 1000)}
    assert gone, "the daemon has waited long enough"
    assert all(s.recv(1) == b"" for s in idle), "and says nothing to them"
    for s in idle:
        s.close()
    assert quiet.ask("status")["site"]


def test_a_stop_does_not_wait_for_a_client(make_rig):
    rig = make_rig(broker=False)
    with connect(rig) as idle, connect(rig) as slow:
        slow.sendall(b'{"cmd":"limits","all":true}\n' * 5)
        slow.recv(1)
        assert rig.emisd.stop() == 0
        assert idle.recv(1) == b""
    assert not (rig.folder / "ctl.sock").exists()


def test_a_member_of_the_group_may_change_things(make_rig):
    """The group may be the first of a user's groups or another one."""
    groups = {name: grp.getgrnam(name).gr_gid for name in ("games", "daemon")}
    rig = make_rig(broker=False, edit=lambda text: replace_section(
        text, "control", '{ socket = "%s"; admin_group = "games"; }' % (text.split('socket = "')[1].split('"')[0])))
    let_everybody_in(rig)

    def mark(group, *others):
        done = subprocess.run([EMISCTL, "--socket", rig.folder / "ctl.sock", "mark", "DA001", "--kind", "maintenance", "--until",
                               "2026-03-03T00:00:00+08:00"], user=NOBODY, group=group, extra_groups=others, capture_output=True,
                              text=True, timeout=30)
        refused = "is for root and members of the group games; you are nobody" in done.stderr
        assert (done.returncode, refused) in ((0, False), (1, True)), done.stderr
        return done.returncode == 0

    assert mark(groups["games"]), "the first group"
    assert mark(NOBODY, groups["daemon"], groups["games"]), "another group"
    assert not mark(groups["daemon"], NOBODY), "other groups only"
    assert not mark(NOBODY), "no group"
    marks = rig.ask("marks")["marks"]
    assert len(marks) == 2 and {m["who"] for m in marks} == {f"nobody (uid {NOBODY})"}


def test_a_socket_that_cannot_be_made_is_named(quiet, tmp_path):
    path = tmp_path / "none/ctl.sock"
    conf = second(quiet, tmp_path, store=f'{{ path = "{tmp_path}/data"; }}', control=f'{{ socket = "{path}"; }}')
    status, said = start(conf)
    assert status == 1 and f"cannot listen at the control socket {path}: No such file or directory" in said, said


@pytest.mark.parametrize("request_, words", [
    ({"cmd": "marks", "factor": "xx"}, 'there is no factor "xx"'),
    ({"cmd": "limits", "all": True, "argument": "no.such.limit"}, 'no limit "no.such.limit" matches'),
    ({"cmd": "ack", "argument": 5}, 'there is no alarm ""'),
    ({"cmd": "raw", "argument": "nothing"}, 'there is no instrument "nothing"'),
    ({"cmd": "mark", "argument": "DA001", "kind": "fault", "from": "yesterday", "until": "2030-01-01"},
     '--from: "yesterday" is not a moment'),
])
def test_a_refused_request_says_why(quiet, request_, words):
    with connect(quiet) as s:
        s.sendall(json.dumps(request_).encode() + b"\n")
        answer = reply(s.makefile())
    assert answer["ok"] is False and answer["end"] is True and words in answer["error"], answer


# ---- a store whose tables another program took away

def without_table(rig, table):
    with sqlite3.connect(rig.folder / "data/state.db", timeout=30) as db:
        db.execute(f"ALTER TABLE {table} RENAME TO gone")
    db.close()


@pytest.mark.parametrize("table, commands", [
    ("alarm", [["alarms"]]), ("mark", [["marks"]]), ("audit", [["audit"]]), ("outbox", [["outbox"], ["release"]]),
    ("checkpoint", [["identity"]]),
])
def test_what_the_store_cannot_give_is_refused_in_words(make_rig, table, commands):
    rig = make_rig(broker=False)
    for command in commands:
        emisctl(rig, *command)
    without_table(rig, table)
    for command in commands:
        said = emisctl(rig, *command, status=1)
        assert "no such table" in said and table in said, said
    shown = emisctl(rig, "status")
    assert ("The open alarms are not known: the store cannot be read." in shown) == (table == "alarm")
