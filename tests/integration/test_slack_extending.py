"""Keeping something for longer, and settling what is unsure, as people see and press it in Slack."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.errors import RunnerUnsure
from jitbot.model import Health, HealthState, Request
from tests.slack_town import SlackTown, action_ids, ephemeral, shown, slack_town

TTL, REASON = "ttl", "reason"


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[SlackTown]:
    slack, world = slack_town(sqlite_url, tmp_path)
    yield world.connect()
    world.close()
    slack.stop()


def granted(world: SlackTown) -> Request:
    """Have Ann hold something, as her own copy of the card says."""
    request = world.ask("U0ANN", "tune value=200 because of INC-1")
    world.until(lambda: world.state(request.id) == "active")
    world.until(lambda: own(world, request.id, "granted, ends"))
    return world.see(request.id)


def own(world: SlackTown, request: int, words: str, *, user: str = "U0ANN") -> dict[str, object] | None:
    found = (each for each in world.person(user).dm() if f"JIT-{request}" in each["text"] and words in each["text"])
    return next((each for each in found if action_ids(each)), None)


def test_the_button_opens_a_form_and_what_is_approved_ends_later(world: SlackTown) -> None:
    world.town.edit(
        "rules: [{name: free, allow: true}]",
        "rules: [{when: '!request.extends', allow: true}, {review: [{from: [group:oncall]}]}]",
    )
    request, ann = granted(world), world.person("U0ANN")
    card = own(world, request.id, "granted, ends")
    assert card is not None
    assert action_ids(card) == ["jit:drop", "jit:extend", "jit:details"]
    shared = world.until(lambda: world.card(request.id))
    assert "jit:extend" not in action_ids(shared)
    ann.click(card, "jit:extend")
    form = world.until(ann.modal)
    assert form["title"]["text"] == "Extend JIT-1"
    assert "30 min if you leave it empty; 3 h 30 min at most" in shown(form)
    reason = next(block for block in form["blocks"] if block.get("block_id") == REASON)
    assert reason["element"]["initial_value"] == "because of INC-1"
    assert "can be extended by 3 h 30 min at most" in ann.submit({TTL: {"jit:field": "9h"}})["errors"][TTL]
    assert ann.submit({TTL: {"jit:field": "1h"}, REASON: {"jit:field": "the index is still being built"}})["ok"]
    child = world.until(lambda: world.card(request.id + 1))
    assert child["text"].startswith("🟠 Extend: Tune a parameter: 200 · waits for approval")
    assert "Extends  JIT-1: ends <!date^" in child["text"]
    assert "instead of <!date^" in child["text"]
    assert "1 h 30 min in all" in child["text"]
    assert action_ids(child) == ["jit:approve", "jit:deny", "jit:details"]
    world.person("U0BO").click(child, "jit:approve")
    world.until(lambda: world.see(request.id).extended_by == request.id + 1)
    assert world.until(lambda: own(world, request.id + 1, "Extend: Tune a parameter: 200 · extended ·"))
    assert world.until(lambda: (found := world.card(request.id)) and "extended by JIT-2" in found["text"])
    assert world.until(lambda: own(world, request.id, "ends 1 h later: JIT-2 was approved"))


def test_one_line_is_enough_and_any_other_opens_the_form(world: SlackTown) -> None:
    request, ann = granted(world), world.person("U0ANN")
    world.ask("U0ANN", f"extend {request.name} for=20m reason=“not done yet”")
    world.until(lambda: world.see(request.id).extended_by is not None)
    ann.command("C0PAY", f"/jit extend {request.name} for=99h")
    form = world.until(ann.modal)
    assert "can be extended by 3 h 10 min at most, not by 4 d 3 h" in shown(form)
    assert "⚠" in shown(form)
    ttl = next(block for block in form["blocks"] if block.get("block_id") == TTL)
    assert ttl["element"]["initial_value"] == "99h"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("extend", "Which one? Say it like"),
        ("extend tomorrow", "is not a request"),
        ("extend JIT-1 for=5m value=300", "An extension takes only for=… and reason=…, not value."),
        ("extend JIT-1 at=18:30 for=5m", "An extension takes only for=… and reason=…, not at."),
        ("extend JIT-99 for=5m", "There is no request JIT-99"),
        ("extend JIT-1 reason=“never closed", "is never closed"),
    ],
)
def test_what_cannot_be_extended_is_said_to_be_so(world: SlackTown, typed: str, words: str) -> None:
    granted(world)
    world.person("U0ANN").command("C0PAY", f"/jit {typed}")
    told = world.until(lambda: ephemeral(world.person("U0ANN")))
    assert words in told[-1]["text"]
    assert len(world.town.ledger.find()) == 1


def test_somebody_elses_cannot_be_extended(world: SlackTown) -> None:
    granted(world)
    bo = world.person("U0BO")
    bo.command("C0PAY", "/jit extend JIT-1 for=5m")
    told = world.until(lambda: ephemeral(bo))
    assert "Only who asked for JIT-1 can extend it." in told[0]["text"]


def test_a_reminder_before_the_end_has_the_button(world: SlackTown) -> None:
    request, ann = granted(world), world.person("U0ANN")
    world.forward(25 * 60 + 1)
    told = world.until(lambda: own(world, request.id, "⏳"))
    assert action_ids(told) == ["jit:extend", "jit:details"]
    ann.click(told, "jit:extend")
    assert world.until(ann.modal)["title"]["text"] == "Extend JIT-1"


def test_what_is_unsure_is_looked_at_and_settled_by_somebody_who_has_looked(world: SlackTown) -> None:
    def cut(*_: object) -> None:
        raise RunnerUnsure("the connection broke")

    runner = world.town.runner
    runner.on_start = cut
    runner.check = lambda inputs, receipt: Health(HealthState.UNKNOWN, "two of three pods answer")  # type: ignore[method-assign]
    request = world.ask("U0ANN", "restart service=api env=prod because it is slow")
    bo = world.person("U0BO")
    bo.click(world.card(request.id), "jit:approve")
    card = world.until(lambda: (found := world.card(request.id)) and "The check" in found["text"] and found)
    assert "The check  cannot tell: two of three pods answer · since" in card["text"]
    assert action_ids(card) == ["jit:happened", "jit:not_happened", "jit:look", "jit:details"]
    mine = world.until(lambda: own(world, request.id, "The check"))
    assert action_ids(mine) == ["jit:look", "jit:details"]
    world.person("U0ANN").click(card, "jit:happened")
    told = world.until(lambda: ephemeral(world.person("U0ANN")))
    assert "Who asked cannot settle this" in told[0]["text"]
    bo.click(card, "jit:look")
    assert "The check cannot tell: two of three pods answer." in world.until(lambda: ephemeral(bo))[0]["text"]
    bo.click(card, "jit:not_happened")
    card = world.until(lambda: (found := world.card(request.id)) and "failed" in found["text"] and found)
    assert "Settled  bo has looked: it did not happen" in card["text"]
