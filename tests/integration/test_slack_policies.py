"""What people in Slack see when the policies change."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jitbot.model import Author
from jitbot.slack.notifier import Boards
from tests.slack_town import SlackTown, shown, slack_town
from tests.town import POLICY

ASKED = "restart service=api env=prod because it is slow"
ONE = "        review: [{from: [group:oncall], count: 1}]"
LEADS = "        review: [{from: [group:leads], count: 1}]"


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[SlackTown]:
    slack, world = slack_town(sqlite_url, tmp_path)
    yield world.connect()
    world.close()
    slack.stop()


def change(world: SlackTown, new: str) -> None:
    world.town.files = {**world.town.files, "payments.yml": new}
    world.town.reload()
    world.tick()


def posted(world: SlackTown) -> list[dict[str, Any]]:
    return world.person("U0DI").messages("C0OPS")


def test_a_change_is_announced_with_names_and_the_card_is_drawn_anew(world: SlackTown) -> None:
    request = world.ask("U0ANN", ASKED)
    world.town.author = Author("Dana Doe", "3f2a9c1d" * 5, "Have <!here> look", committed=True)
    change(world, POLICY.replace(ONE, LEADS))
    (said,) = posted(world)
    who = "Dana Doe, commit 3f2a9c1d3f2a “Have &lt;!here&gt; look”."
    assert said["text"].startswith(f"📜 The policies have changed: {who}")
    assert f"JIT-{request.id} asks one of leads: cy or di now." in shown(said)
    card = world.card(request.id)
    assert card is not None
    assert "one of leads: cy or di" in shown(card)


def test_a_fault_is_an_alarm_and_its_mending_is_told(world: SlackTown) -> None:
    change(world, "team: payments\n")
    change(world, POLICY)
    fault, mended = (message["text"] for message in posted(world))
    assert fault.startswith("🚨 The policies are broken; the last good ones stay in force.")
    assert "payments.yml:1:1" in fault
    assert mended == "📜 The policies are in order again."


def test_where_nobody_wants_to_be_told_nothing_is_left_over(world: SlackTown) -> None:
    world.notifier._boards = Boards()
    change(world, POLICY.replace(ONE, LEADS))
    assert posted(world) == []
    world.forward(3600)
    assert world.notifier.deliver_due() == 0
