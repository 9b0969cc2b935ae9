"""Separation of duty: no approving each other in turn, and nobody approves what is for themselves."""

from datetime import timedelta

import pytest

from jitbot.model import DeliveryKind, Standing, State
from tests.town import ANN, BO, CY, DI, EVE, Town

GUARDRAILS = """
guardrails:
  - name: no approving in turn
    not_recently_approved_by: 24h
"""
FOR = """
team: payments
channel: "#payments-oncall"
actions:
  access:
    title: Access to the ledger
    runner: fake
    with: {what: ledger, where: prod}
    parameters: {who: {type: user}}
    beneficiary: who
    requesters: [group:engineering]
    timebox: {default: 30m, max: 4h}
    rules: [{review: [{from: [group:leads]}]}]
"""


@pytest.fixture
def strict(town: Town) -> Town:
    town.write("guardrails.yml", GUARDRAILS)
    assert not town.service.book.fault
    return town


def test_the_refusal_says_why_and_others_can(strict: Town) -> None:
    strict.write("people.yml", strict.files["people.yml"].replace("oncall: [U0BO, U0CY]", "oncall: [U0BO, U0CY, U0DI]"))
    strict.approve(CY, strict.ask(BO, "restart", service="api", env="prod"))
    request = strict.ask(CY, "restart", service="worker", env="prod")
    assert strict.see(request).decision.apart == (BO,)  # type: ignore[union-attr]
    answer = strict.approve(BO, request)
    assert (answer.refused, strict.state(request)) == (True, State.PENDING)
    assert "You can't approve" in answer.text
    assert "whoever asked for it approved a request of yours lately" in answer.text
    assert strict.service.queries.pending(BO) == []
    assert [each.id for each in strict.service.queries.pending(DI)] == [request.id]
    strict.approve(DI, request)
    assert strict.state(request) is State.SUCCEEDED


def test_if_nobody_else_could_approve_it_is_refused_at_once(strict: Town) -> None:
    strict.approve(CY, strict.ask(BO, "restart", service="api", env="prod"))
    answer = strict.try_to_ask(CY, "restart", service="worker", env="prod")
    assert answer.refused
    assert "Nobody can approve this" in answer.text
    assert "those whose own requests you have approved lately" in answer.text


def test_after_the_time_they_may_again(strict: Town) -> None:
    strict.approve(CY, strict.ask(BO, "restart", service="api", env="prod"))
    strict.forward(hours=24, seconds=5)
    request = strict.ask(CY, "restart", service="worker", env="prod")
    strict.approve(BO, request)
    assert strict.state(request) is State.SUCCEEDED


def test_without_the_guardrail_they_may(town: Town) -> None:
    town.approve(CY, town.ask(BO, "restart", service="api", env="prod"))
    request = town.ask(CY, "restart", service="worker", env="prod")
    town.approve(BO, request)
    assert town.state(request) is State.SUCCEEDED


def test_an_approval_that_came_first_stands_when_the_other_is_kept_apart(strict: Town) -> None:
    first = strict.ask(CY, "admin")
    second = strict.ask(BO, "restart", service="api", env="prod")
    strict.approve(BO, first)
    assert strict.approve(CY, second).refused
    strict.approve(DI, first)
    assert strict.state(first) is State.ACTIVE


def test_a_denial_in_turn_keeps_nobody_apart(strict: Town) -> None:
    strict.deny(CY, strict.ask(BO, "restart", service="api", env="prod"))
    request = strict.ask(CY, "restart", service="worker", env="prod")
    strict.approve(BO, request)
    assert strict.state(request) is State.SUCCEEDED


@pytest.fixture
def kept_apart(strict: Town) -> Town:
    """Have Bo kept apart from Cy, with Di on call too."""
    strict.write("people.yml", strict.files["people.yml"].replace("oncall: [U0BO, U0CY]", "oncall: [U0BO, U0CY, U0DI]"))
    strict.approve(CY, strict.ask(BO, "restart", service="api", env="prod"))
    return strict


