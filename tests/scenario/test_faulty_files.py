"""Configurations, profiles, factors and limits with one fault each: emisd --check names the file, the line and the fault."""

import pytest

from tests.scenario.test_bad_input import check, example
from tests.scenario.test_configuration import FLOW, with_outlet
from tests.support.rig import ROOT, replace_section

GAS = "profiles.d/sdl-scs-900uv.conf"
COD = "profiles.d/jiangsu-wastewater.conf"
OWN = "limits.d/own.conf"
FACTORS = "factors.conf"
NO2 = '{ name = "no2"; function = 4; address = 0x0012; type = "f32"; order = "ABCD";'
RESULT = 'name = "result"; function = 3;'


def many(element, n):
    return ", ".join([element] * n)


def said_of(tmp_path, text, words):
    status, output = check(text, tmp_path)
    lines = [line for line in output.splitlines() if words in line]
    assert status == 1 and lines, output
    return lines[0]


MQTT = '{ broker = "mqtt://a:1883"; %s }'


@pytest.mark.parametrize("old, new, words", [
    # ---- types
    ('id = "anyang-steel-01"', "id = true", "id: found true or false, expected a string"),
    ('id = "anyang-steel-01"', "id = [ ]", "id: found an array [ ], expected a string"),
    ('id = "anyang-steel-01"', "id = ( )", "id: found a list ( ), expected a string"),
    ('id = "anyang-steel-01"', "id = { }", "id: found a group { }, expected a string"),
    ('tiers = [ "special" ]', 'tiers = "special"', "tiers: found a string, expected an array [ ]"),
    ('tiers = [ "special" ]', "tiers = [ 5 ]", "element: found an integer, expected a string"),
    ("outlets = (", "outlets = ( 5,", "outlets: found an integer, expected groups { } only"),
    ("approach = 0.9;", 'approach = "much";', "approach: found a string, expected a number"),
    ("warning_minutes = 3;", "watch_zero = 1;", "watch_zero: found an integer, expected true or false"),
    # ---- lengths and names
    ('name = "涂料生产线"', f'name = "{"x" * 200}"', "name: 200 bytes, at most "),
    ('factor = "nmhc"', 'factor = "n m"', '"n m" is not a name; use 1 to '),
    ('poll = "60s"', 'poll = "90h"', 'poll: "90h" is out of range; allowed are '),
    ('timezone = "Asia/Shanghai"', 'timezone = "Beijing"', 'timezone: found "Beijing", expected Asia/Shanghai, UTC or an offset'),
    # ---- outlets
    ('id = "DA002"', 'id = "gateway"', 'id: "gateway" stands for the box itself'),
    ('id = "DA002"', 'id = "DA001"', 'the outlet "DA001" is described twice'),
    ('tiers = [ "special" ]', 'tiers = [ "special", "special" ]', 'tiers: "special" is there twice'),
    ('tiers = [ "special" ]', "tiers = [ " + many('"special"', 9) + " ]", "tiers: found more than the "),
    ('tiers = [ "special" ]', 'tiers = [ "special" ]; also_sectors = [ 5 ]', "element: found an integer"),
    ('tiers = [ "special" ]', 'tiers = [ "special" ]; also_sectors = [ ' + many('"x"', 20) + " ]",
     "also_sectors: at most "),
    ('tiers = [ "special" ]', 'tiers = [ "special", "ultra-low" ]',
     'the catalogue has no ultra-low limit for the sector "coatings-inks.process"; it has '),
    # ---- points
    ('{ factor = "nmhc"; from = "gc.nmhc"; }', '{ factor = "nmhc"; from = "gc.nmhc"; }, ' * 70 + '{ factor = "o2"; from = "gas.o2"; }',
     "71 points; an outlet can have "),
    ('factor = "nmhc"', 'factor = "nh3"', "gc.nmhc comes in ppm, and nh3 has no molar_mass in factors.conf to convert it"),
    ('factor = "nmhc"', 'factor = "cod"', "cod is a water factor, but outlet DA002 is gas"),
    ('from = "gc.nmhc"', "from = 5", "from: found an integer, expected a string"),
    ('from = "gc.nmhc"', 'from = "nmhc"', 'from: found "nmhc", expected INSTRUMENT.CHANNEL, for example "gas.so2"'),
    ('from = "gc.nmhc"', 'from = "gc."', 'from: found "gc.", expected INSTRUMENT.CHANNEL'),
    ('from = "gc.nmhc"', 'from = "gc.nmhc"; flags = [ 5 ]', "element: found an integer"),
    ('from = "gc.nmhc"', 'from = "gc.nmhc"; flags = [ "state" ]', 'flags: found "state", expected INSTRUMENT.STATUS'),
    ('from = "gc.nmhc"', 'from = "gc.nmhc"; flags = [ "gsa.fault" ]', 'no instrument "gsa"; did you mean "gas"?'),
    ('from = "gc.nmhc"', 'from = "gc.nmhc"; flags = [ "gas.falt" ]',
     'flags: the profile of "gas" has no status "falt"; did you mean "fault"?'),
    ('from = "gc.nmhc"', 'from = "gc.nmhc"; flags = [ ' + many('"gas.fault"', 40) + " ]", "flags: at most "),
    ('from = "gc.nmhc"', 'from = "gc.nmhc"; pitot = { kp = 0.84; density = 0.95; }', "pitot makes a velocity, not nmhc"),
    ('from = "gc.nmhc"', 'computed = "no*no2"', 'computed: "no*no2" is not known'),
    # ---- links and instruments
    ('name = "ph"; ', 'name = "gas"; ', 'the instrument "gas" is described twice'),
    ('device = "/dev/ttyS1";', 'device = "/dev/ttyS1"; rts_delay = "2ms";', 'rts_delay needs rts = "up" or "down"'),
])
def test_a_fault_of_the_configuration(tmp_path, old, new, words):
    text = example()
    assert old in text
    line = said_of(tmp_path, text.replace(old, new, 1), words)
    assert line.startswith(f"{tmp_path}/emisd.conf:") and line.split(":")[1].isdigit(), line


