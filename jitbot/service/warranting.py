"""Sign for what is about to be done: exactly what was verified, for one worker, and on record where it goes elsewhere.

What runs in this process goes through the same gate as what runs on a worker; its intention is on record already.
"""

from dataclasses import replace
from datetime import datetime
from typing import Protocol

from jitbot.errors import Conflict, NoWarrant, RunnerUnsure, Tampered
from jitbot.model import Receipt, Request, State
from jitbot.service.authority import WORKER
from jitbot.service.telling import alarm
from jitbot.service.world import World
from jitbot.warrants.warrant import Act, Deed, receipt_digest

WARRANTED = "warranted"
"""The event of a warrant that is about to be signed for a worker."""
_UNDONE_BY = ("snapshot", "digest", "revision", "ttl", "receipt", "progress")
"""What decides what an undo does, and where."""
_BENT = "What it has done is not in its row as its signed record has it."


class Times(Protocol):
    """What a warrant has of a run."""

    key: str
    deadline: datetime
    until: datetime | None


def sign(
    world: World, request: Request, run: Times, *, part: int | None, deed: str, receipt: Receipt | None, worker: str
) -> str:
    """Return a signed warrant for one act of a request. Raises: NoWarrant, RunnerUnsure, StoreUnavailable."""
    snapshot = request.snapshot
    if snapshot.pool:
        with world.ledger.begin() as entry:
            entry.record(WARRANTED, WORKER, request.id, key=run.key, deed=deed, worker=worker)
        if deed == Deed.START:
            _only_one(world, request, run.key, worker)
    return world.warrants.issue(
        Act(
            deed=Deed(deed),
            request=request.id,
            digest=request.digest,
            key=run.key,
            runner=snapshot.runner,
            inputs=snapshot.inputs if part is None else snapshot.inputs[snapshot.parts[part].name],
            receipt=receipt_digest(receipt),
            pool=snapshot.pool,
            worker=worker,
            start_before=run.deadline,
            until=run.until,
            lasts=request.ttl.total_seconds() if request.ttl is not None and deed == Deed.START else None,
            policy=request.policy_digest,
        )
    )


def _only_one(world: World, request: Request, key: str, worker: str) -> None:
    """See that the first worker that was to have leave is this one, unless its runner may repeat.

    Of two processes of the service that sign at the same time, the record says which was first. Raises: RunnerUnsure.
    """
    if world.runner(request, 0 if request.snapshot.parts else None)[0].repeatable:
        return
    try:
        events = world.trail.told(request.id, WARRANTED)
    except Tampered as error:
        raise NoWarrant(f"{error} Nothing is signed by a record that does not hold.") from error
    starts = (event.body for event in events if (event.body["key"], event.body["deed"]) == (key, Deed.START))
    if next(starts)["worker"] != worker:
        raise RunnerUnsure("Another worker had leave to begin it before, and nobody knows whether it has.")


def as_recorded(world: World, request: Request) -> Request:
    """Return a request as it may be undone: by its signed record, whatever the row says.

    Where the two differ, the operators are told, at the first try. Raises: NoWarrant, where the record does not hold.
    """
    try:
        # Without the newest events an undo knows an older receipt, or none, which it has to bear. Of many targets it
        # would leave some as they are, so there the whole record has to hold.
        rebuilt = world.trail.rebuild(request.id)[0] if request.progress else _held_to(world, request)
    except Tampered as error:
        raise NoWarrant(f"{error} What is not on record cannot be undone by it: look at it by hand.") from error
    if rebuilt.started_at is None or rebuilt.state is State.SUCCEEDED:
        raise NoWarrant(f"{request.name} holds nothing, by its signed record, so that there is nothing to undo.")
    recorded = replace(request, **{name: getattr(rebuilt, name) for name in _UNDONE_BY})
    if recorded != request and not request.undo_attempts and _stands(world, request):
        _told(world, request, f"{_BENT} It is undone by its record.")
    return recorded


def holds(world: World, other: Request) -> bool:
    """Tell whether another request holds its targets by its signed record too, so that an end may be left to it.

    Raises: Conflict, where it moves just now.
    """
    try:
        recorded = world.trail.signed(other.id)
    except Tampered as error:
        why = str(error)
    else:
        if (recorded.state, recorded.snapshot, recorded.ttl) == (other.state, other.snapshot, other.ttl):
            return True
        why = f"What {other.name} holds is not what its signed record says."
    if not _stands(world, other):
        raise Conflict(f"{other.name} has moved while it was looked at.")
    _told(world, other, f"{why} No end is left to it.")
    return False


def lasting(world: World, request: Request) -> Request:
    """Return a request with the length and the end that its signed record gives it. Raises: Conflict."""
    try:
        return as_long(request, world.trail.signed(request.id))
    except Tampered as error:
        raise Conflict(f"{error} For how long it is held cannot be told.") from error


def as_long(request: Request, verified: Request) -> Request:
    """Return a request that is held for as long as the verified one, whatever its row says by now."""
    return replace(request, ttl=verified.ttl, expires_at=verified.expires_at)


def _held_to(world: World, request: Request) -> Request:
    """Rebuild what was granted; where some of its own events were changed, by those that were not. Raises: Tampered."""
    try:
        return world.trail.signed(request.id)
    except Tampered as error:
        rebuilt = world.trail.salvaged(request.id)
        if rebuilt.started_at is None:
            raise
        if not request.undo_attempts:
            _told(world, request, f"{error} It is undone by what of its record holds.")
        return rebuilt


def _told(world: World, request: Request, why: str) -> None:
    with world.ledger.begin() as entry:
        entry.record("tampered", WORKER, request.id, why=why)
        alarm(entry, request, f"{why} Look at the audit record before anything else.")


def _stands(world: World, request: Request) -> bool:
    """Tell whether a row is still as it was read: what comes in late is no tampering."""
    return world.ledger.get(request.id).version == request.version


def barred(world: World, request: Request, error: NoWarrant) -> None:
    """Tell the operators that somebody refused to act: it was not signed for, or goes beyond a ceiling."""

    def write() -> None:
        with world.ledger.begin() as entry:
            entry.record("barred", WORKER, request.id, why=str(error))
            alarm(entry, request, f"REFUSED BY WHO WAS TO DO IT: {error}")

    world.results.write(request, write)
    world.queue.messages()
