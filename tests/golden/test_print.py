"""The normal form of the example configuration."""

import subprocess

from tests.golden.golden import expect
from tests.support.rig import ROOT, build_dir


def test_the_example_in_its_normal_form():
    done = subprocess.run([build_dir() / "daemon/emisd", "--config", ROOT / "config/emisd.conf", "--share",
                           ROOT / "config", "--print"], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    expect("emisd-print.conf", done.stdout)
