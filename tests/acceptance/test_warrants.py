"""Warrants in the service itself: what runs in this process goes through the gate too, and is undone by its record."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from jitbot.audit import Verifier
from jitbot.errors import NoWarrant, RunnerUnsure, StoreUnavailable
from jitbot.model import Receipt, Request, State
from jitbot.outbound.site import EnvironmentSite
from jitbot.ports import Run
from jitbot.runners.guard import Guarded
from jitbot.store import tables
from jitbot.store.rotation import Rotation
from jitbot.testing.runners import ContractRun
from jitbot.warrants.ceiling import Ceiling
from jitbot.warrants.signing import verified
from tests.acceptance.test_pools import IN_A_POOL, Place, Pools, RunnerElsewhere, raising
from tests.town import ANN, BO, FakeInputs, FakeRunner, Town

LOW = Ceiling({"fake": {"what": ["api"], "where": ["prod"]}})
MANY = """
team: payments
channel: "#payments-oncall"
actions:
  tell:
    runner: fake
    with: {what: "{who}", where: prod}
    parameters:
      who: {type: multi-choice, options: [a, b]}
    for_each: who
    requesters: [group:engineering]
    rules: [{name: free, allow: true}]
"""


@pytest.fixture
def town(make_town: Callable[[], Town]) -> Iterator[Town]:
    town = make_town()
    yield town
    town.close()


def lower(town: Town) -> None:
    """Give the machine a ceiling after everything was planned and approved, as an operator does who restarts it."""
    town.ceiling = LOW
    town.gate._ceiling = LOW


def alarms(town: Town) -> str:
    return "\n".join(town.said("alarm"))


def test_nothing_runs_in_the_process_but_by_a_warrant(town: Town) -> None:
    with pytest.raises(NoWarrant, match="Nobody has signed for it"):
        town.world.catalog.runner("fake").start(FakeInputs(what="api", where="prod"), ContractRun())
    assert town.runner.started == []


def test_a_warrant_says_what_was_approved_and_by_which_record(town: Town) -> None:
    signed: list[str] = []
    issue = town.world.warrants.issue
    town.world.warrants.issue = lambda act: signed.append(issue(act)) or signed[-1]  # type: ignore[method-assign, func-returns-value]
    request = town.see(town.ask(ANN, "tune", value=7))
    [warrant] = [verified(Verifier([town.world.warrants._signer().public]), each) for each in signed]
    assert (warrant.request, warrant.key, warrant.digest) == (request.id, request.run_key, request.digest)
    assert dict(warrant.inputs) == {"what": "work_mem", "where": "prod", "value": 7}
    assert (warrant.pool, warrant.worker, warrant.receipt) == ("", "", "")
    assert (warrant.start_before, warrant.lasts) == (request.start_deadline, 1800.0)
    assert warrant.policy == request.policy_digest
    event = town.trail.events(after=warrant.count - 1, limit=1)[0]
    assert (event.request, event.kind) == (request.id, "start"), "the intention was on record before it was signed"


def test_a_process_that_runs_signs_with_the_key_that_signs_the_record_by_then(town: Town) -> None:
    before = town.world.warrants._signer().key
    named = Rotation(town.folder / "signing.key", town.ledger, town.trail).rotate().key
    assert town.state(town.ask(ANN, "tune", value=7)) is State.ACTIVE
    assert (before != named, town.world.warrants._signer().key) == (True, named)
    town.restart()
    assert town.state(town.ask(ANN, "tune", value=7)) is State.ACTIVE


def test_what_goes_beyond_the_ceiling_fails_and_requester_and_operators_are_told(town: Town) -> None:
    request = town.ask(ANN, "restart", service="worker", env="prod")
    lower(town)
    town.runner.on_plan = lambda inputs: None
    town.approve(BO, request)
    now = town.see(request)
    assert now.state in (State.DENIED, State.FAILED)
    assert "It goes beyond the ceiling of this machine: it does not allow this `what` of fake" in now.outcome
    assert town.runner.started == []
    assert "beyond the ceiling" in "\n".join(town.said("notice"))


def beyond_after_the_plan(town: Town) -> None:
    """Have the ceiling refuse the act alone: the plan, which comes before, is let through."""
    within = town.gate.within
    town.gate.within = lambda runner, inputs: None  # type: ignore[method-assign]
    begin = town.gate.begin

    def begins(act: Any, run: Run) -> None:
        town.gate.within = within  # type: ignore[method-assign]
        lower(town)
        begin(act, run)

    town.gate.begin = begins  # type: ignore[method-assign]


def test_a_refusal_at_the_gate_is_on_record_and_an_alarm(town: Town) -> None:
    beyond_after_the_plan(town)
    request = town.ask(ANN, "tune", value=7)
    now = town.see(request)
    assert now.state is State.FAILED
    assert "REFUSED BY WHO WAS TO DO IT: It goes beyond the ceiling" in alarms(town)
    [barred] = [event for event in town.trail.events(request.id) if event.kind == "barred"]
    assert "beyond the ceiling" in barred.body["why"]


def test_a_part_that_is_refused_at_the_gate_is_an_alarm_too(town: Town) -> None:
    town.write("many.yml", MANY)
    assert town.book.fault == ""
    beyond_after_the_plan(town)
    request = town.ask(ANN, "tell", who=["a", "b"])
    assert town.state(request) is State.FAILED
    assert town.runner.started == []
    assert "REFUSED BY WHO WAS TO DO IT" in alarms(town)


def test_an_undo_that_is_refused_at_the_gate_is_an_alarm_at_once_and_tried_on(town: Town) -> None:
    request = town.ask(ANN, "tune", value=7)
    lower(town)
    town.drop(ANN, request)
    assert town.state(request) is State.UNDOING
    assert alarms(town).count("REFUSED BY WHO WAS TO DO IT") == 1
    town.forward(seconds=5)
    town.settle()
    assert town.trail.count() and town.kinds(request).count("barred") == 1, "not once more at every try"
    town.gate._ceiling = None
    town.forward(minutes=5)
    town.settle()
    assert town.state(request) is State.REVOKED


def bend(town: Town, request: Request, column: str, value: Any) -> None:
    """Write the row past jitbot, as whoever has the database can."""
    change = update(tables.requests).where(tables.requests.c.id == request.id).values({column: value})
    with town.database.write() as connection:
        connection.execute(change)


def bent_inputs(town: Town, request: Request) -> None:
    """Have the row say that something else was done."""
    with town.database.read() as connection:
        row = connection.execute(tables.requests.select().where(tables.requests.c.id == request.id)).one()
    bend(
        town, request, "snapshot", replace(row.snapshot, inputs={"what": "work_mem", "where": "elsewhere", "value": 1})
    )


def test_an_undo_goes_by_the_record_whatever_the_row_says(town: Town) -> None:
    request = town.ask(ANN, "tune", value=7)
    bent_inputs(town, request)
    bend(town, request, "receipt", {"before": 9999})
    town.forward(minutes=31)
    town.settle()
    assert town.state(request) is State.EXPIRED
    assert town.runner.world == {"prod/work_mem": 100}
    assert "It is undone by its record" in alarms(town)
    assert "tampered" in town.kinds(request)


def test_a_receipt_that_came_in_late_is_no_tampering(town: Town) -> None:
    request = town.ask(ANN, "tune", value=7)

    def late(*_: object) -> None:
        with town.ledger.begin() as entry:
            entry.amend(entry.get(request.id), "late_result", "worker", receipt={"before": 50})

    signed, first = town.trail.signed, iter([True])

    def meanwhile(of: Any) -> Any:
        if next(first, False):
            late()
        return signed(of)

    town.trail.signed = meanwhile  # type: ignore[method-assign]
    town.drop(ANN, request)
    town.forward(minutes=1)
    town.settle()
    assert town.runner.world == {"prod/work_mem": 50}
    assert "undone by its record" not in alarms(town)


def test_what_has_no_record_that_holds_is_not_undone_by_guess(town: Town) -> None:
    request = town.ask(ANN, "tune", value=7)
    with town.database.write() as connection:
        connection.execute(tables.events.update().where(tables.events.c.kind == "start").values(body="{}"))
    town.forward(minutes=31)
    town.settle()
    assert town.state(request) is State.UNDOING
    assert town.runner.undone == []
    assert "What is not on record cannot be undone by it" in alarms(town)


def test_the_newest_events_taken_out_leave_an_undo_by_those_that_are_left(town: Town) -> None:
    request = town.ask(ANN, "tune", value=7)
    town.ask(BO, "restart", service="api", env="prod")
    with town.database.write() as connection:
        connection.execute(tables.events.delete().where(tables.events.c.kind == "grant"))
    bend(town, request, "receipt", {"before": 9999})
    town.forward(minutes=31)
    town.settle()
    assert town.runner.undone == [request.run_key]
    assert town.runner.world == {"prod/work_mem": 100}
    assert "It is undone by its record" in alarms(town)


def test_of_many_targets_none_is_left_out_by_taking_out_what_was_done(town: Town) -> None:
    town.write("many.yml", MANY.replace("for_each", "timebox: {default: 30m, max: 4h}\n    for_each"))
    request = town.ask(ANN, "tell", who=["a", "b"])
    assert town.state(request) is State.ACTIVE
    with town.database.write() as connection:
        connection.execute(tables.events.delete().where(tables.events.c.kind == "part"))
    town.forward(minutes=31)
    town.settle()
    assert town.runner.undone == []
    assert "What is not on record cannot be undone by it" in alarms(town)


def test_a_run_whose_worker_was_lost_is_not_gone_on_with_if_its_row_was_bent(town: Town) -> None:
    class Died(BaseException):
        """The process is gone."""

    town.runner.repeatable = True  # type: ignore[misc]
    town.world.catalog.runner("fake").repeatable = True
    town.runner.on_start = raising(Died())  # type: ignore[arg-type]
    with pytest.raises(Died):
        town.ask(ANN, "tune", value=7)
    [request] = town.ledger.find()
    bent_inputs(town, request)
    town.runner.on_start = lambda inputs, run: None
    town.restart()
    town.forward(seconds=31)
    town.settle()
    assert town.runner.started == []
    assert town.state(request) is State.UNSURE
    assert "NOT GONE ON WITH" in alarms(town)


class Asks(RunnerElsewhere):
    """A runner of a pool that wants a warrant for a worker, as those of pools do; `worker` is whose it is."""

    def __init__(self) -> None:
        super().__init__()
        self.worker, self.signed, self.released = "first", list[str](), list[str]()
        self.bars = False

    def start(self, inputs: Any, run: Any) -> Receipt:
        self.signed.append(run.warrant("start", None, self.worker))
        return super().start(inputs, run)

    def extend(self, inputs: Any, receipt: Receipt | None, run: Any) -> Receipt:
        self.signed.append(run.warrant("extend", receipt, self.worker))
        if self.bars:
            raise NoWarrant("It goes beyond the ceiling of this machine: no. Nothing was done.")
        return receipt or Receipt()

    def release(self, inputs: Any, run: Any) -> None:
        self.signed.append(run.warrant("release", None, self.worker))
        self.released.append(run.key)


@pytest.fixture
def place(make_town: Callable[[], Town], monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    there = Asks()

    def pools(here: FakeRunner) -> Pools:
        pools = Pools(here, there)
        pools._there._runner = Guarded("fake", there, EnvironmentSite(()), elsewhere=True)
        return pools

    monkeypatch.setattr("tests.town.OneRunner", pools)
    monkeypatch.setattr("tests.town.POLICY", IN_A_POOL)
    town = make_town()
    yield Place(town, there)
    town.close()


@pytest.fixture
def asking(place: Place) -> Asks:
    """Return the runner in the pool."""
    assert isinstance(place.there, Asks)
    return place.there


def warrants_of(place: Place, request: Request) -> list[tuple[str, str, str]]:
    events = [event.body for event in place.town.trail.events(request.id) if event.kind == "warranted"]
    return [(each["deed"], each["key"], each["worker"]) for each in events]


def test_a_warrant_for_a_worker_is_on_record_before_the_worker_has_it(place: Place, asking: Asks) -> None:
    request = place.town.ask(ANN, "tune", value=7)
    assert place.town.state(request) is State.ACTIVE
    assert warrants_of(place, request) == [("start", request.run_key, "first")]
    [warrant] = [verified(Verifier([place.town.world.warrants._signer().public]), each) for each in asking.signed]
    assert (warrant.pool, warrant.worker) == ("prod-eu", "first")


def test_a_start_that_may_not_be_repeated_is_signed_for_one_worker_alone(place: Place, asking: Asks) -> None:
    def lost(inputs: Any, run: Any) -> None:
        run_again = asking.worker == "first"
        asking.worker = "second"
        if run_again:
            raise Died

    class Died(BaseException):
        """The service is gone, with the first worker's warrant handed out."""

    asking.on_start = lost
    with pytest.raises(Died):
        place.town.ask(ANN, "tune", value=7)
    place.town.restart()
    place.town.forward(seconds=31)
    place.town.settle()
    [request] = place.town.ledger.find()
    assert request.state is State.UNSURE
    assert "Another worker had leave to begin it before" in request.outcome
    assert [worker for _, _, worker in warrants_of(place, request)] == ["first", "second"]
    assert len(asking.signed) == 1, "the record says which was the first, and only that one is signed for"


