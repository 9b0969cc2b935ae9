"""The workspace and the policies that the measurements happen in.

There are many channels and many requesters because Slack takes one message a second in a channel. There are twenty
approvers, and an action that wants five of them, so that several clicks are counted before one finishes a request.
"""

from pathlib import Path
from typing import Any

import yaml

BOT = "U0JITBOT"
CHANNELS = tuple(f"C0BENCH{number}" for number in range(10))
ASKERS = tuple(f"U0ASK{number}" for number in range(10))
APPROVERS = tuple(f"U0APP{number:02}" for number in range(20))
WANTED = 5
COUNTED = WANTED - 1
"""So many approvals of a `many` request are counted and leave it open."""


def workspace() -> dict[str, Any]:
    """Return the workspace file's content."""
    everybody = [*ASKERS, *APPROVERS]
    return {
        "team": {"id": "T0ACME", "name": "Acme", "domain": "acme"},
        "app": {
            "id": "A0JIT",
            "name": "jitbot",
            "bot_user": BOT,
            "commands": [{"command": "/jit", "description": "Ask", "should_escape": True}],
        },
        "people": [{"id": user, "name": user[2:].lower(), "real_name": user[2:].title()} for user in everybody],
        "channels": [
            {"id": channel, "name": name(channel), "members": [*everybody, BOT]} for channel in (*CHANNELS, "C0OPS")
        ],
    }


def write_workspace(path: Path) -> Path:
    """Write the workspace file."""
    path.write_text(yaml.safe_dump(workspace(), sort_keys=False))
    return path


def write_policies(folder: Path, target: str) -> Path:
    """Write a team for each channel with two actions: `many-N` wants five approvers, `one-N` wants one of them.

    Both post to `target` when they run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    groups = {"askers": list(ASKERS), "approvers": list(APPROVERS)}
    (folder / "people.yml").write_text(yaml.safe_dump({"groups": groups}))
    for number, channel in enumerate(CHANNELS):
        actions = {f"many-{number}": _action(target, WANTED), f"one-{number}": _action(target, 1)}
        team = {"team": f"bench {number}", "channel": f"#{name(channel)}", "actions": actions}
        (folder / f"bench{number}.yml").write_text(yaml.safe_dump(team, sort_keys=False))
    return folder


def name(channel: str) -> str:
    """Return a channel's name."""
    return channel.lower()


def _action(target: str, count: int) -> dict[str, Any]:
    return {
        "title": "Turn a valve",
        "runner": "http",
        "with": {"url": target, "method": "POST", "json": {"valve": "{valve}"}, "target": "valve {valve}"},
        "parameters": {"valve": {"type": "integer", "min": 0, "max": 1_000_000}},
        "requesters": ["group:askers"],
        "lapse_after": "24h",
        "rules": [{"name": "approvers decide", "review": [{"from": ["group:approvers"], "count": count}]}],
    }


def card() -> dict[str, Any]:
    """Return a message for the bare app with the same buttons as a card, so that its clicks carry as much."""
    said = [{"type": "text", "text": "Turn a valve · waits for approval · asked by Ask0 · JIT-1. " * 4}]
    labels = {"Approve": "jit:approve", "Deny…": "jit:deny", "Details": "jit:details"}
    buttons = [
        {"type": "button", "action_id": action, "value": "1.1", "text": {"type": "plain_text", "text": label}}
        for label, action in labels.items()
    ]
    blocks = [
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": said}]},
        {"type": "actions", "elements": buttons},
    ]
    return {"text": "Turn a valve", "blocks": blocks}
