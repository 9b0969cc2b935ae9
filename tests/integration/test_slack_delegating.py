"""Standing in, through Slack: typed, answered, clicked by the stand-in, and shown."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slack_town import HERE, SlackTown, ephemeral, shown, slack_town


@pytest.fixture
def town(sqlite_url: str, tmp_path: Path) -> Iterator[SlackTown]:
    slack, town = slack_town(sqlite_url, tmp_path)
    yield town.connect()
    town.close()
    slack.stop()


def answers(town: SlackTown, user: str) -> str:
    return "\n".join(message["text"] for message in ephemeral(town.person(user)))


def test_a_stand_in_is_named_clicks_and_is_seen_to_stand_in(town: SlackTown) -> None:
    town.person("U0BO").command(HERE, '/jit delegate @di until tomorrow 18:00 "on leave"')
    town.until(lambda: "di reviews in your place until" in answers(town, "U0BO"), "an answer")
    town.until(lambda: "on leave" in str(town.person("U0DI").dm()), "a direct message to the stand-in")
    town.person("U0DI").command(HERE, "/jit delegate")
    town.until(lambda: "You review in the place of bo until" in answers(town, "U0DI"), "the list")
    request = town.ask("U0ANN", "restart service=api env=prod reason=INC-1")
    card = town.until(lambda: town.card(request.id), "a card")
    assert "di for bo" in shown(card)
    town.person("U0DI").click(card, "jit:approve")
    town.until(lambda: town.state(request.id) == "succeeded", "the run")
    town.until(lambda: "approved by di for bo" in (town.card(request.id) or {})["text"], "the card")
    town.until(lambda: "in your place" in str(town.person("U0BO").dm()), "word to Bo")
    town.person("U0BO").command(HERE, "/jit delegate end")
    town.until(lambda: "Ended: di for bo." in answers(town, "U0BO"), "the end")


def test_what_cannot_be_delegated_is_said_to_the_one_who_typed_it(town: SlackTown) -> None:
    town.person("U0BO").command(HERE, "/jit delegate di until Friday")
    town.until(lambda: "is nobody that I know" in answers(town, "U0BO"), "a refusal")
    town.person("U0BO").command(HERE, "/jit delegate @gus for 3d")
    town.until(lambda: "Only full members" in answers(town, "U0BO"), "a refusal")
