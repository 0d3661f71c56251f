"""Decodes registers to readings with every shipped profile. Cases are in registers/, expected readings in expected/."""

import math
import pathlib
import struct
import subprocess

import pytest

from tests.golden import libconfig_reader
from tests.golden.golden import expect
from tests.support.rig import ROOT, build_dir

CASES = pathlib.Path(__file__).resolve().parent / "registers"
NAMES = sorted(path.stem for path in CASES.glob("*.txt"))  # PROFILE or PROFILE@VARIANT


def decode(share, name, cases):
    return subprocess.run([build_dir() / "tests/golden/decode_registers", share, *name.split("@")], input=cases,
                          capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("name", NAMES)
def test_registers_become_readings(name):
    done = decode(ROOT / "config", name, (CASES / f"{name}.txt").read_text())
    assert done.returncode == 0, done.stderr
    expect(f"decode-{name}.txt", done.stdout)


def test_every_profile_and_every_variant_has_its_cases():
    shipped = {path.stem for path in (ROOT / "config/profiles.d").glob("*.conf")}
    variants = {f"{stem}@{variant['name']}" for stem in shipped
                for variant in libconfig_reader.read(ROOT / f"config/profiles.d/{stem}.conf").get("variants", [])}
    assert set(NAMES) == shipped | variants


IMAGES = "".join(f"case {word}\nno states\nfill {word}\n" for word in ("FFFF", "7FFF", "8000", "0000"))


@pytest.mark.parametrize("name", NAMES)
def test_registers_without_a_value_are_none(name):
    """All registers hold the same word, as in a gateway that has not read yet, or for a sensor that is not connected."""
    done = decode(ROOT / "config", name, IMAGES)
    assert done.returncode == 0, done.stderr
    image = None
    for line in done.stdout.splitlines():
        if line.startswith("case"):
            image = line.split()[1]
            continue
        channel, value, unit, flag = line.split()
        if unit == "state":
            assert flag != "N" or image == "0000", line
        elif image != "0000":
            assert (value, flag) == ("nan", "D") or flag == "T", f"{image}: {line}"
        else:  # no value, or a zero that such an instrument can measure
            assert (value, flag) == ("nan", "D") or (float(value) == 0.0 and unit != "pH"), line
    expect(f"image-{name}.txt", done.stdout)


@pytest.mark.parametrize("words", ["7FFF FFFF", "FFFF 7FFF", "8000 0000", "0000 8000", "FF7F FFFF", "7F7F FFFF", "FFFF FF7F",
                                   "0080 0000", "0000 0080", "0000 0001", "0001 0000", "807F FFFF", "0080 8000", "FFFF 7F7F"])
@pytest.mark.parametrize("order", ["ABCD", "CDAB", "BADC", "DCBA"])
def test_a_float_of_no_size_is_no_measurement(tmp_path, words, order):
    found = one(f'function = 3; address = 0; type = "f32"; order = "{order}";', f"3 0: {words}", folder=tmp_path)
    a, b = (bytes.fromhex(word) for word in words.split())
    value = struct.unpack(">f", {"ABCD": a + b, "CDAB": b + a, "BADC": a[::-1] + b[::-1], "DCBA": b[::-1] + a[::-1]}[order])[0]
    real = value == 0.0 or 1e-30 < abs(value) < 1e30
    assert found[1] == ("N" if real else "D"), (value, found)
    assert (found[0] == value) if real else math.isnan(found[0])


@pytest.mark.parametrize("words,flag", [("0000 0000 0000 0001", "D"), ("0010 0000 0000 0000", "D"), ("8000 8000 8000 8000", "D"),
                                        ("7FEF FFFF FFFF FFFF", "D"), ("7FFF 7FFF 7FFF 7FFF", "D"), ("3F50 624D D2F1 A9FC", "N")])
def test_the_same_of_64_bits(tmp_path, words, flag):
    assert one('function = 3; address = 0; type = "f64"; order = "ABCDEFGH";', f"3 0: {words}", folder=tmp_path)[1] == flag


def test_every_channel_that_is_shipped_has_its_range():
    for path in (ROOT / "config/profiles.d").glob("*.conf"):
        profile = libconfig_reader.read(path)
        lists = [profile.get("channels", [])] + [v.get("channels", []) for v in profile.get("variants", [])]
        for channel in (channel for channels in lists for channel in channels):
            assert {"min", "max"} <= channel.keys() or {"raw_min", "raw_max"} <= channel.keys(), (path.name, channel["name"])
            assert "ange" in path.read_text().split("*/")[0], f"{path.name} does not say where its range comes from"


def test_the_example_of_the_manual_is_a_profile(tmp_path):
    text = (ROOT / "docs/profiles.md").read_text().split("```")[1]
    (tmp_path / "profiles.d").mkdir()
    (tmp_path / "profiles.d/acme-gx2.conf").write_text(text)
    # 40101 is wire address 100: 35.0 in CDAB and 16.00 %; state 2 is calibration; bit 2 of 40121 is an alarm of SO2 only.
    done = decode(tmp_path, "acme-gx2", "case calibration\n3 100: 0000 420C 0640\n3 119: 0002\n"
                                        "case SO2 alarm\n3 100: 0000 420C 0640\n3 119: 0000 0004\n"
                                        "case no oxygen\n3 100: 0000 420C FFFF\n")
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["case", "calibration"], ["so2", "35", "mg/m3", "C"], ["o2", "16", "%", "N"],
        ["case", "SO2", "alarm"], ["so2", "35", "mg/m3", "D"], ["o2", "16", "%", "N"],
        ["case", "no", "oxygen"], ["so2", "35", "mg/m3", "N"], ["o2", "nan", "%", "D"]]


