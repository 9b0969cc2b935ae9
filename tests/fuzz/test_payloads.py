"""Whatever comes through the door well signed is taken or refused: no crash, nothing logged, nobody impersonated.

The payloads are Slack's own, with some of their values gone or others; the app and its listeners are the real ones, on
a service that remembers what it was given.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from jitbot.api.slack_http import slack_router
from jitbot.sandbox.signing import signature_headers
from jitbot.slack.app import build_app
from jitbot.slack.client import web_client
from jitbot.slack.desk import Desk
from jitbot.slack.door import Door as Entrance
from jitbot.slack.hands import Hands, _safely
from jitbot.slack.listeners import register
from jitbot.slack.typed import Typed
from jitbot.slack.views.form import form
from tests.fuzz.mutating import bent, nearly
from tests.unit.slack.drawn import make_action
from tests.unit.slack.test_listeners import HOME, FakeService, FakeSlack, interaction

SECRET = "secret"
CANARY = "canary-that-somebody-typed"
COMMAND = {
    "command": "/jit",
    "text": f"restart service=api reason={CANARY}",
    "user_id": "U0ANN",
    "team_id": "T0ACME",
    "channel_id": "C1",
    "trigger_id": "77.1",
    "response_url": "http://127.0.0.1:9/",
}
CLICK = interaction("block_actions") | {
    "container": {"type": "message", "message_ts": "1.0", "channel_id": "C1"},
    "actions": [
        {"type": "button", "action_id": "jit:approve", "block_id": "b", "value": "1042.2", "action_ts": "100.5"}
    ],
}
FORM = interaction("view_submission") | {
    "view": {
        **form(make_action(), Typed("restart")),
        "id": "V7",
        "type": "modal",
        "state": {"values": {"reason": {"jit:field": {"type": "plain_text_input", "value": CANARY}}}},
    }
}
DENIAL = interaction("view_submission") | {
    "view": {"id": "V8", "type": "modal", "callback_id": "jit:deny_form", "private_metadata": "1042.2", "blocks": []}
    | {"state": {"values": {"comment": {"jit:field": {"type": "plain_text_input", "value": CANARY}}}}}
}
SEARCH = interaction("block_suggestion") | {"action_id": "jit:pick", "block_id": "b", "value": CANARY, "view": {}}
EVENT = {
    "type": "event_callback",
    "team_id": "T0ACME",
    "event_id": "Ev1",
    "event": {"type": "user_change", "user": {"id": "U0BO"}},
}
INTERACTIONS = (CLICK, FORM, DENIAL, SEARCH)


DOCUMENTS = (COMMAND, *INTERACTIONS, EVENT)
UNHANDLED = "Bolt could not handle a delivery"
"""What our handler of Bolt's errors says: it is answered with 500, so that Slack sends it again."""
HOME_TEAMS = {"T0ACME", "E0ACME"}


class AtOnce(Hands):
    """Does at once, and as safely, what threads of our own would do."""

    def give(self, job: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        _safely(lambda: job(*args, **kwargs))

    apologise = give


class Door:
    """The app on fakes, behind HTTP, with the secret that Slack has."""

    def __init__(self) -> None:
        self.service, self.slack = FakeService(), FakeSlack()
        fake: Any = self.slack
        app = build_app(web_client("xoxb-none", "http://127.0.0.1:9/api/"), SECRET, HOME)
        service: Any = self.service
        desk = Desk(
            service=service, cards=fake, directory=fake, door=Entrance(HOME, fake), replies=fake, hands=AtOnce()
        )
        register(app, desk, fake)
        fake.forget_person = fake.forget_groups = fake.forget = lambda *_: None
        server = FastAPI()
        server.include_router(slack_router(app, SECRET))
        self.http = TestClient(server, raise_server_exceptions=False)

    def post(self, body: bytes, kind: str = "application/x-www-form-urlencoded") -> int:
        """Send a body as Slack would sign it."""
        headers = signature_headers(SECRET, body, time.time()) | {"content-type": kind}
        return self.http.post("/slack/events", content=body, headers=headers).status_code

    def told(self, payload: Any) -> int:
        """Send a payload in the form in which Slack sends its kind."""
        if not isinstance(payload, dict):
            return self.post(json.dumps(payload).encode(), "application/json")
        if "command" in payload:
            return self.post(urlencode({name: _written(value) for name, value in payload.items()}).encode())
        if "event" in payload:
            return self.post(json.dumps(payload).encode(), "application/json")
        return self.post(urlencode({"payload": json.dumps(payload)}).encode())


def _written(value: Any) -> bytes:
    return (value if isinstance(value, str) else json.dumps(value)).encode(errors="replace")


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    door = Door()
    with door.http:
        yield door


def test_what_is_bent_is_a_payload_that_counts(door: Door) -> None:
    """Else only refusals would be tried."""
    for payload in DOCUMENTS:
        assert door.told(payload) == 200
    assert len(door.service.taken) == 4


def bent_payloads(door: Door, caplog: pytest.LogCaptureFixture, examples: int, *, repeatable: bool) -> None:
    caplog.set_level(logging.INFO)

    @settings(
        max_examples=examples,
        derandomize=repeatable,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(bent(DOCUMENTS))
    def taken_or_refused(payload: Any) -> None:
        caplog.clear()
        door.service.taken.clear()
        assert door.told(payload) < 500 or UNHANDLED in caplog.text
        for taken in door.service.taken.values():
            assert taken["team"] in HOME_TEAMS
            assert json.dumps(taken, default=str)
        assert CANARY not in caplog.text
        assert caplog.text.encode(), "what is logged can be written anywhere"

    taken_or_refused()


def any_body(door: Door, caplog: pytest.LogCaptureFixture, examples: int, *, repeatable: bool) -> None:
    caplog.set_level(logging.INFO)
    kinds = st.sampled_from(["application/x-www-form-urlencoded", "application/json", "text/plain", ""])
    written = nearly([json.dumps(each) for each in DOCUMENTS] + [urlencode({"payload": json.dumps(CLICK)})])
    texts = st.one_of(written, written.map(lambda text: f"payload={text}")).map(
        lambda text: text.encode(errors="replace")
    )
    deep = st.sampled_from([b"payload=" + b"[" * 100_000, b'{"event":' * 50_000, b"payload=" + b"9" * 100_000])

    @settings(
        max_examples=examples,
        derandomize=repeatable,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(texts, st.binary(max_size=200), deep), kinds)
    def answered(body: bytes, kind: str) -> None:
        caplog.clear()
        assert door.post(body, kind) < 500 or UNHANDLED in caplog.text

    answered()


def test_a_payload_with_something_else_in_it_is_taken_or_refused(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    bent_payloads(door, caplog, 200, repeatable=True)


def test_any_body_at_all_is_answered(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    any_body(door, caplog, 150, repeatable=True)


@pytest.mark.long
def test_many_more_payloads_are_taken_or_refused(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    bent_payloads(door, caplog, 10_000, repeatable=False)


@pytest.mark.long
def test_many_more_bodies_are_answered(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    any_body(door, caplog, 5_000, repeatable=False)
