from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from jitbot.sandbox.local import LocalSlack

Open = Callable[[], Any]


def socket_url(slack: LocalSlack) -> str:
    return str(WebClient(base_url=slack.api_url).apps_connections_open(app_token=slack.app_token)["url"])


def test_hello_says_how_many_connections_there_are(slack: LocalSlack, open_app: Open) -> None:
    first, second = open_app(), open_app()
    assert first.hello["type"] == "hello"
    assert (first.hello["num_connections"], second.hello["num_connections"]) == (1, 2)
    assert first.hello["connection_info"] == {"app_id": "A0JIT"}
    assert first.hello["debug_info"]["approximate_connection_time"] > 0


def test_every_payload_goes_to_exactly_one_socket_and_all_get_some(slack: LocalSlack, open_app: Open) -> None:
    apps = [open_app() for _ in range(3)]
    ann = slack.person("U0ANN")
    for number in range(12):
        assert ann.command("C0PAY", f"/jit {number}")["acked"]
    texts = [one["text"] for app in apps for one in app.payloads("command")]
    assert sorted(texts, key=int) == [str(number) for number in range(12)]
    assert all(app.envelopes for app in apps)


def test_the_eleventh_socket_is_sent_away(slack: LocalSlack, open_app: Open) -> None:
    for _ in range(10):
        open_app()
    slack.forward(61)
    eleventh = open_app()
    assert (eleventh.hello["type"], eleventh.hello["reason"]) == ("disconnect", "too_many_websockets")
    assert slack.person("U0ANN").command("C0PAY", "/jit")["acked"]


def test_a_ticket_opens_one_socket(slack: LocalSlack) -> None:
    url = socket_url(slack)
    with connect(url, proxy=None) as socket:
        assert json.loads(socket.recv(timeout=5))["type"] == "hello"
    with pytest.raises(InvalidStatus), connect(url, proxy=None):
        pass
    slack.wait_for(lambda: slack._engine.hub.count == 0, "the socket to be gone")


def test_commands_and_interactions_take_an_answer_and_events_do_not(slack: LocalSlack, app: Any) -> None:
    slack.person("U0ANN").command("C0PAY", "/jit")
    slack.person("U0ANN").shortcut("ask")
    slack.person("U0ANN").open_home()
    by_type = {one["type"]: one for one in app.envelopes}
    assert {name: one["accepts_response_payload"] for name, one in by_type.items()} == {
        "slash_commands": True,
        "interactive": True,
        "events_api": False,
    }
    assert by_type["events_api"]["retry_attempt"] == 0
    assert len({one["envelope_id"] for one in app.envelopes}) == 3


def test_an_ack_may_come_on_another_socket_of_the_app(slack: LocalSlack, open_app: Open) -> None:
    first, second = open_app(), open_app()

    def acked_by_the_other(answering: Any) -> Callable[[Any], None]:
        def answer(_payload: Any) -> None:
            pending.append(answering)

        return answer

    pending: list[Any] = []
    first.answers["command"] = acked_by_the_other(second)
    second.answers["command"] = acked_by_the_other(first)
    found: list[Any] = []
    asking = threading.Thread(target=lambda: found.append(slack.person("U0ANN").command("C0PAY", "/jit")))
    asking.start()
    slack.wait_for(lambda: first.envelopes or second.envelopes, "the command")
    envelope = (first.envelopes + second.envelopes)[0]
    pending[0].socket.send(json.dumps({"envelope_id": envelope["envelope_id"]}))
    asking.join()
    assert found[0]["acked"]


def test_nonsense_from_a_socket_is_passed_over(slack: LocalSlack, app: Any) -> None:
    for text in ("nonsense", "[]", '{"envelope_id": "unknown"}'):
        app.socket.send(text)
    assert slack.person("U0ANN").command("C0PAY", "/jit")["acked"]


def test_an_event_that_is_not_acked_comes_again_with_its_attempt(slack: LocalSlack, app: Any) -> None:
    slack.faults({"on": "delivery:app_home_opened", "kind": "lost_ack"})
    slack.person("U0ANN").open_home()
    slack.wait_for(lambda: len(app.envelopes) == 2, "the retry at once")
    slack.forward(60.5)
    slack.wait_for(lambda: len(app.envelopes) == 3, "the retry after a minute")
    slack.forward(300.5)
    slack.wait_for(lambda: len(app.envelopes) == 4, "the retry after five minutes")
    assert [one["retry_attempt"] for one in app.envelopes] == [0, 1, 2, 3]
    assert [one["retry_reason"] for one in app.envelopes] == ["", "timeout", "timeout", "timeout"]
    assert len({one["payload"]["event_id"] for one in app.envelopes}) == 1


def test_a_refresh_is_asked_for_and_sockets_can_be_cut(slack: LocalSlack, app: Any) -> None:
    assert slack.control("sockets", {"reason": "refresh_requested"})["asked"] == 1
    slack.wait_for(lambda: app.said, "the disconnect")
    assert (app.said[0]["type"], app.said[0]["reason"]) == ("disconnect", "refresh_requested")
    assert slack.control("sockets", {"close": "all"})["closed"] == 1
    app.thread.join(timeout=5)
    assert not app.thread.is_alive()
    assert slack.person("U0ANN").command("C0PAY", "/jit")["error"] == "dispatch_failed"


def test_the_sdks_client_reconnects_when_it_is_asked_to(slack: LocalSlack) -> None:
    client = SocketModeClient(app_token=slack.app_token, web_client=WebClient(base_url=slack.api_url))

    def acknowledge(client: Any, request: SocketModeRequest) -> None:
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

    client.socket_mode_request_listeners.append(acknowledge)
    client.connect()
    try:
        ann = slack.person("U0ANN")
        slack.wait_for(lambda: ann.command("C0PAY", "/jit")["acked"], "the connection", 15)
        slack.control("sockets", {"reason": "refresh_requested"})
        slack.wait_for(lambda: len(slack.calls("apps.connections.open")) == 2, "the new connection", 15)
        slack.wait_for(lambda: ann.command("C0PAY", "/jit")["acked"], "the command", 15)
        assert client.is_connected()
    finally:
        client.close()
        slack.wait_for(lambda: slack._engine.hub.count == 0, "the sockets to be gone", 15)


def test_ping_is_answered(slack: LocalSlack, app: Any) -> None:
    started = time.monotonic()
    assert app.socket.ping().wait(timeout=5)
    assert time.monotonic() - started < 5


def test_a_socket_fault_refuses_the_connection(slack: LocalSlack) -> None:
    slack.faults({"on": "socket", "kind": "drop", "times": 1})
    with pytest.raises(InvalidStatus), connect(socket_url(slack), proxy=None):
        pass
    with connect(socket_url(slack), proxy=None) as socket:
        assert json.loads(socket.recv(timeout=5))["type"] == "hello"
    slack.wait_for(lambda: slack._engine.hub.count == 0, "the socket to be gone")


def test_a_silent_socket_gets_neither_hello_nor_payloads(slack: LocalSlack) -> None:
    slack.faults({"on": "socket", "kind": "hang", "times": 1})
    with connect(socket_url(slack), proxy=None) as socket:
        assert slack.person("U0ANN").command("C0PAY", "/jit")["error"] == "dispatch_failed"
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.05)
