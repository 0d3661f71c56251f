"""emisctl history prints what the bureau received and what the plant did, with the daemon running and stopped."""

import csv
import io
import json
import os
import shutil
import subprocess

from tests.support.rig import build_dir, wait_for

# emisctl runs the emisd that lies beside it or is on the PATH.
ENVIRONMENT = {**os.environ, "PATH": f"{build_dir() / 'daemon'}:{os.environ['PATH']}"}
EIGHT, NINE = "2026-03-02T08:00:00+08:00", "2026-03-02T09:00:00+08:00"


def history(folder, *arguments):
    return subprocess.run([build_dir() / "cli/emisctl", "history", "--directory", folder, *arguments], capture_output=True,
                          text=True, check=False, env=ENVIRONMENT)


def rows(folder, *arguments):
    done = history(folder, *arguments, "--format", "csv")
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


def check_minutes(minutes):
    """Checks the minutes: 120 mg/m3 until 08:30, then 20, with a calibration of five minutes."""
    assert [m["start"] for m in minutes] == [f"2026-03-02T08:{i:02d}:00+08:00" for i in range(60)]
    values = {i: float(m["value"]) for i, m in enumerate(minutes) if m["value"]}
    assert len(values) >= 45  # on a slow machine a minute may miss readings, so that it is not valid
    assert {v for i, v in values.items() if i < 29} == {120.0}
    assert {v for i, v in values.items() if i > 32} == {20.0}
    # A minute that is not valid has no value; the flag gives the reason.
    assert all((m["valid"] == "1") == (m["value"] != "") for m in minutes)
    assert all((m["value"], m["valid"], m["flag"]) == ("", "0", "C") for m in minutes[41:44])


def test_history_is_what_was(make_rig, tmp_path_factory):
    # A minute counts with 12 of its 15 readings: a faster clock loses more of them on a busy machine, and the hour with them.
    rig = make_rig(scale=60, start="2026-03-02T07:59:00+08:00", poll="4s",
                   plant=["hold so2 120", "+00:31:00 hold so2 20", "+00:41:00 calibrate gas for 5m"])
    raised = wait_for(lambda: rig.bureau.alarms(class_="exceedance", factor="so2", event="raised"), 120, "the alarm")[0]
    data = rig.folder / "data"
    period = ("--from", EIGHT, "--to", NINE)
    hour, = wait_for(lambda: rows(data, "DA001", "so2", "--o2", "16", *period), 10, "the hour")
    assert hour["start"] == raised["period"]["start"] == EIGHT
    assert round(float(hour["value"]), 6) == round(raised["value"], 6)
    assert (int(hour["n_valid"]), int(hour["n_due"])) == (raised["valid"], raised["due"])
    assert hour["valid"] == "1" and float(hour["min"]) < 21 and float(hour["max"]) == 120.0
    check_minutes(rows(data, "DA001", "so2", "--period", "minute", *period))
    readings = rows(data, "DA001", "so2", "--period", "raw", *period)
    assert len(readings) > 700 and {float(r["value"]) for r in readings if r["flag"] == "N"} == {20.0, 120.0}
    assert any(r["flag"] == "C" for r in readings)
    assert [r["at"] for r in readings] == sorted(r["at"] for r in readings)
    # A copy gives the same output with the daemon stopped, in every format.
    assert rig.emisd.stop() == 0
    copy = tmp_path_factory.mktemp("copy") / "data"
    shutil.copytree(data, copy)
    minutes = rows(copy, "DA001", "so2", "--period", "minute", *period)
    check_minutes(minutes)
    assert rows(copy, "DA001", "so2", "--period", "raw", *period) == readings
    told = json.loads(history(copy, "DA001", "so2", "--period", "minute", *period, "--format", "json").stdout)
    assert [t["value"] for t in told] == [float(m["value"]) if m["value"] else None for m in minutes]
    table = history(copy, "DA001", "so2", "--period", "minute", *period).stdout.splitlines()
    assert len(table) == 61 and table[0].split() == list(minutes[0])
    check_refusals(copy)


def check_refusals(folder):
    for arguments, status, words in [
            (["DA009", "so2"], 1, 'no outlet "DA009"; it knows DA001, DA002, DW001'),
            (["DA001", "cod"], 1, 'no "cod" of DA001; it knows'),
            (["DA001", "so2", "--basis", "dry"], 1, "--basis measured, converted --o2 16"),
            (["DA001", "so2", "--o2", "6"], 1, "--basis measured, converted --o2 16"),
            (["DA001"], 2, "an outlet and a factor"),
            (["DA001", "so2", "--period", "week"], 2, '"week" is not a valid value'),
            (["DA001", "so2", "--period", "raw", "--o2", "16"], 2, "are of means"),
            (["DA001", "so2", "--from", "yesterday"], 2, "yesterday")]:
        done = history(folder, *arguments)
        assert (done.returncode, done.stdout) == (status, "") and words in done.stderr, done.stderr


def test_nothing_stored_is_said_plainly(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        done = history(folder, "DA001", "so2")
        assert done.returncode == 1 and str(folder) in done.stderr
    shown = history(tmp_path, "--help")
    assert shown.returncode == 0 and "--period" in shown.stdout
