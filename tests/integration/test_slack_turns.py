"""Of several processes one says things; a frozen one leaves alone, when it thaws, what another has said meanwhile."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from jitbot.model import Outgoing, Topic
from jitbot.service.turns import Turn
from jitbot.slack.notifier import Boards, Notifier
from jitbot.slack.output import OutputPosts
from jitbot.slack.pace import Pace
from jitbot.slack.sending import Sender
from tests.slack_town import SlackTown, slack_town

OPERATORS = "C0OPS"


class Row:
    """Implements `ports.Turns`: the turn is whose name stands here."""

    owner = "a"

    def take(self, name: str, owner: str, length: timedelta) -> bool:
        return owner == self.owner

    def leave(self, name: str, owner: str) -> None:
        self.owner = ""


@pytest.fixture
def row() -> Row:
    return Row()


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[SlackTown]:
    slack, world = slack_town(sqlite_url, tmp_path)
    yield world.connect()
    world.close()
    slack.stop()


def notifier(world: SlackTown, turn: Turn) -> Notifier:
    """Return the notifier of another process."""
    sender = Sender(world.client, Pace(world.clock), turn.assure)
    return Notifier(
        requests=world.service.queries,
        outbox=world.town.outbox,
        cards=world.cards,
        output=OutputPosts(world.service.handing_out, sender),
        sender=sender,
        channels=world.channels,
        directory=world.directory,
        boards=Boards("#operators", "#operators"),
        turn=turn,
    )


def say(world: SlackTown, *texts: str) -> None:
    with world.town.ledger.begin() as entry:
        for text in texts:
            entry.say(Outgoing(f"alarm:{text}", Topic.ALARM, None, text))


def said(world: SlackTown) -> list[str]:
    return [message["text"].removeprefix("🚨 ") for message in world.person("U0DI").messages(OPERATORS)]


def test_whose_turn_it_is_not_says_nothing_and_claims_nothing(world: SlackTown, row: Row) -> None:
    mine, other = Turn(row, "notifier", "a"), Turn(row, "notifier", "b")
    for turn in (mine, other):
        turn.keep()
    say(world, "one")
    assert notifier(world, other).deliver_due() == 0
    assert said(world) == []
    assert notifier(world, mine).deliver_due() == 1
    assert said(world) == ["one"]


@pytest.mark.parametrize("frozen_at", [1, 2], ids=["before the first message", "between two messages"])
def test_one_that_thaws_in_the_middle_says_nothing_that_another_has_said(
    world: SlackTown, row: Row, frozen_at: int
) -> None:
    late = 0.0
    frozen = Turn(row, "notifier", "a", lambda: 100.0 + late)
    other = Turn(row, "notifier", "b")
    frozen.keep()
    ours, theirs = notifier(world, frozen), notifier(world, other)
    say(world, "one", "two", "three")
    assure, calls = frozen.assure, 0

    def freeze() -> None:
        nonlocal late, calls
        calls += 1
        if calls == frozen_at:
            late, row.owner = 60.0, "b"
            other.keep()
            for _ in range(5):
                world.forward(5)
                theirs.deliver_due()
        assure()

    ours._sender._assure = freeze
    ours.deliver_due()
    assert sorted(said(world)) == ["one", "three", "two"]
    assert world.town.outbox.claim(10, timedelta(0)) == []


def test_what_a_dead_one_had_in_hand_the_next_one_says_at_once(world: SlackTown, row: Row) -> None:
    say(world, "one")
    assert len(world.town.outbox.claim(20, timedelta(minutes=2))) == 1
    turn = Turn(row, "notifier", "a")
    turn.keep()
    assert notifier(world, turn).deliver_due() == 1
    assert said(world) == ["one"]
