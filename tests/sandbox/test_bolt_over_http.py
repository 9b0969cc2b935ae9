from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from slack_bolt import App, BoltRequest
from slack_sdk import WebClient

from jitbot.sandbox.local import LocalSlack


class Door(ThreadingHTTPServer):
    """A Bolt app behind HTTP; `status` other than 0 is answered instead of asking the app."""

    daemon_threads = True

    def __init__(self, app: App) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.app = app
        self.seen: list[tuple[dict[str, Any], str]] = []
        self.status = 0
        self.extra: dict[str, str] = {}
        self.url = f"http://127.0.0.1:{self.server_port}/slack/events"


class Handler(BaseHTTPRequestHandler):
    server: Door

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        headers: dict[str, Any] = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((headers, body))
        if self.server.status:
            self.reply(self.server.status, self.server.extra, "")
            return
        answer = self.server.app.dispatch(BoltRequest(body=body, headers=headers))
        self.reply(answer.status, answer.first_headers(), answer.body or "")

    def reply(self, status: int, headers: dict[str, str], body: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def app(running: LocalSlack) -> App:
    app = App(client=WebClient(running.bot_token, base_url=running.api_url), signing_secret=running.signing_secret)

    @app.command("/jit")
    def ask(ack: Any, command: Any) -> None:
        ack(f"you said {command['text']}")

    @app.event("app_home_opened")
    def home(event: Any) -> None: ...

    return app


@pytest.fixture
def door(slack: LocalSlack, app: App) -> Iterator[Door]:
    server = Door(app)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    slack.control("delivery", {"mode": "http", "url": server.url})
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_signed_command_is_answered_in_the_response(slack: LocalSlack, door: Door) -> None:
    ann = slack.person("U0ANN")
    assert ann.command("C0PAY", "/jit restart & <stop>")["acked"]
    assert ann.messages("C0PAY")[0]["text"] == "you said restart & <stop>"
    assert ann.messages("C0PAY")[0]["ephemeral"]


def test_a_wrong_signature_is_a_failed_dispatch(slack: LocalSlack, door: Door) -> None:
    slack.faults({"on": "delivery:command", "kind": "skewed", "delay": 3600})
    ann = slack.person("U0ANN")
    assert ann.command("C0PAY", "/jit x")["error"] == "dispatch_failed"
    assert 'failed with the error "dispatch_failed"' in ann.notices()[0]


def test_the_signature_stays_valid_however_far_the_clock_is_moved(slack: LocalSlack, door: Door) -> None:
    slack.forward(86_400)
    assert slack.person("U0ANN").command("C0PAY", "/jit x")["acked"]


def test_an_event_that_is_refused_comes_again_at_once_after_a_minute_and_after_five(
    slack: LocalSlack, door: Door
) -> None:
    door.status = 500
    assert not slack.person("U0ANN").open_home()["acked"]
    slack.wait_for(lambda: len(door.seen) == 2, "the retry at once")
    slack.forward(59)
    assert len(door.seen) == 2
    slack.forward(1.5)
    slack.wait_for(lambda: len(door.seen) == 3, "the retry after a minute")
    slack.forward(300.5)
    slack.wait_for(lambda: len(door.seen) == 4, "the retry after five minutes")
    numbers = [headers.get("x-slack-retry-num") for headers, _body in door.seen]
    assert numbers == [None, "1", "2", "3"]
    assert door.seen[1][0]["x-slack-retry-reason"] == "http_error"
    assert len({body for _headers, body in door.seen}) == 1
    slack.forward(3600)
    assert len(slack.deliveries("app_home_opened")) == 4


def test_an_app_can_decline_retries(slack: LocalSlack, door: Door) -> None:
    door.status, door.extra = 500, {"x-slack-no-retry": "1"}
    slack.person("U0ANN").open_home()
    slack.forward(3600)
    assert len(slack.deliveries("app_home_opened")) == 1


def test_nobody_listening_is_a_failed_dispatch(slack: LocalSlack) -> None:
    slack.control("delivery", {"mode": "http", "url": "http://127.0.0.1:1/slack/events"})
    assert slack.person("U0ANN").command("C0PAY", "/jit x")["error"] == "dispatch_failed"
