"""An approver does what somebody else wants: what the word of one person can do, and what takes it back."""

from datetime import timedelta

import pytest

from jitbot.model import DeliveryKind, Request, Standing, State, UserId
from jitbot.slack.views.ids import stamp
from tests.halting import GUARDRAILS, a_while, halt
from tests.town import ANN, BO, CY, DI, EVE, Town

LATER = "    lapse_after: 1h\n    start_later: {max: 7d}\n"
APART = "guardrails: [{name: not in turn, not_recently_approved_by: 7d}]\n"


@pytest.fixture
def asked(town: Town) -> Request:
    """Have Ann ask for what one on call and one lead have to approve."""
    return town.ask(ANN, "admin", ttl="1h")


@pytest.fixture
def planned(town: Town) -> Request:
    """Have Ann ask for something that starts tomorrow, and Bo approve it under pressure."""
    town.edit("    lapse_after: 1h\n", LATER)
    at = (town.ledger.now().replace(microsecond=0) + timedelta(days=1)).isoformat()
    request = town.ask(ANN, "restart", service="api", env="prod", at=at)
    assert not town.approve(BO, request).refused
    assert town.state(request) is State.APPROVED
    return request


def tomorrow(town: Town) -> None:
    town.forward(days=1, seconds=1)
    town.settle()


def test_approving_again_and_again_in_every_way_is_one_approval(town: Town, asked: Request) -> None:
    for _ in range(3):
        town.approve(BO, asked)
    town.do(DeliveryKind.APPROVE, BO, asked.id, revision=1, seen=stamp(town.see(asked)).rpartition(".")[2])
    assert [each.reviewer for each in town.ledger.reviews(asked)] == [BO]
    assert (town.state(asked), town.runner.started) == (State.PENDING, [])


def test_approving_with_a_change_on_top_is_still_one_approval(town: Town, asked: Request) -> None:
    town.approve(BO, asked)
    town.approve_changed(BO, asked, ttl="30m")
    assert [each.reviewer for each in town.ledger.reviews(town.see(asked))] == [BO]
    assert town.state(asked) is State.PENDING


def test_they_cannot_be_made_to_give_more_than_was_asked(town: Town, asked: Request) -> None:
    assert town.approve_changed(BO, asked, ttl="4h").refused
    assert (town.see(asked).ttl, town.state(asked)) == (timedelta(hours=1), State.PENDING)


def test_naming_the_other_one_a_stand_in_makes_no_second_person(town: Town, asked: Request) -> None:
    """Eve may approve nothing by herself; with Bo's word she may what Bo may, and counts as Bo."""
    town.approve(BO, asked)
    town.do(DeliveryKind.DELEGATE, BO, to=EVE, text="for 3d")
    town.approve(EVE, asked)
    assert town.state(asked) is State.PENDING


def test_nor_does_it_help_to_name_whoever_asks(town: Town, asked: Request) -> None:
    town.do(DeliveryKind.DELEGATE, CY, to=ANN, text="for 3d")
    assert town.approve(ANN, asked).refused
    assert town.approve(CY, asked).text == ""
    assert town.state(asked) is State.PENDING, "Cy is one person, on call and a lead"


def test_what_was_approved_for_a_start_later_can_be_taken_back_until_then(town: Town, planned: Request) -> None:
    assert not town.deny(BO, planned, "I was made to").refused
    tomorrow(town)
    assert (town.state(planned), town.runner.started) == (State.DENIED, [])
    assert town.kinds(planned).count("reviewed") == 2, "both stand in the record"


def test_any_other_who_may_approve_it_ends_it_as_well(town: Town, planned: Request) -> None:
    assert not town.deny(CY, planned, "this is not right").refused
    assert town.state(planned) is State.DENIED


def test_an_approver_halts_what_they_were_made_to_approve_though_they_may_halt_nothing_else(
    town: Town, planned: Request
) -> None:
    town.write("guardrails.yml", GUARDRAILS)
    assert not halt(town, "action", "restart", by=BO, why="I was made to").refused
    tomorrow(town)
    a_while(town)
    assert town.runner.started == []


def test_an_approval_does_not_outlast_whoever_gave_it(town: Town, planned: Request) -> None:
    town.directory.set(BO, Standing.DEACTIVATED)
    tomorrow(town)
    assert (town.state(planned), town.runner.started) == (State.PENDING, [])


def test_they_cannot_approve_for_each_other_in_turn_where_guardrails_say_so(town: Town) -> None:
    town.write("guardrails.yml", APART)
    town.approve(CY, town.ask(BO, "restart", service="api", env="prod"))
    in_turn = town.ask(CY, "restart", service="worker", env="prod")
    assert in_turn.state is State.DENIED or town.approve(BO, in_turn).refused
    assert len(town.runner.started) == 1


def test_nor_through_a_stand_in(town: Town) -> None:
    town.write("people.yml", town.files["people.yml"].replace("oncall: [U0BO, U0CY]", "oncall: [U0BO, U0CY, U0DI]"))
    town.write("guardrails.yml", APART)
    town.approve(CY, town.ask(BO, "restart", service="api", env="prod"))
    town.do(DeliveryKind.DELEGATE, BO, to=EVE, text="for 3d")
    in_turn = town.ask(CY, "restart", service="worker", env="prod")
    for user in (BO, EVE):
        assert town.approve(user, in_turn).refused
    assert not town.approve(DI, in_turn).refused


def test_an_old_drawing_that_was_kept_open_for_it_counts_for_nothing(town: Town, asked: Request) -> None:
    shown: UserId = BO
    town.approve_changed(CY, asked, ttl="30m")
    assert "has changed since this was drawn" in town.approve(shown, asked, revision=asked.revision).text
    assert town.state(asked) is State.PENDING


def test_what_was_approved_before_a_change_is_asked_for_again(town: Town, asked: Request) -> None:
    town.approve(BO, asked)
    town.approve_changed(DI, asked, ttl="30m")
    assert town.state(asked) is State.PENDING
    town.approve(BO, asked)
    assert town.state(asked) is State.ACTIVE
