"""Slack fails: late, twice, out of order, closing sockets, refusing new ones; nothing is lost and all copies agree."""

from functools import partial
from typing import Any

import pytest

from jitbot.errors import StoreUnavailable
from jitbot.slack.app import SocketRunner
from jitbot.slack.views import ids
from tests.slack_town import HERE, SlackTown, ephemeral, shown

MINUTES = 600.0


def pending(world: SlackTown) -> Any:
    return world.ask("U0ANN", "restart service=api env=prod because it is slow")


def fault(kind: str, on: str = "delivery:block_actions", **more: Any) -> dict[str, Any]:
    return {"on": on, "kind": kind, "times": 1, **more}


def test_an_approval_that_comes_after_minutes_counts_as_long_as_it_is_waited_for(world: SlackTown) -> None:
    request = pending(world)
    world.slack.faults(fault("much_later", delay=MINUTES))
    assert world.person("U0BO").click(world.card(request.id), "jit:approve")["error"] == "operation_timeout"
    world.tick()
    assert world.state(request.id) == "pending"
    world.forward(MINUTES)
    world.until(lambda: world.state(request.id) == "succeeded")
    assert len(world.town.runner.started) == 1


def test_an_approval_that_comes_after_the_end_is_refused_and_told(world: SlackTown) -> None:
    request = pending(world)
    world.slack.faults(fault("much_later", delay=2 * 3600.0))
    world.person("U0BO").click(world.card(request.id), "jit:approve")
    world.forward(3601)
    world.until(lambda: world.state(request.id) == "lapsed")
    world.forward(3601)
    world.until(lambda: "refused" in world.town.kinds(request))
    assert world.town.runner.started == []


def test_a_denial_that_overtakes_an_earlier_approval_holds(world: SlackTown) -> None:
    request = pending(world)
    bo = world.person("U0BO")
    world.slack.faults(fault("much_later", delay=120.0))
    bo.click(world.card(request.id), "jit:approve")
    bo.click(world.card(request.id), "jit:deny")
    form = world.slack.wait_for(bo.modal, "the form")
    bo.submit({ids.COMMENT_BLOCK: {ids.FIELD: {"value": "not now"}}}, form)
    world.until(lambda: world.state(request.id) == "denied")
    world.forward(121)
    world.until(lambda: "refused" in world.town.kinds(request))
    assert (world.state(request.id), world.town.runner.started) == ("denied", [])
    assert "denied" in shown(world.card(request.id) or {}).lower()


def test_what_comes_again_on_another_socket_counts_once(world: SlackTown) -> None:
    request = pending(world)
    other = SocketRunner(world.app, world.slack.app_token, world.client)
    other.connect()
    world.slack.faults(fault("other_socket"))
    world.person("U0BO").click(world.card(request.id), "jit:approve")
    world.until(lambda: world.state(request.id) == "succeeded")
    world.slack.wait_for(lambda: len(deliveries(world, "block_actions")) == 2, "the second delivery")
    world.tick()
    assert world.town.kinds(request).count("reviewed") == 1
    other._handler.client.auto_reconnect_enabled = False
    other.close()


def deliveries(world: SlackTown, kind: str) -> list[Any]:
    return [each for each in world.slack.control("log")["deliveries"] if each["kind"] == kind]


def test_sockets_that_are_closed_again_and_again_are_opened_again(world: SlackTown) -> None:
    for number in range(4):
        world.slack.control("sockets", {"close": "all"})
        world.slack.wait_for(partial(_try, world, number), "an acknowledgement", timeout=20)
    world.until(lambda: {each.reason for each in world.town.ledger.find()} == {f"because {n}" for n in range(4)})


def _try(world: SlackTown, number: int) -> bool:
    world.socket.look()
    return bool(world.person("U0ANN").command(HERE, f"/jit restart service=api env=staging because {number}")["acked"])


