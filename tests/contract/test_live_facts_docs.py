"""The how-to on live facts: its policies load with the sources that come with jitbot."""

import re
from pathlib import Path

from jitbot.facts.history import NoHistory, history_sources
from jitbot.facts.registry import FactRegistry
from jitbot.model import FactKind
from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.files.load import load
from jitbot.settings import OFFLINE_SOURCES

HOWTO = (Path(__file__).parents[2] / "docs/howto/decide-by-live-facts.md").read_text(encoding="utf-8")


class Commands:
    def names(self) -> list[str]:
        return ["command"]

    def inputs(self, name: str, values: object) -> object:
        return values


def test_the_policies_of_the_page_load_with_their_types() -> None:
    files = dict(re.findall(r"^```yaml\n# policies/(\S+\.yml)\n(.*?)^```$", HOWTO, re.MULTILINE | re.DOTALL))
    allowed = re.findall(r"^JITBOT_FACTS=(\S+)$", HOWTO, re.MULTILINE)[0].split(",")
    registry = FactRegistry(allowed, EnvironmentSite((), {}), history_sources(NoHistory()))
    policy = load(files, Commands(), registry)  # type: ignore[arg-type]
    calls = [*policy.facts, *(fact for action in policy.actions.values() for fact in action.facts)]
    assert {call.name: call.kind for call in calls} == {
        "provider": FactKind.TEXT,
        "deploys": FactKind.INTEGER,
        "errors": FactKind.NUMBER,
        "firing": FactKind.INTEGER,
        "drained": FactKind.INTEGER,
        "failed": FactKind.INSTANT,
        "rate": FactKind.NUMBER,
    }


def test_the_sources_that_are_allowed_from_the_start_ask_nobody() -> None:
    own = history_sources(NoHistory())
    assert set(own) <= set(OFFLINE_SOURCES)
    registry = FactRegistry(OFFLINE_SOURCES, EnvironmentSite((), {}), own)
    for name in OFFLINE_SOURCES:
        assert not {"url", "headers", "secret"} & registry.source(name).Arguments.model_fields.keys()
