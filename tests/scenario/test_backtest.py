"""emisctl backtest: the core judges history, and the tests compare the result with an independent calculation."""

import collections
import csv
import datetime
import json
import random
import statistics
import subprocess

import pytest

from tests.support import oracle
from tests.support.rig import ROOT, build_dir

EMISD = build_dir() / "daemon/emisd"
DATA = ROOT / "tests/data"
STEEL = ["--limits", "ultra-low,special", "--sector", "steel.sinter-head"]
ULTRA_LOW, SPECIAL = "steel.sinter.ultra-low.so2", "steel.sinter.special.so2"


def backtest(path, *arguments, status=0):
    done = subprocess.run([EMISD, "--backtest", "--share", ROOT / "config", *arguments, path], capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == status, done.stderr
    return done


def objects(path, *arguments):
    """{type: [object, ...]} from the output of --json."""
    found = collections.defaultdict(list)
    for line in backtest(path, "--json", *arguments).stdout.splitlines():
        found[json.loads(line)["type"]].append(json.loads(line))
    return found


def moment(text):
    return datetime.datetime.fromisoformat(text)


def random_rows(seed, n_days):
    """Minutes of a plant with outages, calibrations, failures of O2 and bad days; every flag occurs."""
    rng = random.Random(seed)
    start = datetime.datetime(2025, 1, 30, tzinfo=oracle.CHINA)
    level, flag, o2_flag = 20.0, "N", "N"
    for minute in range(n_days * 1440):
        if rng.random() < 1 / 90:
            level = rng.choice([5, 34, 36, 60, 80])
        if rng.random() < 1 / 60:
            flag = rng.choice("NNNNNNNNNNNNFMSDCTB")
        if rng.random() < 1 / 200:
            o2_flag = rng.choice("NNNNNC")
        yield {"time": start + datetime.timedelta(minutes=minute), "so2": round(rng.gauss(level, 2), 3), "so2.flag": flag,
               "o2": 21.0 if rng.random() < 0.002 else round(rng.gauss(15.5, 0.4), 2), "o2.flag": o2_flag}


def random_water(seed, n_days):
    """Values every ten minutes from the outlet of a treatment works: the flow stops at times, instruments fail, some days
    are bad."""
    rng = random.Random(seed)
    start = datetime.datetime(2025, 1, 30, tzinfo=oracle.CHINA)
    cod, ph, flow, flags = 30.0, 7.5, 100.0, {"cod": "N", "ph": "N", "flow": "N"}
    for tenth in range(n_days * 144):
        if tenth % 144 == 0:
            cod, ph, failing = rng.choice([30, 48, 52, 70]), rng.choice([5.8, 7.5, 9.1]), rng.choice([0.02, 0.02, 0.1])
        if rng.random() < 1 / 12:
            flow = rng.choice([0, 40, 100, 100, 250])
        for factor in flags:
            flags[factor] = rng.choice("FMSDCTB") if rng.random() < failing else "N"
        yield {"time": start + datetime.timedelta(minutes=10 * tenth), "cod": round(rng.gauss(cod, 4), 1),
               "ph": round(rng.gauss(ph, 0.2), 2), "flow": max(0, round(rng.gauss(flow, 5), 2)) if flow else 0,
               **{f"{factor}.flag": flag for factor, flag in flags.items()}}


def write(path, rows):
    rows = [{**row, "time": row["time"].isoformat()} for row in rows]
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def means_of(found, basis, period, factor="so2"):
    return {moment(m["start"]): m for m in found["mean"]
            if (m["factor"], m["basis"], m["period"]) == (factor, basis, period)}


def check_means(found, expected, basis, period, factor="so2"):
    got = means_of(found, basis, period, factor)
    assert set(got) == set(expected)
    for start, (value, n_valid, flag) in expected.items():
        mean = got[start]
        assert oracle.same(mean["value"], value), (factor, basis, period, start, mean, value)
        assert (mean["n_valid"], mean["flag"], mean["valid"]) == (n_valid, flag, value is not None), (factor, start, mean)


def exceedances(found, limit):
    return [moment(e["start"]) for e in found["event"]
            if (e["limit"], e["rule"]) == (limit, "period-mean") and e["event"] != "cleared"]


def check_judged(found, key, means, told):
    """Checks the numbers in the summary of a limit, and that the reported exceedances are those of the oracle."""
    summary = next(line for line in found["limit"] if line["key"] == key)
    judged = [value for value, _, _ in means.values() if value is not None]
    assert exceedances(found, key) == told
    assert (summary["judged"], summary["over"]) == (len(judged), len(told))


@pytest.mark.parametrize("seed", range(4))
def test_random_days_are_what_an_oracle_says(tmp_path, seed):
    print("seed", seed)
    rows = list(random_rows(seed, 3))
    write(tmp_path / "days.csv", rows)
    found = objects(tmp_path / "days.csv", *STEEL, "--means", "hour")
    measured = oracle.measured(rows, "so2")
    converted = oracle.convert(measured, oracle.measured(rows, "o2"), 16.0)
    hours = oracle.hours(converted)
    check_means(found, oracle.hours(measured), "measured", "hour")
    check_means(found, hours, "converted", "hour")
    check_means(found, oracle.days(oracle.hours(measured)), "measured", "day")
    check_means(found, oracle.days(hours), "converted", "day")
    for key, limit in ((ULTRA_LOW, 35.0), (SPECIAL, 180.0)):
        check_judged(found, key, hours, oracle.over(hours, limit))
    assert len(oracle.over(hours, 35.0)) > 3, "the days are bad enough to prove something"
    budgets = {b["month"]: (b["judged"], b["over"], b["kept"]) for b in found["budget"] if b["key"] == ULTRA_LOW}
    assert budgets == {f"{month:%Y-%m}": share for month, share in oracle.shares(hours, 35.0).items() if share[0]}
    assert len(budgets) == 2


@pytest.mark.parametrize("seed", range(4))
def test_random_days_of_water_are_what_an_oracle_says(tmp_path, seed):
    print("seed", seed)
    rows = list(random_water(seed, 12))
    write(tmp_path / "days.csv", rows)
    found = objects(tmp_path / "days.csv", "--limits", "general", "--sector", "wwtp.1a", "--means", "hour")
    flow, cod, ph = (oracle.measured(rows, factor) for factor in ("flow", "cod", "ph"))
    alike = {row["time"]: 1.0 for row in rows}
    flow_hours, ph_hours = oracle.water_hours(flow, alike), oracle.water_hours(ph, alike)
    cod_hours = oracle.water_hours(cod, oracle.volumes(flow, 600))
    hour_m3 = oracle.volumes([(start, *mean[::2]) for start, mean in flow_hours.items()], 3600)
    ph_days, cod_days = oracle.water_days(ph_hours, alike), oracle.water_days(cod_hours, hour_m3)
    for factor, hours, days in (("flow", flow_hours, oracle.water_days(flow_hours, alike)), ("ph", ph_hours, ph_days),
                                ("cod", cod_hours, cod_days)):
        check_means(found, hours, "measured", "hour", factor)
        check_means(found, days, "measured", "day", factor)
    hour_kg = {start: None if mean is None or hour_m3[start] is None else mean * hour_m3[start] / 1000
               for start, (mean, _, _) in cod_hours.items()}
    for factor, amounts in (("flow", hour_m3), ("cod", hour_kg)):
        for period, expected in (("hour", amounts), ("day", oracle.day_sums(amounts))):
            got = means_of(found, "measured", period, factor)
            assert all(oracle.same(got[start]["amount"], amount) for start, amount in expected.items()), (factor, period)
    check_judged(found, "wwtp.1a.general.cod", cod_days, oracle.over(cod_days, 50.0))
    check_judged(found, "wwtp.1a.general.ph-daily", ph_days, oracle.over(ph_days, 9.0, 6.0))
    assert 0 < sum(mean is None for mean, _, _ in cod_days.values()) < 12, "days that count, and days that do not"
    assert oracle.over(cod_days, 50.0) and oracle.over(ph_days, 9.0, 6.0)


def test_averaging_first_is_judged_by_the_hour_s_oxygen(tmp_path):
    rows = list(random_rows(11, 1))
    write(tmp_path / "day.csv", rows)
    found = objects(tmp_path / "day.csv", *STEEL, "--means", "hour", "--order", "average-first")
    so2, o2 = (oracle.hours(oracle.measured(rows, f)) for f in ("so2", "o2"))
    expected = {start: None if so2[start][0] is None or o2[start][0] is None or o2[start][0] >= 21
                else so2[start][0] * 5.0 / (21.0 - o2[start][0]) for start in so2}
    got = means_of(found, "converted", "hour")
    assert set(got) == set(expected) and all(oracle.same(got[s]["value"], expected[s]) for s in expected)


def test_rows_finer_and_coarser_than_a_minute_say_the_same(tmp_path):
    """The same hour with rows every 5 s, every 10 s, every minute, and as one row."""
    values = {}
    for seconds in (5, 10, 60, 3600):
        path = tmp_path / f"{seconds}.csv"
        lines = [f"2026-03-02T{8 + s // 3600:02}:{s // 60 % 60:02}:{s % 60:02},20,15" for s in range(0, 7200, seconds)]
        path.write_text("\n".join(["time,so2,o2", *lines]) + "\n")
        values[seconds] = [(m["value"], m["n_valid"]) for m in objects(path, *STEEL, "--means", "hour")["mean"]]
    assert values[5] == values[10] == values[60] == values[3600] and len(values[5]) == 6  # so2 both ways and o2, two hours


def test_a_gap_is_a_gap(tmp_path):
    rows = [row for row in random_rows(1, 1) if not 300 <= row["time"].hour * 60 + row["time"].minute < 330]
    for row in rows:
        row["so2.flag"] = row["o2.flag"] = "N"
    write(tmp_path / "gap.csv", rows)
    hours = means_of(objects(tmp_path / "gap.csv", *STEEL, "--means", "hour"), "measured", "hour")
    assert len(hours) == 24 and [(start.hour, m["n_valid"]) for start, m in hours.items() if not m["valid"]] == [(5, 30)]


def test_limits_are_those_of_the_data_s_date(tmp_path):
    """GB 28662: the measured value is judged until January 2021, and the value at 16 % oxygen after that."""
    lines = ["time,so2,o2"]
    for day in ("2019-06-12", "2021-06-12"):
        lines += [f"{day}T{hour:02}:00,{160},{18.5}" for hour in range(24)]
    (tmp_path / "years.csv").write_text("\n".join(lines) + "\n")
    found = objects(tmp_path / "years.csv", *STEEL, "--interval", "1h")
    over = collections.Counter((e["start"][:4], e["limit"]) for e in found["event"]
                               if e["rule"] == "period-mean" and e["event"] != "cleared" and e["factor"] == "so2")
    # 160 as measured is below 180; converted to 16 % it is 320. The ultra-low limit is in force since April 2019.
    assert over == {("2019", ULTRA_LOW): 24, ("2021", ULTRA_LOW): 24, ("2021", SPECIAL): 24}


def test_a_gas_turbine_s_year():
    """7411 operating hours of a real turbine, taken as hours of 2019. The expected numbers are counted from the file."""
    with open(DATA / "gas-turbine-2011.csv", encoding="utf-8") as file:
        nox = [float(row["nox_mg_m3"]) for row in csv.DictReader(file)]
    found = objects(DATA / "gas-turbine-2011.csv", "--limits", "special", "--sector", "power.gas-turbine", "--column",
                    "nox=nox_mg_m3", "--column", "co=co_mg_m3", "--set", "o2=15", "--start", "2019-01-01T00:00:00+08:00",
                    "--interval", "1h", "--means", "hour")
    summary = found["limit"][0]
    assert summary["key"] == "power.gas-turbine.special.nox" and summary["citable"] is False
    assert summary["judged"] == len(nox) == 7411
    assert summary["over"] == sum(value > 50.0 for value in nox) == 7311
    exceeded = [e for e in found["event"] if e["rule"] == "period-mean" and e["event"] != "cleared"]
    assert {e["class"] for e in exceeded} == {"unconfirmed"} and len(exceeded) == 7311
    hours, days, months = ([m["value"] for m in means_of(found, "converted", period, "nox").values()]
                           for period in ("hour", "day", "month"))
    assert len(hours) >= len(nox) and all(oracle.same(mean, value) for mean, value in zip(hours, nox))
    assert oracle.same(days[3], statistics.fmean(nox[72:96]))
    assert oracle.same(months[0], statistics.fmean(statistics.fmean(nox[24 * d:24 * d + 24]) for d in range(31)))


def test_a_wastewater_works_year():
    """300 days of a real treatment works, taken as days of 2010, judged by grade 1A. The expected numbers are counted from
    the file."""
    with open(DATA / "wwtp-1990.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = {"cod": "effluent_cod_mg_l", "bod5": "effluent_bod_mg_l", "ss": "effluent_ss_mg_l", "ph": "effluent_ph"}
    names = [word for factor, column in columns.items() for word in ("--column", f"{factor}={column}")]
    found = objects(DATA / "wwtp-1990.csv", "--limits", "general", "--sector", "wwtp.1a", *names, "--start",
                    "2010-01-01T00:00:00+08:00", "--interval", "24h", "--means", "day")
    limits = {"cod": (50.0, "wwtp.1a.general.cod"), "bod5": (10.0, "wwtp.1a.general.bod5"), "ss": (10.0, "wwtp.1a.general.ss")}
    for factor, (limit, key) in limits.items():
        values = [float(row[columns[factor]]) for row in rows if row[columns[factor]]]
        summary = next(line for line in found["limit"] if line["key"] == key)
        assert (summary["judged"], summary["over"]) == (len(values), sum(value > limit for value in values)), factor
    assert 0 < sum(not row["effluent_cod_mg_l"] for row in rows)
    ph = [float(row["effluent_ph"]) for row in rows if row["effluent_ph"]]
    summary = next(line for line in found["limit"] if line["key"] == "wwtp.1a.general.ph-daily")
    assert (summary["judged"], summary["over"]) == (len(ph), sum(not 6 <= value <= 9 for value in ph))
    # Table 4 is in force since 2026 and does not apply to 2010.
    assert next(line for line in found["limit"] if line["key"] == "wwtp.1a.general.ph.instant")["judged"] == 0


def test_the_built_date_chooses_the_phosphorus_limit(tmp_path):
    (tmp_path / "tp.csv").write_text("time,tp\n" + "".join(f"2024-01-{d:02},0.8\n" for d in range(1, 11)))
    for built, over in (("2010-01-01", ["wwtp.1a.general.tp"]), ("2001-01-01", []), (None, ["wwtp.1a.general.tp"])):
        options = ["--built", built] if built else []
        found = objects(tmp_path / "tp.csv", "--limits", "general", "--sector", "wwtp.1a", *options)
        assert [line["key"] for line in found["limit"] if line["over"]] == over, built


def test_the_text_form_tells_the_story(tmp_path):
    write(tmp_path / "day.csv", random_rows(2, 1))
    text = backtest(tmp_path / "day.csv", *STEEL).stdout
    assert "exceedance  raised    so2      period-mean" in text and "环大气〔2019〕35号" in text
    assert "steel.sinter.ultra-low.so2" in text and "95 % are asked for (month not over)" in text


@pytest.mark.parametrize("text, words", [
    ("", "the file is empty"),
    ("so2,o2\n1,2\n", 'no column "time"'),
    ("time,what\n2026-01-01,1\n", "no column has the name of a factor"),
    ("time,so2,o2\n", "no row after the head"),
    ("time,so2,o2\n2026-01-01T00:00,1\n", "file.csv:2: 2 cells, expected 3 as in the first line"),
    ("time,so2,o2\nyesterday,1,2\n", 'file.csv:2: column 1 (time): a time reads 2026-03-02T08:00:00+08:00'),
    ("time,so2,o2\n2026-01-01T00:00,abc,2\n", 'file.csv:2: column 2 (so2): a value is a decimal number or empty, found "abc"'),
    ("time,so2,o2\n2026-01-01T00:00,nan,2\n", 'found "nan"'),
    ("time,so2,so2.flag,o2\n2026-01-01T00:00,1,X,2\n", 'one of N F M S D C T B, found "X"'),
    ("time,so2,o2\n2026-01-01T00:01,1,2\n2026-01-01T00:00,1,2\n", "file.csv:3: the time is not after"),
    ("time,so2,o2\n2026-01-01T00:00,1,2\n2026-01-03T00:00,1,2\n", "whole minutes up to an hour"),
    ("time,so2\n2026-01-01T00:00,1\n2026-01-01T00:01,1\n", "needs a column o2, or --set o2=VALUE"),
    ("time,cod,so2\n2026-01-01T00:00,1,2\n", "of another medium"),
], ids=lambda value: value[:24].replace("\n", " "))
def test_bad_files_are_refused_with_a_sentence(tmp_path, text, words):
    (tmp_path / "file.csv").write_text(text)
    done = backtest(tmp_path / "file.csv", *STEEL, status=1)
    assert words in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments, words", [
    ([], "are needed"),
    (["--limits", "strict", "--sector", "x"], "expected ultra-low, special"),
    (["--limits", "special", "--sector", "x", "--set", "o2"], "expected KEY=NUMBER"),
    (["--limits", "special", "--sector", "x", "--start", "2026-01-01"], "--start needs --interval"),
    (["--limits", "special", "--sector", "x", "--rounding", "up"], "expected none or half-even"),
])
def test_wrong_usage(tmp_path, arguments, words):
    (tmp_path / "file.csv").write_text("time,so2\n")
    assert words in backtest(tmp_path / "file.csv", *arguments, status=2).stderr


def test_a_sector_without_limits_is_no_silent_success(tmp_path):
    write(tmp_path / "day.csv", random_rows(2, 1))
    done = backtest(tmp_path / "day.csv", "--limits", "special", "--sector", "bakery", status=1)
    assert 'no limit of the catalogue applies to the sector "bakery"' in done.stderr


def test_gas_volume_per_tonne_is_refused_with_a_reason(tmp_path):
    (tmp_path / "r.csv").write_text("time,nmhc\n2026-01-01T00:00,1\n2026-01-01T01:00,1\n")
    done = backtest(tmp_path / "r.csv", "--limits", "general", "--sector", "rubber.mixing-curing", status=1)
    assert "2000 m3 of exhaust per tonne of product" in done.stderr


def test_emisctl_hands_over(tmp_path):
    """emisctl runs the emisd that lies beside it."""
    (tmp_path / "emisctl").write_bytes((build_dir() / "cli/emisctl").read_bytes())
    (tmp_path / "emisctl").chmod(0o755)
    (tmp_path / "emisd").symlink_to(EMISD)
    done = subprocess.run([tmp_path / "emisctl", "backtest", "--help"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and "Usage: emisctl backtest" in done.stdout
