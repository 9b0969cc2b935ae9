"""A process is asked for the tokens that its roles need, and for no others."""

import pytest

from jitbot.cli.doctor import _tokens
from jitbot.settings import Settings


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (Settings(), ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]),
        (Settings(mode="http"), ["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"]),
        (Settings(roles=("work", "clock")), ["SLACK_BOT_TOKEN"]),
    ],
    ids=["over a socket", "over HTTP", "not reached by Slack"],
)
def test_what_is_needed(settings: Settings, wanted: list[str]) -> None:
    assert [finding.subject for finding in _tokens(settings)] == wanted