@pytest.mark.parametrize("section, value, words", [
    ("judging", "5", "judging: found an integer, expected a group { }"),
    ("outlets", "{ }", "outlets: found a group { }, expected a list ( )"),
    ("mqtt", MQTT % 'standby = [ "b:1883" ];', 'standby: "b:1883" does not start with mqtt:// or mqtts://'),
    ("mqtt", MQTT % ("standby = [ " + many('"mqtt://b"', 9) + " ];"), "standby: found more than "),
    ("mqtt", '{ broker = "bureau.example"; }', 'write mqtt://bureau.example, or mqtts:// for TLS'),
    ("mqtt", MQTT % 'means = [ "week" ];', 'means: "week" is not known; known here: minute, hour, day'),
    ("mqtt", MQTT % "means = [ 5 ];", "element: found an integer"),
    ("mqtt", MQTT % 'client_cert = "c.pem";', "found only one of client_cert and client_key"),
    ("mqtt", MQTT % 'username = "x"; password_file = "p"; password_credential = "c";', "keep one of them"),
    ("mqtt", MQTT % 'password_credential = "c";', "a password needs a username"),
])
def test_a_fault_of_a_section(tmp_path, section, value, words):
    line = said_of(tmp_path, replace_section(example(), section, value), words)
    assert line.startswith(f"{tmp_path}/emisd.conf:"), line


def faulty(tmp_path, name, old, new):
    """The shipped file of that name, with a change, in the site's folder, where it replaces the shipped one."""
    source = {OWN: "examples/acceptance-standard.conf"}.get(name, name)
    text = (ROOT / "config" / source).read_text()
    assert old in text
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text.replace(old, new, 1))
    return tmp_path / name


FAULT_RULE = 'rules = ( { equals = 0; flag = "N"; } );'
COD_TIME = RESULT + ' result_time = { function = 3; address = 30010; registers = %d; format = "%s"; }; max_age = "2h";'


