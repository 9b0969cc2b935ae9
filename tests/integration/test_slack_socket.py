"""The socket: renewed when it is silent or cut, and every payload acknowledged once more."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.slack import app
from tests.slack_town import HERE, SlackTown, ephemeral, slack_town


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[SlackTown]:
    slack, world = slack_town(sqlite_url, tmp_path)
    yield world.connect()
    world.close()
    slack.stop()


def test_a_cut_socket_is_renewed_and_goes_on(world: SlackTown) -> None:
    world.socket._handler.client.auto_reconnect_enabled = False
    world.slack.control("sockets", {"close": "all"})
    world.slack.wait_for(lambda: not world.socket.connected(), "the cut")
    world.socket.look()
    assert world.socket.connected()
    assert world.person("U0ANN").command(HERE, "/jit help")["acked"]
    assert world.until(lambda: ephemeral(world.person("U0ANN")))


def test_a_socket_that_says_nothing_is_replaced(world: SlackTown) -> None:
    before = world.socket._handler.client.session_id()
    world.socket.look()
    assert world.socket._handler.client.session_id() == before
    world.socket._alive_at -= 1000
    world.socket.look()
    assert world.socket._handler.client.session_id() != before
    assert world.person("U0ANN").command(HERE, "/jit help")["acked"]


def test_a_socket_that_slack_closes_in_the_same_instant_is_closed_all_the_same(world: SlackTown) -> None:
    client = world.socket._handler.client
    session = client.current_session
    assert session is not None
    close = session.close

    def closed_by_slack_meanwhile() -> None:
        session.close = close  # type: ignore[method-assign]
        raise AttributeError("'NoneType' object has no attribute 'close'")  # what slack-sdk 3.47 raises then

    session.close = closed_by_slack_meanwhile  # type: ignore[method-assign]
    world.socket.close()
    assert client.closed
    assert not world.socket.connected()


def test_a_socket_whose_threads_wait_for_each_other_does_not_keep_the_bot_from_ending(
    world: SlackTown, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The SDK joins its own threads, one of which now and then sleeps for ever."""
    monkeypatch.setattr(app, "CLOSE_SECONDS", 0.1)
    stuck = threading.Event()
    close = world.socket._handler.close
    monkeypatch.setattr(world.socket._handler, "close", lambda: (stuck.wait(20), close())[1])
    world.socket.close()
    assert "has not closed within 0.1 s" in caplog.text
    stuck.set()


def test_a_delivery_that_comes_twice_asks_once(world: SlackTown) -> None:
    world.slack.faults({"on": "delivery", "kind": "duplicate", "times": 1})
    request = world.ask("U0ANN", "restart service=api env=prod because it is slow")
    assert [each.id for each in world.town.ledger.find()] == [request.id]


def test_an_approval_whose_ack_was_lost_counts_once(world: SlackTown) -> None:
    request = world.ask("U0ANN", "restart service=api env=prod because it is slow")
    world.slack.faults({"on": "delivery:block_actions", "kind": "duplicate", "times": 1})
    world.person("U0BO").click(world.card(request.id), "jit:approve")
    world.until(lambda: world.state(request.id) == "succeeded")
    assert world.town.kinds(request).count("reviewed") == 1
    assert len(world.town.runner.started) == 1
