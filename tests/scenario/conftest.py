"""Fixtures of the scenarios: each runs the real daemon, the simulated plant and a real broker."""

import pytest

from tests.support.rig import Rig


@pytest.fixture(name="make_rig")
def fixture_make_rig(tmp_path):
    """Makes rigs, which start at once and stop at the end of the test; when the test fails, the log of emisd is shown."""
    rigs = []

    def make(**options):
        folder = tmp_path / f"rig{len(rigs)}"
        folder.mkdir()
        rig = Rig(folder, **options)
        rigs.append(rig)
        return rig.__enter__()

    yield make
    for rig in rigs:
        rig.stop()
        if rig.emisd:
            print(f"--- {rig.emisd.log}\n{rig.emisd.text()}")
            assert "Sanitizer" not in rig.emisd.text()
    assert not [c for rig in rigs if rig.bureau for c in rig.bureau.complaints]


@pytest.fixture(scope="module", name="quiet")
def fixture_quiet(tmp_path_factory):
    """One rig for all tests of a module that only ask and change nothing."""
    with Rig(tmp_path_factory.mktemp("quiet"), scale=60, broker=False) as rig:
        yield rig
