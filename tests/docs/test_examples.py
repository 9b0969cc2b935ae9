"""Policies on the pages load: each block that begins with `# policies/NAME.yml` is one file of its page's set."""

from pathlib import Path

import pytest

from jitbot.policy.load import load
from jitbot.runners.registry import Registry
from jitbot.runners.site import EnvironmentSite
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
    catalog = Registry(["command", "http"], EnvironmentSite(HOSTS, {}))
    policy = load(files(page), catalog)
    assert policy.actions


def test_pages_show_policies() -> None:
    assert len(PAGES) >= 3
