"""The main loop as people live it: typed, clicked and seen in Slack."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.model import UserId
from tests.slack_town import HERE, SlackTown, action_ids, shown, slack_town


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[SlackTown]:
    slack, world = slack_town(sqlite_url, tmp_path)
    yield world.connect()
    world.close()
    slack.stop()


def test_a_one_liner_is_asked_approved_run_and_shown(world: SlackTown) -> None:
    request = world.ask("U0ANN", "restart service=api env=prod reason=“it is slow since 14:05”")
    assert request.reason == "it is slow since 14:05"
    card = world.card(request.id)
    assert card is not None
    assert card["text"].startswith("🟠 Restart a service: api, prod · waits for approval")
    assert action_ids(card) == ["jit:approve", "jit:approve_changed", "jit:deny", "jit:details"]
    assert "it is slow since 14:05" in shown(card)
    answer = world.person("U0BO").click(card, "jit:approve")
    assert answer["acked"]
    world.until(lambda: world.state(request.id) == "succeeded")
    card = world.until(lambda: (found := world.card(request.id)) and "done in" in found["text"] and found)
    assert action_ids(card) == ["jit:details"]
    own = next(message for message in world.person("U0ANN").dm() if "done in" in message["text"])
    assert "approved by bo" in shown(own)
    assert any("approved by bo · waited" in message["text"] for message in world.person("U0DI").messages(HERE))


def test_the_requester_cannot_approve_and_is_told_so(world: SlackTown) -> None:
    request = world.ask("U0ANN", "restart service=api env=prod because it is slow")
    world.person("U0ANN").click(world.card(request.id), "jit:approve")
    told = world.until(lambda: [each for each in world.person("U0ANN").messages(HERE) if each["ephemeral"]])
    assert "own" in told[0]["text"]
    assert world.state(request.id) == "pending"


def test_a_denial_asks_why_and_the_requester_reads_it(world: SlackTown) -> None:
    request = world.ask("U0ANN", "restart service=api env=prod because it is slow")
    bo = world.person("U0BO")
    bo.click(world.card(request.id), "jit:deny")
    form = world.until(bo.modal)
    assert form["title"]["text"] == f"Deny {request.name}"
    answer = bo.submit({"comment": {"jit:field": "wait for the <!channel> backup"}})
    assert answer["ok"], answer
    world.until(lambda: world.state(request.id) == "denied")
    own = world.until(lambda: [each for each in world.person("U0ANN").dm() if "denied by bo" in each["text"]])
    assert "wait for the &lt;!channel&gt; backup" in own[0]["text"]


def test_the_form_says_who_will_be_asked_before_it_is_submitted(world: SlackTown) -> None:
    ann = world.person("U0ANN")
    ann.command(HERE, "/jit")
    picker = world.until(lambda: (view := ann.modal()) and "Choose" in shown(view) and view, "the picker")
    row = next(block for block in picker["blocks"] if block.get("accessory", {}).get("value") == "restart")
    ann.click(picker, "jit:pick", block_id=row["block_id"])
    form = world.until(lambda: (view := ann.modal()) and view["callback_id"] == "jit:form" and view, "the form")
    state = {"p:service": {"jit:field": "api"}, "p:env": {"jit:field": "prod"}}
    ann.click(form, "jit:field", block_id="p:env", value="prod", state=state)
    form = world.until(lambda: (view := ann.modal()) and "Asks one of oncall (bo or cy)" in shown(view) and view)
    assert "reason" in ann.submit(state)["errors"]
    assert ann.submit({**state, "reason": {"jit:field": "INC-1"}})["ok"]
    world.until(lambda: [each for each in world.town.ledger.find() if each.reason == "INC-1"])


def test_a_wrong_one_liner_opens_the_form_with_what_was_typed_and_what_is_wrong(world: SlackTown) -> None:
    ann = world.person("U0ANN")
    ann.command(HERE, "/jit restart service=api env=moon because it is slow")
    form = world.until(lambda: (view := ann.modal()) and "Looking" not in shown(view) and view)
    assert "staging or prod" in shown(form)
    reason = next(block for block in form["blocks"] if block["block_id"] == "reason")
    assert reason["element"]["initial_value"] == "because it is slow"


def test_a_stranger_and_a_guest_get_nowhere(world: SlackTown) -> None:
    request = world.ask("U0ANN", "restart service=api env=prod because it is slow")
    world.directory.person(UserId("U0GUS"))
    for user, word in (("U0EVE", "another organisation"), ("U0GUS", "guest")):
        person = world.person(user)
        person.click(world.card(request.id), "jit:approve")
        told = world.until(lambda person=person: [each for each in person.messages(HERE) if each["ephemeral"]])
        assert word in told[0]["text"].lower()
    assert world.state(request.id) == "pending"
    assert "refused" not in world.town.kinds(request)


def test_an_approver_shortens_the_time_and_everybody_sees_it(world: SlackTown) -> None:
    world.town.edit("group:leads], count: 1}", "group:oncall], count: 1}")
    request = world.ask("U0ANN", "admin for=30m because of INC-1")
    cy, bo = world.person("U0CY"), world.person("U0BO")
    cy.click(world.card(request.id), "jit:approve")
    world.until(lambda: len(world.town.ledger.reviews(world.see(request.id))) == 1)
    bo.click(world.until(lambda: world.card(request.id)), "jit:approve_changed")
    form = world.until(bo.modal)
    assert form["title"]["text"] == f"Change {request.name}"
    assert "ttl" in bo.submit({"ttl": {"jit:field": "9h"}})["errors"]
    assert bo.submit({"ttl": {"jit:field": "10m"}})["ok"]
    world.until(lambda: world.see(request.id).revision == 2)
    card = world.until(lambda: (found := world.card(request.id)) and "Changed by" in found["text"] and found)
    assert "Changed by  bo: for 10 min instead of 30 min. Approvals given before are asked for again." in card["text"]
    world.until(lambda: [each for each in cy.dm() if "Your approval was for what was asked before" in each["text"]])
    world.until(
        lambda: [each for each in world.person("U0ANN").dm() if "approved with changes: for 10 min" in each["text"]]
    )
    cy.click(card, "jit:approve")
    world.until(lambda: world.state(request.id) == "active")


def test_a_start_typed_on_the_wall_is_understood_and_said_back(world: SlackTown) -> None:
    world.town.edit("    lapse_after: 1h\n", "    lapse_after: 1h\n    start_later: {max: 7d}\n")
    ann = world.person("U0ANN")
    request = world.ask("U0ANN", "restart service=api env=staging at=18:30 because it is slow")
    told = world.until(lambda: [each for each in ann.messages(HERE) if each["ephemeral"]])
    assert f"{request.name} is to start at" in told[0]["text"]
    assert "18:30 UTC, not before." in told[0]["text"]
    assert "approved, to start <!date^" in next(each["text"] for each in ann.dm() if request.name in each["text"])
    assert world.state(request.id) == "approved"
