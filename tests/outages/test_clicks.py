"""While the database is away, whoever does something is told so within Slack's three seconds, and nothing is done."""

import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jitbot.errors import StoreUnavailable, StoreUnsure
from jitbot.sandbox.local import LocalSlack
from jitbot.slack.desk import NOT_TAKEN_IN, PERHAPS_TAKEN_IN
from jitbot.slack.views import ids
from jitbot.store.far_clock import ASKED_AGAIN_SECONDS
from tests.outages.server import Breakable
from tests.slack_town import HERE, WORKSPACE, SlackTown, action_ids, ephemeral, shown
from tests.town import Town

SLACK_WAITS_SECONDS = 3.0


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    slack = LocalSlack(WORKSPACE).start()
    yield slack
    slack.stop()


@pytest.fixture
def on_server(slack: LocalSlack, postgres: Breakable, tmp_path: Path) -> Iterator[SlackTown]:
    world = SlackTown(slack, Town(postgres.url(f"t{uuid.uuid4().hex[:12]}"), tmp_path)).connect()
    yield world
    postgres.settled()
    postgres.thaw()
    world.close()


@pytest.fixture
def world(slack: LocalSlack, empty_file: Path, tmp_path: Path) -> Iterator[SlackTown]:
    """Give a jitbot on a file."""
    shutil.copy(empty_file, tmp_path / "jitbot.db")
    world = SlackTown(slack, Town(f"sqlite:///{tmp_path}/jitbot.db", tmp_path)).connect()
    yield world
    world.close()


COMMANDS = [
    "",
    "help",
    "restart service=api env=prod because it is slow",
    "restart service=api",
    "restart",
    "status",
    "mine",
    "pending",
    "why JIT-1",
    "withdraw JIT-1",
    "drop JIT-2",
    "extend JIT-2",
    "extend JIT-2 for=30m because it takes longer",
    "delegate",
    "delegate to <@U0BO> for 2d",
    "audit JIT-1",
]


def answers(world: SlackTown, user: str) -> list[str]:
    """Return everything that this person alone was told: beside a card, in a direct message, in a modal."""
    person = world.person(user)
    modal = person.modal()
    texts = [message["text"] for message in ephemeral(person)] + [message["text"] for message in person.dm()]
    return texts + ([shown(modal) + str(modal.get("errors", ""))] if modal else [])


def answered(world: SlackTown, user: str, act: Callable[[], Any]) -> str:
    """Do something, and return what the person is told about it."""
    while world.person(user).modal():
        world.person(user).close()
    before = answers(world, user)
    began = time.monotonic()
    result = act()
    assert result["acked"], result
    assert time.monotonic() - began < SLACK_WAITS_SECONDS

    def new() -> str:
        now = answers(world, user)
        found = [text for text in now if now.count(text) > before.count(text)]
        return next((text for text in reversed(found) if text.strip() and "…" not in text), "")

    return str(world.slack.wait_for(new, "an answer", timeout=15))


def a_grant_and_a_question(world: SlackTown) -> None:
    """Have Ann wait for an approval, and hold something."""
    world.ask("U0ANN", "restart service=api env=prod because it is slow")
    world.ask("U0ANN", "tune value=200 because it is slow")
    world.until(lambda: world.card(2) and world.state(2) == "active")
    world.until(lambda: [m for m in world.person("U0ANN").dm() if "jit:drop" in action_ids(m)], "the copy of the grant")


def buttons(world: SlackTown) -> list[tuple[str, Any, str]]:
    """Return every button that stands on a card: who presses it, where, and which."""
    here = [("U0BO", world.card(1)), ("U0BO", world.card(2))] + [("U0ANN", each) for each in world.person("U0ANN").dm()]
    return [(user, place, action) for user, place in here if place for action in action_ids(place)]


