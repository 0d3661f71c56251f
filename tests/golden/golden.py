"""Expected outputs in tests/golden/expected; `./dev golden` writes them again, so that you can look at the diff."""

import os
import pathlib

EXPECTED = pathlib.Path(__file__).resolve().parent / "expected"


def expect(name, text):
    path = EXPECTED / name
    if os.environ.get("EMISD_REWRITE"):
        path.write_text(text)
    assert text == path.read_text(), f"{path} says otherwise; ./dev golden rewrites it"