HEAD = 'profile = { name = "all"; maker = "-"; model = "-"; source = "-"; confidence = "-"; addresses = "%s"; %s };\n'


def one(channel, registers, more="", addresses="wire", head="", folder=None):
    """Decodes one channel of a profile with this text; returns value and flag, or the complaint."""
    (folder / "profiles.d").mkdir(exist_ok=True)
    unit = "" if "unit =" in channel else 'unit = "mg/m3"; '
    text = HEAD % (addresses, head) + more + 'channels = ( { name = "x"; ' + unit + channel + " } );\n"
    (folder / "profiles.d/all.conf").write_text(text)
    done = decode(folder, "all", "case one\n" + registers + "\n")
    if done.returncode:
        return done.stderr
    value, _unit, flag = done.stdout.splitlines()[1].split()[1:]
    return float(value), flag


NAN = float("nan")
LANGUAGE = [
    # the rule, the channel, the registers, the expected result, and further text of the profile
    ("u64", 'function = 3; address = 0; type = "u64"; order = "ABCDEFGH";', "3 0: 0 0 1 2", 65538.0, "N", {}),
    ("u64, low word first", 'function = 3; address = 0; type = "u64"; order = "GHEFCDAB";', "3 0: 2 1 0 0", 65538.0, "N", {}),
    ("i64 is signed", 'function = 3; address = 0; type = "i64"; order = "ABCDEFGH";', "3 0: FFFF FFFF FFFF FFFE", -2.0, "N", {}),
    ("f64", 'function = 3; address = 0; type = "f64"; order = "ABCDEFGH";', "3 0: 4041 8000 0 0", 35.0, "N", {}),
    ("f64, fully reversed", 'function = 3; address = 0; type = "f64"; order = "HGFEDCBA";', "3 0: 0 0 0080 4140", 35.0, "N", {}),
    ("f64, bytes swapped", 'function = 3; address = 0; type = "f64"; order = "BADCFEHG";', "3 0: 4140 0080 0 0", 35.0, "N", {}),
    ("i16, low byte first", 'function = 3; address = 0; type = "i16"; order = "BA";', "3 0: FEFF", -2.0, "N", {}),
    ("bcd", 'function = 3; address = 0; type = "bcd"; registers = 2; scale = 0.01;', "3 0: 0001 2345", 123.45, "N", {}),
    ("bcd with a digit that is none", 'function = 3; address = 0; type = "bcd"; registers = 1;', "3 0: 012A", NAN, "D", {}),
    ("ascii", 'function = 3; address = 0; type = "ascii"; registers = 4;', "3 0: 3030 3132 2E33 3435", 12.345, "N", {}),
    ("ascii, padded", 'function = 3; address = 0; type = "ascii"; registers = 4;', "3 0: 2020 2D31 2E35 0000", -1.5, "N", {}),
    ("ascii, bytes swapped", 'function = 3; address = 0; type = "ascii"; registers = 2; order = "BA";', "3 0: 3231 3433", 1234.0, "N", {}),
    ("ascii that is no number", 'function = 3; address = 0; type = "ascii"; registers = 2;', "3 0: 2D2D 2D2D", NAN, "D", {}),
    ("ascii nan is no number", 'function = 3; address = 0; type = "ascii"; registers = 2;', "3 0: 6E61 6E00", NAN, "D", {}),
    ("a coil", 'function = 1; address = 5; type = "bit"; unit = "%";', "1 5: 1", 1.0, "N", {}),
    ("0xxxx counts from 1", 'function = 1; address = 6; type = "bit"; unit = "%";', "1 5: 1", 1.0, "N", {"addresses": "0xxxx"}),
    ("4xxxx counts from 40001", 'function = 3; address = 40101; type = "u16";', "3 100: 002A", 42.0, "N", {"addresses": "4xxxx"}),
    ("4xxxxx counts from 400001", 'function = 3; address = 465536; type = "u16";', "3 65535: 002A", 42.0, "N", {"addresses": "4xxxxx"}),
    ("3xxxx", 'function = 4; address = 30001; type = "u16";', "4 0: 002A", 42.0, "N", {"addresses": "3xxxx"}),
    ("1xxxx", 'function = 2; address = 10002; type = "bit"; unit = "%";', "2 1: 1", 1.0, "N", {"addresses": "1xxxx"}),
    ("span", 'function = 3; address = 0; type = "u16"; span = { raw_low = 6400.0; raw_high = 32000.0; low = 0.0; high = 50.0; };',
     "3 0: 4B00", 25.0, "N", {}),
    ("full scale from a register",
     'function = 3; address = 0; type = "u16"; full_scale = "fs"; span = { raw_low = 6400.0; raw_high = 32000.0; low = 0.0; };',
     "3 0: 4B00 00C8", 100.0, "N", {"more": 'auxiliaries = ( { name = "fs"; function = 3; address = 1; type = "u16"; } );'}),
    ("decimals from a register", 'function = 3; address = 0; type = "i32"; order = "ABCD"; decimals = "d";', "3 0: 0 02C6 2", 7.1, "N",
     {"more": 'auxiliaries = ( { name = "d"; function = 3; address = 2; type = "u16"; } );'}),
    ("integer and fraction", 'function = 3; address = 0; type = "u32"; order = "ABCD"; fraction = "f";', "3 0: 0 0007 3F40 0000", 7.75, "N",
     {"more": 'auxiliaries = ( { name = "f"; function = 3; address = 2; type = "f32"; order = "ABCD"; } );'}),
    ("high * 10000 + low", 'function = 3; address = 0; type = "u16"; scale = 10000.0; fraction = "low";', "3 0: 0002 0005", 20005.0, "N",
     {"more": 'auxiliaries = ( { name = "low"; function = 3; address = 1; type = "u16"; } );'}),
    ("unit code", 'function = 3; address = 0; type = "u16"; unit_code = "u"; units = ( { code = 5; factor = 0.5; } );', "3 0: 002A 5",
     21.0, "N", {"more": 'auxiliaries = ( { name = "u"; function = 3; address = 1; type = "u16"; } );'}),
    ("an unknown unit code", 'function = 3; address = 0; type = "u16"; unit_code = "u"; units = ( { code = 5; factor = 0.5; } );',
     "3 0: 002A 6", NAN, "D", {"more": 'auxiliaries = ( { name = "u"; function = 3; address = 1; type = "u16"; } );'}),
    ("identified", 'function = 3; address = 0; type = "u16";', "3 0: 002A\n3 9017: 6", 42.0, "N",
     {"more": 'identify = ( { name = "device"; function = 3; address = 9017; type = "u16"; equals = 6; } );'}),
    ("another device", 'function = 3; address = 0; type = "u16";', "3 0: 002A\n3 9017: 9", 42.0, "D",
     {"more": 'identify = ( { name = "device"; function = 3; address = 9017; type = "u16"; equals = 6; } );'}),
    ("masked value", 'function = 3; address = 0; type = "u16"; status = [ "s" ];', "3 0: 002A FF03", 42.0, "C",
     {"more": 'statuses = ( { name = "s"; function = 3; address = 1; type = "u16"; otherwise = "D"; '
              'rules = ( { mask = 0x0F; equals = 3; flag = "C"; } ); } );'}),
    ("the first rule wins", 'function = 3; address = 0; type = "u16"; status = [ "s" ];', "3 0: 002A 0009", 42.0, "M",
     {"more": 'statuses = ( { name = "s"; function = 3; address = 1; type = "u16"; otherwise = "D"; '
              'rules = ( { mask = 0x08; flag = "M"; }, { mask = 0x01; flag = "C"; } ); } );'}),
    ("raw below the loop's live zero", 'function = 3; address = 0; type = "u16"; raw_min = 5760.0;', "3 0: 1000", NAN, "D", {}),
    ("a read over a hole is allowed by max_gap", 'function = 3; address = 0; type = "u16"; status = [ "s" ];', "3 0: 002A 0 0 1", 42.0, "N",
     {"head": "max_gap = 5;", "more": 'statuses = ( { name = "s"; function = 3; address = 3; type = "u16"; otherwise = "D"; '
                                      'rules = ( { equals = 1; flag = "N"; } ); } );'}),
]


