"""An insider who writes the database: has one thing drawn for approvers, and puts the row back for another one to run.

At the time of the run the row is what its record says, so that comparing the two is not enough. What each approver was
shown is on their button, and in the signed record of their review.
"""

from dataclasses import replace

import pytest

from jitbot.model import Answer, DeliveryKind, Request, State, UserId
from jitbot.slack.views.ids import read_stamp, stamp
from tests.acceptance.test_tampering import bend_row
from tests.town import ANN, BO, CY, Town

HARMLESS = {"service": "worker", "env": "prod"}


@pytest.fixture
def asked(town: Town) -> Request:
    """Have the insider ask for what nobody would approve."""
    return town.ask(ANN, "restart", service="api", env="prod", reason="all of production")


def bend(town: Town, asked: Request) -> None:
    """Have the row show something harmless."""
    snapshot = replace(asked.snapshot, title="Look at a log", inputs={"what": "worker", "where": "prod"})
    bend_row(town, asked, params=HARMLESS, reason="only a look", snapshot=snapshot)


def restore(town: Town, asked: Request) -> None:
    bend_row(town, asked, params=asked.params, reason=asked.reason, snapshot=asked.snapshot)


def button(town: Town, asked: Request) -> str:
    """Return what the button of a card carries that is drawn now."""
    return stamp(town.see(asked))


def click(town: Town, user: UserId, carried: str, kind: DeliveryKind = DeliveryKind.APPROVE, **more: str) -> Answer:
    read = read_stamp(carried)
    return town.do(kind, user, read.request, revision=read.revision, seen=read.seen, **more)


def test_what_was_shown_and_is_on_record_runs(town: Town, asked: Request) -> None:
    assert not click(town, BO, button(town, asked)).refused
    assert town.state(asked) is State.SUCCEEDED


def test_a_click_on_what_was_shown_does_not_count_for_what_is_there_by_then(town: Town, asked: Request) -> None:
    bend(town, asked)
    carried = button(town, asked)
    restore(town, asked)
    answer = click(town, BO, carried)
    assert answer.refused
    assert "has changed since this was drawn" in answer.text
    assert town.state(asked) is State.PENDING
    assert "refused" in town.kinds(asked)


def test_what_was_approved_as_something_else_does_not_run_though_the_row_is_as_its_record_again(
    town: Town, asked: Request
) -> None:
    bend(town, asked)
    carried = button(town, asked)
    read = read_stamp(carried)
    key = town.take_in(DeliveryKind.APPROVE, BO, read.request, revision=read.revision, seen=read.seen)
    assert town.service.intake.work(key) is not None
    town.queue.items.clear()
    assert town.state(asked) is State.APPROVED, "the approval counts for the row as it was shown"
    restore(town, asked)
    town.forward(minutes=1)
    town.settle()
    assert town.runner.started == []
    assert town.state(asked) is State.APPROVED
    assert "tampered" in town.kinds(asked)
    assert "REFUSED TO RUN: What was approved as JIT-1 is not what its signed record says." in town.said("alarm")[0]


def test_an_extension_that_was_approved_as_another_one_extends_nothing(town: Town) -> None:
    grant = town.ask(ANN, "admin", ttl="30m")
    for user in (BO, CY):
        click(town, user, button(town, grant))
    ends = town.see(grant).expires_at
    asked = town.extend(ANN, grant, "2h")
    bend_row(town, asked, reason="only a look")
    for user in (BO, CY):
        read = read_stamp(button(town, asked))
        key = town.take_in(DeliveryKind.APPROVE, user, read.request, revision=read.revision, seen=read.seen)
        assert town.service.intake.work(key) is not None
    town.queue.items.clear()
    bend_row(town, asked, reason=asked.reason)
    town.settle()
    assert town.see(grant).expires_at == ends
    assert town.state(asked) is State.APPROVED
    assert "REFUSED TO RUN: What was approved as JIT-2" in town.said("alarm")[0]


def test_who_changes_it_approves_what_comes_of_the_change(town: Town) -> None:
    grant = town.ask(ANN, "admin", ttl="1h")
    assert not click(town, BO, button(town, grant), DeliveryKind.APPROVE_CHANGED, ttl="30m").refused
    assert not click(town, CY, button(town, grant)).refused
    assert town.state(grant) is State.ACTIVE


def test_a_button_of_an_older_jitbot_says_nothing_of_what_was_shown_and_does_not_count(
    town: Town, asked: Request
) -> None:
    assert click(town, BO, f"{asked.id}.1").refused
    assert town.state(asked) is State.PENDING


def test_a_denial_counts_whatever_was_shown(town: Town, asked: Request) -> None:
    bend(town, asked)
    carried = button(town, asked)
    restore(town, asked)
    assert not click(town, BO, carried, DeliveryKind.DENY, comment="no").refused
    assert town.state(asked) is State.DENIED


def test_a_click_on_a_card_that_was_edited_in_slack_is_refused_and_on_record(town: Town, asked: Request) -> None:
    read = read_stamp(button(town, asked))
    said = {"revision": read.revision, "seen": read.seen, "edited": True}
    answer = town.do(DeliveryKind.APPROVE, BO, asked.id, **said)
    assert answer.refused
    assert "This card shows something else than I had drawn" in answer.text
    assert (town.state(asked), town.kinds(asked)[-1]) == (State.PENDING, "refused")
