"""Undo: the end of a grant, on time, early, or because nobody knows; tried until it is done.

An undo is not accepted while a start before its deadline is unsettled: the start could land after it. Then one more
undo runs once the deadline is over. A grant whose target somebody else still holds is handed over instead.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from jitbot.errors import InvalidInput, NoWarrant, RunnerError
from jitbot.lifecycle import ENDED_BY, Event
from jitbot.model import TOUCHED, Phase, Receipt, Request, RequestId, State, UndoCause
from jitbot.ports import Entry
from jitbot.service.claims import mine
from jitbot.service.elsewhere import Releases
from jitbot.service.parts import of_stage
from jitbot.service.rollouts import Rollouts
from jitbot.service.runlog import RunLog
from jitbot.service.telling import alarm, tell
from jitbot.service.warranting import as_recorded, barred, holds
from jitbot.service.watching import Watching
from jitbot.service.world import World

log = logging.getLogger(__name__)

TIME_LIMIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(minutes=1)
"""Back-off between tries doubles from one second up to this."""
ALARM_AFTER = 3
"""So many failed tries are told to the operators; the tries go on."""
TURN = timedelta(seconds=1)
WORKER = "worker"

NOTICES = {
    UndoCause.EXPIRY: "ended on time.",
    UndoCause.REVOCATION: "was ended early by an approver.",
    UndoCause.DROP: "was dropped.",
    UndoCause.REQUESTER_GONE: "was ended, since whoever held it is gone.",
    UndoCause.STOP: "was stopped, and is undone.",
    UndoCause.PARTWAY: "has failed on the way; what was done is undone.",
    UndoCause.NOT_STARTED: "did not happen; what could have been left was taken back.",
}
_SAID = (UndoCause.STOP, UndoCause.PARTWAY, UndoCause.REQUESTER_GONE)
"""The causes whose outcome says why, and is kept."""


class Undoing:
    """The use cases of workers at the end. Every request handed in is claimed."""

    def __init__(self, world: World, watching: Watching, rollouts: Rollouts) -> None:
        self._world = world
        self._watching = watching
        self._rollouts = rollouts

    def expired(self, request: Request) -> None:
        """End a grant whose time is over, and undo it."""
        with self._world.ledger.begin() as entry:
            holders = _holders(entry, request)
            now = mine(entry, request, holders)
            if now.expires_at is not None and entry.now < now.expires_at:  # extended since it was claimed
                entry.amend(now, "waits", WORKER, due_at=now.expires_at, owner="", lease_until=None)
                return
            moved = entry.move(
                now,
                Event.EXPIRE,
                WORKER,
                undo_cause=UndoCause.EXPIRY,
                due_at=entry.now,
                owner=now.owner,
                lease_until=now.lease_until,
            )
            tell(entry, moved)
        self._world.queue.messages()
        self._undo(moved, holders)

    def undo(self, request: Request) -> None:
        """Try the undo once; what becomes of it is written down."""
        if request.watch is not None and request.watch.undone:
            self._watching.undone(request)
            return
        with self._world.ledger.begin() as entry:
            holders = _holders(entry, request)
            mine(entry, request, holders)  # the last word of the database before the undo
        self._undo(request, holders)

    def _undo(self, request: Request, holders: Sequence[Request]) -> None:
        others = [each for each in holders if each.id != request.id]
        heir = _heir(request, [each for each in others if each.state is not State.UNDOING and holds(self._world, each)])
        if heir is not None:
            return self._hand_over(request, heir)
        world = self._world
        began = world.ledger.now()
        why = self._call(request, began + TIME_LIMIT)
        if why:
            log.warning("undo of %s failed: %s", request.name, why)
            world.results.write(request, lambda: self._failed(request, why))
            return world.queue.messages()
        world.results.write(request, lambda: self._undone(request, began))
        return world.queue.messages()

    def _undone(self, request: Request, began: datetime) -> None:
        """Write down that it is undone, unless a start may land after it."""
        with self._world.ledger.begin() as entry:
            now = mine(entry, request)
            again = _once_more(now, request, began)
            if again is not None:
                entry.amend(now, "undone_early", WORKER, due_at=again, owner="", lease_until=None)
            elif not self._watching.watch_undone(entry, now):
                self._end(entry, now)

    def clean_up(self, request: Request) -> None:
        """Undo what a start did that came through after the request had ended; the alarm is out already."""
        why = self._call(request, self._world.ledger.now() + TIME_LIMIT)
        self._world.results.write(request, lambda: self._cleaned_up(request, why))
        self._world.queue.messages()

    def _cleaned_up(self, request: Request, why: str) -> None:
        with self._world.ledger.begin() as entry:
            now = mine(entry, request)
            tries = now.undo_attempts + 1
            due_at = entry.now + _back_off(tries) if why else None
            kind = "clean_up_failed" if why else "cleaned_up"
            free = {"owner": "", "lease_until": None}
            moved = entry.amend(now, kind, WORKER, why, undo_attempts=tries, due_at=due_at, **free)
            if tries == 1 and why:
                alarm(entry, moved, f"CANNOT BE UNDONE: {why} It is tried on; look at it by hand.")

    def _call(self, request: Request, deadline: datetime) -> str:
        """Have the runner undo it; return why that failed, or nothing."""
        try:
            request = as_recorded(self._world, request)
        except NoWarrant as error:
            return self._why(request, error)
        with RunLog(self._world, request, deadline, Phase.UNDO) as run:
            try:
                self._take_back(request, run)
            except (RunnerError, InvalidInput) as error:
                return self._why(request, error)
        return ""

    def _why(self, request: Request, error: RunnerError | InvalidInput) -> str:
        """Return why an undo failed; that somebody refused to do it is told to the operators at once."""
        if isinstance(error, NoWarrant) and not request.undo_attempts:
            barred(self._world, request, error)
        return str(error) or type(error).__name__

    def _take_back(self, request: Request, run: RunLog) -> None:
        if request.snapshot.parts:
            return self._rollouts.undo(request, run)
        runner, inputs = self._world.runner(request)
        self._world.assure(request)
        return runner.undo(inputs, None if request.receipt is None else Receipt(request.receipt), run)

    def _hand_over(self, request: Request, heir: Request) -> None:
        why = "" if heir.id == request.id else self._release(request)
        if why:
            return self._world.results.write(request, lambda: self._failed(request, why))
        with self._world.ledger.begin() as entry:
            now = mine(entry, request)
            if heir.id == request.id:
                entry.amend(now, "waits", WORKER, due_at=entry.now + TURN, owner="", lease_until=None)
                return
            self._end(entry, now, heir.id)
        self._world.queue.messages()

    def _release(self, request: Request) -> str:
        """Have a worker of a pool leave the end to the other holder; return why that failed, or nothing."""
        if not request.snapshot.pool:
            return ""
        world = self._world
        try:
            request = as_recorded(world, request)
            run = RunLog(world, request, world.ledger.now() + TIME_LIMIT, Phase.UNDO)
            runner, inputs = world.runner(request)  # of many targets there is no other holder
            cast(Releases, runner).release(inputs, run)
        except (RunnerError, InvalidInput) as error:
            return self._why(request, error)
        return ""

    def _end(self, entry: Entry, now: Request, heir: RequestId | None = None) -> None:
        assert now.undo_cause is not None  # noqa: S101 - written with the move to UNDOING
        outcome = f"handed over to JIT-{heir}" if heir else now.outcome if now.undo_cause in _SAID else ""
        moved = entry.move(now, ENDED_BY[now.undo_cause], WORKER, outcome=outcome, handed_to=heir, attempt_open=False)
        tell(entry, moved, outcome if heir else NOTICES.get(now.undo_cause, "was undone."))

    def _failed(self, request: Request, why: str) -> None:
        """Keep trying, further and further apart, and never call it ended."""
        with self._world.ledger.begin() as entry:
            now = mine(entry, request)
            tries = now.undo_attempts + 1
            moved = entry.amend(
                now,
                "undo_failed",
                WORKER,
                why,
                undo_attempts=tries,
                outcome=why,
                due_at=entry.now + _back_off(tries),
                owner="",
                lease_until=None,
            )
            tell(entry, moved)
            if tries == ALARM_AFTER:
                alarm(entry, moved, f"the undo has failed {tries} times and is tried on: {why}")


def _holders(entry: Entry, request: Request) -> Sequence[Request]:
    """Lock and return whose rows say that they hold the target of a request, its own among them.

    Whoever locks both locks a target before the rows of its holders, or two would wait for each other.
    """
    return entry.holders(*request.snapshot.targets)


def _heir(request: Request, others: Sequence[Request]) -> Request | None:
    """Return who else holds this target; itself where somebody is just starting on it and we have to wait."""
    if any(each.state is State.RUNNING for each in others):
        return request
    heirs = (each for each in others if each.ttl is not None and each.extension is None)
    return next((each for each in heirs if each.state is not State.UNDOING), None)


def _once_more(now: Request, request: Request, began: datetime) -> datetime | None:
    """Tell when an undo that was done has to be done again, since the start has landed meanwhile or still may."""
    if now.may_land(began):
        return now.start_deadline
    if now.snapshot.parts:
        return now.due_at if of_stage(now, *TOUCHED) else None
    return now.due_at if now.version != request.version else None


def _back_off(tries: int) -> timedelta:
    return min(timedelta(seconds=2 ** min(tries - 1, 10)), LONGEST_WAIT)
