"""Configurations with mistakes that users make: emisd --check says what was found, what was expected and what to do.

These are cases from the field together with similar cases.
"""

import os
import subprocess

import pytest

from tests.support.rig import ROOT, build_dir

EMISD = build_dir() / "daemon/emisd"
EXAMPLE = (ROOT / "config/emisd.conf").read_text(encoding="utf-8")


def check(folder, data, *arguments):
    """(status, complaints, notes) of emisd --check; checks that complaints are printed first."""
    path = folder / "emisd.conf"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    # libconfig itself leaks the string that it was reading when it finds a syntax error.
    done = subprocess.run([EMISD, "--check", "--share", ROOT / "config", "--config", path, *arguments], capture_output=True,
                          timeout=30, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    lines = done.stderr.decode().splitlines()
    notes = [line for line in lines if line.startswith("note: ")]
    assert lines[len(lines) - len(notes):] == notes, lines
    return done.returncode, lines[:len(lines) - len(notes)], notes


def refused(folder, data):
    status, complaints, _ = check(folder, data)
    assert status == 1 and complaints
    assert all(line.startswith(f"{folder}/") for line in complaints), complaints
    return "\n".join(complaints)


def with_change(old, new):
    assert old in EXAMPLE, old
    return EXAMPLE.replace(old, new, 1)


def line_of(text, part):
    return text[:text.index(part)].count("\n") + 1


# ---- encodings ----

@pytest.mark.parametrize("data, words", [
    (EXAMPLE.encode("gbk"), "the file is not UTF-8, perhaps GBK: save it as UTF-8"),
    (EXAMPLE.encode("gb18030"), "perhaps GBK"),
    (EXAMPLE.encode("utf-16"), ":1: the file is UTF-16 (what Notepad calls Unicode): save it as UTF-8"),
    (EXAMPLE.encode("utf-16-be"), ":1: the file is UTF-16"),
    (EXAMPLE.replace("name", "na\0me", 1).encode(), "the file holds a zero byte"),
    (EXAMPLE.encode()[:-3] + b"\xe7\x83", "the file is not UTF-8"),
    (EXAMPLE.encode("utf-8-sig"), "byte order mark"),
], ids=["GBK", "GB 18030", "UTF-16", "UTF-16 BE without a mark", "zero byte", "cut off", "BOM"])
def test_encodings(tmp_path, data, words):
    assert words in refused(tmp_path, data)


def test_the_line_of_a_name_in_gbk(tmp_path):
    bad = EXAMPLE.encode().replace("烧结".encode(), "烧结".encode("gbk"), 1)
    assert bad != EXAMPLE.encode()
    assert f"emisd.conf:{line_of(EXAMPLE, '烧结')}: the file is not UTF-8, perhaps GBK" in refused(tmp_path, bad)


@pytest.mark.parametrize("folder, name", [("profiles.d", "liance-ph.conf"), ("limits.d", "own.conf"), (".", "factors.conf")])
def test_every_file_that_is_read_has_to_be_utf_8(tmp_path, folder, name):
    source = {"limits.d": "examples/acceptance-standard.conf"}.get(folder, f"{folder}/{name}")
    (tmp_path / folder).mkdir(exist_ok=True)
    text = (ROOT / "config" / source).read_text(encoding="utf-8") + "# 烧结\n"
    (tmp_path / folder / name).write_bytes(text.encode("gbk"))
    complaints = refused(tmp_path, EXAMPLE)
    assert f"{name}:" in complaints and "not UTF-8, perhaps GBK" in complaints


def test_a_password_in_gbk(tmp_path):
    (tmp_path / "password").write_bytes("密码".encode("gbk"))
    bad = with_change('password_file = "/etc/emisd/mqtt-password"', f'password_file = "{tmp_path}/password"')
    assert f"{tmp_path}/password:1: the file is not UTF-8" in refused(tmp_path, bad)


@pytest.mark.parametrize("text, words", [
    (r"\xC9\xD5\xBD\xE1", "name: the text is not UTF-8"),
    (r"\x1b[31mred", "name: the text holds the control character 0x1B"),
    (r"a\nb", "name: the text holds the control character 0x0A"),
    (r"\x7f", "name: the text holds the control character 0x7F"),
])
def test_escapes_make_no_text_that_a_file_may_not_hold(tmp_path, text, words):
    assert words in refused(tmp_path, with_change('name = "安阳某钢铁有限公司"', f'name = "{text}"'))


# ---- syntax ----

@pytest.mark.parametrize("old, new, words", [
    ('id = "anyang-steel-01";', 'id = "anyang-steel-01"；', "found ； (a fullwidth semicolon)"),
    ('id = "anyang-steel-01";', 'id ＝ "anyang-steel-01";', "found ＝ (a fullwidth equals sign), expected = behind the name"),
    ('id = "anyang-steel-01";', 'id = “anyang-steel-01”;', "found “ (a typographic quote), expected a value"),
    ('id = "anyang-steel-01";', "id = 'anyang-steel-01';", "found ' (a single quote), expected a value"),
    ('id = "anyang-steel-01";', 'id = anyang-steel-01;', 'found anyang-steel-01, expected a value'),
    ('id = "anyang-steel-01";', 'id "anyang-steel-01";', 'found "anyang-steel-01", expected = behind the name of a setting'),
    ('poll = "60s"', 'poll = 60s', '60; a duration, a size or an address needs quotes: "60s"'),
    ('host = "192.168.10.31"', 'host = 192.168.10.31a', 'needs quotes'),
    ('tiers = [ "special" ]', 'tiers = [ "special", ]', "found ], expected one more element behind the comma; take the last"),
    ('tiers = [ "special" ]', 'tiers = [ "special" "ultra-low" )', "found ), expected a comma or ]"),
    ('tiers = [ "special" ]', 'tiers = [ special ]', 'a text needs quotes: "special"'),
    ('id = "anyang-steel-01";', 'id = ;', "found ;, expected a value"),
    ("port = 502; },\n\t{ name = \"voc\"", "port = ５０２; },\n\t{ name = \"voc\"", "found ５ (a fullwidth character), expected a value"),
    ("timezone = ", "ｔimezone = ", "type t in its place, with the keyboard set to English"),
    ('id = "anyang-steel-01";', 'id = "anyang-steel-01;', "perhaps its closing quote is missing"),
    (');\n\n/* ', '\n\n/* ', "expected a comma or ); the ( of line"),
])
def test_a_syntax_error_says_what_was_found_and_expected(tmp_path, old, new, words):
    complaints = refused(tmp_path, with_change(old, new))
    assert words in complaints and "syntax error" not in complaints
    assert complaints.startswith(f"{tmp_path}/emisd.conf:") and complaints.count("\n") == 0


def test_a_list_that_is_not_closed_is_named_with_its_line(tmp_path):
    bad = with_change("links = (", "links = ( (").replace("instruments = (", "instruments = (", 1)
    assert f"the ( of line {line_of(EXAMPLE, 'links = (')} is not closed" in refused(tmp_path, bad)


# ---- words ----

@pytest.mark.parametrize("old, new, words", [
    ("\tbroker = ", "\tbrokr = ", 'unknown key "brokr"; did you mean "broker"?'),
    ('sector = "steel.sinter-head"', 'sector = "steel.sinterhead"', 'no sector "steel.sinterhead"; did you mean "steel.sinter-head"?'),
    ('tiers = [ "special" ]', 'tiers = [ "ultralow" ]', 'tiers: "ultralow" is not known; did you mean "ultra-low"?'),
    ('factor = "so2"', 'factor = "s02"', 'factor: "s02" is not in factors.conf; did you mean "so2"?'),
    ('from = "gas.so2"', 'from = "gsa.so2"', 'no instrument "gsa"; did you mean "gas"?'),
    ('from = "gas.so2"', 'from = "gas.s02"', 'has no channel "s02"; did you mean "so2"?'),
    ('link = "voc"', 'link = "vco"', 'no link "vco"; did you mean "voc"?'),
    ('parity = "none"', 'parity = "non"', '"non" is not known; did you mean "none"?'),
    ('profile = "liance-ph"', 'profile = "liance_ph"', 'did you mean "liance-ph"?'),
])
def test_a_misspelt_word_gets_the_nearest(tmp_path, old, new, words):
    assert words in refused(tmp_path, with_change(old, new))


@pytest.mark.parametrize("new", ["poll = 60;", "poll = 60.0;", 'poll = "60";', 'poll = "1m";', 'poll = "";', 'poll = "-1s";'])
def test_a_duration_needs_its_unit(tmp_path, new):
    complaints = refused(tmp_path, with_change('poll = "60s";', new))
    assert "a duration" in complaints and '"' in complaints


@pytest.mark.parametrize("new", ["quota = 2;", 'quota = "2";', 'quota = "2GB";', 'quota = "1MiB";', 'quota = "2 GiB";'])
def test_a_size_needs_its_unit(tmp_path, new):
    complaints = refused(tmp_path, with_change('quota = "2GiB";', new))
    assert "quota: " in complaints and "MiB" in complaints and complaints.count("\n") == 0


def test_a_missing_profile_names_its_line_and_every_path(tmp_path):
    bad = with_change('profile = "liance-ph"', 'profile = "acme-9000"')
    line = line_of(bad, 'profile = "acme-9000"')
    complaints = refused(tmp_path, bad)
    assert f"emisd.conf:{line}: profile: there is neither {tmp_path}/profiles.d/acme-9000.conf nor " in complaints
    assert f"{ROOT}/config/profiles.d/acme-9000.conf" in complaints


@pytest.mark.parametrize("source, words", [
    ("profiles.d/liance-ph.conf", "an instrument's profile"), ("limits.d/gb-4915-2013.conf", "a limit set"), ("factors.conf", "factors"),
])
def test_another_kind_of_file_is_named(tmp_path, source, words):
    complaints = refused(tmp_path, (ROOT / "config" / source).read_text(encoding="utf-8"))
    assert words in complaints and "describes no site" in complaints and complaints.count("\n") == 0


def test_files_that_are_not_there_get_a_note(tmp_path):
    status, complaints, notes = check(tmp_path, EXAMPLE)
    assert (status, complaints) == (0, [])
    for key, path in (("ca", "/etc/emisd/ca.pem"), ("client_cert", "/etc/emisd/client.pem"), ("device", "/dev/ttyS1"),
                      ("password_file", "/etc/emisd/mqtt-password"), ("client_key", "/etc/emisd/client.key")):
        line = line_of(EXAMPLE, path) if key == "device" else line_of(EXAMPLE, "mqtt = {")
        assert f"note: {tmp_path}/emisd.conf:{line}: {key}: {path}: No such file or directory; emisd needs it when it runs" in notes


def test_the_normal_form_is_written_as_people_write(tmp_path):
    (tmp_path / "emisd.conf").write_text(EXAMPLE, encoding="utf-8")
    text = subprocess.run([EMISD, "--print", "--share", ROOT / "config", "--config", tmp_path / "emisd.conf"], timeout=30,
                          capture_output=True, text=True, check=True).stdout
    for setting in ("hysteresis = 0.05;", "approach = 0.9;", 'poll = "1min";', 'quota = "2GiB";', 'batch = "2s";', 'wait = "10min";',
                    "barometric_kpa = 100;"):
        assert setting in text, setting
