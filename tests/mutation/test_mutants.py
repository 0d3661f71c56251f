"""Deliberate one-line faults in the regulation core: the unit tests have to find each of them.

The core and its unit tests are built in a separate folder; a mutant is one changed line of one file. If the original line no
longer exists, the test fails too, so that a mutant is never lost unnoticed.
"""

import concurrent.futures
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = ["alarms", "conditions", "convert", "limits", "mean", "physical", "pipeline", "projection",
         "warnings"]
FLAGS = ["-std=c17", "-O1", "-D_GNU_SOURCE"]

# file, line, the line that replaces it, the rule that is broken
MUTANTS = [
    ("core/judge.c", "number > limit->max ||", "number >= limit->max ||", "a mean equal to the limit holds it"),
    ("core/mean.c", "HOUR_MS, 60, 45 }", "HOUR_MS, 60, 44 }", "45 valid minutes make an hour"),
    ("core/mean.c", "DAY_MS, 24, 20 }", "DAY_MS, 24, 18 }", "20 valid hours make a day"),
    ("core/mean.c", "MINUTE_MS, 12, 12 }", "MINUTE_MS, 12, 11 }", "12 readings make a minute"),
    ("core/mean.c", "#define NORMAL_PERCENT 75", "#define NORMAL_PERCENT 76", "the flag is N from 75 % on"),
    ("core/mean.c", "#define MONTH_DAYS_FEBRUARY 23", "#define MONTH_DAYS_FEBRUARY 24", "February needs 23 days"),
    ("core/convert.c", "return wet / (1.0 - moisture);", "return wet * (1.0 - moisture);", "dry is more than wet"),
    ("core/convert.c", "#define STANDARD_KELVIN 273.0", "#define STANDARD_KELVIN 273.15", "standard state is 273 K"),
    ("core/convert.c", "if (!(o2.value < AIR_OXYGEN) || o2.value < 0.0) {", "if (o2.value == AIR_OXYGEN || o2.value < 0.0) {",
     "no value above 21 % oxygen"),
    ("core/convert.c", "if (!(o2.value < AIR_OXYGEN) || o2.value < 0.0) {", "if (!(o2.value < AIR_OXYGEN)) {",
     "no value below no oxygen"),
    ("core/convert.c", "o2.value >= -zero_drift ? 0.0 : NAN", "0.0", "oxygen below its zero drift is none"),
    ("core/convert.c", "!(pressure > 0.0) || !(moisture >= 0.0)", "!(moisture >= 0.0)", "a flow has a pressure"),
    ("core/judge.c", "double number = num_significant(value, JUDGED_DIGITS);", "double number = value;",
     "binary noise is no exceedance"),
    ("core/judge.c", "num_round_half_even(number, limit->digits)", "num_round_half_even(number, 2)",
     "rounded to the digits of the limit"),
    ("core/mean.c", "!isfinite(sub->weight) || sub->weight < 0.0) {", "!isfinite(sub->weight)) {", "a weight below zero is none"),
    ("core/mean.c", "exact_sum(acc->sum, sub->value)", "exact_sum(acc->sum, exact_of(sub->value.value))",
     "readings are decimal numbers"),
    ("core/assess.c", "isfinite(least) && limit->when_factor", "limit->when_factor", "certain needs a bound"),
    ("core/assess.c", "return point->least >= 0.0 ? 0.0 : NAN;", "return point->least;", "a converted bound is 0 or none"),
    ("core/condition.c", "#define OXYGEN_NEAR_AIR 20.9", "#define OXYGEN_NEAR_AIR 20.95", "oxygen near air is told"),
    ("core/reading.h", "return r->flag == FLAG_NORMAL && isfinite(r->value);", "return isfinite(r->value);",
     "calibration gas enters no mean"),
    ("core/limit.c", "if (at.ms >= limit->until.ms) {", "if (at.ms > limit->until.ms) {", "a limit ends on its day"),
    ("core/limit.c", "if (built.ms < limit->new_since.ms) {", "if (built.ms <= limit->new_since.ms) {",
     "a plant of the first day is new"),
    ("core/aggregate.c", "if (flow || (computed == COMPUTED_NOX && period == PERIOD_MINUTE)) {",
     "if (computed != COMPUTED_NOT && period == PERIOD_MINUTE) {", "the hour's flow is made of hour means"),
    ("core/aggregate.c", "point_dry_series(point)->last[PERIOD_HOUR];", "point->series[point->n_series - 1].last[PERIOD_HOUR];",
     "mass is of the measured value"),
    ("core/aggregate.c", "minute->end.ms - held.at.ms > point->conf->hold_ms", "minute->start.ms - held.at.ms > point->conf->hold_ms",
     "a result is held until its age limit"),
    ("core/projection.c", "exact_of(acc->n_valid + left)", "exact_of(acc->n_valid)", "certain means certain"),
    ("core/projection.c", "fmin(all.value, so_far.value)", "all.value", "what is to come may not count"),
    ("core/month_share.c", "(unsigned)floor((1.0 - needed) * hours + 1e-6)", "(unsigned)ceil((1.0 - needed) * hours)",
     "at least 95 % of the hours"),
    ("core/assess.c", "finding->severity > 1.0 - p->settings.hysteresis", "finding->severity > 1.0", "nothing flaps"),
    ("core/alarm.c", "case VERDICT_NO_DATA:\n\t\talarm->periods_over = 0;", "case VERDICT_NO_DATA:", "consecutive means known, too"),
    ("core/reading.c", "\t\tvolume += wrap;\n", "", "a totaliser wraps"),
    ("core/mark.c", "flag = flag_worse(flag, mark->flag);", "flag = mark->flag;", "a mark is no better than the flag"),
]


