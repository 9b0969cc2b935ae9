"""Break-glass and waiting on the local Slack: the choice, the question, the card, who is pinged, and the review."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.sandbox.local import LocalSlack
from tests.slack_town import HERE, SlackTown, action_ids, ephemeral, has_details, shown, slack_town
from tests.town import BO, PEOPLE, POLICY

GUARDRAILS = """
guardrails: []
break_glass: [{applies_to: [admin], who: [group:sre], max: 1h, review_within: 24h, tell: ["#operators"]}]
"""
REMINDING = "        review: [{from: [group:oncall], count: 1, quiet: [user:U0CY]}]\n        remind_after: 10m\n"
FILES = {
    "payments.yml": POLICY.replace("        review: [{from: [group:oncall], count: 1}]\n", REMINDING),
    "people.yml": PEOPLE + "  sre: [U0ANN]\n",
    "guardrails.yml": GUARDRAILS,
}
OPERATORS = "C0OPS"


@pytest.fixture
def running(sqlite_url: str, tmp_path: Path) -> Iterator[tuple[LocalSlack, SlackTown]]:
    slack, town = slack_town(sqlite_url, tmp_path, files=FILES)
    assert not town.service.book.fault
    town.connect()
    yield slack, town
    town.close()
    slack.stop()


@pytest.fixture
def town(running: tuple[LocalSlack, SlackTown]) -> SlackTown:
    return running[1]


def break_by_line(town: SlackTown) -> None:
    """Have Ann type it in one line and confirm it."""
    ann = town.person("U0ANN")
    assert ann.command(HERE, '/jit admin for=30m break-glass=yes reason="INC-9 all is down"')["acked"]
    view = ann.wait_for(lambda: submits(ann.modal()), "the question")
    assert not town.town.ledger.find(), "nothing is taken in before it is confirmed"
    words = shown(view)
    assert "runs at once, without approval" in words
    assert "#operators" in words
    assert "bo" in words
    assert "within 1 d" in words
    ann.submit()


def submits(view: dict[str, object] | None) -> dict[str, object] | None:
    return view if view is not None and view.get("submit") else None


def test_one_line_is_asked_back_and_then_runs_at_once(town: SlackTown) -> None:
    break_by_line(town)
    town.until(lambda: town.town.ledger.find() and town.state(1) == "active", "the grant")
    town.tick()
    card = town.card(1)
    assert card is not None
    assert card["text"].startswith("🚨 Break-glass: Administer the payments service")
    assert "review owed by" in card["text"]
    assert "jit:review_after" in action_ids(card)
    said = [message for message in town.person("U0ANN").messages(OPERATORS) if "JIT-1" in message["text"]]
    assert len(said) == 1
    assert "ann runs" in said[0]["text"]
    assert "INC-9 all is down" in said[0]["text"]
    for user in ("U0BO", "U0CY", "U0DI"):
        (told,) = [message for message in town.person(user).dm() if "without approval" in message["text"]]
        assert "You could have been asked" in told["text"]


def test_a_channel_that_cannot_be_told_is_made_up_for_by_the_operators(town: SlackTown) -> None:
    town.town.edit('tell: ["#operators"]', 'tell: ["#nowhere"]', "guardrails.yml")
    ann = town.person("U0ANN")
    ann.command(HERE, '/jit admin for=30m break-glass=yes reason="INC-9 all is down"')
    ann.wait_for(lambda: submits(ann.modal()), "the question")
    ann.submit()
    told = town.until(lambda: [each for each in ann.messages(OPERATORS) if "JIT-1" in each["text"]], "the operators")
    assert "#nowhere could not be told" in told[0]["text"]
    assert "without approval" in told[0]["text"]


def test_an_approver_reviews_it_from_the_card(town: SlackTown) -> None:
    break_by_line(town)
    town.until(lambda: town.town.ledger.find() and town.state(1) == "active", "the grant")
    town.tick()
    di = town.person("U0DI")
    card = town.card(1)
    assert card is not None
    di.click(card, "jit:review_after")
    view = di.wait_for(lambda: submits(di.modal()), "the review")
    assert "INC-9 all is down" in shown(view)
    refused = di.submit({"verdict": {"jit:field": "object"}})
    assert "Say what was wrong" in str(refused) or "Say what was wrong" in str(di.modal())
    di.submit({"verdict": {"jit:field": "object"}, "comment": {"jit:field": "the runbook says otherwise"}})
    town.until(lambda: town.see(1).obligation.reviewed_at, "the review")  # type: ignore[union-attr]
    town.tick()
    card = town.card(1)
    assert card is not None
    assert "reviewed and objected to by di: “the runbook says otherwise”" in card["text"]
    assert "jit:review_after" not in action_ids(card)


def test_what_is_owed_is_among_what_waits_for_somebody(town: SlackTown) -> None:
    break_by_line(town)
    town.until(lambda: town.town.ledger.find() and town.state(1) == "active", "the grant")
    town.forward(25 * 3600)
    town.tick()
    bo = town.person("U0BO")
    bo.command(HERE, "/jit pending")
    (listed,) = bo.wait_for(lambda: ephemeral(bo), "the list")
    assert "review OVERDUE since" in shown(listed)
    assert "jit:review_after" in action_ids(listed)
    late = [message["text"] for message in town.person("U0ANN").messages(OPERATORS) if "Overdue for" in message["text"]]
    assert len(late) == 1
    assert "ann’s break-glass JIT-1" in late[0]  # noqa: RUF001 - an apostrophe


def test_the_form_offers_it_only_to_who_may(town: SlackTown) -> None:
    for user, offered in (("U0ANN", True), ("U0BO", False)):
        person = town.person(user)
        person.command(HERE, "/jit admin for=30m")
        view = person.wait_for(lambda person=person: foreseen(person.modal()), "the look ahead")  # type: ignore[misc]
        assert any(block.get("block_id") == "break-glass" for block in view["blocks"]) == offered


def foreseen(view: dict[str, object] | None) -> dict[str, object] | None:
    return view if view is not None and "As things stand now" in str(view) else None


def test_the_form_asks_once_more(town: SlackTown) -> None:
    ann = town.person("U0ANN")
    ann.command(HERE, "/jit admin for=30m")
    ann.wait_for(lambda: foreseen(ann.modal()), "the look ahead")
    chosen = {"break-glass": {"jit:field": ["yes"]}, "reason": {"jit:field": "all is down"}}
    ann.submit(chosen)
    view = ann.wait_for(lambda: asks_back(ann.modal()), "the question")
    assert "all is down" in shown(view)
    ann.submit()
    town.until(lambda: town.town.ledger.find() and town.state(1) == "active", "the grant")


def asks_back(view: dict[str, object] | None) -> dict[str, object] | None:
    return view if view is not None and view.get("callback_id") == "jit:break_glass" else None


def test_who_may_not_is_told_so_and_keeps_what_was_typed(town: SlackTown) -> None:
    bo = town.person("U0BO")
    bo.command(HERE, '/jit admin for=30m break-glass=yes reason="INC-9"')
    view = bo.wait_for(lambda: submits(bo.modal()), "the refusal")
    assert "Only sre may break the glass for admin" in shown(view)
    assert "INC-9" in str(view)
    assert not town.town.ledger.find()


def test_a_guest_is_refused_at_the_door(town: SlackTown) -> None:
    town.directory.person("U0GUS")  # type: ignore[arg-type]
    gus = town.person("U0GUS")
    gus.command(HERE, '/jit admin break-glass=yes reason="INC-9"')
    assert "Guests cannot use this" in ephemeral(gus)[-1]["text"]


def test_a_word_that_is_neither_yes_nor_no_is_said_to_be_so(town: SlackTown) -> None:
    ann = town.person("U0ANN")
    ann.command(HERE, '/jit admin break-glass=maybe reason="INC-9"')
    assert "break-glass can be yes or no" in ephemeral(ann)[-1]["text"]


def test_a_reminder_pings_who_can_approve_in_the_thread_and_quiet_people_never(town: SlackTown) -> None:
    request = town.ask("U0ANN", 'restart service=api env=prod reason="INC-1"')
    card = town.card(request.id)
    assert card is not None
    assert "U0BO" in str(card["blocks"])
    assert "'user_id': 'U0CY'" not in str(card["blocks"]), "Cy may approve, and is not pinged"
    assert "bo or cy" in shown(card)
    town.forward(601)
    town.tick()
    replies = [message for message in town.person("U0BO").messages(HERE) if message.get("thread_ts") == card["ts"]]
    (reminder,) = [message for message in replies if "has waited for approval for 10 min" in message["text"]]
    assert "'user_id': 'U0BO'" in str(reminder["blocks"])
    assert "U0CY" not in str(reminder["blocks"])
    assert has_details(card)


def test_a_reminder_that_comes_after_the_decision_is_not_said(town: SlackTown) -> None:
    request = town.ask("U0ANN", 'restart service=api env=prod reason="INC-1"')
    town.forward(601)
    town.town.settle()  # the reminder is in the outbox, and has not been carried to Slack
    town.town.deny(BO, request)
    town.tick()
    said = town.person("U0BO").messages(HERE)
    assert town.state(request.id) == "denied"
    assert [message for message in said if "has waited for approval" in message["text"]] == []
