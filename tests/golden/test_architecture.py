"""docs/architecture.md shows every file, and the tables of the outbox as the code has them."""

import re

import pytest

from tests.support.rig import ROOT

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
SECTIONS = {room: [line.split()[0] for line in body.splitlines()]
            for room, body in re.findall(r"^### (\S+)/\n\n```\n(.*?)\n```$", PAGE, re.M | re.S)}
WINDOW = (ROOT / "daemon/mqtt/window.c").read_text(encoding="utf-8")


def rooms():
    """Folders with C sources of the product."""
    tops = ("common", "core", "drivers", "daemon", "cli")
    return sorted({path.parent.relative_to(ROOT).as_posix() for top in tops for path in (ROOT / top).rglob("*.c")})


def test_every_folder_has_a_section():
    assert sorted(SECTIONS) == rooms()


@pytest.mark.parametrize("room", rooms())
def test_every_file_has_a_line(room):
    files = {path.stem for path in (ROOT / room).glob("*.[ch]") if not path.stem.endswith("_internal")}
    assert SECTIONS[room] == sorted(files)


def shorten(word):
    return word.removeprefix("WINDOW_").removeprefix("RECORD_")


def table_of_code(name):
    """{state: {event: "next state, action"}} of a table in window.c; an action that does nothing is left out."""
    (body,) = re.findall(rf"^static const struct \w+ {name}\[.*?\] = {{\n(.*?)^}};", WINDOW, re.M | re.S)
    table = {}
    for state, cells in re.findall(r"^\t\[(\w+)\] = {\n(.*?)^\t},", body, re.M | re.S):
        table[shorten(state)] = {event: shorten(after) + ("" if action in ("NOTHING", "KEEP") else f", {action}")
                                 for event, after, action in re.findall(r"\[(\w+)\]\s*= {\s*(\w+),\s*(\w+)\s*}", cells)}
    return table


def table_of_page(name):
    (rows,) = re.findall(rf"\(`{name}`.*?\n\n(.*?)\n\n", PAGE, re.S)
    (_, *events), _, *lines = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines()]
    return {state: dict(zip(events, cells)) for state, *cells in lines}


@pytest.mark.parametrize("name, states, events", [("rules", 5, 6), ("record_rules", 3, 4)])
def test_the_page_shows_the_tables_of_the_outbox(name, states, events):
    code = table_of_code(name)
    assert len(code) == states and all(len(cells) == events for cells in code.values())
    assert table_of_page(name) == code