@pytest.mark.parametrize("rule,channel,registers,value,flag,more", LANGUAGE, ids=[row[0] for row in LANGUAGE])
def test_the_language_of_profiles(tmp_path, rule, channel, registers, value, flag, more):
    found = one(channel, registers, folder=tmp_path, **more)
    assert isinstance(found, tuple), found
    assert (found[0] == pytest.approx(value, nan_ok=True), found[1]) == (True, flag)


FAULTS = [
    ("two registers without an order", 'function = 3; address = 0; type = "f32";', '"order" is missing'),
    ("four registers with the order of two", 'function = 3; address = 0; type = "f64"; order = "ABCD";', "is not known; known here: ABCDEFGH"),
    ("a size where there is one", 'function = 3; address = 0; type = "u16"; registers = 2;', "only bcd and ascii need it"),
    ("a missing size", 'function = 3; address = 0; type = "bcd";', '"registers" is missing'),
    ("an unknown auxiliary", 'function = 3; address = 0; type = "u16"; decimals = "d";', "not among this profile's auxiliaries"),
    ("units without a factor", 'function = 3; address = 0; type = "u16"; unit_code = "d";', '"units" is missing'),
    ("max_age without a result time", 'function = 3; address = 0; type = "u16"; max_age = "1h";', "max_age needs result_time"),
    ("a stride alone", 'function = 3; address = 0; type = "u16"; stride = 4;', "stride needs count"),
    ("a span that is none", 'function = 3; address = 0; type = "u16"; span = { raw_low = 5.0; raw_high = 5.0; low = 0.0; high = 1.0; };',
     "raw_low must be less"),
    ("records beyond the last address", 'function = 3; address = 65000; type = "u16"; count = 60; stride = 100;', "beyond the last address"),
    ("a value longer than a request may be", 'function = 3; address = 0; type = "f64"; order = "ABCDEFGH";', "longer than max_registers"),
    ("a min above the max", 'function = 3; address = 0; type = "u16"; min = 500.0; max = 0.0;', "min is 500 and max is 0"),
    ("a raw_min above the raw_max", 'function = 3; address = 0; type = "u16"; raw_min = 9.0; raw_max = 8.0;', "raw_min is 9"),
    ("a scale of 0", 'function = 3; address = 0; type = "u16"; scale = 0.0;', "every value the same"),
    ("a span to one value", 'function = 3; address = 0; type = "u16"; span = { raw_low = 0.0; raw_high = 9.0; low = 5.0; high = 5.0; };',
     "every value would be the same"),
    ("a tag without a driver", 'function = 3; address = 0; type = "u16"; tag = 1;', "only a driver"),
]