@pytest.mark.parametrize("kind", ["error", "http_500", "drop"])
def test_a_new_socket_that_slack_refuses_is_asked_for_until_it_is_given(world: SlackTown, kind: str) -> None:
    world.socket._handler.client.auto_reconnect_enabled = False
    world.slack.faults({"on": "apps.connections.open", "kind": kind, "times": 3})
    world.slack.control("sockets", {"close": "all"})
    world.slack.wait_for(lambda: not world.socket.connected(), "the cut")
    for _ in range(3):
        world.socket.look()
        assert not world.socket.connected()
    world.socket.look()
    assert world.socket.connected()
    assert world.person("U0ANN").command(HERE, "/jit help")["acked"]
    assert world.until(lambda: ephemeral(world.person("U0ANN")))


def test_whatever_a_new_socket_fails_with_the_watch_goes_on(
    world: SlackTown, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.socket._alive_at -= 1000
    world.socket._pong = getattr(world.socket._handler.client.current_session, "last_ping_pong_time", None) or 0.0

    def odd(**_: object) -> None:
        raise ValueError("no such thing was thought of")

    monkeypatch.setattr(world.socket._handler.client, "connect_to_new_endpoint", odd)
    world.socket.look()
    assert "no new socket yet: ValueError" in caplog.text


LATER = [pytest.param(kind, marks=pytest.mark.long) for kind in ("http_500", "http_500_after", "drop", "error")]


@pytest.mark.parametrize("kind", ["ratelimited", "drop_after", *LATER])
def test_whatever_slack_answers_every_copy_shows_the_outcome_in_the_end(world: SlackTown, kind: str) -> None:
    world.slack.faults(*({"on": on, "kind": kind, "times": 2} for on in ("chat.postMessage", "chat.update")))
    assert world.person("U0ANN").command(HERE, "/jit restart service=api env=prod because it is slow")["acked"]
    card = later(world, lambda: world.card(1))
    world.person("U0BO").click(card, "jit:approve")
    later(world, lambda: world.state(1) == "succeeded")
    later(world, lambda: all_copies_are_of(world, 1))
    assert len(world.town.runner.started) == 1


def later(world: SlackTown, look: Any, step: float = 1.0) -> Any:
    """Wait on, as long as back-off and rate limits want."""

    def looked() -> Any:
        world.tick()
        found = look()
        if not found:
            world.forward(step)
        return found

    return world.slack.wait_for(looked, "it", timeout=30)


def all_copies_are_of(world: SlackTown, request: int) -> bool:
    """Tell whether every copy that the ledger knows was drawn of what is so now."""
    now = world.see(request)
    copies = [copy for copy in world.town.outbox.copies(now.id) if copy.ts is not None]
    return bool(copies) and all(copy.version == now.version for copy in copies)


def test_a_card_that_was_posted_while_the_database_went_away_is_not_posted_twice(world: SlackTown) -> None:
    keep = world.town.outbox.keep
    failing = [3]

    def kept(copy: Any) -> None:
        if copy.ts is not None and failing[0]:
            failing[0] -= 1
            raise StoreUnavailable("it is away")
        keep(copy)

    world.town.outbox.keep = kept  # type: ignore[method-assign]
    pending(world)
    assert failing == [0]
    cards = [each for each in world.person("U0BO").messages(HERE) if "JIT-1" in each["text"]]
    assert len(cards) == 1


def test_a_message_that_was_said_while_the_database_went_away_is_not_said_twice(world: SlackTown) -> None:
    done = world.town.outbox.done
    failing = [2]

    def noted(message: Any) -> None:
        if message.topic == "notice" and failing[0]:
            failing[0] -= 1
            raise StoreUnavailable("it is away")
        done(message)

    world.town.outbox.done = noted  # type: ignore[method-assign]
    request = world.ask("U0ANN", "restart service=api env=staging because it is slow")
    world.until(lambda: world.state(request.id) == "succeeded")
    world.forward(180)
    world.tick()
    assert failing == [0]
    said = [each["text"] for each in world.person("U0ANN").dm() if "done" in each["text"] and not each.get("edited")]
    assert len(said) == len(set(said))
