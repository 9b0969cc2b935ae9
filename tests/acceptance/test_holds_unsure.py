"""A start that never answered, on a target on which the same is held already: what is found there may be another's."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from pydantic import BaseModel

from jitbot.errors import RunnerUnsure
from jitbot.model import DeliveryKind, Health, HealthState, Receipt, Request, State
from tests.acceptance.killing import Killed
from tests.acceptance.test_holds import approved
from tests.acceptance.test_undoing import fail, quiet
from tests.town import ANN, BO, CY, FakeInputs, Town

TARGET = "prod/work_mem"


@pytest.fixture
def town(make_town: Callable[[], Town]) -> Iterator[Town]:
    town = make_town()
    yield town
    town.close()


@pytest.fixture
def held(town: Town) -> Request:
    """Have Ann hold what Bo is about to ask for."""
    return town.ask(ANN, "tune", value=200)


def lost_on_the_way(town: Town) -> Request:
    town.runner.on_start = fail
    request = town.ask(BO, "tune", value=200)
    town.runner.on_start = quiet
    return town.see(request)


def lost_with_its_worker(town: Town) -> Request:
    """Have Bo's start be ordered, and its worker killed: until its deadline it may land."""

    def die(inputs: FakeInputs, run: object) -> None:
        raise Killed

    town.runner.on_start = die
    town.service.intake.work(town.take_in(DeliveryKind.ASK, BO, action="tune", params={"value": 200}, reason="x"))
    request = town.ledger.find()[0]
    with suppress(Killed):
        town.settle()
    town.runner.on_start = quiet
    town.restart()
    town.forward(seconds=31)
    town.settle()
    return town.see(request)


def fail_after() -> None:
    raise RunnerUnsure("the connection broke")


def test_a_check_gets_no_receipt_of_another_holder_where_the_start_never_answered(town: Town, held: Request) -> None:
    def only_by_receipt(inputs: BaseModel, receipt: Receipt | None) -> Health:
        return Health(HealthState.UNKNOWN if receipt is None else HealthState.HEALTHY)

    town.runner.check = only_by_receipt  # type: ignore[method-assign]
    request = lost_on_the_way(town)
    assert request.state is State.UNSURE
    assert f"JIT-{request.id} Tune a parameter: granted." not in town.said("notice")
    town.drop(ANN, held)
    town.forward(seconds=31)
    town.settle()
    assert (town.state(request), town.see(held).handed_to) == (State.UNSURE, request.id)
    town.forward(hours=1)
    town.settle()
    assert (town.state(request), town.runner.world[TARGET]) == (State.EXPIRED, 100)


def test_a_start_on_a_held_target_that_never_answered_is_looked_for_by_its_own_key(
    town: Town, held: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def by_key(inputs: BaseModel, key: str) -> Health:
        asked.append(key)
        return Health(HealthState.UNKNOWN)

    monkeypatch.setattr(town.runner, "check_by_key", by_key, raising=False)
    town.runner.health = HealthState.HEALTHY
    request = lost_on_the_way(town)
    assert (request.state, set(asked)) == (State.UNSURE, {request.run_key})


def test_what_is_found_on_a_held_target_is_held_by_both_and_the_last_gives_it_back(town: Town, held: Request) -> None:
    town.runner.health = HealthState.HEALTHY
    request = lost_on_the_way(town)
    assert (request.state, town.runner.started) == (State.ACTIVE, [held.run_key])
    town.drop(ANN, held)
    assert (town.see(held).handed_to, town.runner.world[TARGET]) == (request.id, 200)
    town.drop(BO, request)
    assert (town.state(request), town.runner.world[TARGET]) == (State.REVOKED, 100)


def answer_lost(town: Town) -> Request:
    """Have Ann hold what was started, without the receipt that says how it was before: the check has found it."""
    town.runner.after_start, town.runner.health = fail_after, HealthState.HEALTHY
    request = town.ask(ANN, "tune", value=200)
    town.runner.after_start = lambda: None
    assert (request.state, request.receipt) == (State.ACTIVE, None)
    return request


def test_nobody_shares_what_is_held_without_a_receipt_and_it_is_given_back(town: Town) -> None:
    first = answer_lost(town)
    answer = town.try_to_ask(BO, "tune", value=200)
    assert answer.refused
    assert answer.text == (
        f"JIT-{first.id} holds this now, and its start never answered, "
        "so only its own end knows what was there before. Ask again when it has ended."
    )
    town.drop(ANN, first)
    assert (town.state(first), town.runner.world[TARGET]) == (State.REVOKED, 100)
    second = town.ask(BO, "tune", value=200)
    town.drop(BO, second)
    assert (town.state(second), town.runner.world[TARGET]) == (State.REVOKED, 100)


def test_what_was_approved_before_the_answer_was_lost_is_refused_before_it_runs(town: Town) -> None:
    second = approved(town, BO, 200)
    town.queue.items.clear()
    first = approved(town, ANN, 200)
    town.runner.health = HealthState.HEALTHY
    town.runner.after_start = fail_after
    town.service.sweep.attend(first.id)
    town.runner.after_start = lambda: None
    for _ in range(3):
        town.settle()
        town.forward(seconds=2)
    assert (town.state(first), town.state(second)) == (State.ACTIVE, State.DENIED)
    assert town.see(second).outcome.startswith(f"JIT-{first.id} holds this now, and its start never answered")


def by_the_check(town: Town, request: Request) -> None:
    town.runner.health = HealthState.HEALTHY
    town.forward(seconds=31)
    town.settle()


def by_a_person(town: Town, request: Request) -> None:
    town.edit("rules: [{name: free, allow: true}]", "rules: [{review: [{from: [group:oncall]}]}]")
    town.settle_unsure(CY, request, happened=True)


@pytest.mark.parametrize("settle", [by_the_check, by_a_person])
def test_a_start_that_lands_after_all_is_undone_though_it_was_settled_as_done(
    town: Town, held: Request, settle: Callable[[Town, Request], None]
) -> None:
    request = lost_with_its_worker(town)
    assert request.state is State.UNSURE
    settle(town, request)
    assert town.state(request) is State.ACTIVE
    town.drop(ANN, held)
    town.drop(BO, request)
    now = town.see(request)
    assert (now.state, now.due_at, town.runner.world[TARGET]) == (State.UNDOING, now.start_deadline, 100)
    town.runner.world[TARGET] = 200  # the order of the killed worker has arrived
    town.forward(minutes=6)
    town.settle()
    assert (town.state(request), town.runner.world[TARGET]) == (State.REVOKED, 100)


def test_what_was_settled_as_done_is_undone_once_when_nothing_can_land_any_more(town: Town, held: Request) -> None:
    request = lost_with_its_worker(town)
    by_the_check(town, request)
    town.forward(minutes=6)
    town.settle()
    town.drop(ANN, held)
    town.drop(BO, request)
    assert (town.state(request), town.runner.undone) == (State.REVOKED, [request.run_key])