def compile_to(folder, source, text=None):
    """Compiles a source of the project, or `text` instead of it; returns the object file."""
    if text is not None:
        path = folder / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    else:
        path = ROOT / source
    out = folder / (source.replace("/", "_") + ".o")
    subprocess.run(["gcc", *FLAGS, "-I", folder, "-I", ROOT, "-c", path, "-o", out], check=True, capture_output=True,
                   cwd=folder)
    return out


def sources():
    return sorted(str(p.relative_to(ROOT)) for folder in ("core", "common") for p in (ROOT / folder).glob("*.c"))


@pytest.fixture(scope="module", name="objects")
def fixture_objects(tmp_path_factory):
    """{source: object} of all unchanged sources."""
    folder = tmp_path_factory.mktemp("whole")
    tests = [f"tests/unit/test_{name}.c" for name in TESTS] + ["tests/unit/fixture.c"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(zip(sources() + tests, pool.map(lambda s: compile_to(folder, s), sources() + tests)))


def failing(folder, objects):
    """The name of the first unit test that fails with these objects, or None."""
    library = [objects[s] for s in sources()] + [objects["tests/unit/fixture.c"]]
    for name in TESTS:
        program = folder / name
        subprocess.run(["gcc", objects[f"tests/unit/test_{name}.c"], *library, "-lcmocka", "-lm", "-o", program],
                       check=True, capture_output=True)
        if subprocess.run([program], capture_output=True, timeout=60, check=False).returncode:
            return name
    return None


def test_the_core_as_it_is_passes(tmp_path, objects):
    assert failing(tmp_path, objects) is None


@pytest.mark.parametrize("path, line, instead, rule", MUTANTS, ids=[m[3] for m in MUTANTS])
def test_the_unit_tests_notice(tmp_path, objects, path, line, instead, rule):
    text = (ROOT / path).read_text()
    assert text.count(line) == 1, f"{path} has no such line any more: give the mutant its new one"
    changed = text.replace(line, instead)
    mutant = dict(objects)
    if path.endswith(".h"):
        shutil.copytree(ROOT / "core", tmp_path / "core")
        (tmp_path / path).write_text(changed)
        for source in [s for s in sources() if s.startswith("core/")]:
            mutant[source] = compile_to(tmp_path, source, (ROOT / source).read_text())
    else:
        mutant[path] = compile_to(tmp_path, path, changed)
    caught = failing(tmp_path, mutant)
    assert caught, f"no unit test notices that {rule}"
    print(f"{rule}: test_{caught}")
