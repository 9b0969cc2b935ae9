"""A process is stopped between its last word from the database and its act, and thaws when others have taken over.

Each test stops the first of two processes there, has the second one go on in its place, and lets the first one thaw.
"""

import threading
from collections.abc import Callable

import pytest

from jitbot.elapsed import seconds
from jitbot.errors import StoreUnavailable
from jitbot.model import DeliveryKind, Receipt, Stage, State
from jitbot.ports import Run
from jitbot.service.claims import Claims
from tests.acceptance.test_many_targets import Tune, stages, tune
from tests.town import ANN, BO, FakeInputs, Town

__all__ = ["tune"]

TARGET = "prod/work_mem"


def freeze(town: Town, meanwhile: Callable[[], object], **length: float) -> None:
    """Stop a town just before its next act; its own clock shows that when it thaws."""
    claims = town.world.claims
    hold, stopped = claims.hold, threading.Lock()

    def thaw(request: object) -> bool:
        with stopped:  # all threads stand still, not the one that comes here first
            if "hold" in vars(claims):
                before = town.database.offset
                town.forward(**(length or {"seconds": 31}))
                lost = (town.database.offset - before).total_seconds()
                claims.clock = lambda: seconds() + lost
                meanwhile()
                vars(claims).pop("hold")
        return hold(request)  # type: ignore[arg-type]

    claims.hold = thaw  # type: ignore[method-assign, assignment]


def go_on(twin: Town, **length: float) -> Callable[[], None]:
    """Return what the other process does meanwhile: it finds what is due, and is not stopped."""

    def go() -> None:
        twin.forward(**(length or {"seconds": 31}))
        twin.settle()

    return go


def test_a_start_that_thaws_too_late_does_not_begin_and_the_unsure_is_settled_by_that(town: Town) -> None:
    twin = town.twin()
    states: list[State] = []

    def meanwhile() -> None:
        go_on(twin)()
        states.append(twin.ledger.get(1).state)  # type: ignore[arg-type]

    freeze(town, meanwhile)
    request = town.ask(ANN, "restart", service="api", env="staging")
    twin.close()
    assert states == [State.UNSURE]
    assert town.runner.started == []
    assert town.state(request) is State.FAILED
    assert "others have taken over" in town.see(request).outcome


def test_a_start_that_others_have_repeated_meanwhile_is_not_begun_a_second_time(town: Town) -> None:
    town.runner.repeatable = True
    town.restart()
    twin = town.twin()
    freeze(town, go_on(twin))
    request = town.ask(ANN, "tune", value=200)
    twin.close()
    assert len(town.runner.started) == 1
    assert (town.state(request), town.see(request).attempts) == (State.ACTIVE, 2)


def test_a_start_that_thaws_before_anybody_took_over_goes_on(town: Town) -> None:
    freeze(town, lambda: None)
    request = town.ask(ANN, "tune", value=200)
    assert len(town.runner.started) == 1
    assert town.state(request) is State.ACTIVE


def test_a_start_that_thaws_after_its_deadline_does_not_begin_although_nobody_took_over(town: Town) -> None:
    freeze(town, lambda: None, minutes=6)
    request = town.ask(ANN, "restart", service="api", env="staging")
    assert town.runner.started == []
    assert town.state(request) is State.FAILED
    assert "the time for it was over" in town.see(request).outcome


def test_a_start_that_thaws_when_nobody_can_say_whose_it_is_does_not_begin(town: Town) -> None:
    renew = town.ledger.renew

    def away(*_: object) -> bool:
        town.ledger.renew = renew  # type: ignore[method-assign]
        raise StoreUnavailable("it is away")

    def meanwhile() -> None:
        town.ledger.renew = away  # type: ignore[method-assign]

    freeze(town, meanwhile)
    request = town.ask(ANN, "restart", service="api", env="staging")
    assert town.runner.started == []
    assert town.state(request) is State.FAILED
    assert "nobody could tell whether others have taken over" in town.see(request).outcome


def test_an_undo_that_thaws_too_late_leaves_alone_who_holds_it_now(town: Town) -> None:
    grant = town.ask(ANN, "tune", value=200)
    twin = town.twin()

    def meanwhile() -> None:
        go_on(twin)()
        twin.ask(BO, "tune", value=300)

    freeze(town, meanwhile)
    town.drop(ANN, grant)
    assert town.state(grant) is State.REVOKED
    assert town.runner.undone == [grant.run_key]
    assert town.runner.world[TARGET] == 300
    twin.close()


def test_an_undo_that_thaws_before_anybody_took_over_is_done(town: Town) -> None:
    grant = town.ask(ANN, "tune", value=200)
    freeze(town, lambda: None)
    town.drop(ANN, grant)
    assert town.state(grant) is State.REVOKED
    assert len(town.runner.undone) == 1


