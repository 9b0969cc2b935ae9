"""Several people and processes in the same instant: one run, one expiry, one end."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jitbot.errors import Conflict
from jitbot.model import DeliveryKind, State
from tests.town import ANN, BO, CY, DI, Town

ROUNDS = 8


def at_once(*acts: tuple[Callable[[Any], object], Any]) -> None:
    """Do several things in the same instant, and see that none of them fails."""
    together = threading.Barrier(len(acts))

    def act(this: tuple[Callable[[Any], object], Any]) -> object:
        together.wait()
        return this[0](this[1])

    with ThreadPoolExecutor(len(acts)) as pool:
        list(pool.map(act, acts))


def work_off(town: Town, *others: Town) -> None:
    for each in (town, *others):
        each.queue.items.clear()
    town.settle()


@pytest.mark.timeout(90)
def test_two_approvers_in_the_same_instant_make_one_run_and_one_expiry(town: Town) -> None:
    twin = town.twin()
    for number in range(ROUNDS):
        request = town.ask(ANN, "admin")
        town.approve(CY, request)
        clicks = [
            (there, there.take_in(DeliveryKind.APPROVE, who, request.id, revision=1))
            for there, who in ((town, BO), (twin, DI), (town, BO))
        ]
        at_once(*((there.service.intake.work, key) for there, key in clicks))
        at_once(*((there.service.sweep.attend, request.id) for there in (town, twin, town)))
        work_off(town, twin)
        kinds = town.kinds(request)
        assert town.state(request) is State.ACTIVE
        assert (kinds.count("approve"), kinds.count("start"), kinds.count("grant")) == (1, 1, 1)
        assert len(town.runner.started) == number + 1
        town.drop(ANN, request)
    twin.close()
    town.trail.verify()


@pytest.mark.timeout(90)
def test_an_approval_and_a_denial_in_the_same_instant_leave_one_outcome(town: Town) -> None:
    twin = town.twin()
    for _ in range(ROUNDS):
        request = town.ask(ANN, "restart", service="api", env="prod")
        yes = town.take_in(DeliveryKind.APPROVE, BO, request.id, revision=1)
        no = twin.take_in(DeliveryKind.DENY, CY, request.id, revision=1, comment="no")
        before = len(town.runner.started)
        at_once((town.service.intake.work, yes), (twin.service.intake.work, no))
        work_off(town, twin)
        assert town.state(request) is State.DENIED
        assert len(town.runner.started) == before
    twin.close()


@pytest.mark.timeout(90)
def test_a_drop_and_the_end_of_the_time_in_the_same_instant_undo_once_each_way(town: Town) -> None:
    twin = town.twin()
    for _ in range(ROUNDS):
        request = town.ask(ANN, "tune", value=200)
        for each in (town, twin):
            each.forward(minutes=31)
        drop = twin.take_in(DeliveryKind.DROP, ANN, request.id)
        at_once(
            (town.service.sweep.attend, request.id),
            (twin.service.intake.work, drop),
            (twin.service.sweep.attend, request.id),
        )
        town.forward(minutes=1)
        twin.forward(minutes=1)
        work_off(town, twin)
        assert town.state(request) in (State.EXPIRED, State.REVOKED)
        assert len({"end_expired", "end_revoked"} & set(town.kinds(request))) == 1
        assert town.runner.world["prod/work_mem"] == 100
    twin.close()
    town.trail.verify()


@pytest.mark.timeout(90)
def test_one_delivery_worked_on_by_two_processes_is_carried_out_once(town: Town) -> None:
    twin = town.twin()
    for number in range(ROUNDS):
        body = {"action": "restart", "params": {"service": "api", "env": "staging"}, "reason": "x"}
        key = town.take_in(DeliveryKind.ASK, ANN, **body)
        at_once((town.service.intake.work, key), (twin.service.intake.work, key))
        work_off(town, twin)
        assert len(town.ledger.find()) == number + 1
        assert len(town.runner.started) == number + 1
    twin.close()


def test_a_decision_that_comes_after_somebody_elses_changes_nothing(town: Town) -> None:
    twin = town.twin()

    def overtake(inputs: object) -> None:
        town.runner.on_plan = lambda inputs: None
        for each in (town, twin):
            each.forward(seconds=21)
        twin.settle()
        town.directory.down = True

    town.runner.on_plan = overtake
    request = town.ask(ANN, "restart", service="api", env="prod")
    twin.close()
    assert town.state(request) is State.PENDING
    assert town.kinds(request) == ["requested", "ask"]


def test_a_click_that_keeps_being_overtaken_is_worked_on_later(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    click = town.take_in(DeliveryKind.APPROVE, BO, request.id, revision=1)

    def overtaken(*_: object) -> object:
        raise Conflict("somebody else was first")

    decide = town.service.intake._cases[DeliveryKind.APPROVE]
    town.service.intake._cases = {DeliveryKind.APPROVE: overtaken}  # type: ignore[dict-item]
    assert town.service.intake.work(click) is None
    town.service.intake._cases = {DeliveryKind.APPROVE: decide}
    town.forward(seconds=31)
    town.settle()
    assert town.state(request) is State.SUCCEEDED


def test_a_worker_that_has_lost_its_claim_ends_nothing(town: Town) -> None:
    request = town.ask(ANN, "tune", value=200)
    town.forward(minutes=31)
    claimed = town.ledger.claim(request.id, "a worker that stops here", town.world.lease)
    assert claimed is not None
    town.forward(minutes=1)
    town.settle()
    with pytest.raises(Conflict, match="is in other hands"):
        town.service.sweep._next[State.ACTIVE](claimed)
    assert len(town.runner.undone) == 1
    assert town.state(request) is State.EXPIRED


def test_an_end_and_whoever_has_its_target_do_not_wait_for_each_other(town: Town) -> None:
    request = town.ask(ANN, "tune", value=200)
    town.forward(minutes=31)
    end = threading.Thread(target=town.service.sweep.attend, args=(request.id,))
    with town.ledger.begin() as entry:
        entry.alone(request.snapshot.target)
        end.start()
        end.join(0.5)  # it waits for the target by now
        entry.get(request.id)
    end.join()
    assert town.state(request) is State.EXPIRED
