"""Approve with changes: shorter or later, never longer; what was approved before the change is asked again."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from jitbot.errors import InvalidInput
from jitbot.model import DeliveryKind, Request, State
from jitbot.store import tables
from tests.town import ANN, BO, CY, DI, EVE, Town


@pytest.fixture
def request_(town: Town) -> Request:
    """Have a request for half an hour that two people have to approve."""
    return town.ask(ANN, "admin")


def in_hours(town: Town, hours: float) -> str:
    return (town.ledger.now() + timedelta(hours=hours)).isoformat(timespec="seconds")


def test_an_approver_shortens_the_time_and_the_other_approves_that(town: Town, request_: Request) -> None:
    answer = town.approve_changed(BO, request_, ttl="15m")
    assert not answer.refused
    changed = town.see(request_)
    assert (changed.state, changed.revision, changed.ttl) == (State.PENDING, 2, timedelta(minutes=15))
    assert changed.digest != request_.digest
    assert changed.changed_by == BO
    assert [each.reviewer for each in town.ledger.reviews(changed)] == [BO]
    town.approve(DI, request_)
    granted = town.see(request_)
    assert granted.state is State.ACTIVE
    assert granted.expires_at == granted.granted_at + timedelta(minutes=15)  # type: ignore[operator]
    town.trail.verify()


def test_the_requester_is_told_what_changed(town: Town, request_: Request) -> None:
    town.approve_changed(BO, request_, ttl="15m")
    said = f"{request_.name} Administer the payments service: approved with changes: for 15 min instead of 30 min."
    assert said in town.said("notice")
    assert [each.comment for each in town.ledger.reviews(town.see(request_))] == ["for 15 min instead of 30 min"]


def test_approvals_from_before_are_asked_again_and_those_people_are_told(town: Town, request_: Request) -> None:
    town.approve(DI, request_)
    town.approve_changed(BO, request_, ttl="10m")
    assert town.state(request_) is State.PENDING
    again = [each for each in town.outbox.claim(100, timedelta(0)) if each.to == DI]
    assert len(again) == 1
    assert "Your approval was for what was asked before: look at the card and decide again." in again[0].text
    town.approve(DI, request_)
    assert town.state(request_) is State.ACTIVE


def test_one_approver_is_enough_where_one_is_asked_for_and_nobody_is_bothered(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.approve_changed(BO, request, at=in_hours(town, 2))
    changed = town.see(request)
    assert (changed.state, changed.revision) == (State.APPROVED, 2)
    assert changed.start_by == changed.starts_at + timedelta(hours=1)  # type: ignore[operator]
    assert town.runner.started == []
    town.forward(hours=2, seconds=5)
    town.settle()
    assert town.state(request) is State.SUCCEEDED


def test_shorter_and_later_at_the_same_time(town: Town, request_: Request) -> None:
    at = in_hours(town, 3)
    town.approve_changed(BO, request_, ttl="20m", at=at)
    changed = town.see(request_)
    assert changed.ttl == timedelta(minutes=20)
    assert changed.starts_at is not None
    assert "for 20 min instead of 30 min, not before " in town.ledger.reviews(changed)[0].comment


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ttl": "31m"}, "An approver may shorten the time, not lengthen it: 30 min is the most."),
        ({"ttl": "0m"}, "'0m' is no time at all; a duration must be longer than zero."),
        ({"ttl": "soon"}, "'soon' is not a duration"),
        ({"ttl": "30m"}, "Nothing is changed here."),
        ({}, "Nothing is changed here."),
        ({"at": "2020-01-01T00:00Z"}, "has passed"),
        ({"at": "nonsense"}, "'nonsense' is not a time"),
    ],
    ids=str,
)
def test_what_is_no_change_to_the_better_is_refused(
    town: Town, request_: Request, change: dict[str, str], words: str
) -> None:
    answer = town.approve_changed(BO, request_, **change)
    assert answer.refused
    assert words in answer.text
    assert (town.see(request_).revision, town.ledger.reviews(town.see(request_))) == (1, [])


def test_too_far_ahead_is_refused(town: Town, request_: Request) -> None:
    assert "7d is the most" in town.approve_changed(BO, request_, at=in_hours(town, 7 * 24 + 1)).text


def test_a_planned_start_is_put_off_and_never_brought_forward(town: Town) -> None:
    town.edit("    lapse_after: 1h\n", "    lapse_after: 30h\n    start_later: {max: 1d}\n")
    at = in_hours(town, 5)
    request = town.ask(ANN, "restart", service="api", env="prod", at=at)
    assert "not bring it forward" in town.approve_changed(BO, request, at=in_hours(town, 4)).text
    assert "Nothing is changed here." in town.approve_changed(BO, request, at=at).text
    assert "1d is the most" in town.approve_changed(BO, request, at=in_hours(town, 25)).text
    town.approve_changed(BO, request, at=in_hours(town, 6))
    assert (town.state(request), town.see(request).revision) == (State.APPROVED, 2)
    assert " instead of " in town.ledger.reviews(town.see(request))[0].comment


def test_what_is_not_held_for_a_time_cannot_be_shortened(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert "is not held for a time" in town.approve_changed(BO, request, ttl="5m").text


@pytest.mark.parametrize("who", [ANN, EVE])
def test_only_who_may_approve_may_change(town: Town, request_: Request, who: str) -> None:
    answer = town.approve_changed(who, request_, ttl="5m")  # type: ignore[arg-type]
    assert answer.refused
    assert (town.see(request_).revision, town.see(request_).ttl) == (1, timedelta(minutes=30))


def test_a_change_of_an_older_drawing_is_refused(town: Town, request_: Request) -> None:
    town.approve_changed(BO, request_, ttl="15m")
    assert "has changed since this was drawn" in town.approve_changed(DI, request_, ttl="5m", revision=1).text
    assert town.see(request_).ttl == timedelta(minutes=15)


def test_an_approval_of_what_was_asked_before_the_change_is_refused(town: Town, request_: Request) -> None:
    town.approve_changed(BO, request_, ttl="15m")
    assert "has changed since this was drawn" in town.approve(DI, request_, revision=1).text
    assert town.state(request_) is State.PENDING


def test_the_same_form_sent_twice_counts_once(town: Town, request_: Request) -> None:
    body = {"revision": 1, "ttl": "15m"}
    keys = [town.take_in(DeliveryKind.APPROVE_CHANGED, BO, request_.id, **body) for _ in range(2)]
    answers = [town.service.intake.work(key) for key in keys]
    assert [answer.refused for answer in answers if answer] == [False, True]
    assert town.see(request_).revision == 2


def test_too_late_is_too_late(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.approve(BO, request)
    assert "Too late" in town.approve_changed(CY, request, at=in_hours(town, 1)).text


def test_what_is_approved_already_is_not_changed_any_more(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.approve_changed(BO, request, at=in_hours(town, 2))
    assert "is approved already" in town.approve_changed(CY, request, at=in_hours(town, 3)).text


def test_a_change_that_policy_would_refuse_changes_nothing(town: Town, request_: Request) -> None:
    town.write(
        "guardrails.yml",
        "guardrails: [{name: long enough, when: \"request.ttl < duration('10m')\", deny: Too short to work.}]",
    )
    answer = town.approve_changed(BO, request_, ttl="5m")
    assert answer.refused
    assert answer.text == "With this change it would be refused, so nothing is changed: Too short to work."
    assert town.see(request_).revision == 1


def test_a_change_by_which_nobody_else_is_needed_runs(town: Town, request_: Request) -> None:
    town.edit(
        "      - name: two people",
        "      - {name: short, when: \"request.ttl <= duration('10m')\", allow: true}\n      - name: two people",
    )
    town.approve_changed(BO, request_, ttl="5m")
    assert town.state(request_) is State.ACTIVE


def test_policies_that_decide_it_by_themselves_by_now_do_so(town: Town, request_: Request) -> None:
    town.write("guardrails.yml", "guardrails: [{name: none, deny: Not today.}]")
    town.approve_changed(BO, request_, ttl="5m")
    assert (town.state(request_), town.see(request_).outcome, town.see(request_).ttl) == (
        State.DENIED,
        "Not today.",
        timedelta(minutes=30),
    )


def test_a_row_that_is_not_what_its_record_says_is_not_changed(town: Town, request_: Request) -> None:
    with town.database.write() as connection:
        connection.execute(update(tables.requests).values(ttl=timedelta(hours=9)))
    assert "is not what its record says" in town.approve_changed(BO, request_, ttl="5h").text
    assert town.see(request_).revision == 1


def test_a_changed_definition_forgets_who_had_changed_it(town: Town, request_: Request) -> None:
    town.approve_changed(BO, request_, ttl="15m")
    town.edit(
        "default: 30m, max: 4h}\n    rules:\n      - name: two", "default: 30m, max: 3h}\n    rules:\n      - name: two"
    )
    town.approve(DI, request_)
    assert (town.see(request_).revision, town.see(request_).changed_by) == (3, None)
    assert town.see(request_).ttl == timedelta(minutes=15)


def test_a_change_is_looked_at_before_it_is_taken_in(town: Town, request_: Request) -> None:
    town.service.changing.check(request_.id, {"ttl": "5m"})
    with pytest.raises(InvalidInput, match="not lengthen it") as caught:
        town.service.changing.check(request_.id, {"ttl": "5h"})
    assert set(caught.value.fields) == {"ttl"}
    town.write("payments.yml", town.files["payments.yml"].replace("  admin:", "  other:"))
    town.service.changing.check(request_.id, {"ttl": "5m"})
