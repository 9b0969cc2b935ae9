"""Slack's HTTP endpoint: signed, recent and small, or refused; and never a 500."""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from slack_bolt import Ack
from slack_sdk.signature import SignatureVerifier
from starlette.testclient import TestClient

from jitbot.api.slack_http import slack_router
from jitbot.slack.app import build_app
from jitbot.slack.client import web_client
from jitbot.slack.directory import Installed

SECRET = "not a real secret"
COMMAND = urlencode(
    {"command": "/jit", "text": "", "team_id": "T0ACME", "user_id": "U0ANN", "channel_id": "C1", "trigger_id": "1"}
)


@pytest.fixture
def http() -> Iterator[TestClient]:
    app = build_app(web_client("xoxb-none", "http://127.0.0.1:9/api/"), SECRET, Installed("T0ACME", "U0BOT"))

    @app.command("/jit")
    def said(ack: Ack) -> None:
        ack("heard")

    server = FastAPI()
    server.include_router(slack_router(app, SECRET))
    with TestClient(server, raise_server_exceptions=False) as client:
        yield client


def post(http: TestClient, body: str, *, at: str | None = None, signature: str | None = None, **more: Any) -> Any:
    stamp = at if at is not None else str(int(time.time()))
    signed = SignatureVerifier(SECRET).generate_signature(timestamp=stamp, body=body)
    headers: Any = {
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": (signature if signature is not None else str(signed)).encode(),
        "content-type": "application/x-www-form-urlencoded",
    }
    return http.post("/slack/events", content=body, headers=headers, **more)


def test_what_slack_signed_is_taken(http: TestClient) -> None:
    answer = post(http, COMMAND)
    assert answer.status_code == 200
    assert answer.text == "heard" or answer.json()["text"] == "heard"


@pytest.mark.parametrize("signature", ["v0=" + "0" * 64, "", "v0=ü", "v1=x"])
def test_a_forged_signature_is_refused(http: TestClient, signature: str) -> None:
    assert post(http, COMMAND, signature=signature).status_code == 401


@pytest.mark.parametrize("stamp", ["soon", "", "1e9", "-5", "99999999999999999999999", "0x10", "²"])
def test_a_timestamp_that_is_none_is_refused_and_no_error(http: TestClient, stamp: str) -> None:
    body = COMMAND.encode()
    headers = {b"x-slack-request-timestamp": stamp.encode(), b"x-slack-signature": b"v0=abc"}
    assert http.post("/slack/events", content=body, headers=headers).status_code == 401


@pytest.mark.parametrize("off", [-301, 301])
def test_an_old_or_future_delivery_is_refused_though_signed(http: TestClient, off: int) -> None:
    assert post(http, COMMAND, at=str(int(time.time()) + off)).status_code == 401


def test_no_signature_at_all_is_refused(http: TestClient) -> None:
    assert http.post("/slack/events", content=COMMAND).status_code == 401


def test_a_body_that_is_no_text_is_refused(http: TestClient) -> None:
    headers = {"x-slack-request-timestamp": str(int(time.time())), "x-slack-signature": "v0=abc"}
    assert http.post("/slack/events", content=b"\xff\xfe", headers=headers).status_code == 401


def test_ten_megabytes_are_refused_without_being_kept(http: TestClient) -> None:
    assert post(http, "x" * 10_000_000).status_code == 413


def test_ten_megabytes_that_do_not_say_so_are_refused_too(http: TestClient) -> None:
    read = 0

    def chunks() -> Iterator[bytes]:
        nonlocal read
        for _ in range(160):
            read += 65_536
            yield b"x" * 65_536

    headers = {"x-slack-request-timestamp": str(int(time.time())), "x-slack-signature": "v0=abc"}
    assert http.post("/slack/events", content=chunks(), headers=headers).status_code == 413


def test_slacks_question_whether_the_address_is_ours_is_answered(http: TestClient) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "abc", "token": "t"})
    stamp = str(int(time.time()))
    signed = SignatureVerifier(SECRET).generate_signature(timestamp=stamp, body=body)
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": str(signed), "content-type": "application/json"}
    answer = http.post("/slack/events", content=body, headers=headers)
    assert answer.status_code == 200
    assert "abc" in answer.text


def test_health_is_told(http: TestClient) -> None:
    assert http.get("/healthz").json() == {"status": "ok"}


def test_an_empty_signing_secret_is_refused_at_start() -> None:
    with pytest.raises(ValueError, match="signing secret"):
        slack_router(None, "")  # type: ignore[arg-type]
