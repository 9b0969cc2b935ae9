"""The pieces of `people.yml` on the page about people load, with the sources that jitbot has."""

from textwrap import indent

import pytest

from jitbot.facts.registry import FactRegistry
from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.files.load import load
from jitbot.runners.registry import Registry
from tests.docs import pages

PAGE = pages.DOCS / "howto" / "name-people.md"
PIECES = [block for language, block in pages.blocks(PAGE) if language == "yaml" and not block.startswith("#")]


@pytest.mark.parametrize("piece", PIECES, ids=range(len(PIECES)))
def test_a_piece_of_people_yml_loads(piece: str) -> None:
    site = EnvironmentSite((), {})
    if piece.startswith("layers:"):
        piece = f"on_call:\n  primary:\n    source: rota\n{indent(piece, '    ')}"
    sources = FactRegistry(["rota", "scim.users", "http.attributes"], site)
    policy = load({"people.yml": f"groups: {{}}\n{piece}\n"}, Registry(["command"], site), sources)
    assert policy.attributes or policy.on_call


def test_the_page_has_pieces() -> None:
    assert len(PIECES) >= 3
