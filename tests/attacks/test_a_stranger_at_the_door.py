"""A stranger at the door: forged, captured and replayed deliveries, other organisations, and a Slack that is none.

The whole of jitbot behind Slack's HTTP endpoint. What the stranger sends comes in as bytes; what Slack itself would
send is signed with its secret, which the stranger lacks, but for one who has stolen it.
"""

import json
import logging
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_bolt import BoltRequest
from starlette.testclient import TestClient

from benchmarks.processes import free_port
from jitbot.api import slack_http
from jitbot.api.server import HttpServer, build_api
from jitbot.api.slack_http import BODY_BYTES, slack_router
from jitbot.errors import SettingsError
from jitbot.model import Request
from jitbot.sandbox.signing import signature_headers
from jitbot.settings import SLACKS, read_settings
from jitbot.slack.replies import _belongs_to
from tests.slack_town import HERE, SlackTown, slack_town

Json = dict[str, Any]
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Door:
    """The door of one jitbot, and what lies behind it."""

    def __init__(self, world: SlackTown, http: TestClient) -> None:
        self.world, self.http = world, http
        self.secret = world.slack.signing_secret
        self._triggers = iter(range(10_000))

    def signed(self, body: bytes, at: float | None = None) -> dict[str, str]:
        """Return the headers that Slack would send with a body."""
        return FORM | signature_headers(self.secret, body, time.time() if at is None else at)

    def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        return self.http.post("/slack/events", content=body, headers=dict(headers)).status_code

    def command(self, text: str, **more: str) -> bytes:
        """Write a command as Slack sends it."""
        said = {"command": "/jit", "text": text, "user_id": "U0ANN", "team_id": "T0ACME", "channel_id": HERE}
        said |= {"trigger_id": f"7.{next(self._triggers)}", "response_url": f"{self.world.slack.url}/nowhere"}
        return urlencode(said | more).encode()

    def click(self, request: Request, **more: Any) -> bytes:
        """Write a press of Approve on a request's card as Slack sends it."""
        card = self.world.until(lambda: self.world.card(request.id), "the card")
        [row] = [block for block in card["blocks"] if block["type"] == "actions"]
        pressed = next(each for each in row["elements"] if each["action_id"] == "jit:approve")
        payload = {
            "type": "block_actions",
            "user": {"id": "U0BO", "team_id": "T0ACME"},
            "team": {"id": "T0ACME"},
            "trigger_id": f"8.{next(self._triggers)}",
            "container": {"type": "message", "message_ts": card["ts"], "channel_id": HERE},
            "message": card,
            "actions": [pressed | {"action_ts": "100.5"}],
        }
        return urlencode({"payload": json.dumps(payload | more)}).encode()

    def waits(self) -> Request:
        """Have Ann ask for something that waits for somebody on call."""
        return self.world.ask("U0ANN", "restart service=api env=prod reason=INC-1")

    def taken_in(self) -> int:
        """Count what was ever taken in."""
        with self.world.town.database.read() as connection:
            count: int = connection.exec_driver_sql("SELECT count(*) FROM inbox").scalar_one()
            return count


