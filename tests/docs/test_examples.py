"""Policies on the pages load: each block that begins with `# policies/NAME.yml` is one file of its page's set."""

import tomllib
from pathlib import Path

import pytest

from jitbot.facts.history import NoHistory, history_sources
from jitbot.facts.registry import FactRegistry
from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.files.load import CASES, load
from jitbot.runners.registry import Registry
from jitbot.workbench.cases import read_cases
from jitbot.workbench.judging import judge
from jitbot.workbench.rehearsal import Bench
from tests.docs import pages

HOSTS = ("search.acme.example",)


def files(page: Path) -> dict[str, str]:
    """Return the policy files that a page shows."""
    found = {}
    for language, block in pages.blocks(page):
        first = block.split("\n", 1)[0]
        if language == "yaml" and first.startswith("# policies/") and not first.endswith(CASES):
            found[first.removeprefix("# policies/").strip()] = block + "\n"
    return found


def cases(page: Path) -> dict[str, str]:
    """Return the files of cases that a page shows."""
    shown = (block for language, block in pages.blocks(page) if language == "yaml")
    firsts = ((block.split("\n", 1)[0], block + "\n") for block in shown)
    return {first.removeprefix("# policies/"): block for first, block in firsts if first.endswith(CASES)}


PAGES = [pytest.param(page, id=pages.name(page)) for page in pages.pages() if files(page)]


@pytest.mark.parametrize("page", PAGES)
def test_the_policies_on_a_page_load(page: Path) -> None:
    site = EnvironmentSite(HOSTS, {})
    points = tomllib.loads((pages.ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    catalog = Registry([*points["jitbot.runners"]], site)
    own = history_sources(NoHistory())
    policy = load(files(page), catalog, FactRegistry([*points["jitbot.facts"], *own], site, own))
    assert policy.actions


@pytest.mark.parametrize("page", [page for page in PAGES if cases(pages.ROOT / str(page.id))])
def test_the_cases_on_a_page_come_out_as_expected(page: Path) -> None:
    site = EnvironmentSite(HOSTS, {})
    points = tomllib.loads((pages.ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    catalog, sources = (
        Registry([*points["jitbot.runners"]], site),
        FactRegistry(list(points.get("jitbot.facts", {})), site),
    )
    bench = Bench(load(files(page), catalog, sources), catalog, sources)
    judged = [judge(case, bench) for case in read_cases(cases(page), bench)]
    assert [each.why for each in judged if each.differences] == []
    assert len(judged) > 3


def test_pages_show_policies() -> None:
    assert len(PAGES) >= 3
