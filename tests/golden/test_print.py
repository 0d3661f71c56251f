"""The normal form of the example configuration."""

import subprocess

from tests.golden.golden import expect
from tests.support.rig import ROOT, build_dir


def test_the_example_in_its_normal_form():
    done = subprocess.run([build_dir() / "daemon/emisd", "--config", ROOT / "config/emisd.conf", "--share",
                           ROOT / "config", "--print"], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    expect("emisd-print.conf", done.stdout)


def test_ids_of_a_gateway_are_printed_when_they_are_ignored(tmp_path):
    text = (ROOT / "config/emisd.conf").read_text()
    changed = text.replace('type = "tcp"; ', 'type = "tcp"; transaction_ids = "ignored"; ', 1)
    assert changed != text
    for name, content in (("given", changed), ("printed", None)):
        conf = tmp_path / f"{name}.conf"
        conf.write_text(content or done.stdout)
        done = subprocess.run([build_dir() / "daemon/emisd", "--config", conf, "--share", ROOT / "config", "--print"],
                              capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count('transaction_ids = "ignored"; ') == 1
