"""A small workspace, a running local Slack, and an app whose answers a test writes down."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from slack_sdk import WebClient
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from jitbot.sandbox.local import LocalSlack

Json = dict[str, Any]

WORKSPACE: Json = {
    "team": {"id": "T0ACME", "name": "Acme", "domain": "acme"},
    "app": {
        "commands": [
            {"command": "/jit", "description": "Ask for access", "usage_hint": "[action]"},
            {"command": "/esc", "should_escape": True},
        ],
        "shortcuts": [
            {"callback_id": "ask", "name": "Ask for access"},
            {"callback_id": "about", "name": "Ask about this", "type": "message"},
        ],
        "events": [
            "app_home_opened",
            "user_change",
            "subteam_members_changed",
            "channel_archive",
            "channel_shared",
            "member_joined_channel",
            "member_left_channel",
            "message.im",
        ],
    },
    "people": [
        {"id": "U0ANN", "name": "ann", "real_name": "Ann Ager", "email": "ann@acme.example", "tz": "Europe/Berlin"},
        {"id": "U0BOB", "name": "bob", "real_name": "Bob Boss", "email": "bob@acme.example", "is_admin": True},
        {"id": "U0GUS", "name": "gus", "is_restricted": True},
        {"id": "U0GONE", "name": "gone", "email": "gone@acme.example", "deleted": True},
        {"id": "U0EVE", "name": "eve", "email": "eve@other.example", "team_id": "T0OTHER"},
    ],
    "channels": [
        {"id": "C0PAY", "name": "payments", "members": ["U0ANN", "U0BOB", "U0GUS", "U0JITBOT", "U0GONE"]},
        {"id": "C0OPEN", "name": "open", "members": ["U0BOB"]},
        {"id": "C0SEC", "name": "secret", "private": True, "members": ["U0BOB"]},
        {"id": "C0SECBOT", "name": "secret-bot", "private": True, "members": ["U0BOB", "U0JITBOT"]},
        {"id": "C0OLD", "name": "old", "archived": True, "members": ["U0ANN", "U0JITBOT"]},
        {"id": "C0EXT", "name": "shared", "ext_shared": True, "members": ["U0ANN", "U0EVE", "U0JITBOT"]},
    ],
    "usergroups": [{"id": "S0SRE", "handle": "sre", "name": "SRE", "users": ["U0BOB"]}],
}


class ScriptedApp:
    """An app on one socket: it notes every envelope and answers with what `answers` says for its kind."""

    def __init__(self, slack: LocalSlack) -> None:
        opened = WebClient(base_url=slack.api_url).apps_connections_open(app_token=slack.app_token)
        self._open = ExitStack()
        self.socket = self._open.enter_context(connect(opened["url"], proxy=None))
        self.hello = json.loads(self.socket.recv(timeout=5))
        self.envelopes: list[Json] = []
        self.said: list[Json] = []
        self.answers: dict[str, Json | Callable[[Json], Json | None] | None] = {}
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self) -> None:
        try:
            for text in self.socket:
                self._take(json.loads(text))
        except ConnectionClosed:
            pass

    def _take(self, message: Json) -> None:
        if "envelope_id" not in message:
            self.said.append(message)
            return
        answer = self.answers.get(kind_of(message), {})
        if callable(answer):
            answer = answer(message["payload"])
        self.envelopes.append(message)
        if answer is not None:
            reply = {"envelope_id": message["envelope_id"]} | ({"payload": answer} if answer else {})
            self.socket.send(json.dumps(reply))

    def payloads(self, kind: str) -> list[Json]:
        return [one["payload"] for one in self.envelopes if kind_of(one) == kind]

    def last(self, kind: str) -> Json:
        return self.payloads(kind)[-1]

    def close(self) -> None:
        self._open.close()
        self.thread.join()


def kind_of(envelope: Json) -> str:
    payload = envelope["payload"]
    if envelope["type"] == "slash_commands":
        return "command"
    if envelope["type"] == "events_api":
        return str(payload["event"]["type"])
    return str(payload["type"])


@pytest.fixture(scope="module")
def running() -> Iterator[LocalSlack]:
    with LocalSlack(WORKSPACE) as slack:
        yield slack


@pytest.fixture
def slack(running: LocalSlack) -> LocalSlack:
    running.reset()
    return running


@pytest.fixture
def web(slack: LocalSlack) -> WebClient:
    return WebClient(slack.bot_token, base_url=slack.api_url, retry_handlers=[])


@pytest.fixture
def open_app(slack: LocalSlack) -> Iterator[Callable[[], ScriptedApp]]:
    opened: list[ScriptedApp] = []

    def open_one() -> ScriptedApp:
        opened.append(ScriptedApp(slack))
        return opened[-1]

    before = slack._engine.hub.count
    yield open_one
    for one in opened:
        one.close()
    slack.wait_for(lambda: slack._engine.hub.count <= before, "the sockets to be gone")


@pytest.fixture
def app(open_app: Callable[[], ScriptedApp]) -> ScriptedApp:
    return open_app()
