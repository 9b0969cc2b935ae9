"""Whose approval counts, and how often."""

import pytest

from jitbot.model import Answer, DeliveryKind, Request, Standing, State, UserId, Verdict
from tests.town import ANN, BO, CY, DI, EVE, Town


@pytest.fixture
def asked(town: Town) -> Request:
    return town.ask(ANN, "admin")


def test_one_person_in_both_groups_meets_one_of_the_two(town: Town, asked: Request) -> None:
    town.approve(CY, asked)
    decision = town.see(asked).decision
    assert town.state(asked) is State.PENDING
    assert decision is not None
    assert sum(need.missing for need in decision.needs) == 1


def test_a_second_person_completes_it(town: Town, asked: Request) -> None:
    town.approve(CY, asked)
    town.approve(DI, asked)
    assert town.state(asked) is State.ACTIVE


@pytest.mark.parametrize("order", [(CY, BO), (BO, CY), (CY, DI), (DI, CY)], ids=lambda order: "-".join(order))
def test_two_people_who_fit_together_suffice_whoever_pressed_first(
    town: Town, asked: Request, order: tuple[UserId, UserId]
) -> None:
    for approver in order:
        town.approve(approver, asked)
    assert town.state(asked) is State.ACTIVE


def test_approving_twice_changes_nothing(town: Town, asked: Request) -> None:
    town.approve(BO, asked)
    before = town.see(asked), town.kinds(asked)
    assert not town.approve(BO, asked).refused
    assert (town.see(asked), town.kinds(asked)) == before


def test_whoever_approves_and_then_denies_has_denied(town: Town, asked: Request) -> None:
    town.approve(BO, asked)
    town.deny(BO, asked, "on second thoughts")
    assert town.state(asked) is State.DENIED
    assert [review.verdict for review in town.ledger.reviews(asked)] == [Verdict.DENY]


def test_an_approval_can_be_taken_back_until_it_runs(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.service.intake.work(town.take_in(DeliveryKind.APPROVE, BO, request.id, revision=1))
    assert town.state(request) is State.APPROVED
    town.deny(CY, request, "not during the backup")
    assert town.state(request) is State.DENIED
    assert town.runner.started == []


def test_who_is_eligible_through_a_group_may_approve_without_being_asked(town: Town) -> None:
    town.edit("groups:\n", "groups:\n  others: ['@others']\n", "people.yml")
    town.directory.usergroups["others"] = {EVE}
    town.edit("[group:oncall], count: 1}]", "[group:oncall, group:others], count: 1}]")
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.approve(EVE, request)
    assert town.state(request) is State.SUCCEEDED


def test_who_is_not_eligible_may_not_approve(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    answer = town.approve(EVE, request)
    assert answer == Answer(f"You can't review JIT-{request.id}. It needs oncall. Ask one of them.", request.id, True)
    assert town.state(request) is State.PENDING


def test_who_is_not_eligible_cannot_deny_either(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert town.deny(DI, request).refused
    assert town.state(request) is State.PENDING


def test_nobody_approves_their_own_request(town: Town) -> None:
    request = town.ask(BO, "restart", service="api", env="prod")
    answer = town.approve(BO, request)
    assert "Nobody reviews their own request" in answer.text
    assert town.state(request) is State.PENDING


def test_nobody_is_named_as_approver_of_their_own_request(town: Town) -> None:
    decision = town.see(town.ask(BO, "restart", service="api", env="prod")).decision
    assert decision is not None
    assert decision.needs[0].candidates == (CY,)


def test_who_left_the_group_since_cannot_approve(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.edit("oncall: [U0BO, U0CY]", "oncall: [U0CY]", "people.yml")
    assert town.approve(BO, request).refused
    assert town.state(request) is State.PENDING


@pytest.mark.parametrize("standing", [Standing.GUEST, Standing.STRANGER, Standing.BOT, Standing.DEACTIVATED])
def test_who_is_no_member_any_more_cannot_approve(town: Town, standing: Standing) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.directory.set(BO, standing)
    assert town.approve(BO, request).refused
    assert town.state(request) is State.PENDING


def test_who_cannot_be_looked_up_cannot_approve(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.directory.down = True
    assert "could not be read" in town.approve(BO, request).text
    assert town.state(request) is State.PENDING
    town.directory.down = False
    town.approve(BO, request)
    assert town.state(request) is State.SUCCEEDED


def test_the_approval_of_somebody_whose_shift_has_ended_since_stands(town: Town, asked: Request) -> None:
    town.approve(BO, asked)
    town.edit("oncall: [U0BO, U0CY]", "oncall: [U0CY]", "people.yml")
    town.approve(DI, asked)
    assert town.state(asked) is State.ACTIVE


def test_the_approval_of_somebody_deactivated_since_does_not_stand(town: Town, asked: Request) -> None:
    town.approve(BO, asked)
    town.directory.set(BO, Standing.DEACTIVATED)
    town.approve(DI, asked)
    assert town.state(asked) is State.PENDING
    town.approve(CY, asked)
    assert town.state(asked) is State.ACTIVE


def test_an_approver_deactivated_between_approval_and_run_has_it_asked_again(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.service.intake.work(town.take_in(DeliveryKind.APPROVE, BO, request.id, revision=1))
    town.directory.set(BO, Standing.DEACTIVATED)
    town.settle()
    assert town.state(request) is State.PENDING
    assert town.runner.started == []
    town.approve(CY, request)
    assert town.state(request) is State.SUCCEEDED


def test_an_approver_who_cannot_be_looked_up_just_before_the_run_holds_it_up(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.service.intake.work(town.take_in(DeliveryKind.APPROVE, BO, request.id, revision=1))
    town.directory.unknown = {BO}
    town.settle()
    assert town.state(request) is State.APPROVED
    assert town.runner.started == []
    town.directory.unknown = set()
    town.forward(seconds=16)
    town.settle()
    assert town.state(request) is State.SUCCEEDED


def test_an_approval_that_could_not_be_counted_counts_when_it_is_pressed_again(town: Town, asked: Request) -> None:
    town.approve(BO, asked)
    town.directory.unknown = {BO}
    town.approve(DI, asked)
    assert town.state(asked) is State.PENDING
    town.directory.unknown = set()
    town.approve(DI, asked)
    assert town.state(asked) is State.ACTIVE