@pytest.mark.parametrize("name, old, new, words", [
    # ---- the head of a profile
    (GAS, 'name = "sdl-scs-900uv"', 'name = "sdl"', 'the profile calls itself "sdl", but the file is named "sdl-scs-900uv"'),
    (GAS, 'addresses = "wire";', 'addresses = "wire"; records = 4;', "records needs driver"),
    (GAS, 'addresses = "wire";', 'addresses = "wire"; driver = "abacus"; records = 4;', 'there is no driver "abacus"'),
    (GAS, 'addresses = "wire";', 'addresses = "wire"; max_registers = 1;', "a value is longer than max_registers allows"),
    # ---- forbidden ranges
    (GAS, "channels = (", "forbidden = ( { function = 4; from = 9; to = 5; } );\nchannels = (", "found from greater than to"),
    (GAS, "channels = (", "forbidden = ( { function = 7; from = 1; to = 5; } );\nchannels = (", "function: 7 is out of range"),
    (GAS, "channels = (", "forbidden = ( " + many("{ function = 4; from = 1; to = 5; }", 40) + " );\nchannels = (",
     "forbidden: at most "),
    # ---- channels
    (GAS, 'name = "no2"', 'name = "so2"', 'the channel "so2" is described twice'),
    (GAS, NO2, NO2.replace("no2", "peak") + ' count = 64; stride = 2; unit = "ppm"; }, ' + NO2, "more than 64 channels"),
    (GAS, 'absent = [ 0 ]', "absent = [ " + many("1", 40) + " ]", "absent: found more than "),
    (GAS, 'absent = [ 0 ]', 'absent = [ "none" ]', "element: found a string, expected an integer"),
    (GAS, 'absent = [ 0 ]', "units = ( " + many("{ code = 1; factor = 2.0; }", 40) + " )", "units: found more than "),
    (GAS, 'status = [ "fault", "maintenance", "step" ]', "status = [ " + many('"fault"', 20) + " ]", "20 names; at most "),
    (GAS, 'status = [ "fault", "maintenance", "step" ]', "status = [ 5 ]", "element: found an integer, expected a string"),
    (GAS, 'status = [ "fault", "maintenance", "step" ]', 'status = [ "falt" ]', '"falt" is not among this profile\'s statuses'),
    (GAS, 'absent = [ 0 ]', "unit_code = 5", "unit_code: found an integer"),
    (GAS, 'absent = [ 0 ]', 'unit_code = "u"', '"u" is not among this profile\'s auxiliaries'),
    (COD, RESULT, COD_TIME % (6, "bcd"), "a time in bcd takes 3 registers"),
    (COD, RESULT, COD_TIME % (3, "binary"), "a time in binary takes 6 registers"),
    (COD, RESULT, RESULT + ' max_age = "2h";', "max_age needs result_time"),
    # ---- fields
    (GAS, NO2, NO2.replace('"f32"', '"bit"'), 'type "bit" does not fit function 4; use functions 1 and 2 for bits, 3 and 4 for registers'),
    (GAS, NO2, NO2.replace('"f32"', '"bit"').replace("function = 4", "function = 2"), "order: a bit has no byte order"),
    (GAS, NO2, NO2.replace('"f32"', '"ascii"'), '"registers" is missing'),
    (GAS, NO2, NO2 + " registers = 2;", 'registers: only bcd and ascii need it; "f32" has its own size'),
    (GAS, NO2, NO2.replace("0x0012", "0xFFFF"), "the value ends beyond the last address 65535"),
    # ---- statuses
    (GAS, FAULT_RULE, 'rules = ( { equals = 0; flag = "Q"; } );', 'flag: "Q" is not a flag; the flags are N F M S D C T B'),
    (GAS, FAULT_RULE, "rules = ( { equals = 0; flag = 5; } );", "flag: found an integer"),
    (GAS, FAULT_RULE, 'rules = ( { flag = "N"; } );', 'a rule needs "equals", "from" with "to", or "mask"'),
    (GAS, FAULT_RULE, 'rules = ( { equals = 0; from = 1; to = 2; flag = "N"; } );', 'a rule needs "equals"'),
    (GAS, FAULT_RULE, "rules = ( " + many('{ equals = 0; flag = "N"; }', 80) + " );", "80 rules, expected at most "),
    (GAS, '{ name = "step";', '{ name = "fault";', 'the status "fault" is described twice'),
    (GAS, '{ name = "step";', '{ name = "step"; count = 64; stride = 1;', "more than 32 statuses"),
    # ---- limits
    (OWN, "max = 300.0;", 'max = 300.0; when = { factor = "wtmp"; above = 12.0; };',
     'when: there is no factor "wtmp" in factors.conf; did you mean "wtemp"?'),
    (OWN, "max = 300.0;", 'max = 300.0; when = { factor = "wtemp"; };', 'when: "above" or "at_most" is missing'),
    (OWN, "min = 6.0; max = 9.0;", "min = 9.0; max = 9.0;", "min 9 is not below max 9"),
    (OWN, 'factor = "cod";', 'factor = "cdo";', 'there is no factor "cdo" in factors.conf; did you mean "co"?'),
    # ---- factors
    (FACTORS, 'key = "nox"', 'key = "nox-of-the-stack"', 'key: "nox-of-the-stack" is longer than 15 characters'),
    (FACTORS, 'key = "nox"', 'key = "so2"', 'the factor "so2" is described twice'),
])
def test_a_fault_of_another_file(tmp_path, name, old, new, words):
    file = faulty(tmp_path, name, old, new)
    line = said_of(tmp_path, example(), words)
    assert line.startswith(f"{file}:"), line


def test_a_file_that_is_too_long_is_not_read(tmp_path):
    line = said_of(tmp_path, example() + "#" * (1 << 20), "bytes; at most 1048576 are read")
    assert line.startswith(f"{tmp_path}/emisd.conf: has ")


def test_what_is_rarely_said_reads_back_to_itself(tmp_path):
    text = with_outlet(FLOW.replace("kv = 0.95;", "pitot = { kp = 0.84; density = 0.95; };"),
                       more="area = 7.0; barometric_kpa = 100.0; air_added = true;", sector="foundry.voc-oxidiser",
                       tiers='"general"')
    text = text.replace('"安阳某钢铁有限公司"', r'"the \"old\" works \\ two"').replace(
        'device = "/dev/ttyS1";', 'device = "/dev/ttyS1"; rts = "up"; rts_delay = "2ms";')
    text = replace_section(text, "mqtt", MQTT % 'standby = [ "mqtt://b:1883", "mqtts://c:8883" ];')
    profile = "generic-float-cdab"
    faulty(tmp_path, f"profiles.d/{profile}.conf", 'unit = "m/s"', 'unit = "Pa"')
    text = text.replace(',\n		{ factor = "velocity"; from = "stack.velocity"; }', "", 1)
    status, first = check(text, tmp_path, "--print")
    assert status == 0, first
    status, second = check(first, tmp_path, "--print")
    assert status == 0 and second == first
    for words in (r'"the \"old\" works \\ two"', 'rts_delay = "2ms"', "pitot = { kp = 0.84; density = 0.95; }", "air_added = true",
                  'standby = [ "mqtt://b:1883", "mqtts://c:8883" ]'):
        assert words in first, words
