"""The manifest and the reference page say exactly what jitbot listens to."""

import re
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from jitbot.slack.listeners import buttons, events, in_forms, submissions
from jitbot.slack.oneliner import Word
from jitbot.slack.views import ids
from jitbot.slack.views.lists import WORDS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/reference/slack.md").read_text()
NONE = cast(Any, None)


class Nothing:
    """Stands for the listeners' classes, whose methods are only named here."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text())
    return loaded


def listened() -> set[str]:
    nothing = cast(Any, Nothing())
    return {*buttons(nothing, nothing, nothing), *in_forms(nothing), *submissions(*[nothing] * 4)}


def test_the_manifest_subscribes_to_the_events_that_are_listened_to(manifest: dict[str, Any]) -> None:
    assert sorted(manifest["settings"]["event_subscriptions"]["bot_events"]) == sorted(events(NONE, NONE))


def test_the_manifest_has_the_command_and_interactivity(manifest: dict[str, Any]) -> None:
    assert [each["command"] for each in manifest["features"]["slash_commands"]] == [ids.COMMAND]
    assert manifest["features"]["slash_commands"][0]["should_escape"] is True
    assert manifest["settings"]["interactivity"]["is_enabled"] is True


def test_the_manifest_stays_within_slacks_limits(manifest: dict[str, Any]) -> None:
    about, features = manifest["display_information"], manifest["features"]
    assert len(about["name"]) <= 35
    assert len(about["description"]) <= 140
    assert len(features["bot_user"]["display_name"]) <= 80
    for command in features["slash_commands"]:
        assert re.fullmatch(r"/[a-z]{1,31}", command["command"])
        assert len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000
    assert set(features) <= {"app_home", "bot_user", "slash_commands", "shortcuts"}


def test_scopes_are_those_that_are_explained_and_no_more(manifest: dict[str, Any]) -> None:
    scopes = manifest["oauth_config"]["scopes"]["bot"]
    table = PAGE.split("## Scopes")[1].split("\n\n")[1]
    explained = {scope for line in table.splitlines()[2:] for scope in re.findall(r"`([a-z:.]+)`", line.split("|")[1])}
    assert set(scopes) == explained
    assert len(scopes) == len(set(scopes))


def test_every_listener_is_on_the_page() -> None:
    assert listened() == set(re.findall(r"`(jit:[a-z_]+)`", PAGE)) - {ids.PICKER}


def test_every_event_is_on_the_page() -> None:
    section = PAGE.split("## Events")[1].split("## Scopes")[0]
    assert set(events(NONE, NONE)) == set(re.findall(r"`([a-z_]+)`", section))


def test_every_word_of_the_command_is_on_the_page_and_in_help() -> None:
    section = PAGE.split("## Commands")[1].split("## Buttons")[0]
    for word, meaning in WORDS:
        typed = f"{ids.COMMAND} {word}".strip()
        assert f"| `{typed}` | {meaning} |" in section
    assert {word.split()[0] for word, _ in WORDS if word and not word.startswith("<")} == set(Word)
