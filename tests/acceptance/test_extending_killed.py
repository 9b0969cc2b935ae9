"""Killed between any two steps of an extension: the grant has one end, and is gone from its target after it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest

from jitbot.lifecycle import TERMINAL
from jitbot.model import DeliveryKind, Receipt, Request, State
from jitbot.ports import Run
from tests.acceptance.killing import Death, Killed, die_inside, exorcise, haunt
from tests.town import ANN, BO, DI, FakeInputs, Town

TARGET = "prod/work_mem"
HALF = timedelta(minutes=30)


class Target:
    """What ends a grant by itself at a time it was told, as a server does; `death` may strike before and after."""

    def __init__(self, town: Town) -> None:
        self.ends_at: datetime | None = None
        self.death: Callable[[], None] = lambda: None
        town.runner.ends_by_itself = True  # type: ignore[attr-defined]
        town.runner.extend = self.extend  # type: ignore[attr-defined]
        town.restart()

    def extend(self, inputs: FakeInputs, receipt: Receipt | None, run: Run) -> Receipt:
        self.death()
        self.ends_at = run.until
        self.death()
        assert receipt is not None
        return Receipt({**receipt.data, "extended": True})


def story(town: Town) -> None:
    """A grant that is extended, and ends."""
    if not town.ledger.find() and not town.inbox.waiting(1):
        town.ask(ANN, "tune", value=200)
    town.settle()
    grant = town.ledger.find()[-1]
    if town.state(grant) is State.ACTIVE and len(town.ledger.find()) == 1 and not town.inbox.waiting(1):
        town.extend(ANN, grant)
    for _ in range(6):
        town.forward(minutes=20)
        town.settle()


def assert_whole(town: Town, target: Target) -> None:
    requests = town.ledger.find()
    assert all(each.state in TERMINAL for each in requests)
    grant = requests[-1]
    assert town.runner.world in ({}, {TARGET: 100})
    assert not town.runner.started or town.runner.undone
    if len(requests) == 2:
        assert_one_end(town, grant, requests[0], target)
    assert town.trail.verify() > 0


def assert_one_end(town: Town, grant: Request, extension: Request, target: Target) -> None:
    """See that the end has moved as a whole or not at all, and that the record knows what the target was told."""
    assert extension.extension is not None
    extended = extension.state is State.SUCCEEDED
    assert grant.expires_at == (extension.extension.until if extended else extension.extension.since)
    assert grant.extended_by == (extension.id if extended else None)
    assert town.kinds(grant).count("extended") == int(extended)
    assert (grant.receipt or {}).get("extended", False) is extended
    if target.ends_at is not None:
        assert grant.gone_by is not None
        assert target.ends_at <= grant.gone_by


@pytest.mark.timeout(100)
@pytest.mark.parametrize(
    "harm",
    [pytest.param(haunt, id="after a step"), pytest.param(die_inside, id="before a commit", marks=pytest.mark.long)],
)
def test_killed_at_any_step_it_ends_once_and_is_gone(
    make_town: Callable[[], Town], harm: Callable[[Town, int], Death]
) -> None:
    at, died, extended = 0, True, set()
    while died:
        at += 1
        town = make_town()
        target = Target(town)
        death = harm(town, at)
        target.death = death.step if harm is haunt else target.death
        try:
            story(town)
        except Killed:
            target.death = lambda: None
        died = death.died
        exorcise(town)
        vars(town.ledger).pop("begin", None)
        story(town)
        assert_whole(town, target)
        extended |= {each.state for each in town.ledger.find() if each.extension}
        town.close()
    assert at > 12
    assert State.SUCCEEDED in extended


@pytest.mark.timeout(90)
def test_an_extension_and_the_end_in_the_same_instant_leave_one_of_them(town: Town) -> None:
    """On both databases: the one that comes first wins, and the other sees it."""
    twin = town.twin()
    outcomes = []
    for number in range(4):
        grant = town.ask(ANN, "admin")
        for approver in (BO, DI):
            town.approve(approver, grant)
        extension = town.extend(ANN, grant)
        town.approve(BO, extension)
        town.service.intake.work(town.take_in(DeliveryKind.APPROVE, DI, extension.id, revision=1))
        for each in (town, twin):
            each.forward(minutes=29, seconds=59.9 + 0.02 * number)
        together = Barrier(2)

        def attend(there: Town, request: Request, together: Barrier = together) -> None:
            together.wait()
            for _ in range(50):
                there.service.sweep.attend(request.id)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(attend, (town, twin), (extension, grant)))
        for each in (town, twin):
            each.queue.items.clear()
            each.forward(seconds=25)
        town.settle()
        outcomes.append((town.state(extension), town.state(grant)))
        town.drop(ANN, grant)
        for each in (town, twin):
            each.forward(minutes=1)
        town.settle()
    twin.close()
    assert set(outcomes) <= {(State.SUCCEEDED, State.ACTIVE), (State.MISSED, State.EXPIRED)}
    town.trail.verify()


@pytest.mark.timeout(60)
def test_a_drop_and_an_extension_in_the_same_instant_leave_it_dropped(town: Town) -> None:
    """On both databases, with a target that has to be told: locks are taken in one order."""
    target = Target(town)
    twin = town.twin()
    for _ in range(2):
        grant = town.ask(ANN, "admin")
        for approver in (BO, DI):
            town.approve(approver, grant)
        extension = town.extend(ANN, grant)
        town.approve(BO, extension)
        town.service.intake.work(town.take_in(DeliveryKind.APPROVE, DI, extension.id, revision=1))
        drop = twin.take_in(DeliveryKind.DROP, ANN, grant.id)
        together = Barrier(2)

        def apply(there: Town, request: Request = extension, together: Barrier = together) -> None:
            together.wait()
            there.service.sweep.attend(request.id)

        def end(there: Town, key: str = drop, request: Request = grant, together: Barrier = together) -> None:
            together.wait()
            there.service.intake.work(key)
            for _ in range(5):
                there.service.sweep.attend(request.id)

        with ThreadPoolExecutor(2) as pool:
            done = [pool.submit(apply, town), pool.submit(end, twin)]
            assert [each.result() for each in done] == [None, None]
        for _ in range(3):
            for each in (town, twin):
                each.queue.items.clear()
                each.forward(seconds=25)
            town.settle()
        assert town.state(grant) is State.REVOKED
        assert town.state(extension) in (State.SUCCEEDED, State.FAILED, State.MISSED)
        assert target.ends_at is None or target.ends_at <= (town.see(grant).gone_by or target.ends_at)
    twin.close()
    town.trail.verify()
