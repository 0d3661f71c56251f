"""The tests that docs/reliability.md names exist."""

import re

from tests.support.rig import ROOT

TEXT = (ROOT / "docs/reliability.md").read_text()


def test_every_promise_names_a_test_that_exists():
    named = set(re.findall(r"`(?:tests/fault/)?(\w+\.(?:py|c))`", TEXT))
    there = {path.name for pattern in ("*.py", "*.c") for path in (ROOT / "tests").rglob(pattern)}
    assert len(named) > 15
    assert named <= there, named - there


def test_every_fault_test_shows_a_promise():
    faults = {path.name for path in (ROOT / "tests/fault").glob("test_*.py")}
    assert all(name in TEXT for name in faults), [name for name in faults if name not in TEXT]
