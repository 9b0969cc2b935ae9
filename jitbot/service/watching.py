"""Watch: look at a run for a time after it has started, and once more after it was undone.

What is looked at, and how, was approved with the request: today's policy is not asked. Each reading is written down
before the next one is due, so that a worker that dies only delays it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jitbot.lifecycle import ENDED_BY, Event
from jitbot.model import HealthState, Request, UndoCause, Verification, Watch
from jitbot.policy.durations import format_duration
from jitbot.policy.watching import RUNNING, Reading, judge, kept
from jitbot.ports import Entry
from jitbot.service.authority import WORKER
from jitbot.service.claims import mine
from jitbot.service.facts import FactsReader
from jitbot.service.telling import alarm, announce_end, tell
from jitbot.service.world import World

UNHEALTHY, HEALTHY, UNKNOWN = HealthState.UNHEALTHY, HealthState.HEALTHY, HealthState.UNKNOWN
_FREE: dict[str, Any] = {"owner": "", "lease_until": None}


class Watching:
    """The use cases of workers between a start and its end. Every request handed in is claimed."""

    def __init__(self, world: World, facts: FactsReader) -> None:
        self._world = world
        self._facts = facts

    def begin(self, request: Request) -> tuple[Watch | None, str]:
        """Return what was read just before the start, to be compared with later, and why it must not start."""
        verification = request.snapshot.verify
        if verification is None:
            return None, ""
        facts = self._facts.afresh(verification.facts, request)
        watch = Watch(before=kept(facts))
        if verification.even_if_unhealthy:
            return watch, ""
        health = self._world.health(request) if verification.check else None
        reading = judge(verification, request.params, watch.before, facts, health, absent=HEALTHY)
        return watch, reading.said or "the runner says so" if reading.state is UNHEALTHY else ""

    def started(self, entry: Entry, now: Request, verification: Verification, changes: Mapping[str, Any]) -> Request:
        """Begin to watch what has just started; a grant is held from here on."""
        watch = replace(now.watch or Watch(), until=entry.now + verification.within)
        soon = entry.now + verification.every
        changes = {**changes, "watch": watch, "due_at": min(soon, changes.get("expires_at", soon))}
        moved = entry.move(now, Event.VERIFY, WORKER, **changes)
        tell(entry, moved, f"started; its health is watched for {format_duration(verification.within)}.")
        return moved

    def look(self, request: Request) -> None:
        """Take one reading of a run, and follow it."""
        world = self._world
        if request.expires_at is not None and world.ledger.now() >= request.expires_at:
            with world.ledger.begin() as entry:
                now = mine(entry, request)
                tell(entry, entry.move(now, Event.EXPIRE, WORKER, undo_cause=UndoCause.EXPIRY, due_at=entry.now))
        else:
            verification, watch = _watched(request)
            reading = self._reading(request, verification, watch)
            with world.ledger.begin() as entry:
                self._follow(entry, mine(entry, request), reading)
        world.queue.messages()
        world.queue.request(request.id)

    def between(self, request: Request) -> Reading:
        """Take one reading of the parts that are done, by what the action says, or else by the runner's own check.

        A runner that cannot tell keeps nothing from going on; a condition that cannot be read does.
        """
        if request.snapshot.verify is not None:
            return self._reading(request, request.snapshot.verify, request.watch or Watch())
        health = self._world.health(request)
        bad = health.state in (HealthState.UNHEALTHY, HealthState.ABSENT)
        return Reading(UNHEALTHY if bad else HEALTHY, health.detail)

    def undone(self, request: Request) -> None:
        """Take one reading of what was undone: whether the undo has helped."""
        verification, watch = _watched(request)
        reading = self._reading(request, verification, watch)
        with self._world.ledger.begin() as entry:
            now = mine(entry, request)
            watch = counted(watch, reading)
            over = watch.until is None or entry.now >= watch.until
            if reading.state is HEALTHY:
                self._end_undone(entry, now, watch, "healthy again.")
            elif not over:
                self._again(entry, now, watch, verification)
            else:
                still = "STILL UNHEALTHY" if reading.state is UNHEALTHY else "not verified"
                self._end_undone(entry, now, watch, f"{still}: {reading.said}", loud=True)
        self._world.queue.messages()

    def watch_undone(self, entry: Entry, now: Request) -> bool:
        """Begin to watch whether an undo has helped; False where nobody wants to know."""
        verification, watch = now.snapshot.verify, now.watch
        wanted = now.undo_cause in (UndoCause.UNHEALTHY, UndoCause.STOP, UndoCause.PARTWAY)
        if verification is None or watch is None or not wanted or now.attempt_open:
            return False
        begun = replace(watch, undone=True, unhealthy=0, until=entry.now + verification.within)
        entry.amend(now, "undone", WORKER, watch=begun, undo_attempts=0, due_at=entry.now, **_FREE)
        return True

    def _follow(self, entry: Entry, now: Request, reading: Reading) -> None:
        verification, watch = _watched(now)
        watch = counted(watch, reading)
        over = watch.until is not None and entry.now >= watch.until
        if watch.unhealthy >= RUNNING:
            self._unhealthy(entry, now, watch, verification)
        elif not over or reading.state is UNHEALTHY:  # one at the very end wants another one
            self._again(entry, now, watch, verification)
        elif reading.state is HEALTHY:
            self._well(entry, now, watch, f"watched for {format_duration(verification.within)}: healthy.")
        else:
            moved = self._well(entry, now, watch, f"not verified: {reading.said}")
            alarm(entry, moved, f"done, but nobody can tell whether it is healthy: {reading.said}")

    def _well(self, entry: Entry, now: Request, watch: Watch, said: str) -> Request:
        changes: dict[str, Any] = {"watch": watch, "due_at": now.expires_at, "outcome": _joined(now.outcome, said)}
        if now.ttl is None:
            moved = entry.move(now, Event.SUCCEED, WORKER, **changes)
            tell(entry, moved, f"done. {moved.outcome}")
        else:
            moved = entry.move(now, Event.GRANT, WORKER, **changes)
            tell(entry, moved, f"granted; {said}")
            announce_end(entry, moved)
        return moved

    def _unhealthy(self, entry: Entry, now: Request, watch: Watch, verification: Verification) -> None:
        """Have it undone; what cannot be, or shall not be, ends as failed, and somebody is told."""
        if verification.undo and now.undoable:
            changes: dict[str, Any] = {"undo_cause": UndoCause.UNHEALTHY, "due_at": entry.now}
            moved = entry.move(now, Event.UNHEALTHY, WORKER, watch=watch, outcome=watch.said, **changes)
            tell(entry, moved, f"is unhealthy, and is being undone: {watch.said}")
            alarm(entry, moved, f"unhealthy after the start, and being undone: {watch.said}")
            return
        left = "left as it is" if now.undoable else "it cannot be undone"
        outcome = f"unhealthy, {left}: {watch.said}"
        moved = entry.move(now, Event.FAIL, WORKER, watch=watch, outcome=outcome)
        tell(entry, moved, outcome)
        alarm(entry, moved, outcome)

    def _end_undone(self, entry: Entry, now: Request, watch: Watch, said: str, *, loud: bool = False) -> None:
        assert now.undo_cause is not None  # noqa: S101 - written with the move to UNDOING
        outcome = _joined(now.outcome, f"afterwards {said}")
        moved = entry.move(now, ENDED_BY[now.undo_cause], WORKER, watch=watch, outcome=outcome, attempt_open=False)
        tell(entry, moved, f"was undone; afterwards {said}")
        if loud:
            alarm(entry, moved, f"was undone; afterwards {said}")

    def _again(self, entry: Entry, now: Request, watch: Watch, verification: Verification) -> None:
        soon = entry.now + verification.every
        due_at = soon if now.expires_at is None else min(soon, now.expires_at)
        amended = entry.amend(now, "reading", WORKER, watch.said, watch=watch, due_at=due_at, **_FREE)
        if now.watch is not None and now.watch.unhealthy != watch.unhealthy:
            tell(entry, amended)

    def _reading(self, request: Request, verification: Verification, watch: Watch) -> Reading:
        facts = self._facts.afresh(verification.facts, request)
        health = self._world.health(request) if verification.check else None
        absent = HEALTHY if watch.undone else UNHEALTHY
        return judge(verification, request.params, watch.before, facts, health, absent=absent)


def _watched(request: Request) -> tuple[Verification, Watch]:
    verification = request.snapshot.verify
    assert verification is not None  # noqa: S101 - only what is watched gets here
    return verification, request.watch or Watch()


def counted(watch: Watch, reading: Reading) -> Watch:
    """Count a reading; one that tells nothing is neither healthy nor unhealthy."""
    if reading.state is UNKNOWN:
        return replace(watch, said=reading.said)
    return replace(watch, said=reading.said, unhealthy=watch.unhealthy + 1 if reading.state is UNHEALTHY else 0)


def _joined(first: str, second: str) -> str:
    return "; ".join(part for part in (first.rstrip(". "), second) if part)
