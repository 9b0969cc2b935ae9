"""Links lead somewhere, and nothing in the pages names a machine."""

from pathlib import Path

import pytest

from tests.docs import pages

PAGES = [pytest.param(page, id=pages.name(page)) for page in pages.pages()]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_page_and_a_heading_that_exist(page: Path) -> None:
    broken = []
    for number, target in pages.links(page):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        aim = (page.parent / path).resolve() if path else page
        if not aim.exists() or (anchor and anchor not in pages.headings(aim)):
            broken.append(f"{pages.name(page)}:{number}: {target}")
    assert not broken


@pytest.mark.parametrize("page", PAGES)
def test_every_code_block_is_closed(page: Path) -> None:
    fences = [line for line in page.read_text().splitlines() if line.lstrip().startswith("```")]
    assert len(fences) % 2 == 0


def test_the_index_leads_to_every_page_below_docs() -> None:
    index = pages.DOCS / "README.md"
    linked = {(index.parent / target.partition("#")[0]).resolve() for _, target in pages.links(index)}
    decisions = {page for page in (pages.DOCS / "adr").glob("*.md")}
    missing = {page for page in pages.DOCS.rglob("*.md")} - linked - decisions - {index}
    assert sorted(pages.name(page) for page in missing) == []