def test_the_one_worker_that_had_leave_gets_it_again(place: Place, asking: Asks) -> None:
    """The service died before it had handed the warrant out; what the worker has used it remembers."""
    place.town.write("many.yml", MANY.replace("runner: fake", "runner: fake\n    pool: prod-eu"))

    class Died(BaseException):
        """The service is gone."""

    def die(inputs: Any, run: Any) -> None:
        if run.key.endswith("-2"):
            asking.on_start = lambda inputs, run: None
            raise Died

    asking.on_start = die
    with pytest.raises(Died):
        place.town.ask(ANN, "tell", who=["a", "b"])
    place.town.restart()
    place.town.forward(seconds=31)
    place.town.settle()
    [request] = place.town.ledger.find()
    assert request.state is State.SUCCEEDED
    assert place.town.world.catalog.pools() == ["prod-eu"]
    second = ("start", request.key_of(1), "first")
    assert warrants_of(place, request) == [("start", request.key_of(0), "first"), second, second]


def test_a_start_that_may_be_repeated_is_signed_for_another_worker_too(place: Place, asking: Asks) -> None:
    place.town.catalog.pool("prod-eu").runner("fake").repeatable = True

    def twice(inputs: Any, run: Any) -> None:
        asking.signed.append(run.warrant("start", None, "second"))

    asking.on_start = twice
    request = place.town.ask(ANN, "tune", value=7)
    assert [worker for _, _, worker in warrants_of(place, request)] == ["first", "second"]


