"""Settings of outlets, points and limits that emisd accepts and refuses, with --check and --print."""

import shutil

import pytest

from tests.scenario.test_bad_input import check, example
from tests.support.rig import ROOT, replace_section

STACK = """	{ id = "DA009"; name = "加热炉"; medium = "gas"; sector = "%s"; tiers = [ %s ]; %s
	  points = (
		%s
	  ); },

	/* The GC gives ppm"""
OXIDES = """{ factor = "nox"; computed = "no+no2"; },
		{ factor = "no"; from = "gas.no"; },
		{ factor = "no2"; from = "gas.no2"; },
		{ factor = "o2"; from = "gas.o2"; }"""
FLOW = """{ factor = "gasflow"; computed = "velocity"; },
		{ factor = "velocity"; from = "stack.velocity"; kv = 0.95; },
		{ factor = "temp"; from = "stack.temp"; },
		{ factor = "pressure"; from = "stack.pressure"; },
		{ factor = "humidity"; from = "stack.humidity"; },
		{ factor = "so2"; from = "gas.so2"; range = 200.0; },
		{ factor = "o2"; from = "gas.o2"; }"""


def with_outlet(points, sector="steel.reheat", tiers='"ultra-low"', more=""):
    return example().replace("	/* The GC gives ppm", STACK % (sector, tiers, more, points), 1)


def refused(tmp_path, text, words):
    status, output = check(text, tmp_path)
    line = next((line for line in output.splitlines() if words in line), None)
    assert status == 1 and line and line.startswith(f"{tmp_path}/emisd.conf:"), output


def good(tmp_path, text):
    status, output = check(text, tmp_path)
    assert status == 0, output
    return output


def test_everything_that_can_be_said_reads_back_to_itself(tmp_path):
    more = 'built = "2015-03-01"; area = 7.0686; barometric_kpa = 100.0; grace = "30s"; also_sectors = [ "voc.site-fugitive" ];'
    text = with_outlet(FLOW.replace('range = 200.0;', 'range = 200.0; hold = "5min";'), more=more)
    text = replace_section(text, "judging", '{ order = "average-first"; rounding = "half-even"; approach = 0.8; '
                                            'hysteresis = 0; watch_zero = false; }')
    status, first = check(text, tmp_path, "--print")
    assert status == 0, first
    status, second = check(first, tmp_path, "--print")
    assert status == 0 and second == first
    for words in ('built = "2015-03-01"', "area = 7.0686", 'also_sectors = [ "voc.site-fugitive" ]', 'computed = "velocity"',
                  'order = "average-first"', "watch_zero = false", 'hold = "5min"', 'grace = "30s"'):
        assert words in first, words


def test_a_missing_input_is_refused(tmp_path):
    for points, factor in ((OXIDES.replace('{ factor = "no2"; from = "gas.no2"; },', ""), "no2"),
                           (OXIDES.replace(',\n		{ factor = "o2"; from = "gas.o2"; }', ""), "o2")):
        refused(tmp_path, with_outlet(points), f"that needs a point for {factor}")
    refused(tmp_path, with_outlet(FLOW, more="barometric_kpa = 100.0;"), "computing gasflow needs area")
    refused(tmp_path, with_outlet(FLOW, more="area = 1.0;"), "bringing gasflow to standard state needs barometric_kpa")
    good(tmp_path, with_outlet(FLOW, more="area = 1.0; barometric_kpa = 100.0;"))


def test_nox_of_no_and_no2(tmp_path):
    good(tmp_path, with_outlet(OXIDES))
    refused(tmp_path, with_outlet(OXIDES.replace("nox", "so2", 1)), "makes nox of a gas outlet, not so2")
    both = OXIDES.replace('computed = "no+no2";', 'computed = "no+no2"; from = "gas.so2";')
    refused(tmp_path, with_outlet(both), "either computed or comes from an instrument")


@pytest.mark.parametrize("old, new, words", [
    ('kv = 0.95;', 'pitot = { kp = 0.84; density = 0.95; };', "velocity is measured and judged in Pa"),
    ('kv = 0.95;', 'wrap = 1e6;', "wrap belongs to flow-total"),
    ('range = 200.0;', 'kv = 1.0;', "kv belongs to velocity"),
    ('range = 200.0;', 'cycle = "1h";', "cycle belongs to water"),
    ('range = 200.0;', 'slope = 1.1;', "slope belongs to dust"),
    ('range = 200.0;', 'intercept = 1.1;', "intercept needs slope"),
    ('range = 200.0;', 'range = 0.0;', "out of range"),
])
def test_what_belongs_elsewhere_is_refused(tmp_path, old, new, words):
    text = with_outlet(FLOW, more="area = 1.0; barometric_kpa = 100.0;")
    assert old in text
    refused(tmp_path, text.replace(old, new, 1), words)


def test_a_cycle_needs_a_time_of_the_result(tmp_path):
    old = '{ factor = "cod";   from = "cod.result"; }'
    assert old in example()
    refused(tmp_path, example().replace(old, old.replace("; }", '; cycle = "2h"; }')), "has no result_time in its profile")
    refused(tmp_path, example().replace(old, old.replace("; }", '; cycle = "5h"; }')), "is not made of whole cycles")


