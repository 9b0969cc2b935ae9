"""What can still happen to a request, and what comes too late."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from jitbot.model import Answer, DeliveryKind, Request, State
from tests.town import ANN, BO, CY, DI, Town


@pytest.fixture
def asked(town: Town) -> Request:
    return town.ask(ANN, "restart", service="api", env="prod")


def lapse(town: Town, request: Request) -> None:
    town.forward(hours=2)
    town.settle()


ENDS: dict[State, Callable[[Town, Request], object]] = {
    State.DENIED: lambda town, request: town.deny(CY, request),
    State.LAPSED: lapse,
    State.WITHDRAWN: lambda town, request: town.withdraw(ANN, request),
}


@pytest.mark.parametrize("state", ENDS)
def test_approving_what_has_ended_is_refused_and_nothing_runs(town: Town, asked: Request, state: State) -> None:
    ENDS[state](town, asked)
    answer = town.approve(BO, asked)
    assert answer.refused
    assert answer.text.startswith("Too late: JIT-")
    assert (town.state(asked), town.runner.started) == (state, [])


@pytest.mark.parametrize("state", ENDS)
def test_a_refused_click_is_on_record_and_its_card_is_drawn_again(town: Town, asked: Request, state: State) -> None:
    ENDS[state](town, asked)
    for message in town.outbox.claim(100, timedelta(0)):
        town.outbox.done(message)
    answer = town.approve(BO, asked)
    last = town.trail.events(asked.id)[-1]
    assert last.kind == "refused"
    assert {name: last.body[name] for name in ("by", "what", "why")} == {
        "by": BO,
        "what": "approve",
        "why": answer.text,
    }
    assert [message.key for message in town.outbox.claim(100, timedelta(0))] == [f"card:{asked.id}"]


def test_too_late_says_what_became_of_it(town: Town, asked: Request) -> None:
    town.deny(CY, asked, "the backup runs")
    assert town.approve(BO, asked).text == f"Too late: JIT-{asked.id} was denied (“the backup runs”)."


def test_approving_what_is_approved_leaves_the_expiry_as_it_was(town: Town) -> None:
    request = town.ask(ANN, "admin")
    town.approve(BO, request)
    town.approve(DI, request)
    before = town.see(request)
    town.forward(minutes=5)
    assert town.approve(CY, request).refused
    assert town.see(request) == before


def test_denying_what_runs_already_says_so(town: Town) -> None:
    request = town.ask(ANN, "admin")
    town.approve(BO, request)
    town.approve(DI, request)
    assert town.deny(CY, request).text == f"Too late: JIT-{request.id} is active already."


def test_a_click_after_the_deadline_but_before_the_sweep_is_refused(town: Town, asked: Request) -> None:
    town.forward(hours=1)
    assert "lapsed" in town.approve(BO, asked).text
    assert town.runner.started == []
    assert town.state(asked) is State.LAPSED


def test_a_click_before_the_deadline_counts_when_it_is_worked_on_after(town: Town, asked: Request) -> None:
    click = town.take_in(DeliveryKind.APPROVE, BO, asked.id, revision=1)
    town.forward(hours=2)
    answer = town.service.intake.work(click)
    assert answer == Answer("", asked.id)
    town.settle()
    assert town.state(asked) is State.SUCCEEDED


def test_the_sweep_does_not_lapse_what_a_waiting_click_may_still_approve(town: Town, asked: Request) -> None:
    town.take_in(DeliveryKind.APPROVE, BO, asked.id, revision=1)
    town.forward(hours=2)
    town.service.sweep.attend(asked.id)
    assert town.state(asked) is State.PENDING
    town.settle()
    assert town.state(asked) is State.SUCCEEDED


def test_a_click_that_waits_and_cannot_count_does_not_hold_up_the_lapse(town: Town, asked: Request) -> None:
    town.take_in(DeliveryKind.APPROVE, DI, asked.id, revision=1)
    town.forward(hours=2)
    town.settle()
    town.forward(seconds=30)
    town.settle()
    assert town.state(asked) is State.LAPSED


def test_the_same_delivery_twice_counts_once(town: Town, asked: Request) -> None:
    click = town.take_in(DeliveryKind.APPROVE, BO, asked.id, revision=1)
    known = {"key": click, "kind": DeliveryKind.APPROVE, "user": BO, "team": "T", "body": {}, "request": asked.id}
    assert town.service.intake.take_in(**known) is False
    assert town.work(click) == Answer("", asked.id)
    assert town.work(click) is None
    assert town.kinds(asked).count("reviewed") == 1


def test_a_click_that_was_counted_is_never_worked_on_again(town: Town, asked: Request) -> None:
    town.approve(BO, asked)
    town.forward(minutes=1)
    town.settle()
    assert "refused" not in town.kinds(asked)


def test_a_delivery_whose_worker_was_lost_is_worked_on_by_the_sweep(town: Town, asked: Request) -> None:
    click = town.take_in(DeliveryKind.APPROVE, BO, asked.id, revision=1)
    town.forward(seconds=11)
    assert town.inbox.get(click) is not None
    town.restart()
    town.settle()
    assert town.state(asked) is State.PENDING
    town.forward(seconds=31)
    town.settle()
    assert town.state(asked) is State.SUCCEEDED


def test_whoever_asked_is_told_by_message_when_nobody_waits_for_the_answer(town: Town, asked: Request) -> None:
    town.take_in(DeliveryKind.APPROVE, DI, asked.id, revision=1)
    town.settle()
    assert [each for each in town.outbox.claim(100, timedelta(0)) if each.to == DI] == []  # somebody may still wait
    town.forward(seconds=11)
    town.settle()
    notices = [each for each in town.outbox.claim(100, timedelta(0)) if each.to == DI]
    assert [each.text for each in notices] == [f"You can't review JIT-{asked.id}. It needs oncall. Ask one of them."]


def test_an_approved_request_that_nobody_starts_in_time_is_missed_and_never_run_late(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.service.intake.work(town.take_in(DeliveryKind.APPROVE, BO, request.id, revision=1))
    town.forward(hours=2)
    town.settle()
    assert (town.state(request), town.runner.started) == (State.MISSED, [])
    assert "was not started in time" in town.deny(CY, request).text


def test_an_approved_request_can_be_withdrawn(town: Town, asked: Request) -> None:
    town.service.intake.work(town.take_in(DeliveryKind.APPROVE, BO, asked.id, revision=1))
    town.withdraw(ANN, asked)
    assert (town.state(asked), town.runner.started) == (State.WITHDRAWN, [])


def test_what_has_started_is_dropped_not_withdrawn(town: Town) -> None:
    request = town.ask(ANN, "tune", value=200)
    answer = town.withdraw(ANN, request)
    assert answer.text.endswith(f"it is active. Drop it instead: /jit drop JIT-{request.id}")
    town.drop(ANN, request)
    assert town.withdraw(ANN, request).text == f"JIT-{request.id} cannot be withdrawn any more: it is revoked."


def test_what_waits_is_withdrawn_not_dropped(town: Town, asked: Request) -> None:
    answer = town.drop(ANN, asked)
    assert answer.text.endswith(f"it is pending. Withdraw it instead: /jit withdraw JIT-{asked.id}")
    assert "Withdraw" not in town.drop(BO, asked).text


def test_what_is_being_ended_is_not_ended_twice(town: Town) -> None:
    request = town.ask(ANN, "tune", value=200)
    town.service.intake.work(town.take_in(DeliveryKind.DROP, ANN, request.id))
    assert town.drop(ANN, request).text == f"JIT-{request.id} is being ended already."
    assert town.runner.undone == [f"jit-{request.id}-1"]


def test_a_click_on_a_request_that_is_still_being_decided_is_told_to_wait(town: Town) -> None:
    town.runner.on_plan = lambda inputs: early.append(town.service.intake.work(click()))
    early: list[Answer | None] = []

    def click() -> str:
        town.runner.on_plan = lambda inputs: None
        return town.take_in(DeliveryKind.APPROVE, BO, 1, revision=1)

    town.ask(ANN, "restart", service="api", env="prod")
    assert early == [Answer("JIT-1 is still being decided. Try again in a moment.", early[0].request, True)]


def test_a_click_on_a_request_that_does_not_exist_is_refused(town: Town) -> None:
    answer = town.do(DeliveryKind.APPROVE, BO, 99, revision=1)
    assert (answer.text, answer.request, answer.refused) == ("There is no request JIT-99.", None, True)


def test_a_comment_that_cannot_be_kept_is_refused(town: Town, asked: Request) -> None:
    assert town.deny(BO, asked, "bell \x07").text == "The comment must not contain the control character U+0007."
    assert town.state(asked) is State.PENDING