@pytest.mark.parametrize("rule,channel,said", FAULTS, ids=[row[0] for row in FAULTS])
def test_what_the_language_refuses(tmp_path, rule, channel, said):
    found = one(channel, "3 0: 0", folder=tmp_path, head="max_registers = 3;")
    assert isinstance(found, str) and "/all.conf:" in found and said in found, found


@pytest.mark.parametrize("more", [
    'statuses = ( { name = "s"; function = 3; address = 9; type = "u16"; otherwise = "D"; rules = ( { from = 7; to = 2; flag = "N"; } ); } );',
    'identify = ( { name = "s"; function = 3; address = 9; type = "u16"; from = 7; to = 2; } );'])
def test_a_range_of_codes_from_above_to_below_is_refused(tmp_path, more):
    found = one('function = 3; address = 0; type = "u16";', "3 0: 0", more=more, folder=tmp_path)
    assert isinstance(found, str) and "/all.conf:" in found and "from is 7 and to is 2" in found, found


def test_records_with_a_stride(tmp_path):
    (tmp_path / "profiles.d").mkdir()
    (tmp_path / "profiles.d/all.conf").write_text(HEAD % ("wire", "") + """
auxiliaries = ( { name = "decimals"; function = 3; address = 2; type = "u16"; count = 3; stride = 10; } );
statuses = ( { name = "state"; function = 3; address = 3; type = "u16"; count = 3; stride = 10; otherwise = "D";
               rules = ( { equals = 0; flag = "N"; } ); } );
channels = ( { name = "peak"; function = 3; address = 1; type = "u16"; count = 3; stride = 10; unit = "ppm";
               decimals = "decimals"; status = [ "state" ]; } );
""")
    done = decode(tmp_path, "all", "case records\n3 1: 0064 1 0\n3 11: 0064 2 0\n3 21: 0064 0 1\n")
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()[1:]] == [
        ["peak1", "10", "ppm", "N"], ["peak2", "1", "ppm", "N"], ["peak3", "100", "ppm", "D"]]


def test_a_variant_that_is_not_there_names_those_that_are():
    done = decode(ROOT / "config", "teledyne-t100@t100u", "case x\n")
    assert done.returncode == 1 and 'no variant "t100u"; there are: 100eu' in done.stderr


def test_an_unknown_code_can_not_be_declared_normal(tmp_path):
    found = one('function = 3; address = 0; type = "u16"; status = [ "s" ];', "3 0: 0 0", folder=tmp_path,
                more='statuses = ( { name = "s"; function = 3; address = 1; type = "u16"; otherwise = "N"; '
                     'rules = ( { equals = 1; flag = "D"; } ); } );')
    assert "a code without a rule must not count as normal" in found
