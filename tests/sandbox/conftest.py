"""A small workspace, a running local Slack, and a real Bolt app connected to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from slack_sdk import WebClient

from jitbot.sandbox.local import LocalSlack

WORKSPACE: dict[str, Any] = {
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
        {"id": "C0PAY", "name": "payments", "members": ["U0ANN", "U0BOB", "U0GUS", "U0JITBOT"]},
        {"id": "C0OPEN", "name": "open", "members": ["U0BOB"]},
        {"id": "C0SEC", "name": "secret", "private": True, "members": ["U0BOB"]},
        {"id": "C0SECBOT", "name": "secret-bot", "private": True, "members": ["U0BOB", "U0JITBOT"]},
        {"id": "C0OLD", "name": "old", "archived": True, "members": ["U0ANN", "U0JITBOT"]},
        {"id": "C0EXT", "name": "shared", "ext_shared": True, "members": ["U0ANN", "U0EVE", "U0JITBOT"]},
    ],
    "usergroups": [{"id": "S0SRE", "handle": "sre", "name": "SRE", "users": ["U0BOB"]}],
}


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
