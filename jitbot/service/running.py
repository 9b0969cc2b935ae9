"""Run: decide once more, verify the record, write the intention, act, write the result.

Between any two of these steps the process may die. The row then says what was meant, its lease runs out, and whoever
finds it goes on: before the start nothing has happened; after it, the result is unsure until it is settled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jitbot.errors import InvalidInput, NotFound, PoolUnavailable, RunnerError, RunnerRefused, Tampered, WorkerLost
from jitbot.lifecycle import Event
from jitbot.model import (
    TOUCHED,
    Decision,
    Outcome,
    Policy,
    Progress,
    Receipt,
    Request,
    Stage,
    State,
    UndoCause,
    Watch,
)
from jitbot.policy.decide import decide
from jitbot.ports import Entry
from jitbot.service.asking import AGAIN, POLICY, Asking, held, not_allowed
from jitbot.service.authority import WORKER, refuse, verify
from jitbot.service.claims import mine
from jitbot.service.counting import counted
from jitbot.service.elsewhere import late_answer, wait_for_a_worker
from jitbot.service.owing import owe
from jitbot.service.parts import of_stage, so_far
from jitbot.service.rollouts import Rollouts
from jitbot.service.runlog import RunLog
from jitbot.service.telling import alarm, announce_end, tell
from jitbot.service.watching import Watching
from jitbot.service.world import World

TURN = timedelta(seconds=1)
"""When a run that waits for its target is tried again."""
_SAID_TO_HAVE_HAPPENED = frozenset({State.VERIFYING, State.ACTIVE, State.SUCCEEDED})


@dataclass(frozen=True, slots=True)
class _Result:
    """What a start came to: a receipt, a refusal, or neither; then it `may_land` still where its worker was lost."""

    receipt: Receipt | None = None
    refused: str = ""
    unsure: str = ""
    may_land: bool = False


class Running:
    """The use cases of workers, from approval to a result. Every request handed in is claimed."""

    def __init__(self, world: World, asking: Asking, watching: Watching, rollouts: Rollouts) -> None:
        self._world = world
        self._asking = asking
        self._watching = watching
        self._rollouts = rollouts

    def approved(self, request: Request) -> None:
        """Run an approved request, if all is still as it was approved."""
        world = self._world
        if self._not_now(request):
            return None
        try:
            reviews = verify(request, world.ledger, world.trail)
        except Tampered as error:
            return refuse(world, request, error)
        world.book.follow()
        policy = world.book.policy
        if world.book.ends_only:
            return self._later(request, AGAIN)
        if self._changed(request, policy) or self._busy(request):
            return None
        facts = self._asking.facts(policy, request, reviews)
        watch, unhealthy = self._watching.begin(request)
        if unhealthy:
            return self._deny(request, f"The target is unhealthy already, so nothing was done: {unhealthy}")
        with world.ledger.begin() as entry:
            mine(entry, request)
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
        """Put off what is too early; end what is too late."""
        now = self._world.ledger.now()
        if request.start_by is not None and now >= request.start_by:
            self._move(request, Event.MISS, "not started in time", "was not started in time; ask again.")
        elif request.starts_at is not None and now < request.starts_at:
            self._later(request, request.starts_at - now)
        else:
            return False
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
        begins = {"attempts": 1, "receipt": _base(holders, request), "progress": _none_begun(request)}
        return self._intend(entry, request, Event.START, **begins, **decided)

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
                result = _Result(runner.start(inputs, run))
            except (RunnerRefused, InvalidInput) as error:
                result = _Result(refused=str(error) or "the runner refused")
            except RunnerError as error:
                result = _Result(unsure=str(error) or "the runner did not say", may_land=isinstance(error, WorkerLost))
        return self._finish(request, result)

    def _go_on(self, request: Request) -> None:
        """Do the next wave of a request with many targets, and write the result where that was the last."""
        ended = self._rollouts.go_on(request)
        if ended is None:
            return

        def write() -> None:
            with self._world.ledger.begin() as entry:
                self.ended(entry, mine(entry, request), ended)

        self._world.results.write(request, write)
        self._world.queue.messages()
        self._world.queue.request(request.id)

    def ended(self, entry: Entry, now: Request, failure: str) -> Request:
        """Write what became of all parts: done, or on the way to be undone, or left as it is."""
        touched, unsure = of_stage(now, *TOUCHED), of_stage(now, Stage.BEGUN, Stage.UNSURE)
        wanted = now.ttl is not None or now.stopped_by is not None or _undone_when_one_fails(now)
        may_land = bool(of_stage(now, Stage.BEGUN)) or (bool(unsure) and bool(now.snapshot.pool))
        undone = failure and touched and wanted and now.undoable
        if not undone and len(of_stage(now, Stage.DONE)) == len(now.progress):
            return self.happened(entry, now, Receipt({}, f"all {len(now.progress)} done"))
        if undone:
            cause = UndoCause.PARTWAY if now.stopped_by is None else UndoCause.STOP
            told: dict[str, Any] = {"undo_cause": cause, "due_at": entry.now, "outcome": failure}
            moved = entry.move(now, Event.UNDO, WORKER, attempt_open=may_land, **told)
            tell(entry, moved, f"{so_far(now)}; what was done is being undone: {failure}")
            if cause is UndoCause.PARTWAY:
                alarm(entry, moved, f"failed on the way, and is being undone: {failure}")
            return moved
        if unsure and now.state is State.RUNNING:
            return self._lose(entry, now, failure, attempt_open=may_land)
        outcome = f"{so_far(now)}, which is left as it is. {failure}" if touched else failure
        moved = entry.move(now, Event.FAIL, WORKER, outcome=outcome, attempt_open=False)
        tell(entry, moved, f"failed: {outcome}" if touched else f"failed, nothing happened: {outcome}")
        return moved

    def _finish(self, request: Request, result: _Result) -> None:
        """Write the result; a late one is never lost."""
        world = self._world

        def write() -> tuple[Request, bool]:
            with world.ledger.begin() as entry:
                now = entry.get(request.id)
                if now.fence != request.fence:
                    moved = self._late(entry, now, result)
                elif now.state is not State.RUNNING:  # nobody else can have moved it: we did, unanswered
                    moved = now
                else:
                    moved = self._result(entry, now, result)
                return moved, moved.due_at is not None and moved.due_at <= entry.now

        moved, due = world.results.write(request, write)
        world.queue.messages()
        if due:
            world.queue.request(moved.id)

    def _result(self, entry: Entry, now: Request, result: _Result) -> Request:
        if now.stopped_by is not None and now.undoable and not result.refused:
            return self._stopped(entry, now, result.receipt, attempt_open=result.may_land)
        if result.receipt is not None:
            return self.happened(entry, now, result.receipt)
        if result.refused:
            moved = entry.move(now, Event.REFUSE, WORKER, outcome=result.refused, attempt_open=False)
            tell(entry, moved, f"failed, nothing happened: {result.refused}")
            return moved
        return self._lose(entry, now, result.unsure, attempt_open=result.may_land)

    def _stopped(self, entry: Entry, now: Request, receipt: Receipt | None, *, attempt_open: bool = False) -> Request:
        """Undo what a run has done until somebody wanted it to end, whatever that is."""
        changes: dict[str, Any] = {"undo_cause": UndoCause.STOP, "due_at": entry.now, "outcome": "stopped by hand"}
        if receipt is not None and now.receipt is None:
            changes["receipt"] = dict(receipt.data)
        moved = entry.move(now, Event.STOP, WORKER, attempt_open=attempt_open, **changes)
        tell(entry, moved, "was stopped, and what it has done is being undone.")
        return moved

    def _lose(self, entry: Entry, now: Request, why: str, *, attempt_open: bool) -> Request:
        """Nobody knows; an attempt whose worker was lost may still land, so it stays open."""
        moved = entry.move(now, Event.LOSE, WORKER, outcome=why, attempt_open=attempt_open, due_at=entry.now)
        tell(entry, moved, f"we don't know whether it happened: {why}")
        alarm(entry, moved, f"unsure: {why}")
        return moved

    def happened(self, entry: Entry, now: Request, receipt: Receipt | None, **more: Any) -> Request:
        """Succeed, or hold the grant from this instant on; where it is to be watched, that begins first."""
        changes: dict[str, Any] = {"attempt_open": False}
        if receipt is not None:
            changes["outcome"] = receipt.summary
            changes["receipt"] = now.receipt if now.receipt is not None else dict(receipt.data)
        if now.ttl is not None:
            assert now.expires_at is not None  # noqa: S101 - written with the intention
            expires_at = min(now.expires_at, entry.now + now.ttl)
            changes |= {"granted_at": entry.now, "expires_at": expires_at, "due_at": expires_at}
        changes |= more
        if now.snapshot.verify is not None:
            return self._watching.started(entry, now, now.snapshot.verify, changes)
        moved = entry.move(now, Event.SUCCEED if now.ttl is None else Event.GRANT, WORKER, **changes)
        if now.ttl is not None:
            announce_end(entry, moved)
        done = f"done. {receipt.summary if receipt else ''}".strip()
        tell(entry, moved, done if now.ttl is None else "granted.")
        return moved

    def _late(self, entry: Entry, now: Request, result: _Result) -> Request:
        """Take in the result of a start that nobody waited for any more."""
        if now.state is State.UNSURE:
            if result.receipt is not None:
                return self.happened(entry, now, result.receipt)
            if result.refused:
                moved = entry.move(now, Event.FAIL, WORKER, outcome=result.refused, attempt_open=False)
                tell(entry, moved, f"failed, nothing happened: {result.refused}")
                return moved
        open_still = now.state is State.RUNNING or result.may_land
        changes: dict[str, Any] = {} if open_still else {"attempt_open": False}
        if now.state is State.UNDOING:
            changes["due_at"] = entry.now
        ended = now.ended_at is not None and now.state is not State.SUCCEEDED
        if result.receipt is not None and (ended or now.receipt is None):
            changes["receipt"] = dict(result.receipt.data)
        if result.receipt is not None and ended:
            changes |= {"due_at": entry.now, "undo_attempts": 0}
        moved = entry.amend(now, "late_result", WORKER, result.refused or result.unsure, **changes)
        wrong = _contradicts(now, result)
        if wrong:
            alarm(entry, moved, wrong)
        return moved

    def answered(self, request: Request) -> bool:
        """Take in what a worker of a pool has answered after it was given up; False where it has not."""
        receipt, refused = late_answer(self._world, request)
        if receipt is not None or refused:
            self._finish(request, _Result(receipt, refused))
        return receipt is not None or bool(refused)

    def lost(self, request: Request) -> None:
        """Go on with a run whose worker was lost: once more where the runner may repeat, else unsure.

        What runs in a pool goes on there, and is only asked for its result.
        """
        world = self._world
        if request.snapshot.parts and not _over(request, world.ledger.now()):
            return self._go_on(request)
        repeatable = world.repeatable(request)
        with world.ledger.begin() as entry:
            now = mine(entry, request)
            if _over(now, entry.now):
                expired = entry.move(now, Event.EXPIRE, WORKER, undo_cause=UndoCause.EXPIRY, due_at=entry.now)
                tell(entry, expired)
                moved = expired
            elif now.stopped_by is not None and now.undoable and not now.snapshot.pool:
                moved = self._stopped(entry, now, None, attempt_open=True)
            elif repeatable and now.start_deadline is not None and entry.now < now.start_deadline:
                moved = self._intend(entry, now, Event.REPEAT, attempts=now.attempts + 1)
            else:
                over = now.start_deadline is not None and entry.now >= now.start_deadline
                why = "it has not ended in its time limit" if over else "the worker stopped after it had started"
                moved = self._lose(entry, now, why, attempt_open=True)
        world.queue.messages()
        if moved.state is State.RUNNING:
            return self._start(moved)
        return world.queue.request(moved.id)

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


def _contradicts(now: Request, result: _Result) -> str:
    """Say what is wrong where a result comes late and is another than what was written down meanwhile."""
    if result.receipt is not None and now.ended_at is not None and now.state is not State.SUCCEEDED:
        return "a start that was given up came through after the end; it is being undone."
    if result.refused and now.state in _SAID_TO_HAVE_HAPPENED:
        return f"it was settled as done, and its runner says now that nothing happened: {result.refused}"
    return ""


def free(holders: Sequence[Request], request: Request) -> bool:
    """Tell whether a target can be started on: start and undo on one target exclude each other."""
    return all(holder.state is State.ACTIVE for holder in holders if holder.id != request.id)


def _base(holders: Sequence[Request], request: Request) -> Mapping[str, Any] | None:
    """Return the receipt of the first holder of this target, by which the last one undoes."""
    receipts = (holder.receipt for holder in holders if holder.id != request.id)
    return next((receipt for receipt in receipts if receipt is not None), None)


def _none_begun(request: Request) -> tuple[Progress, ...]:
    return (Progress(),) * len(request.snapshot.parts)


def _undone_when_one_fails(request: Request) -> bool:
    return request.snapshot.waves is not None and request.snapshot.waves.undo


def _over(request: Request, now: datetime) -> bool:
    return request.expires_at is not None and now >= request.expires_at
