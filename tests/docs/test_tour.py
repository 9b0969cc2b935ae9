"""The tour goes through every module there is, once."""

import ast
import re
from pathlib import Path

from tests.docs import pages

_STOP = re.compile(r"^- \[`([^`]+)`\]\(\.\./([^)]+)\): \S")


def test_the_tour_has_one_line_for_every_module() -> None:
    tour = (pages.DOCS / "tour.md").read_text()
    stops = [stop for line in tour.splitlines() if (stop := _STOP.match(line))]
    assert all(stop[1] == stop[2] for stop in stops), "a line's name and link differ"
    told = [stop[1] for stop in stops]
    assert len(told) == len(set(told)), "a module is told twice"
    there = {path.relative_to(pages.ROOT).as_posix() for path in (pages.ROOT / "jitbot").rglob("*.py") if wanted(path)}
    there |= {path.name for path in pages.ROOT.glob("app.py")}
    assert sorted(there - set(told)) == [], "modules without a line: run make docs"
    assert sorted(set(told) - there) == [], "lines without a module: run make docs"


def wanted(path: Path) -> bool:
    """Leave out the migrations, which are many and alike, and packages that have nothing to say."""
    return "versions" not in path.parts and bool(path.read_text().strip())


def test_every_module_says_in_one_line_what_it_is_for() -> None:
    for path in (pages.ROOT / "jitbot").rglob("*.py"):
        if wanted(path):
            said = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]
            assert said, f"{path.relative_to(pages.ROOT)} has no docstring"