@pytest.fixture(scope="module")
def door(empty_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("door")
    shutil.copy(empty_file, folder / "jitbot.db")
    slack, world = slack_town(f"sqlite:///{folder}/jitbot.db", folder)
    world.connect()
    api = build_api(lambda: "", slack_router(world.app, slack.signing_secret))
    with TestClient(api, raise_server_exceptions=False) as http:
        yield Door(world, http)
    world.close()
    slack.stop()


FORGED: Mapping[str, Callable[[Door, bytes], Mapping[str, str]]] = {
    "nothing at all": lambda door, body: FORM,
    "another secret": lambda door, body: FORM | signature_headers("guessed", body, time.time()),
    "no secret": lambda door, body: FORM | signature_headers("", body, time.time()),
    "a signature of another body": lambda door, body: door.signed(b"command=%2Fjit&text=help"),
    "a signature that is five minutes old": lambda door, body: door.signed(body, time.time() - 301),
    "a signature of a time to come": lambda door, body: door.signed(body, time.time() + 301),
    "a time that is no number": lambda door, body: door.signed(body) | {"X-Slack-Request-Timestamp": "soon"},
    "a time with a fraction": lambda door, body: door.signed(body) | {"X-Slack-Request-Timestamp": f"{time.time()}"},
    "a time below zero": lambda door, body: door.signed(body) | {"X-Slack-Request-Timestamp": "-1"},
    "a time without end": lambda door, body: door.signed(body) | {"X-Slack-Request-Timestamp": "9" * 5000},
    "a signature that is no text": lambda door, body: door.signed(body) | {"X-Slack-Signature": "v0=\xfc"},
}


def test_what_slack_did_not_sign_is_refused_leaves_nothing_and_nothing_of_it_is_logged(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body, before = door.command("restart service=api env=staging reason=canary-of-the-body"), door.taken_in()
    for how, forge in FORGED.items():
        headers = {name: value.encode("latin-1") for name, value in forge(door, body).items()}
        assert door.http.post("/slack/events", content=body, headers=headers).status_code == 401, how  # type: ignore[arg-type]
    assert door.taken_in() == before
    assert "canary-of-the-body" not in caplog.text
    assert "refused a delivery that Slack did not sign" in caplog.text
    assert door.post(body, door.signed(body)) == 200, "the same body counts where Slack has signed it"
    assert door.taken_in() == before + 1


def test_a_body_that_is_longer_than_slacks_ever_are_is_refused_however_long_it_says_it_is(door: Door) -> None:
    def without_a_length() -> Iterator[bytes]:
        for _ in range(2 * BODY_BYTES // 65_536):
            yield b"x" * 65_536

    before = door.taken_in()
    said = {"x-slack-request-timestamp": str(int(time.time())), "x-slack-signature": "v0=0"}
    assert door.http.post("/slack/events", content=without_a_length(), headers=said).status_code == 413
    assert door.post(b"x" * (BODY_BYTES + 1), said) == 413
    for length in ("-1", "1e9", str(10**30)):
        assert door.post(b"x", said | {"content-length": length}) == 413
    assert door.taken_in() == before


def test_a_body_that_never_ends_is_not_waited_for(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack_http, "BODY_SECONDS", 0.2)
    server = HttpServer(
        build_api(lambda: "", slack_router(door.world.app, door.secret)), "127.0.0.1", port := free_port()
    )
    server.start()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as stranger:
        stranger.sendall(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf a body")
        assert stranger.recv(1000).startswith(b"HTTP/1.1 408 ")
    server.stop()


def test_bolt_itself_says_nothing_of_what_it_refuses(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """It would write the whole body and the signature; nothing gets that far, but for a fault of ours."""
    caplog.set_level(logging.DEBUG)
    body = door.command("restart service=api reason=canary-of-the-body")
    headers: Any = FORM | signature_headers("guessed", body, time.time())
    answer = door.world.app.dispatch(BoltRequest(body=body.decode(), headers=headers))
    assert answer.status == 401
    assert "canary-of-the-body" not in caplog.text
    assert headers["X-Slack-Signature"] not in caplog.text


def test_what_was_captured_and_is_sent_again_counts_once_at_once_and_a_day_later(door: Door) -> None:
    request = door.waits()
    body = door.click(request)
    headers = door.signed(body)
    assert [door.post(body, headers) for _ in range(3)] == [200, 200, 200]
    door.world.until(lambda: door.world.state(request.id) == "succeeded")
    before = door.taken_in()
    door.world.forward(23 * 3600)
    again = door.signed(body)  # as one who has stolen the secret, or the socket itself, could send it again
    assert door.post(body, again) == 200
    door.world.tick()
    assert door.taken_in() == before
    assert door.world.town.kinds(request).count("reviewed") == 1


def test_who_is_of_another_organisation_gets_nothing_but_an_answer(door: Door) -> None:
    request = door.waits()
    before = door.taken_in()
    sent = [
        door.command("restart service=api env=staging", user_id="U0EVE", team_id="T0OTHER"),
        door.command(f"withdraw {request.name}", user_id="U0ANN", team_id="T0OTHER"),
        door.click(request, user={"id": "U0EVE", "team_id": "T0OTHER"}),
        door.click(request, user={"id": "U0BO"}),
        door.click(request, user={"id": "U0BO", "team_id": "T0OTHER"}),
        door.click(request, user={"id": "U0BO", "team_id": "T0ACME", "is_stranger": True}),
    ]
    assert [door.post(body, door.signed(body)) for body in sent] == [200] * len(sent)
    assert door.taken_in() == before
    assert door.world.state(request.id) == "pending"


def test_an_answer_goes_to_slack_whatever_address_a_delivery_names(door: Door) -> None:
    """Only who has stolen the signing secret can send such a delivery."""
    heard: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *anything: object) -> None: ...

    elsewhere = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    Thread(target=elsewhere.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    body = door.command("mine", response_url=f"http://127.0.0.1:{elsewhere.server_port}/take")
    assert door.post(body, door.signed(body)) == 200
    assert door.world.until(door.world.person("U0ANN").dm, "the answer in a direct message")
    elsewhere.shutdown()
    elsewhere.server_close()
    assert heard == []


@pytest.mark.parametrize(
    ("url", "slacks"),
    [
        ("https://hooks.slack.com/commands/T1/2/3", True),
        ("https://slack.com/x", True),
        ("http://hooks.slack.com/commands/T1/2/3", False),
        ("https://slack.com.evil.example/x", False),
        ("https://evilslack.com/x", False),
        ("https://hooks.slack.com@evil.example/x", False),
        ("https://evil.example\\@hooks.slack.com/x", False),
        ("https://evil.example#.slack.com/x", False),
        ("https://evil.example?.slack.com/x", False),
        ("https://hooks.slack.com:8443/x", False),
        ("https://169.254.169.254/latest/meta-data", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_only_addresses_of_slack_are_slacks(url: str, slacks: bool) -> None:
    assert _belongs_to(SLACKS[0], url) is slacks


@pytest.mark.parametrize("url", SLACKS)
def test_slack_and_govslack_are_believed(url: str) -> None:
    assert read_settings(slack_api_url=url.rstrip("/")).slack_api_url == url


@pytest.mark.parametrize(
    "url",
    ["http://slack.com/api/", "https://slack.com.evil.example/api/", "http://127.0.0.1:9/api/", "https://slack.com/"],
)
def test_whoever_says_to_be_slack_and_is_not_stops_the_start_unless_it_was_said_outright(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_API_URL", url)
    with pytest.raises(SettingsError, match=r"SLACK_API_URL: .*this is not Slack, .* set JITBOT_LOCAL_SLACK=true"):
        read_settings()
    monkeypatch.setenv("JITBOT_LOCAL_SLACK", "true")
    assert read_settings().slack_api_url == url
