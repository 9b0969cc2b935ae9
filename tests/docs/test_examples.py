"""Policies on the pages load: each block that begins with `# policies/NAME.yml` is one file of its page's set."""

import tomllib
from pathlib import Path

import pytest

from jitbot.facts.history import NoHistory, history_sources
from jitbot.facts.registry import FactRegistry
from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.files.load import load
from jitbot.runners.registry import Registry
from tests.docs import pages

HOSTS = ("search.acme.example",)


def files(page: Path) -> dict[str, str]:
    """Return the policy files that a page shows."""
    found = {}
    for language, block in pages.blocks(page):
        first = block.split("\n", 1)[0]
        if language == "yaml" and first.startswith("# policies/"):
            found[first.removeprefix("# policies/").strip()] = block + "\n"
    return found


PAGES = [pytest.param(page, id=pages.name(page)) for page in pages.pages() if files(page)]


@pytest.mark.parametrize("page", PAGES)
def test_the_policies_on_a_page_load(page: Path) -> None:
    site = EnvironmentSite(HOSTS, {})
    points = tomllib.loads((pages.ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    catalog = Registry(["command", "http"], site)
    own = history_sources(NoHistory())
    policy = load(files(page), catalog, FactRegistry([*points["jitbot.facts"], *own], site, own))
    assert policy.actions


def test_pages_show_policies() -> None:
    assert len(PAGES) >= 3
