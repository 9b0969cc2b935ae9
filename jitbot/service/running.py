"""Run: decide once more, verify the record, write the intention, act, write the result.

Between any two of these steps the process may die. The row then says what was meant, its lease runs out, and whoever
finds it goes on: before the start nothing has happened; after it, the result is unsure until it is settled.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from jitbot.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    NoWarrant,
    PoolUnavailable,
    RunnerCutOff,
    RunnerError,
    RunnerRefused,
    Tampered,
)
from jitbot.lifecycle import Event
from jitbot.model import (
    Decision,
    Outcome,
    Policy,
    Progress,
    Request,
    State,
    UndoCause,
    Watch,
)
from jitbot.policy.decide import decide
from jitbot.ports import Entry
from jitbot.service.asking import AGAIN, POLICY, Asking, held, not_allowed
from jitbot.service.authority import WORKER, intact, refuse, see_shown, verify
from jitbot.service.claims import mine
from jitbot.service.counting import counted
from jitbot.service.elsewhere import late_answer, wait_for_a_worker
from jitbot.service.halted import held_back
from jitbot.service.outcomes import Outcomes, Result
from jitbot.service.owing import owe
from jitbot.service.rollouts import Rollouts
from jitbot.service.runlog import RunLog
from jitbot.service.telling import alarm, tell
from jitbot.service.warranting import as_long, barred, lasting
from jitbot.service.watching import Watching
from jitbot.service.world import World

TURN = timedelta(seconds=1)
"""When a run that waits for its target is tried again."""


class Running:
    """The use cases of workers, from approval to a result. Every request handed in is claimed."""

    def __init__(
        self, world: World, asking: Asking, watching: Watching, rollouts: Rollouts, outcomes: Outcomes
    ) -> None:
        self._world = world
        self._asking = asking
        self._watching = watching
        self._rollouts = rollouts
        self._outcomes = outcomes

    def approved(self, request: Request) -> None:
        """Run an approved request, if all is still as it was approved."""
        world = self._world
        if self._not_now(request) or held_back(world, request, world.halts.first_look(request)):
            return None
        try:
            reviews = verify(request, world.ledger, world.trail)
            see_shown(request, reviews)
        except Tampered as error:
            return refuse(world, request, error)
        clearance = world.halts.clearance(request, reviews)
        world.book.follow()
        policy = world.book.policy
        if world.book.ends_only:
            return self._later(request, AGAIN)
        if held_back(world, request, clearance) or self._changed(request, policy) or self._busy(request):
            return None
        facts = self._asking.facts(policy, request, reviews)
        watch, unhealthy = self._watching.begin(request)
        if unhealthy:
            return self._deny(request, f"The target is unhealthy already, so nothing was done: {unhealthy}")
        with world.ledger.begin() as entry:
            mine(entry, request)
            entry.unless_halted(clearance.as_of)
            decision = decide(policy, request, reviews, counted(entry, policy, request, facts))
            started = self._decided(entry, request, decision, policy, watch)
        world.queue.messages()
        return None if started is None else self._start(started)

    def _changed(self, request: Request, policy: Policy) -> bool:
        """Have people asked again about what would do something else by now; deny what cannot be done any more."""
        try:
            revision = self._asking.revised(request, policy)
        except PoolUnavailable as error:
            wait_for_a_worker(self._world, request, str(error))
            return True
        except (RunnerError, InvalidInput, NotFound) as error:
            self._deny(request, f"It cannot be run any more: {error}")
            return True
        if revision is not None:
            self._asking.revise(request, revision, policy)
        return revision is not None

    def _busy(self, request: Request) -> bool:
        """Put off what is to be watched while its target is in use, before its facts are read every second."""
        if request.snapshot.verify is None:
            return False
        with self._world.ledger.begin() as entry:
            now = mine(entry, request)
            if free(entry.holders(*request.snapshot.targets), request):
                return False
            entry.amend(now, "waits", WORKER, due_at=entry.now + TURN, owner="", lease_until=None)
        return True

    def _not_now(self, request: Request) -> bool:
        """Put off what is too early; end what is too late, by instants that are those of its record."""
        now = self._world.ledger.now()
        late = request.start_by is not None and now >= request.start_by
        early = None if late or request.starts_at is None or now >= request.starts_at else request.starts_at - now
        if not late and early is None:
            return False
        if intact(self._world, request):
            if early is None:
                self._move(request, Event.MISS, "not started in time", "was not started in time; ask again.")
            else:
                self._later(request, early)
        return True

    def _decided(
        self, entry: Entry, request: Request, decision: Decision, policy: Policy, watch: Watch | None
    ) -> Request | None:
        """Follow the last decision, in its own transaction; returns the request if it is to be started."""
        decided: dict[str, Any] = {"decision": decision, "policy_digest": policy.digest}
        if decision.outcome is Outcome.ALLOW:
            started = self._begin(entry, request, {**decided, "watch": watch})
            return owe(entry, started, decision.owes) if started is not None and decision.owes is not None else started
        not_allowed(entry, request, decision, policy)
        return None

    def _begin(self, entry: Entry, request: Request, decided: Mapping[str, Any]) -> Request | None:
        """Write the intention: what was verified, whatever the row says by now. None where it has to wait."""
        holders = entry.holders(*request.snapshot.targets)
        refusal = held(holders, request)
        if refusal is not None:
            denied = entry.move(request, Event.DENY, POLICY, outcome=refusal.summary, decision=refusal)
            tell(entry, denied, refusal.summary)
            return None
        if not free(holders, request):
            entry.amend(request, "waits", WORKER, due_at=entry.now + TURN, owner="", lease_until=None)
            return None
        decided = {**decided, "outcome": ""} if request.outcome else decided  # what was waited for is there now
        begins = {"attempts": 1, "receipt": self._base(holders, request), "progress": _none_begun(request)}
        return self._intend(entry, request, Event.START, **begins, **decided)

    def _base(self, holders: Sequence[Request], request: Request) -> Mapping[str, Any] | None:
        """Return the receipt of the first holder of this target, by which the last one undoes, as its record has it."""
        first = next((each for each in holders if each.id != request.id and each.receipt is not None), None)
        if first is None:
            return None
        try:
            return self._world.trail.signed(first.id).receipt
        except Tampered as error:
            raise Conflict(f"{error} What was there before {request.name} cannot be told.") from error

    def _intend(self, entry: Entry, request: Request, event: Event, **changes: Any) -> Request:
        """Write down what is about to happen, the end first."""
        deadline = request.start_deadline or entry.now + request.snapshot.longest
        started = entry.move(
            request,
            event,
            WORKER,
            start_deadline=deadline,
            started_at=request.started_at or entry.now,
            expires_at=None if request.ttl is None else deadline + request.ttl,
            attempt_open=True,
            due_at=entry.now,
            owner=self._world.name,
            lease_until=entry.now + self._world.lease,
            last_line="",
            halted="",
            **changes,
        )
        tell(entry, started)
        return started

    def _start(self, request: Request) -> None:
        world = self._world
        if request.snapshot.parts:
            return self._go_on(request)
        assert request.start_deadline is not None  # noqa: S101 - written with the intention
        with RunLog(world, request, request.start_deadline) as run:
            try:
                runner, inputs = world.runner(request)
                world.assure(request, request.start_deadline)
                result = Result(runner.start(inputs, run))
            except (RunnerRefused, InvalidInput, Conflict) as error:
                result = Result(refused=str(error) or "the runner refused")
                if isinstance(error, NoWarrant):
                    barred(world, request, error)
            except RunnerError as error:
                landing = isinstance(error, RunnerCutOff)
                result = Result(unsure=str(error) or "the runner did not say", may_land=landing)
        return self._finish(request, result)

    def _go_on(self, request: Request) -> None:
        """Do the next wave of a request with many targets, and write the result where that was the last."""
        ended = self._rollouts.go_on(request)
        if ended is None:
            return

        def write() -> None:
            with self._world.ledger.begin() as entry:
                self._outcomes.parts_ended(entry, as_long(mine(entry, request), request), ended)

        self._world.results.write(request, write)
        self._world.queue.messages()
        self._world.queue.request(request.id)

    def _finish(self, request: Request, result: Result) -> None:
        """Write the result; a late one is never lost."""
        world = self._world

        def write() -> tuple[Request, bool]:
            with world.ledger.begin() as entry:
                now = entry.get(request.id)
                if now.state in (State.RUNNING, State.UNSURE):
                    now = as_long(now, request)
                if now.fence != request.fence:
                    moved = self._outcomes.late(entry, now, result)
                elif now.state is not State.RUNNING:  # nobody else can have moved it: we did, unanswered
                    moved = now
                else:
                    moved = self._outcomes.in_time(entry, now, result)
                return moved, moved.due_at is not None and moved.due_at <= entry.now

        moved, due = world.results.write(request, write)
        world.queue.messages()
        if due:
            world.queue.request(moved.id)

    def answered(self, request: Request) -> bool:
        """Take in what a worker of a pool has answered after it was given up; False where it has not."""
        receipt, refused = late_answer(self._world, request)
        if receipt is None and not refused:
            return False

        sure = lasting(self._world, request)

        def write() -> Request:
            with self._world.ledger.begin() as entry:
                return self._outcomes.late(entry, as_long(mine(entry, request), sure), Result(receipt, refused))

        self._world.queue.request(self._world.results.write(request, write).id)
        self._world.queue.messages()
        return True

    def lost(self, request: Request) -> None:
        """Go on with a run whose worker was lost: once more where the runner may repeat, else unsure.

        What runs in a pool goes on there, and is only asked for its result. Nothing is repeated that is halted.
        """
        world = self._world
        try:
            verify(request, world.ledger, world.trail)
        except Tampered as error:
            return self._bent(request, error)
        if request.snapshot.parts and not _over(request, world.ledger.now()):
            return self._go_on(request)
        clearance = world.halts.clearance(request)
        halted = "" if request.snapshot.pool else clearance.why_not
        repeatable = not halted and world.repeatable(request)
        with world.ledger.begin() as entry:
            now = mine(entry, request)
            if _over(now, entry.now):
                expired = entry.move(now, Event.EXPIRE, WORKER, undo_cause=UndoCause.EXPIRY, due_at=entry.now)
                tell(entry, expired)
                moved = expired
            elif now.stopped_by is not None and now.undoable and not now.snapshot.pool:
                moved = self._outcomes.stopped(entry, now, None, attempt_open=True)
            elif repeatable and now.start_deadline is not None and entry.now < now.start_deadline:
                entry.unless_halted(clearance.as_of)
                moved = self._intend(entry, now, Event.REPEAT, attempts=now.attempts + 1)
            else:
                over = now.start_deadline is not None and entry.now >= now.start_deadline
                stopped = "the worker stopped after it had started" + (f", and {halted}" if halted else "")
                why = "it has not ended in its time limit" if over else stopped
                moved = self._outcomes.lose(entry, now, why, attempt_open=True)
        world.queue.messages()
        if moved.state is State.RUNNING:
            return self._start(moved)
        return world.queue.request(moved.id)

    def _bent(self, request: Request, error: Tampered) -> None:
        """Begin nothing more of what is not what its record says; what was begun may have happened."""
        with self._world.ledger.begin() as entry:
            entry.record("tampered", WORKER, request.id, why=str(error))
            lost = self._outcomes.lose(entry, mine(entry, request), str(error), attempt_open=True)
            alarm(entry, lost, f"NOT GONE ON WITH: {error} Look at the audit record before anything else.")
        self._world.queue.messages()

    def _move(self, request: Request, event: Event, outcome: str, notice: str, **changes: Any) -> None:
        with self._world.ledger.begin() as entry:
            now = mine(entry, request)
            tell(entry, entry.move(now, event, WORKER, outcome=outcome, **changes), notice)
        self._world.queue.messages()

    def _deny(self, request: Request, why: str, **changes: Any) -> None:
        self._move(request, Event.DENY, why, f"refused: {why}", **changes)

    def _later(self, request: Request, wait: timedelta) -> None:
        with self._world.ledger.begin() as entry:
            now = mine(entry, request)
            entry.amend(now, "waits", WORKER, due_at=entry.now + wait, owner="", lease_until=None)


def free(holders: Sequence[Request], request: Request) -> bool:
    """Tell whether a target can be started on: start and undo on one target exclude each other."""
    return all(holder.state is State.ACTIVE for holder in holders if holder.id != request.id)


def _none_begun(request: Request) -> tuple[Progress, ...]:
    return (Progress(),) * len(request.snapshot.parts)


def _over(request: Request, now: datetime) -> bool:
    return request.expires_at is not None and now >= request.expires_at