def test_nothing_is_signed_by_a_record_that_does_not_hold(place: Place, asking: Asks) -> None:
    def cut(*_: object) -> None:
        with place.town.database.write() as connection:
            connection.execute(tables.events.update().where(tables.events.c.kind == "warranted").values(body="{}"))
        asking.worker = "second"
        run.warrant("start", None, "second")

    class Kept(ContractRun):
        warrant: Any

    run = Kept()

    def keep(inputs: Any, given: Any) -> None:
        run.warrant = given.warrant
        cut()

    asking.on_start = keep
    request = place.town.ask(ANN, "tune", value=7)
    assert place.town.state(request) is State.FAILED
    assert "Nothing is signed by a record that does not hold" in place.town.see(request).outcome


def test_an_extension_is_signed_for_with_its_own_end(place: Place, asking: Asks) -> None:
    request = place.town.ask(ANN, "tune", value=7)
    extension = place.town.extend(ANN, request)
    assert place.town.state(extension) is State.SUCCEEDED
    warrant = verified(Verifier([place.town.world.warrants._signer().public]), asking.signed[-1])
    assert (warrant.deed, warrant.key, warrant.digest) == ("extend", request.run_key, extension.digest)
    assert (warrant.until, warrant.lasts) == (place.town.see(request).expires_at, None)
    assert dict(warrant.inputs) == {"what": "work_mem", "where": "prod", "value": 7}


