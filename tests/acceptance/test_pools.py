"""Actions that run in a worker pool, as the service sees them: the pool here is a second runner that tests steer."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jitbot.errors import PoolUnavailable, RunnerRefused, RunnerUnsure, WorkerLost
from jitbot.model import HealthState, Receipt, State
from jitbot.outbound.site import EnvironmentSite
from jitbot.ports import Run
from jitbot.runners.guard import Guarded
from tests.town import ANN, BO, POLICY, FakeRunner, OneRunner, Town

IN_A_POOL = POLICY.replace("runner: fake", "runner: fake\n    pool: prod-eu")
MANY = """
team: payments
channel: "#payments-oncall"
actions:
  tell:
    runner: fake
    pool: prod-eu
    with: {what: "{who}", where: prod}
    parameters:
      who: {type: multi-choice, options: [a, b]}
    for_each: who
    requesters: [group:engineering]
    rules: [{name: one on call, review: [{from: [group:oncall], count: 1}]}]
"""
NOBODY = "No worker of pool prod-eu answered within 5 s; nothing was done."


class RunnerElsewhere(FakeRunner):
    """A runner in a pool; `late` is what has come of its start after its worker was given up."""

    def __init__(self) -> None:
        super().__init__()
        self.late: Receipt | Exception | None = None

    def answered(self, key: str) -> Receipt | None:
        if isinstance(self.late, Exception):
            raise self.late
        return self.late


class Pools(OneRunner):
    """Implements `ports.Catalog` with one pool, whose runner is another one than that of this process."""

    def __init__(self, here: FakeRunner, there: RunnerElsewhere) -> None:
        super().__init__(here)
        self.known = ["prod-eu"]
        self._there = OneRunner(here)
        self._there._runner = Guarded("fake", there, EnvironmentSite(()))

    def pools(self) -> list[str]:
        return self.known

    def pool(self, name: str) -> OneRunner:
        if name not in self.known:
            raise KeyError(name)
        return self._there


class Place:
    """A town with a pool."""

    def __init__(self, town: Town, there: RunnerElsewhere) -> None:
        self.town, self.there = town, there

    def fails(self, error: Exception) -> None:
        def fail(*_: object) -> None:
            raise error

        self.there.on_start = fail


@pytest.fixture
def place(make_town: Callable[[], Town], monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    there = RunnerElsewhere()
    monkeypatch.setattr("tests.town.OneRunner", lambda here: Pools(here, there))
    monkeypatch.setattr("tests.town.POLICY", IN_A_POOL)
    town = make_town()
    assert town.book.fault == ""
    yield Place(town, there)
    town.close()


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_what_names_a_pool_runs_there_and_is_undone_there(place: Place) -> None:
    request = place.town.ask(ANN, "tune", value=7)
    assert request.snapshot.pool == "prod-eu"
    assert (place.there.world, place.town.runner.world) == ({"prod/work_mem": 7}, {})
    place.town.forward(minutes=31)
    place.town.settle()
    assert place.town.state(request) is State.EXPIRED
    assert place.there.world == {"prod/work_mem": 100}
    assert place.town.runner.undone == []


def test_a_policy_names_a_pool_that_is_known(place: Place) -> None:
    place.town.edit("pool: prod-eu", "pool: prod-us")
    assert "there is no pool 'prod-us'. Did you mean prod-eu? There is prod-eu." in place.town.book.fault
    place.town.catalog.known = []  # type: ignore[attr-defined]
    place.town.service.book.reload()
    assert "JITBOT_POOLS" in place.town.book.fault


def test_another_pool_is_another_request(place: Place) -> None:
    """What was approved says where it runs: the digest covers the pool."""
    request = place.town.ask(ANN, "restart", service="api", env="prod")
    assert request.state is State.PENDING
    place.town.catalog.known = ["prod-eu", "prod-us"]  # type: ignore[attr-defined]
    place.town.edit("pool: prod-eu", "pool: prod-us")
    place.town.reload()
    now = place.town.see(request)
    assert (now.revision, now.snapshot.pool) == (2, "prod-us")
    assert now.digest != request.digest


def test_without_a_worker_it_is_refused_when_it_is_asked_for(place: Place) -> None:
    place.there.on_plan = raising(PoolUnavailable(NOBODY))
    answer = place.town.try_to_ask(ANN, "tune", value=7)
    assert answer.request is not None
    request = place.town.ledger.get(answer.request)
    assert request.state is State.DENIED
    assert NOBODY in request.outcome


def test_what_was_approved_waits_for_a_worker_and_says_so_until_it_is_too_late(place: Place) -> None:
    request = place.town.ask(ANN, "restart", service="api", env="prod")
    place.there.on_plan = raising(PoolUnavailable(NOBODY))
    place.town.approve(BO, request)
    waiting = place.town.see(request)
    assert (waiting.state, waiting.outcome) == (State.APPROVED, NOBODY)
    version = waiting.version
    place.town.forward(seconds=6)
    place.town.settle()
    assert place.town.state(request) is State.APPROVED
    assert place.town.see(request).version > version, "it was looked at again"
    place.there.on_plan = lambda inputs: None
    place.town.forward(seconds=6)
    place.town.settle()
    done = place.town.see(request)
    assert (done.state, done.outcome) == (State.SUCCEEDED, "changed it")


def test_what_no_worker_came_for_is_missed(place: Place) -> None:
    request = place.town.ask(ANN, "restart", service="api", env="prod")
    place.there.on_plan = raising(PoolUnavailable(NOBODY))
    place.town.approve(BO, request)
    place.town.forward(hours=1)
    place.town.settle()
    assert place.town.state(request) is State.MISSED
    assert place.there.started == []


def test_a_start_that_no_worker_took_has_failed_and_nothing_happened(place: Place) -> None:
    place.fails(PoolUnavailable("No worker of pool prod-eu answered in time; nothing was done."))
    request = place.town.ask(ANN, "tune", value=7)
    assert place.town.state(request) is State.FAILED


def test_what_a_lost_worker_began_may_land_until_its_deadline_so_nothing_is_settled_before(place: Place) -> None:
    place.fails(WorkerLost("The worker one of pool prod-eu was lost after it had begun."))
    place.there.health = HealthState.ABSENT
    request = place.town.ask(ANN, "tune", value=7)
    unsure = place.town.see(request)
    assert (unsure.state, unsure.attempt_open) == (State.UNSURE, True)
    place.town.forward(seconds=31)
    place.town.settle()
    assert place.town.state(request) is State.UNSURE, "the check sees nothing, and it may still come"
    assert place.there.undone == []
    place.town.forward(minutes=5)
    place.town.settle()
    assert place.town.state(request) is State.FAILED
    assert place.there.undone == [request.run_key], "a grant is undone all the same"


def test_a_worker_that_answers_after_it_was_given_up_settles_it(place: Place) -> None:
    place.fails(WorkerLost("lost"))
    request = place.town.ask(ANN, "tune", value=7)
    assert place.town.state(request) is State.UNSURE
    place.there.late = Receipt({"before": 100}, "changed it")
    place.town.forward(seconds=31)
    place.town.settle()
    assert place.town.state(request) is State.ACTIVE
    assert place.town.see(request).receipt == {"before": 100}


def test_a_worker_that_says_late_that_nothing_happened_settles_it_too(place: Place) -> None:
    place.fails(WorkerLost("lost"))
    request = place.town.ask(ANN, "tune", value=7)
    place.there.late = RunnerRefused("the target said no")
    place.town.forward(seconds=31)
    place.town.settle()
    now = place.town.see(request)
    assert (now.state, now.outcome) == (State.FAILED, "the target said no")


def test_a_pool_that_cannot_be_asked_leaves_it_unsure(place: Place) -> None:
    place.fails(WorkerLost("lost"))
    request = place.town.ask(ANN, "tune", value=7)
    place.there.late = RunnerUnsure("the queue does not answer")
    place.town.forward(seconds=31)
    place.town.settle()
    assert place.town.state(request) is State.UNSURE


def test_what_is_not_installed_any_more_says_nothing_of_what_has_happened(place: Place) -> None:
    place.fails(WorkerLost("lost"))
    request = place.town.ask(ANN, "tune", value=7)
    place.town.catalog.pool("prod-eu").gone = True  # type: ignore[attr-defined]
    place.town.forward(seconds=31)
    place.town.settle()
    assert place.town.state(request) is State.UNSURE


def test_many_targets_wait_for_a_worker_too(place: Place) -> None:
    place.town.write("many.yml", MANY)
    assert place.town.book.fault == ""
    request = place.town.ask(ANN, "tell", who=["a", "b"])
    place.there.on_plan = raising(PoolUnavailable(NOBODY))
    place.town.approve(BO, request)
    waiting = place.town.see(request)
    assert (waiting.state, waiting.outcome) == (State.APPROVED, f"a: {NOBODY}")
    place.there.on_plan = lambda inputs: None
    place.town.forward(seconds=6)
    place.town.settle()
    assert place.town.state(request) is State.SUCCEEDED


def test_a_part_whose_worker_was_lost_may_land_and_is_undone_once_more_after_the_deadline(place: Place) -> None:
    place.town.write("many.yml", MANY.replace("for_each: who", "for_each: {parameter: who, when_one_fails: undo}"))
    assert place.town.book.fault == ""
    request = place.town.ask(ANN, "tell", who=["a", "b"])

    def lose_one(inputs: Any, run: Run) -> None:
        if inputs.what == "b":
            raise WorkerLost("lost")

    place.there.on_start = lose_one
    place.town.approve(BO, request)
    assert place.town.state(request) is State.UNDOING, "the part may land until its deadline"
    undone = place.there.undone.count(request.key_of(1))
    place.town.forward(minutes=15)
    place.town.settle()
    assert place.town.state(request) is State.ROLLED_BACK
    assert place.there.undone.count(request.key_of(1)) == undone + 1


class Died(BaseException):
    """The service is gone."""


def test_a_service_that_died_finds_the_run_that_was_begun(place: Place) -> None:
    """The same key is asked for again, by which the pool knows it, though this runner may not be repeated."""
    assert not place.there.repeatable
    place.there.after_start = raising(Died())  # type: ignore[assignment]
    with pytest.raises(Died):
        place.town.ask(ANN, "tune", value=7)
    place.there.after_start = lambda: None
    place.town.restart()
    place.town.forward(seconds=31)
    place.town.settle()
    [request] = place.town.ledger.find()
    assert request.state is State.ACTIVE
    assert set(place.there.started) == {request.run_key}


def test_a_service_that_died_in_a_wave_finds_the_parts_that_were_begun(place: Place) -> None:
    place.town.write("many.yml", MANY)
    request = place.town.ask(ANN, "tell", who=["a", "b"])
    place.there.after_start = raising(Died())  # type: ignore[assignment]
    with pytest.raises(Died):
        place.town.approve(BO, request)
    place.there.after_start = lambda: None
    place.town.restart()
    place.town.forward(seconds=31)
    place.town.settle()
    assert place.town.state(request) is State.SUCCEEDED
    assert set(place.there.started) == {request.key_of(0), request.key_of(1)}


def test_a_run_that_was_to_stop_when_the_service_died_is_asked_for_what_it_came_to(place: Place) -> None:
    def stopped_and_dead(inputs: object, run: Run) -> None:
        [request] = place.town.ledger.find()
        with place.town.ledger.begin() as entry:
            entry.amend(entry.get(request.id), "stopping", ANN, stopped_by=ANN)
        raise Died

    place.there.on_start = stopped_and_dead
    with pytest.raises(Died):
        place.town.ask(ANN, "tune", value=7)
    asked_again: list[str] = []
    place.there.on_start = lambda inputs, run: asked_again.append(run.key)
    place.town.restart()
    place.town.forward(seconds=31)
    place.town.settle()
    [request] = place.town.ledger.find()
    assert asked_again == [request.run_key]
    assert place.there.undone == [request.run_key]
    assert request.undo_cause is not None


def test_a_pool_that_is_not_known_any_more_is_named(place: Place) -> None:
    request = place.town.ask(ANN, "tune", value=7)
    place.town.catalog.known = []  # type: ignore[attr-defined]
    place.town.drop(ANN, request)
    now = place.town.see(request)
    assert now.state is State.UNDOING
    assert "The pool prod-eu is not known here any more" in now.outcome