@pytest.mark.postgres
def test_whatever_is_done_while_the_database_is_gone_is_answered_and_does_nothing(
    on_server: SlackTown, postgres: Breakable
) -> None:
    world = on_server
    a_grant_and_a_question(world)
    pressed = buttons(world)
    assert len({action for _, _, action in pressed}) >= 6
    kinds = [event.kind for event in world.town.trail.events(limit=1000)]
    postgres.stop()
    time.sleep(ASKED_AGAIN_SECONDS)  # until then a form that needs nothing but the time still opens
    for text in COMMANDS:
        said = answered(world, "U0ANN", partial(world.person("U0ANN").command, HERE, f"/jit {text}"))
        assert "Something is wrong" not in said, text
        assert "is being" not in said, text
    for user, place, action in pressed:
        said = answered(world, user, partial(world.person(user).click, place, action))
        assert "Something is wrong" not in said, action
    postgres.start()
    world.tick()
    assert [event.kind for event in world.town.trail.events(limit=1000)] == kinds
    assert (world.state(1), world.state(2)) == ("pending", "active")
    world.person("U0BO").click(world.card(1), "jit:approve")
    world.until(lambda: world.state(1) == "succeeded")


@pytest.mark.postgres
def test_a_database_that_hangs_keeps_no_acknowledgement_waiting(on_server: SlackTown, postgres: Breakable) -> None:
    world = on_server
    request = world.ask("U0ANN", "restart service=api env=prod because it is slow")
    card = world.card(request.id)
    postgres.freeze()
    for _ in range(2):  # on a connection that stood, then on none
        assert answered(world, "U0BO", lambda: world.person("U0BO").click(card, "jit:approve")) == NOT_TAKEN_IN
    said = answered(
        world, "U0ANN", lambda: world.person("U0ANN").command(HERE, "/jit restart service=api env=prod because x")
    )
    assert said == NOT_TAKEN_IN
    postgres.thaw()
    world.tick()
    assert (world.state(request.id), len(world.town.ledger.find())) == ("pending", 1)
    world.person("U0BO").click(card, "jit:approve")
    world.until(lambda: world.state(request.id) == "succeeded")


def test_a_form_that_cannot_be_taken_in_keeps_what_was_typed(world: SlackTown, monkeypatch: pytest.MonkeyPatch) -> None:
    request = world.ask("U0ANN", "restart service=api env=prod because it is slow")
    cy = world.person("U0CY")
    cy.click(world.card(request.id), "jit:deny")
    form = world.slack.wait_for(cy.modal, "the form")
    monkeypatch.setattr(world.town.inbox, "put", _raise(StoreUnavailable("it is full")))
    cy.submit({ids.COMMENT_BLOCK: {ids.FIELD: {"value": "not now"}}}, form)
    assert NOT_TAKEN_IN in str(cy.modal())
    assert world.state(request.id) == "pending"


def _raise(*errors: Exception) -> Callable[..., Any]:
    left = list(errors)

    def call(*_: object) -> Any:
        raise left.pop(0) if len(left) > 1 else left[0]

    return call


def test_a_click_whose_commit_was_not_answered_counts_once(world: SlackTown) -> None:
    request = world.ask("U0ANN", "restart service=api env=prod because it is slow")
    put = world.town.inbox.put
    tries: list[bool] = []

    def unanswered(delivery: Any, lease: timedelta) -> bool:
        tries.append(put(delivery, lease))
        if len(tries) == 1:
            raise StoreUnsure("no answer")
        return tries[-1]

    world.town.inbox.put = unanswered  # type: ignore[method-assign]
    world.person("U0BO").click(world.card(request.id), "jit:approve")
    world.until(lambda: world.state(request.id) == "succeeded")
    assert (tries, world.town.kinds(request).count("reviewed")) == ([True, False], 1)


def test_who_cannot_be_told_whether_it_counts_is_told_that(world: SlackTown) -> None:
    request = world.ask("U0ANN", "restart service=api env=prod because it is slow")
    world.town.inbox.put = _raise(StoreUnsure("no answer"), StoreUnavailable("gone"))  # type: ignore[method-assign]
    said = answered(world, "U0BO", lambda: world.person("U0BO").click(world.card(request.id), "jit:approve"))
    assert said == PERHAPS_TAKEN_IN
