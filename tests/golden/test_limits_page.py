"""docs/limits.md agrees with the files of the catalogue."""

import os

from tests.golden import limits_page


def test_the_page_is_current():
    path = limits_page.ROOT / "docs/limits.md"
    text = limits_page.page()
    if os.environ.get("EMISD_REWRITE"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, "./dev golden writes docs/limits.md anew"
