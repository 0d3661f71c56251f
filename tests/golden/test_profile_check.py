"""`emisd --check` reports impossible bounds of a profile, and channels that take any register content for a value."""

import subprocess

import pytest

from tests.support.rig import ROOT, build_dir

CONF = """site = { id = "check"; name = "check"; };
links = ( { name = "l"; type = "%s"; host = "127.0.0.1"; port = 502; %s } );
instruments = ( { name = "gas"; link = "l"; unit = 1; profile = "acme"; } );
outlets = ( { id = "DA001"; medium = "gas"; sector = "steel.sinter-head"; tiers = [ ];
  points = ( { factor = "so2"; from = "gas.so2"; } ); } );
"""
PROFILE = """profile = { name = "acme"; maker = "Acme"; model = "9000"; source = "test"; confidence = "test"; addresses = "wire"; };
channels = (
  { name = "so2"; function = 3; address = 0; unit = "mg/m3"; %s }
);
"""
NOTE = "acme.conf:3: channel \"so2\" of the profile \"acme\" has neither a range nor a word that means no value"


def check(folder, channel, link=("tcp", "")):
    (folder / "profiles.d").mkdir()
    (folder / "profiles.d/acme.conf").write_text(PROFILE % channel)
    (folder / "emisd.conf").write_text(CONF % link)
    done = subprocess.run([build_dir() / "daemon/emisd", "--check", "--config", folder / "emisd.conf", "--share",
                           ROOT / "config"], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("channel", [
    'type = "f32"; order = "CDAB"; min = 500.0; max = 0.0;', 'type = "i16"; min = 0.5; max = 0.25;',
    'type = "u16"; raw_min = 6400.0; raw_max = 640.0;', 'type = "u16"; scale = 0.0; max = 9.0;'])
def test_bounds_that_leave_no_value_are_refused_with_their_line(tmp_path, channel):
    status, said = check(tmp_path, channel)
    assert status == 1 and "/profiles.d/acme.conf:3: " in said and "has no channel" not in said, said


@pytest.mark.parametrize("channel", [
    'type = "f32"; order = "CDAB";', 'type = "u16";', 'type = "i16"; max = 100.0;', 'type = "i32"; order = "ABCD"; min = 0.0;',
    'type = "u16"; scale = 0.1; min = 0.0;'])
def test_a_channel_that_takes_anything_for_a_value_is_noted(tmp_path, channel):
    status, said = check(tmp_path, channel)
    assert status == 0 and said.count(NOTE) == 1, said


@pytest.mark.parametrize("channel", [
    'type = "f32"; order = "CDAB"; min = 0.0; max = 500.0;', 'type = "u16"; max = 500.0;', 'type = "u16"; absent = [ 65535 ];',
    'type = "i16"; raw_min = 5760.0; raw_max = 32700.0;', 'type = "bcd"; registers = 2;', 'type = "i16"; min = 5.0; max = 5.0;'])
def test_a_range_or_a_sentinel_is_enough(tmp_path, channel):
    status, said = check(tmp_path, channel)
    assert status == 0 and "neither a range" not in said, said


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "config/profiles.d").glob("*.conf")))
def test_no_shipped_profile_is_noted(tmp_path, name):
    text = (ROOT / f"config/profiles.d/{name}.conf").read_text().replace(f'"{name}"', '"acme"', 1)
    assert "neither a range" not in check_text(tmp_path, text)


def check_text(folder, profile):
    (folder / "profiles.d").mkdir()
    (folder / "profiles.d/acme.conf").write_text(profile)
    (folder / "emisd.conf").write_text(CONF % ("tcp", ""))
    done = subprocess.run([build_dir() / "daemon/emisd", "--check", "--config", folder / "emisd.conf", "--share",
                           ROOT / "config"], capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


@pytest.mark.parametrize("link,words", [(("tcp", 'transaction_ids = "own";'), "transaction_ids"),
                                        (("tcp", "transaction_ids = 1;"), "transaction_ids"),
                                        (("rtu-tcp", 'transaction_ids = "ignored";'), 'unknown key "transaction_ids"')])
def test_ids_are_checked_or_ignored_and_only_on_tcp(tmp_path, link, words):
    status, said = check(tmp_path, 'type = "u16"; max = 500.0;', link)
    assert status == 1 and "/emisd.conf:2: " in said and words in said, said
