"""Faults at the start of emisd, and SIGHUP: emisd explains them in a sentence, and the stored data stay as they are."""

import signal
import sqlite3
import subprocess

import pytest

from tests.support.rig import ROOT, build_dir, replace_section, wait_for

EMISD = build_dir() / "daemon/emisd"


def start(conf):
    """(status, messages) of an emisd that ends by itself."""
    done = subprocess.run([EMISD, "--config", conf, "--share", ROOT / "config"], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stderr


def second(quiet, folder, **sections):
    """Another configuration of the same site."""
    text = (quiet.folder / "emisd.conf").read_text(encoding="utf-8")
    for name, value in sections.items():
        text = replace_section(text, name, value)
    (folder / "emisd.conf").write_text(text, encoding="utf-8")
    return folder / "emisd.conf"


@pytest.mark.parametrize("path", ["{data}", "{data}/", "{folder}/./data", "{folder}/link"])
def test_a_second_emisd_on_the_same_store_names_the_first(quiet, tmp_path, path):
    (quiet.folder / "link").unlink(missing_ok=True)
    (quiet.folder / "link").symlink_to(quiet.folder / "data")
    store = path.format(data=quiet.folder / "data", folder=quiet.folder)
    conf = second(quiet, tmp_path, store=f'{{ path = "{store}"; }}', control=f'{{ socket = "{tmp_path}/ctl.sock"; }}')
    status, said = start(conf)
    assert status == 1 and f"is in use by another emisd (pid {quiet.emisd.pid})" in said, said


def test_a_second_emisd_on_the_same_socket_leaves_it_to_the_first(quiet, tmp_path):
    conf = second(quiet, tmp_path, store=f'{{ path = "{tmp_path}/data"; }}')
    status, said = start(conf)
    assert status == 1 and f"another emisd answers at the control socket {quiet.folder}/ctl.sock" in said, said
    assert quiet.ask("status")["site"]


@pytest.mark.parametrize("path, words", [
    ("/proc/emisd", "cannot create /proc/emisd"), ("{folder}/a/b", "cannot create {folder}/a/b: No such file or directory"),
    ("{folder}/emisd.conf", "emisd.conf"),
])
def test_a_store_that_cannot_be_is_named(quiet, tmp_path, path, words):
    conf = second(quiet, tmp_path, store=f'{{ path = "{path.format(folder=tmp_path)}"; }}',
                  control=f'{{ socket = "{tmp_path}/ctl.sock"; }}')
    status, said = start(conf)
    assert status == 1 and words.format(folder=tmp_path) in said, said


def test_a_hang_up_is_answered_and_ends_nothing(quiet):
    quiet.emisd.child.send_signal(signal.SIGHUP)
    wait_for(lambda: "SIGHUP: the configuration is read at the start only" in quiet.emisd.text(), what="the line of the log")
    assert quiet.ask("status")["site"] and quiet.emisd.running()


def test_a_store_that_cannot_be_read_is_the_reason_and_not_the_memory(make_rig):
    rig = make_rig(scale=240, start="2026-03-02T07:50:00+08:00", poll="4s")
    wait_for(lambda: list(rig.folder.glob("data/roll-2026.db")), what="the hours of the year")
    assert rig.emisd.stop() == 0
    db = sqlite3.connect(rig.folder / "data/roll-2026.db", isolation_level=None)
    db.execute("PRAGMA locking_mode=EXCLUSIVE")
    db.execute("BEGIN EXCLUSIVE")
    rig.start_emisd(wait=False)
    wait_for(lambda: not rig.emisd.running(), 60, "the end of emisd")
    db.close()
    assert "roll-2026.db" in rig.emisd.text() and "locked" in rig.emisd.text(), rig.emisd.text()
    assert "out of memory" not in rig.emisd.text()
    rig.start_emisd()


@pytest.mark.parametrize("table, words", [
    ("audit", "cannot read the schema of "), ("mark", "cannot rebuild the open periods from the store: "),
])
def test_a_store_whose_table_is_gone_ends_the_start_with_its_name(make_rig, table, words):
    rig = make_rig(broker=False)
    assert rig.emisd.stop() == 0
    with sqlite3.connect(rig.folder / "data/state.db") as db:
        db.execute(f"ALTER TABLE {table} RENAME TO gone")
    db.close()
    rig.start_emisd(wait=False)
    wait_for(lambda: not rig.emisd.running(), 60, "the end of emisd")
    line = next((line for line in rig.emisd.text().splitlines() if words in line), "")
    assert rig.emisd.child.returncode == 1 and "no such table" in line and table in line, rig.emisd.text()


def test_an_alarm_of_a_point_that_is_no_longer_configured_stays_and_is_named(make_rig):
    rig = make_rig(scale=60, broker=False, start="2026-03-02T08:05:00+08:00", plant=["hold so2 120"], judging="warning_minutes = 1;")
    alarm = wait_for(lambda: [a for a in rig.ask("alarms")["alarms"] if a["factor"] == "so2"], 60, "an alarm")[0]
    assert rig.emisd.stop() == 0
    text = rig.conf.read_text()
    line = next(line for line in text.splitlines() if 'from = "gas.so2"' in line)
    rig.conf.write_text(text.replace(line + "\n", ""))
    rig.start_emisd()
    assert f"alarm {alarm['id']} stays raised: its outlet, factor or limit is no longer configured" in rig.emisd.text()
    assert [a["state"] for a in rig.ask("alarms")["alarms"] if a["id"] == alarm["id"]] == ["raised"]


def test_a_long_time_without_emisd_is_a_gap_and_no_data(make_rig):
    rig = make_rig(scale=60, broker=False)
    wait_for(lambda: rig.point("DA001", "so2")["flag"] == "N", what="a reading")
    assert rig.emisd.stop() == 0
    rig.start = "2026-12-02T07:50:00+08:00"
    rig.start_emisd()
    assert "the periods between are a gap, not data" in rig.emisd.text()
    wait_for(lambda: rig.point("DA001", "so2")["flag"] == "N", what="a reading after it")
    assert not [a for a in rig.ask("alarms")["alarms"] if a["rule"] == "few-minutes"], "no period of the gap is judged"
