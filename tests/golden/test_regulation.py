"""The functions and tests that docs/regulation.md names exist."""

import re

import pytest

from tests.support.rig import ROOT

ROWS = [[cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs/regulation.md").read_text().splitlines()
        if line.startswith("|") and not line.startswith(("| rule", "|---"))]


def find(name):
    """The one file of the project whose path ends in this: `mean.c`, or `core/alarm.c` where there are two."""
    (path,) = [p for folder in ("core", "daemon", "tests") for p in (ROOT / folder).rglob("*.*")
               if p.as_posix().endswith("/" + name)]
    return path.read_text()


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_rule_is_where_the_page_says(row):
    rule, document, known, function, test = row
    assert document and known in ("seen2", "seen1", "memory", "ours")
    for cell in (function, test):
        name, what = re.fullmatch(r"`([\w./]+): (\w+)`", cell).groups()
        definition = rf"^def {what}\(" if name.endswith(".py") else rf"^[a-z][\w *]*\b{what}\("
        assert re.search(definition, find(name), re.M), f"{rule}: {name} has no {what}()"


def test_the_page_has_all_sections():
    assert len(ROWS) > 55
