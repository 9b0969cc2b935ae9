"""The tour goes through every module there is, once."""

import re

from tests.docs import pages

_STOP = re.compile(r"^- \[`([^`]+)`\]\(\.\./([^)]+)\): \S")


def test_the_tour_has_one_line_for_every_module() -> None:
    tour = (pages.DOCS / "tour.md").read_text()
    stops = [stop for line in tour.splitlines() if (stop := _STOP.match(line))]
    assert all(stop[1] == stop[2] for stop in stops), "a line's name and link differ"
    told = [stop[1] for stop in stops]
    assert len(told) == len(set(told)), "a module is told twice"
    there = {path.relative_to(pages.ROOT).as_posix() for path in (pages.ROOT / "jitbot").rglob("*.py")}
    migrations = {name for name in there if "/migrations/versions/" in name}
    said_by_package = {name for name in there if name.endswith("__init__.py")}
    wanted = there - migrations - said_by_package | {"app.py"}
    assert sorted(wanted - set(told)) == [], "modules that the tour does not name"
    assert sorted(set(told) - there - {"app.py"}) == [], "lines of the tour without a module"