def test_an_extension_that_a_worker_refuses_is_an_alarm_and_its_grant_ends_as_before(
    place: Place, asking: Asks
) -> None:
    request = place.town.ask(ANN, "tune", value=7)
    ends_at, asking.bars = place.town.see(request).expires_at, True
    extension = place.town.extend(ANN, request)
    assert place.town.state(extension) is State.FAILED
    assert place.town.see(request).expires_at == ends_at
    assert "REFUSED BY WHO WAS TO DO IT" in alarms(place.town)


def test_a_grant_that_is_handed_over_is_let_go_by_the_worker_that_gave_it(place: Place, asking: Asks) -> None:
    first = place.town.ask(ANN, "tune", value=7)
    second = place.town.ask(BO, "tune", value=7, ttl="2h")
    place.town.forward(minutes=31)
    place.town.settle()
    now = place.town.see(first)
    assert (now.state, now.handed_to) == (State.EXPIRED, second.id)
    assert asking.released == [first.run_key]
    assert asking.undone == []


def test_a_hand_over_of_which_the_worker_cannot_be_told_is_tried_on(place: Place, asking: Asks) -> None:
    first = place.town.ask(ANN, "tune", value=7)
    place.town.ask(BO, "tune", value=7, ttl="2h")
    release = asking.release
    asking.release = raising(RunnerUnsure("the queue is away"))  # type: ignore[method-assign]
    place.town.forward(minutes=31)
    place.town.settle()
    assert place.town.state(first) is State.UNDOING
    asking.release = release  # type: ignore[method-assign]
    place.town.forward(minutes=1)
    place.town.settle()
    assert place.town.state(first) is State.EXPIRED


def test_what_cannot_be_put_on_record_is_not_signed(
    place: Place, asking: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[bool] = []

    def start(inputs: Any, run: Any) -> Receipt:
        with monkeypatch.context() as patch:
            patch.setattr(type(place.town.ledger), "begin", raising(StoreUnavailable("away")))
            with pytest.raises(StoreUnavailable):
                run.warrant("start", None, "first")
        tried.append(True)
        return Receipt({"before": 100})

    asking.start = start  # type: ignore[method-assign]
    request = place.town.ask(ANN, "tune", value=7)
    assert tried
    assert warrants_of(place, request) == []
