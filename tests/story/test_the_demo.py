"""The story that jitbot is for, told through the local Slack with the real bot and a real little service."""

import os
import subprocess
import sys
from typing import Any

from jitbot.cli.demo import Demo
from jitbot.sandbox.person import Person

Json = dict[str, Any]
CHANNEL = "C0ONCALL"


def card(person: Person, *words: str, timeout: float = 20) -> Json:
    """Wait for a card in the on-call channel that says all of these words."""

    def look() -> Json | None:
        for message in reversed(person.messages(CHANNEL)):
            if not message.get("thread_ts") and all(word in message["text"] for word in words):
                return message
        return None

    found: Json = person.wait_for(look, f"a card with {words}", timeout=timeout)
    return found


def deny(person: Person, where: Json, why: str) -> None:
    """Press Deny and give the reason."""
    person.click(where, "jit:deny")
    form = person.wait_for(person.modal, "the form that asks why", timeout=10)
    block = next(block for block in form["blocks"] if block["type"] == "input")
    person.submit({block["block_id"]: {block["element"]["action_id"]: why}})


def audit(demo: Demo, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `jitbot audit …` with the bot's own settings."""
    return subprocess.run(
        [sys.executable, "-m", "jitbot", "audit", *words],
        env=demo.environment | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_ask_approve_run_hold_end_and_deny(demo: Demo) -> None:
    ann, bo = demo.slack.person("U0ANN"), demo.slack.person("U0BO")
    before = demo.service.state()["pid"]

    ann.command(CHANNEL, '/jit restart reason="INC-482 latency since 14:05"')
    asked = card(bo, "Restart checkout", "JIT-1")
    bo.click(asked, "jit:approve")
    card(bo, "Restart checkout", "🟢")
    assert demo.service.state()["pid"] != before

    bo.command(CHANNEL, '/jit admin login=bo for=5s reason="look at a cart"')
    card(bo, "Admin of checkout", "🔵", "ends")
    assert "bo" in demo.service.state()["admins"]
    card(bo, "Admin of checkout", "⚪")
    assert "bo" not in demo.service.state()["admins"]

    ann.command(CHANNEL, '/jit restart reason="once more"')
    again = card(bo, "Restart checkout", "JIT-3")
    deny(bo, again, "wait for the 15:00 backup")
    card(bo, "denied", "wait for the 15:00 backup")

    verified = audit(demo, "verify")
    assert verified.returncode == 0, verified.stderr
    shown = audit(demo, "show", "JIT-1", "--json")
    assert [line.split('"kind": "')[1].split('"')[0] for line in shown.stdout.splitlines()] == [
        "requested", "ask", "reviewed", "approve", "start", "output", "succeed",
    ]  # fmt: skip


def test_a_rollback_needs_two_different_people(demo: Demo) -> None:
    ann, bo, cy = (demo.slack.person(user) for user in ("U0ANN", "U0BO", "U0CY"))
    before = demo.service.state()["release"]
    ann.command(
        CHANNEL, '/jit rollback severity="customers are affected" reason="INC-7 carts are empty since the release"'
    )
    asked = card(bo, "Roll checkout back")
    bo.click(asked, "jit:approve")
    cy.click(card(cy, "Roll checkout back"), "jit:approve")
    card(bo, "Roll checkout back", "started and watched")
    assert demo.service.state()["release"] != before
