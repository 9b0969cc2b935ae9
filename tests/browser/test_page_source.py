"""What the page's files may not do, seen without a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import jitbot.sandbox

PAGE = Path(jitbot.sandbox.__file__).parent / "page"
MODULES = sorted(PAGE.glob("*.js"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_module_says_what_it_is_for_and_stays_small(module: Path) -> None:
    lines = module.read_text().splitlines()
    assert lines[0].startswith("// ")
    assert len(lines) <= 400


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_module_turns_text_into_markup_or_code(module: Path) -> None:
    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", module.read_text()
    )
    assert found == []


def test_nothing_names_another_server() -> None:
    text = "".join(path.read_text() for path in [*MODULES, *PAGE.glob("*.css"), *PAGE.glob("*.html")])
    addresses = set(re.findall(r"https?://[\w.-]+", text))
    assert addresses <= {"http://www.w3.org"}  # the name of SVG, which nobody fetches


def test_all_files_lie_flat_so_that_the_wheel_carries_them() -> None:
    assert [path.name for path in PAGE.iterdir() if path.is_dir()] == []
