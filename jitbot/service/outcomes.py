"""Write what a start came to: done, refused or unsure, in time or late; of one target or of many."""

from dataclasses import dataclass
from typing import Any

from jitbot.lifecycle import Event
from jitbot.model import TOUCHED, Receipt, Request, Stage, State, UndoCause
from jitbot.ports import Entry
from jitbot.service.authority import WORKER
from jitbot.service.parts import of_stage, so_far
from jitbot.service.telling import alarm, announce_end, tell
from jitbot.service.watching import Watching

_SAID_TO_HAVE_HAPPENED = frozenset({State.VERIFYING, State.ACTIVE, State.SUCCEEDED})


@dataclass(frozen=True, slots=True)
class Result:
    """What a start came to: a receipt, a refusal, or neither; then it `may_land` still where its worker was lost."""

    receipt: Receipt | None = None
    refused: str = ""
    unsure: str = ""
    may_land: bool = False
    """Whether it may happen yet, until the start's deadline."""


class Outcomes:
    """Moves a request on by what its start came to, each within a transaction of the caller's."""

    def __init__(self, watching: Watching) -> None:
        self._watching = watching

    def parts_ended(self, entry: Entry, now: Request, failure: str) -> Request:
        """Write what became of all parts: done, or on the way to be undone, or left as it is."""
        touched, unsure = of_stage(now, *TOUCHED), of_stage(now, Stage.BEGUN, Stage.UNSURE)
        wanted = now.ttl is not None or now.stopped_by is not None or _undone_when_one_fails(now)
        found = _found(now) and now.may_land(entry.now)
        may_land = bool(of_stage(now, Stage.BEGUN)) or (bool(unsure) and bool(now.snapshot.pool)) or found
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
            return self.lose(entry, now, failure, attempt_open=may_land)
        outcome = f"{so_far(now)}, which is left as it is. {failure}" if touched else failure
        moved = entry.move(now, Event.FAIL, WORKER, outcome=outcome, attempt_open=False)
        tell(entry, moved, f"failed: {outcome}" if touched else f"failed, nothing happened: {outcome}")
        return moved

    def in_time(self, entry: Entry, now: Request, result: Result) -> Request:
        """Take in the result of the start that is waited for."""
        refused = result.refused and not _repeated(now)
        may_land = result.may_land or _repeated(now)
        if now.stopped_by is not None and now.undoable and not refused:
            return self.stopped(entry, now, result.receipt, attempt_open=may_land)
        if result.receipt is not None:
            return self.happened(entry, now, result.receipt)
        if refused:
            moved = entry.move(now, Event.REFUSE, WORKER, outcome=result.refused, attempt_open=False)
            tell(entry, moved, f"failed, nothing happened: {result.refused}")
            return moved
        first = f"an earlier start may have happened, and the repeated one was refused: {result.refused}"
        return self.lose(entry, now, result.unsure or first, attempt_open=may_land)

    def stopped(self, entry: Entry, now: Request, receipt: Receipt | None, *, attempt_open: bool) -> Request:
        """Undo what a run has done until somebody wanted it to end, whatever that is."""
        changes: dict[str, Any] = {"undo_cause": UndoCause.STOP, "due_at": entry.now, "outcome": "stopped by hand"}
        if receipt is not None and now.receipt is None:
            changes["receipt"] = dict(receipt.data)
        moved = entry.move(now, Event.STOP, WORKER, attempt_open=attempt_open, **changes)
        tell(entry, moved, "was stopped, and what it has done is being undone.")
        return moved

    def lose(self, entry: Entry, now: Request, why: str, *, attempt_open: bool) -> Request:
        """Nobody knows; an attempt whose worker was lost may still land, so it stays open."""
        moved = entry.move(now, Event.LOSE, WORKER, outcome=why, attempt_open=attempt_open, due_at=entry.now)
        tell(entry, moved, f"we don't know whether it happened: {why}")
        alarm(entry, moved, f"unsure: {why}")
        return moved

    def happened(self, entry: Entry, now: Request, receipt: Receipt | None, **more: Any) -> Request:
        """Succeed, or hold the grant from this instant on; where it is to be watched, that begins first."""
        # Without an answer it is only known what is there, which may be another's doing: this start may land yet.
        open_still = _repeated(now) or ((receipt is None or _found(now)) and now.may_land(entry.now))
        changes: dict[str, Any] = {"attempt_open": open_still}
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

    def late(self, entry: Entry, now: Request, result: Result) -> Request:
        """Take in the result of a start that nobody waited for any more."""
        if now.state is State.UNSURE:
            if result.receipt is not None:
                return self.happened(entry, now, result.receipt)
            if result.refused and not _repeated(now):
                moved = entry.move(now, Event.FAIL, WORKER, outcome=result.refused, attempt_open=False)
                tell(entry, moved, f"failed, nothing happened: {result.refused}")
                return moved
        open_still = now.state is State.RUNNING or result.may_land or _repeated(now)
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


def _found(now: Request) -> bool:
    return any(each.found for each in now.progress)


def _contradicts(now: Request, result: Result) -> str:
    """Say what is wrong where a result comes late and is another than what was written down meanwhile."""
    if result.receipt is not None and now.ended_at is not None and now.state is not State.SUCCEEDED:
        return "a start that was given up came through after the end; it is being undone."
    if result.refused and now.state in _SAID_TO_HAVE_HAPPENED and not _repeated(now):
        return f"it was settled as done, and its runner says now that nothing happened: {result.refused}"
    return ""


def _undone_when_one_fails(request: Request) -> bool:
    return request.snapshot.waves is not None and request.snapshot.waves.undo


def _repeated(now: Request) -> bool:
    """Tell whether it was started more than once: then what came of one start says nothing of the others.

    An earlier one may have happened though this one is refused, or may land yet, until its deadline.
    """
    return now.attempts > 1