def test_who_has_lost_a_grant_before_looking_for_its_heir_does_not_come_to_the_undo(town: Town) -> None:
    grant = town.ask(ANN, "tune", value=200)
    twin = town.twin()
    key = town.take_in(DeliveryKind.DROP, ANN, grant.id)
    town.service.intake.work(key)
    claimed = town.ledger.claim(grant.id, "one that stops here", town.world.lease)
    assert claimed is not None
    town.forward(seconds=31)
    go_on(twin)()
    town.world.claims.keep(claimed, seconds() + 20)  # its clock stood still too, as that of a stopped machine may
    with pytest.raises(Exception, match="is in other hands"):
        town.service.sweep._next[State.UNDOING](claimed)
    assert len(town.runner.undone) == 1
    twin.close()


def test_a_target_that_was_told_of_a_later_end_meanwhile_is_not_told_again(town: Town) -> None:
    told: list[object] = []

    def extend(inputs: FakeInputs, receipt: Receipt | None, run: Run) -> Receipt:
        told.append(run.until)
        return Receipt({"before": 100}, "told it")

    town.runner.ends_by_itself = True  # type: ignore[attr-defined]
    town.runner.extend = extend  # type: ignore[attr-defined]
    town.restart()
    grant = town.ask(ANN, "tune", value=200)
    twin = town.twin()
    freeze(town, go_on(twin))
    extension = town.extend(ANN, grant)
    twin.close()
    assert len(told) == 1
    assert town.state(extension) is State.SUCCEEDED


def test_a_part_that_thaws_too_late_is_not_begun(town: Town, tune: Tune) -> None:
    freeze_at_approval(town)
    request = tune()
    assert stages(town.see(request))[0] is Stage.REFUSED
    town.forward(minutes=40)
    town.settle()
    assert town.runner.started == []
    assert town.state(request) is State.ROLLED_BACK


def freeze_at_approval(town: Town) -> None:
    """Have the town's next start be stopped, by whichever process object it is that makes it."""
    build = town._build

    def built() -> None:
        build()
        twin = None

        def meanwhile() -> None:
            nonlocal twin
            twin = town.twin()
            go_on(twin)()
            twin.close()

        vars(town).pop("_build")  # a twin would be given it, and build this town once more
        freeze(town, meanwhile)

    town._build = built  # type: ignore[method-assign]


def test_a_part_that_others_have_repeated_is_left_as_they_wrote_it(town: Town, tune: Tune) -> None:
    town.runner.repeatable = True
    freeze_at_approval(town)
    request = tune()
    assert len(town.runner.started) == 5
    assert request.state is State.SUCCEEDED
    assert stages(request) == [Stage.DONE] * 5


def test_a_renewal_that_the_database_does_not_answer_makes_no_claim_longer(town: Town) -> None:
    holds: list[bool] = []
    renew = town.ledger.renew

    def away(*_: object) -> bool:
        raise StoreUnavailable("it is away")

    def on_start(inputs: FakeInputs, run: Run) -> None:
        claims: Claims = town.world.claims
        [(claimed, _)] = town.service.sweep._held.values()
        for seconds_later, renewing in ((15, renew), (30, away), (36, renew)):
            claims.clock = lambda later=seconds_later: seconds() + later  # type: ignore[misc]
            town.ledger.renew = renewing  # type: ignore[method-assign]
            holds.append(claims.hold(claimed))
            town.service.sweep.renew()

    town.runner.on_start = on_start
    town.ask(ANN, "restart", service="api", env="staging")
    assert holds == [True, True, False]


def test_a_renewal_that_comes_after_others_have_claimed_it_ends_our_own_claim(town: Town) -> None:
    holds: list[bool] = []

    def on_start(inputs: FakeInputs, run: Run) -> None:
        town.runner.on_start = lambda inputs, run: None
        [(claimed, _)] = town.service.sweep._held.values()
        town.forward(seconds=21)
        town.ledger.claim(claimed.id, "another", town.world.lease)
        town.service.sweep.renew()
        holds.append(town.world.claims.hold(claimed))

    town.runner.on_start = on_start
    town.ask(ANN, "restart", service="api", env="staging")
    assert holds == [False]


def test_a_renewal_that_comes_after_the_work_has_ended_leaves_nothing_behind(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    claims = Claims()
    claims.keep(request, seconds() + 20)
    claims.longer(request, seconds() + 40)
    assert claims.hold(request)
    claims.let_go(request)
    claims.longer(request, seconds() + 40)
    assert not claims.hold(request)