def test_oxygen_behind_an_oxidiser_is_a_matter_of_added_air(tmp_path):
    points = '{ factor = "so2"; from = "gas.so2"; }, { factor = "o2"; from = "gas.o2"; }'
    where = {"sector": "foundry.voc-oxidiser", "tiers": '"general"'}
    refused(tmp_path, with_outlet(points, **where), "say air_added = true or false")
    good(tmp_path, with_outlet(points, more="air_added = true;", **where))
    # Without added air the measured value is judged, and no O2 is needed.
    good(tmp_path, with_outlet('{ factor = "so2"; from = "gas.so2"; }', more="air_added = false;", **where))
    refused(tmp_path, with_outlet('{ factor = "so2"; from = "gas.so2"; }', more="air_added = true;", **where),
            "that needs a point for o2")


def test_what_cannot_be_judged_says_why(tmp_path):
    text = example().replace('sector = "coatings-inks.process"; tiers = [ "special" ]',
                             'sector = "rubber.mixing-curing"; tiers = [ "general" ]')
    output = good(tmp_path, text)
    assert "is set for 2000 m3 of exhaust per tonne of product; emisd measures no production" in output
    output = good(tmp_path, example().replace('{ factor = "wtemp"; from = "ph.wtemp"; },', ""))
    assert "depends on wtemp, which the outlet does not measure" in output


def test_confirming(tmp_path):
    points = '{ factor = "so2"; from = "gas.so2"; }'
    where = {"sector": "coking.stack", "tiers": '"special"'}
    unread = with_outlet(points, **where)
    assert "its alarms say \"unconfirmed\" until `confirmed` names the permit" in good(tmp_path, unread)
    entry = 'confirmed = ( { limits = [ "%s" ]; by = "%s"; } );'
    read = with_outlet(points, more=entry % ("coking.stack.special.so2", "permit 9141, p. 3"), **where)
    assert "unconfirmed" not in good(tmp_path, read)
    status, printed = check(read, tmp_path, "--print")
    assert status == 0 and 'by = "permit 9141, p. 3"' in printed
    refused(tmp_path, with_outlet(points, more=entry % ("coking.stack.special.so2", ""), **where), "name the permit")
    refused(tmp_path, with_outlet(points, more=entry % ("coking.stack.special.pm", "x"), **where),
            "is not an unconfirmed limit of a point of DA009")


def test_process_points_stand_beside_the_emissions(tmp_path):
    text = example().replace('{ factor = "velocity"; from = "stack.velocity"; }',
                             '{ factor = "inlet-temp"; from = "stack.temp"; }')
    good(tmp_path, text)


def test_a_document_of_one_s_own(tmp_path):
    (tmp_path / "limits.d").mkdir()
    shutil.copy(ROOT / "config/examples/acceptance-standard.conf", tmp_path / "limits.d/park.conf")
    text = example().replace('sector = "wwtp.1a"; tiers = [ "general" ]', 'sector = "example.acceptance"; tiers = [ "own" ]')
    output = good(tmp_path, text)
    assert "434 limits in the catalogue" in output and "unconfirmed" not in output


@pytest.mark.parametrize("old, new, words", [
    ('max = 300.0;', 'max = 300.0; o2_ref = 3.0; excess_air = 1.7;', "say the same thing twice"),
    ('max = 300.0;', 'max = 300.0; o2_ref_when = "air-added";', "o2_ref_when needs o2_ref"),
    ('max = 300.0;', '', 'a limit needs "max", "min" or both'),
    ('max = 300.0;', 'max = 300.0; until = "2025-01-01";', "until is not after in_force"),
    ('max = 300.0;', 'max = 300.0; built_before = "yesterday";', "is not a date"),
    ('tier = "own"; factor = "cod"', 'tier = "mine"; factor = "cod"', "ultra-low, special, local, general, own"),
    ('"example.acceptance.nh3n"', '"example.acceptance.cod"', "is in the catalogue twice"),
])
def test_a_faulty_document_is_told_with_its_line(tmp_path, old, new, words):
    (tmp_path / "limits.d").mkdir()
    text = (ROOT / "config/examples/acceptance-standard.conf").read_text()
    assert old in text
    (tmp_path / "limits.d/park.conf").write_text(text.replace(old, new, 1))
    status, output = check(example(), tmp_path)
    line = next((line for line in output.splitlines() if words in line), None)
    assert status == 1 and line and line.startswith(f"{tmp_path}/limits.d/park.conf:"), output


@pytest.mark.parametrize("old, new, words", [
    ('"anyang-steel-01"', '"anyang.steel"', 'id: "anyang.steel" has a dot'),
    ('"DA001"', '"DA.001"', 'id: "DA.001" has a dot'),
    ('"DW001"', '"."', 'id: "." has a dot'),
])
def test_a_name_that_becomes_a_level_of_topics_has_no_dot(tmp_path, old, new, words):
    """NATS ends the connection because of a dot, and RabbitMQ makes two levels of the name."""
    refused(tmp_path, example().replace(old, new, 1), words)