def test_who_is_kept_apart_may_deny_all_the_same(kept_apart: Town) -> None:
    request = kept_apart.ask(CY, "restart", service="worker", env="prod")
    assert not kept_apart.deny(BO, request).refused
    assert kept_apart.state(request) is State.DENIED


def test_who_is_kept_apart_may_look_and_end_but_not_settle(kept_apart: Town) -> None:
    request = kept_apart.ask(CY, "restart", service="worker", env="prod")
    assert kept_apart.service.queries.visible(BO, request.id).id == request.id
    assert kept_apart.service.queries.may_end(BO, request)
    refused = kept_apart.settle_unsure(BO, request, happened=True)
    assert refused.text == f"Only who may approve {request.name} can settle it."
    assert "is settled" in kept_apart.settle_unsure(DI, request, happened=True).text


def test_nobody_approves_in_the_place_of_somebody_who_is_kept_apart(kept_apart: Town) -> None:
    kept_apart.do(DeliveryKind.DELEGATE, BO, to=EVE, text="for 3d")
    request = kept_apart.ask(CY, "restart", service="worker", env="prod")
    assert kept_apart.approve(EVE, request).refused
    assert kept_apart.state(request) is State.PENDING
    kept_apart.approve(DI, request)
    assert kept_apart.state(request) is State.SUCCEEDED


def test_who_is_kept_apart_does_not_approve_in_the_place_of_another_either(kept_apart: Town) -> None:
    kept_apart.do(DeliveryKind.DELEGATE, DI, to=BO, text="for 3d")
    request = kept_apart.ask(CY, "restart", service="worker", env="prod")
    assert kept_apart.approve(BO, request).refused
    assert kept_apart.state(request) is State.PENDING


def test_a_stand_in_may_approve_with_changes(town: Town) -> None:
    town.do(DeliveryKind.DELEGATE, CY, to=EVE, text="for 3d")
    request = town.ask(ANN, "admin", ttl="1h")
    town.approve_changed(EVE, request, ttl="30m")
    changed = town.see(request)
    assert (changed.ttl, changed.revision) == (timedelta(minutes=30), request.revision + 1)
    (review,) = town.ledger.reviews(changed)
    assert [each.delegator for each in review.on_behalf_of] == [CY]


# For whom


def test_whoever_it_is_for_does_not_approve_and_is_told(town: Town) -> None:
    town.write("payments.yml", FOR)
    request = town.ask(ANN, "access", who=f"<@{CY}>")
    assert town.see(request).beneficiary == CY
    answer = town.approve(CY, request)
    assert (answer.refused, town.state(request)) == (True, State.PENDING)
    town.approve(DI, request)
    assert town.state(request) is State.ACTIVE
    told = [each for each in town.outbox.claim(100, timedelta(0)) if each.to == CY and each.topic == "notice"]
    assert [each.text for each in told] == [
        f"{request.name} Access to the ledger, for you: was asked for you.",
        f"{request.name} Access to the ledger, for you: granted.",
    ]
    town.drop(CY, request)
    assert town.state(request) is State.REVOKED


def test_if_only_the_beneficiary_could_approve_it_is_refused_at_once(town: Town) -> None:
    town.write("payments.yml", FOR)
    town.directory.set(DI, Standing.DEACTIVATED)
    assert "Nobody can approve this" in town.try_to_ask(ANN, "access", who=CY).text


def test_nothing_is_asked_for_a_guest(town: Town) -> None:
    town.write("payments.yml", FOR)
    town.directory.set(EVE, Standing.GUEST)
    assert "This cannot be asked for a guest; choose a member." in town.try_to_ask(ANN, "access", who=EVE).text


def test_another_beneficiary_in_the_definition_is_decided_anew(town: Town) -> None:
    town.write("payments.yml", FOR.replace("    beneficiary: who\n", ""))
    request = town.ask(ANN, "access", who=CY)
    assert town.see(request).beneficiary == ANN
    town.write("payments.yml", FOR)
    assert "has changed since it was asked" in town.approve(DI, request).text
    assert (town.see(request).beneficiary, town.see(request).revision) == (CY, 2)
    assert town.approve(CY, request).refused
