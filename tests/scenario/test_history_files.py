"""Files of history as users have them: emisctl backtest reads them correctly or refuses them with a sentence.

Each test is a case from the field together with similar cases.
"""

import json
import os
import subprocess

import pytest

from tests.fault.preload import environment
from tests.support.rig import ROOT, build_dir

EMISD = build_dir() / "daemon/emisd"
STEEL = ["--limits", "ultra-low", "--sector", "steel.sinter-head"]
WORKS = ["--limits", "general", "--sector", "wwtp.1a"]


def run(path, *arguments, env=None):
    return subprocess.run([EMISD, "--backtest", "--share", ROOT / "config", *arguments, path], capture_output=True, text=True,
                          timeout=60, env=env)


def judged(path, *arguments):
    """The objects of --json by type; any output on stderr is a failure."""
    done = run(path, "--json", *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    found = {}
    for line in done.stdout.splitlines():
        found.setdefault(json.loads(line)["type"], []).append(json.loads(line))
    return found


def refused(path, *arguments):
    """The sentence that refuses the file; there must be exactly one sentence and no verdict."""
    done = run(path, *arguments)
    assert done.returncode == 1 and "judged" not in done.stdout, done.stdout
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("emisctl backtest: "), done.stderr
    return done.stderr


def minutes(first, last, value="20,16", hour=8):
    return [f"2026-03-02T{hour + m // 60:02}:{m % 60:02}:00,{value}" for m in range(first, last)]


def write(path, lines, head="time,so2,o2"):
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


def hours(found, factor="so2", basis="measured"):
    return {m["start"][11:13]: m for m in found["mean"] if (m["factor"], m["basis"], m["period"]) == (factor, basis, "hour")}


@pytest.mark.parametrize("lines", [
    minutes(0, 1) + minutes(30, 180) + minutes(180, 240, "60,16"),
    minutes(0, 2) + minutes(30, 180) + minutes(180, 240, "60,16"),
    minutes(0, 1) + minutes(7, 180) + minutes(180, 240, "60,16"),
], ids=["after one row", "after two rows", "of seven minutes"])
def test_a_gap_at_the_start_is_not_the_interval(tmp_path, lines):
    found = judged(write(tmp_path / "gap.csv", lines), *STEEL, "--means", "hour")
    by_hour = hours(found)
    rows = sum(":" in line and line[11:13] == "08" for line in lines)
    assert by_hour["08"]["n_valid"] == rows and by_hour["08"]["valid"] == (rows >= 45)
    assert (by_hour["11"]["value"], by_hour["11"]["n_valid"]) == (60.0, 60)
    assert found["file"][0]["interval_s"] == 60


def test_the_interval_is_printed_and_may_be_given(tmp_path):
    path = write(tmp_path / "hours.csv", [f"2026-03-02T{h:02}:00,20,16" for h in (8, 11, 14, 15)])
    assert "a row stands for 10800 s" in refused(path, *STEEL)  # the most frequent distance is three hours, too long for gas
    assert judged(path, *STEEL, "--interval", "1h")["limit"][0]["judged"] == 4


@pytest.mark.parametrize("lines, arguments", [
    (minutes(0, 60) + ["2026-03-02T08:59:30,900,16"], []),
    (minutes(0, 60), ["--interval", "2min"]),
    (["2026-03-02T08:00:00,20,16", "2026-03-02T08:00:05,20,16", *minutes(1, 60)], []),
], ids=["at the end", "given", "at the start"])
def test_rows_that_come_closer_than_the_interval_are_refused(tmp_path, lines, arguments):
    sentence = refused(write(tmp_path / "close.csv", lines), *STEEL, *arguments)
    assert "s after the row before, but a row stands for" in sentence


@pytest.mark.parametrize("head, row, words", [
    ("time,so2,so2,o2", "2026-03-02T08:00,20,80,16", 'csv:1: column 2: the file has more than one column for "so2"'),
    ("time,so2,o2,time", "2026-03-02T08:00,20,16,2026-03-02T13:00", 'more than one column for "time"'),
    ("time,so2,flag,o2,flag", "2026-03-02T08:00,20,N,16,C", 'more than one column for "flag"'),
    ("time,so2,so2.flag,so2.flag,o2", "2026-03-02T08:00,20,N,C,16", 'more than one column for "so2.flag"'),
    ("time,nox.flag,so2,o2", "2026-03-02T08:00,N,20,16", '"nox.flag" has no column "nox" beside it'),
])
def test_two_columns_for_one_thing(tmp_path, head, row, words):
    assert words in refused(write(tmp_path / "f.csv", [row], head), *STEEL, "--interval", "1min")


def test_two_columns_by_another_name(tmp_path):
    path = write(tmp_path / "f.csv", ["2026-03-02T08:00,20,80,16"], "time,so2,SO2,o2")
    assert 'more than one column for "so2"' in refused(path, *STEEL, "--interval", "1min", "--column", "so2=SO2")


@pytest.mark.parametrize("extra", [62, 71, 900])
def test_more_columns_than_can_be_read(tmp_path, extra):
    names = "".join(f",c{i}" for i in range(extra))
    path = write(tmp_path / "wide.csv", [line + ",1" * extra + ",900" for line in minutes(0, 60)], f"time,so2,o2{names},nox")
    assert f"wide.csv:1: {extra + 4} columns; at most 64 can be read" in refused(path, *STEEL)


def test_as_many_columns_as_can_be_read(tmp_path):
    names = "".join(f",c{i}" for i in range(60))
    path = write(tmp_path / "wide.csv", [line + ",1" * 60 + ",900" for line in minutes(0, 60)], f"time,so2,o2{names},nox")
    found = judged(path, *STEEL)
    assert any(e["factor"] == "nox" and e["class"] == "exceedance" for e in found["event"])
    assert found["file"][0]["unused_columns"].startswith("c0, c1, ")


@pytest.mark.parametrize("cells", [1, 2, 4, 66])
def test_rows_have_as_many_cells_as_the_head(tmp_path, cells):
    path = write(tmp_path / "f.csv", [*minutes(0, 2), "2026-03-02T08:02:00" + ",1" * (cells - 1)])
    assert f"f.csv:4: {cells} cells, expected 3 as in the first line" in refused(path, *STEEL)


@pytest.mark.parametrize("column, words", [
    ("nox=NOx", 'csv:1: there is no column "NOx" for --column nox=NOx; the columns are time, so2, o2'),
    ("time=Zeit", 'there is no column "Zeit"'),
    ("so3=o2", '"so3" is not in factors.conf'),
    ("so3.flag=o2", '"so3" is not in factors.conf'),
])
def test_a_named_column_has_to_be_there(tmp_path, column, words):
    assert words in refused(write(tmp_path / "f.csv", minutes(0, 60)), *STEEL, "--column", column)


@pytest.mark.parametrize("value", ["0x1F", "1 234", "inf", "nan", "NULL", "--", "20 mg", "1e999", "+", "1.2.3", "٣"])
def test_a_value_is_a_decimal_number(tmp_path, value):
    lines = minutes(0, 60)
    lines[30] = f"2026-03-02T08:30:00,{value},16"
    sentence = refused(write(tmp_path / "f.csv", lines), *STEEL)
    assert f'f.csv:32: column 2 (so2): a value is a decimal number or empty, found "{value}"' in sentence
    assert "30 rows before it were read" in sentence


@pytest.mark.parametrize("damage, words", [
    (b"2\x000", "csv:32: byte 22 of the line: the file holds a zero byte"),
    (b"\xc9\xd5", "csv:32: byte 21 of the line: the file is not UTF-8, perhaps GBK"),
    (b'"20', "csv:32: a quote that begins here is not closed"),
    (b'2"0"', "csv:32: cell 2: a quote belongs at both ends of a cell"),
])
def test_damaged_lines(tmp_path, damage, words):
    lines = [line.encode() for line in minutes(0, 60)]
    lines[30] = b"2026-03-02T08:30:00," + damage + b",16"
    (tmp_path / "f.csv").write_bytes(b"\n".join([b"time,so2,o2", *lines]) + b"\n")
    assert words in refused(tmp_path / "f.csv", *STEEL)


@pytest.mark.parametrize("at", [0, 40, 700, 1000, 1011])
@pytest.mark.parametrize("arguments", [[], ["--interval", "1min"]], ids=["two passes", "one pass"])
def test_a_read_error_is_not_the_end_of_the_file(tmp_path, at, arguments):
    path = write(tmp_path / "f.csv", minutes(0, 60))
    done = run(path, *STEEL, *arguments, env=environment(EMISD, "read_error.so", READ_ERROR_AT=at))
    assert done.returncode == 1 and "cannot be read: Input/output error" in done.stderr
    assert "judged" not in done.stdout


def test_a_folder_is_no_file(tmp_path):
    assert "Is a directory" in refused(tmp_path, *STEEL)


def test_the_last_hour_is_judged_by_what_is_there(tmp_path):
    found = judged(write(tmp_path / "f.csv", minutes(0, 30) + minutes(30, 59, "60,16")), *STEEL, "--means", "hour")
    assert hours(found)["08"]["n_valid"] == 59
    assert [e["event"] for e in found["event"] if e["class"] == "exceedance"] == ["raised"]
    assert found["limit"][0]["judged"] == 1 and found["file"][0]["last_cut_short"] is True
    assert not [e for e in found["event"] if e["class"] == "condition"]  # no condition no-data at the end of the file


def test_an_hour_with_too_little_in_it_is_not_judged(tmp_path):
    done = run(write(tmp_path / "f.csv", minutes(0, 44, "60,16")), *STEEL)
    assert done.returncode == 0 and "nan" not in done.stdout
    summary = next(line for line in done.stdout.splitlines() if line.startswith("steel.sinter.ultra-low.so2 "))
    assert summary.split()[3:7] == ["0", "0", "0", "-"]
    assert "the file ends within a period" in done.stdout


def test_the_last_day_of_water_is_judged_by_what_is_there(tmp_path):
    lines = [f"2026-03-02T{h:02}:00,60" for h in range(23)]
    found = judged(write(tmp_path / "f.csv", lines, "time,cod"), *WORKS)
    cod = next(line for line in found["limit"] if line["key"] == "wwtp.1a.general.cod")
    assert (cod["judged"], cod["over"]) == (1, 1)


def test_what_is_left_open_is_said(tmp_path):
    done = run(write(tmp_path / "f.csv", minutes(0, 60)), *STEEL)
    assert "the day that begins 2026-03-02T00:00 is not over and not judged" in done.stdout
    assert "60 rows read, 60 used, 0 refused: 2026-03-02T08:00 to 2026-03-02T09:00, a row stands for 60 s" in done.stdout


@pytest.mark.parametrize("text", [
    '"time","so2","o2"\n' + "".join(f'"2026-03-02T08:{m:02}:00","40","16"\n' for m in range(60)),
    "time;so2;o2\n" + "".join(f"2026-03-02T08:{m:02}:00;40,0;16\n" for m in range(60)),
    "time;so2;o2\n" + "".join(f"2026-03-02T08:{m:02}:00;40.0;16\n" for m in range(60)),
    "time\tso2\to2\n" + "".join(f"2026-03-02T08:{m:02}:00\t40\t16\n" for m in range(60)),
    'time,"so2","o2","a ""quoted"", name\nof two lines"\n' + "".join(f'2026-03-02T08:{m:02}:00,40,16,"x,\ny"\n' for m in range(60)),
    "﻿time,so2,o2\r\n" + "".join(f"2026-03-02T08:{m:02}:00,40,16\r\n" for m in range(60)) + "\r\n\r\n",
], ids=["quoted", "semicolon and comma", "semicolon and point", "tab", "quotes over lines", "BOM and CRLF"])
def test_ways_to_write_the_same_file(tmp_path, text):
    (tmp_path / "f.csv").write_bytes(text.encode())
    found = judged(tmp_path / "f.csv", *STEEL, "--means", "hour")
    assert (hours(found)["08"]["value"], hours(found)["08"]["n_valid"]) == (40.0, 60)


@pytest.mark.parametrize("data, words", [
    ("Time,SO2,O2\n2026-03-02T08:00,20,16\n".encode(), 'no column "time", found Time, SO2, O2; --column time=Time names it'),
    ("时间,so2,o2\n2026-03-02T08:00,20,16\n".encode(), "found 时间, so2, o2"),
    ("时间,二氧化硫,含氧量\n2026-03-02T08:00,20,16\n".encode("gbk"), "perhaps GBK: save it as UTF-8"),
    ("time,so2,o2\n2026-03-02T08:00,20,16\n".encode("utf-16"), "UTF-16"),
    ("time,so2,o2\n2026-03-02T08:00,20,16\n".encode("utf-16-le"), "UTF-16"),
    ("time,so2,o2\n2026-03-02T08:00,20,16\n".encode("utf-16-be"), "UTF-16"),
    (b"time,SO_2,oxygen\n2026-03-02T08:00,20,16\n", "found time, SO_2, oxygen; --column so2=NAME"),
])
def test_heads_that_are_not_understood_are_shown(tmp_path, data, words):
    (tmp_path / "f.csv").write_bytes(data)
    assert words in refused(tmp_path / "f.csv", *STEEL)


@pytest.mark.parametrize("form", [
    "2026-03-02T{h:02}:{m:02}:00.000Z", "2026-03-02T{h:02}:{m:02}:00Z", "2026-03-02 {h:02}:{m:02}Z",
    "2026-03-02T{l:02}:{m:02}:00+0800", "2026-03-02T{l:02}:{m:02}:00.5+08:00", "2026-03-02 {l:02}:{m:02}:00 +08",
    "20260302{l:02}{m:02}00", "20260302{l:02}{m:02}00.000", "2026/3/2 {l}:{m:02}", "2026/03/02 {l:02}:{m:02}:00",
    "20260302T{l:02}{m:02}00+0800", "2026-03-02 {l:>2}:{m:02}:00", "20260302 {l:02}:{m:02}:00",
])
def test_forms_of_time(tmp_path, form):
    lines = [form.format(h=m // 60, l=8 + m // 60, m=m % 60) + ",20,16" for m in range(60)]
    found = judged(write(tmp_path / "f.csv", lines), *STEEL, "--means", "hour")
    assert list(hours(found)) == ["08"] and hours(found)["08"]["n_valid"] == 60


@pytest.mark.parametrize("time", ["02/03/2026 08:00", "2026-02-30T08:00", "2026-03-02T24:01", "46083.33", "2026-03-02T08:00:61",
                                  "2026-03-02T08:00+25:00", "2026-3", "20260302080", "8:00", "", "2026-03-02T08:00:00 MEZ"])
def test_what_is_not_a_time(tmp_path, time):
    sentence = refused(write(tmp_path / "f.csv", [*minutes(0, 2), f"{time},20,16"]), *STEEL)
    assert "f.csv:4: column 1 (time): a time reads 2026-03-02T08:00:00+08:00" in sentence and f'found "{time}"' in sentence


def test_stamps_of_the_end(tmp_path):
    lines = minutes(1, 61)  # 08:01 stands for the minute that begins 08:00
    found = judged(write(tmp_path / "f.csv", lines), *STEEL, "--means", "hour", "--stamp", "end")
    assert list(hours(found)) == ["08"] and hours(found)["08"]["n_valid"] == 60
    assert found["file"][0]["first"][11:16] == "08:00" and found["file"][0]["last_cut_short"] is False


def test_a_pipe_cannot_be_read_twice(tmp_path):
    os.mkfifo(tmp_path / "f.csv")
    writer = subprocess.Popen(["/bin/sh", "-c", f"printf 'time,so2,o2\\n{minutes(0, 1)[0]}\\n{minutes(1, 2)[0]}\\n' > {tmp_path}/f.csv"])
    assert "cannot be read twice; --interval says how long a row stands" in refused(tmp_path / "f.csv", *STEEL)
    writer.wait(timeout=20)


# ---- impossible values, and means equal to their limit ----

def water(*rows):
    """Rows every ten minutes, from pairs (cod, flow)."""
    return [f"2026-03-02T{i // 6:02}:{i % 6}0,{cod},{flow}" for i, (cod, flow) in enumerate(rows)]


def test_water_that_flows_backwards_weighs_nothing(tmp_path):
    path = write(tmp_path / "f.csv", water(*([(20, 100)] * 132 + [(80, -5)] * 12)), "time,cod,flow")
    day = next(m for m in judged(path, *WORKS, "--means", "day")["mean"] if (m["factor"], m["period"]) == ("cod", "day"))
    assert (day["value"], day["n_valid"], day["flag"]) == (20.0, 22, "D")


@pytest.mark.parametrize("lines, head, arguments", [
    ([f"2026-03-{d:02},10,394.641204" for d in range(1, 4)], "time,bod5,flow", [*WORKS, "--interval", "24h"]),
    (minutes(0, 60, "4.9,20.3"), "time,so2,o2", STEEL),
    (minutes(0, 60, "0.07,20.99"), "time,so2,o2", STEEL),
    (minutes(0, 30, "34.9,16") + minutes(30, 60, "35.1,16"), "time,so2,o2", STEEL),
])
def test_equal_is_not_beyond(tmp_path, lines, head, arguments):
    found = judged(write(tmp_path / "f.csv", lines, head), *arguments)
    assert not [e for e in found.get("event", []) if e["class"] == "exceedance"]
    assert sum(limit["over"] for limit in found["limit"]) == 0 < sum(limit["judged"] for limit in found["limit"])


@pytest.mark.parametrize("value, rounding, over", [
    ("35.4", "half-even", 0), ("35.5", "half-even", 1), ("35.4", "none", 1), ("36.5", "half-even", 1), ("35.005", "none", 1),
])
def test_the_methods_of_gb_t_8170(tmp_path, value, rounding, over):
    found = judged(write(tmp_path / "f.csv", minutes(0, 60, f"{value},16")), *STEEL, "--rounding", rounding)
    assert found["limit"][0]["over"] == over


def test_nothing_is_certain_that_later_values_can_undo(tmp_path):
    lines = minutes(0, 36, "60,16") + minutes(36, 60, "-5,16")
    for arguments in ([], ["--least", "so2=-10"]):
        found = judged(write(tmp_path / "f.csv", lines), *STEEL, *arguments)
        assert "certain" not in {e["rule"] for e in found["event"]} and found["limit"][0]["over"] == 0
    # With a least value of 0 the values of -5 are not valid, and 36 minutes do not make a valid hour: nothing was judged.
    found = judged(tmp_path / "f.csv", *STEEL, "--least", "so2=0")
    assert "certain" in {e["rule"] for e in found["event"]} and found["limit"][0]["judged"] == 0


@pytest.mark.parametrize("o2, value", [("-0.4", 25.0), ("-0.6", None), ("-5", None)])
def test_oxygen_below_none_converts_nothing(tmp_path, o2, value):
    found = judged(write(tmp_path / "f.csv", minutes(0, 60, f"105,{o2}")), *STEEL, "--means", "hour")
    assert hours(found, basis="converted")["08"]["value"] == value


def test_a_misspelt_sector_gets_the_nearest(tmp_path):
    path = write(tmp_path / "f.csv", minutes(0, 60))
    sentence = refused(path, "--limits", "ultra-low", "--sector", "steel.sinterhead")
    assert 'did you mean "steel.sinter-head"?' in sentence
    done = run(path, "--limits", "ultralow", "--sector", "steel.sinter-head")
    assert done.returncode == 2 and 'did you mean "ultra-low"?' in done.stderr
