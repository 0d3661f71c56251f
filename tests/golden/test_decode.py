"""Registers -> readings through every shipped profile. Cases in registers/, expected readings in expected/."""

import pathlib
import subprocess

import pytest

from tests.golden.golden import expect
from tests.support.rig import ROOT, build_dir

CASES = pathlib.Path(__file__).resolve().parent / "registers"
PROFILES = sorted(path.stem for path in (ROOT / "config/profiles.d").glob("*.conf"))


def decode(share, profile, cases):
    return subprocess.run([build_dir() / "tests/golden/decode_registers", share, profile], input=cases,
                          capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("profile", PROFILES)
def test_registers_become_readings(profile):
    done = decode(ROOT / "config", profile, (CASES / f"{profile}.txt").read_text())
    assert done.returncode == 0, done.stderr
    expect(f"decode-{profile}.txt", done.stdout)


def test_no_case_without_a_profile():
    assert sorted(path.stem for path in CASES.glob("*.txt")) == PROFILES


def test_the_example_of_the_manual_is_a_profile(tmp_path):
    text = (ROOT / "docs/profiles.md").read_text().split("```")[1]
    (tmp_path / "profiles.d").mkdir()
    (tmp_path / "profiles.d/acme-gx2.conf").write_text(text)
    # 40101 is wire 100: 35.0 in CDAB, 16.00 %, state 2 is calibration; bit 2 of 40121 is an alarm of SO2 alone.
    done = decode(tmp_path, "acme-gx2", "case calibration\n3 100: 0000 420C 0640\n3 119: 0002\n"
                                        "case SO2 alarm\n3 100: 0000 420C 0640\n3 119: 0000 0004\n"
                                        "case no oxygen\n3 100: 0000 420C FFFF\n")
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["case", "calibration"], ["so2", "35", "mg/m3", "C"], ["o2", "16", "%", "N"],
        ["case", "SO2", "alarm"], ["so2", "35", "mg/m3", "D"], ["o2", "16", "%", "N"],
        ["case", "no", "oxygen"], ["so2", "35", "mg/m3", "N"], ["o2", "nan", "%", "D"]]
