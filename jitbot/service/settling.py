"""Settle: find out whether an unsure start happened, by the runner's check or by somebody who has looked."""

from datetime import timedelta
from typing import Any

from jitbot.lifecycle import Event
from jitbot.model import Checked, Health, HealthState, Request, Stage, UndoCause, UserId
from jitbot.ports import Entry
from jitbot.service.authority import WORKER
from jitbot.service.claims import mine
from jitbot.service.outcomes import Outcomes
from jitbot.service.parts import of_stage, with_stage
from jitbot.service.rollouts import Rollouts
from jitbot.service.running import Running
from jitbot.service.telling import tell
from jitbot.service.warranting import as_long, lasting
from jitbot.service.world import World

CHECK_AGAIN = timedelta(seconds=30)
"""How often an unsure result is checked."""


class Settling:
    """The use cases of what may have happened. Every request handed to `unsure` is claimed."""

    def __init__(self, world: World, running: Running, rollouts: Rollouts, outcomes: Outcomes) -> None:
        self._world = world
        self._running = running
        self._rollouts = rollouts
        self._outcomes = outcomes

    def unsure(self, request: Request) -> None:
        """Let the runner's check settle what may have happened, else wait for a person or the end."""
        world = self._world
        if request.expires_at is not None and world.ledger.now() >= request.expires_at:
            with world.ledger.begin() as entry:
                now = mine(entry, request)
                tell(entry, entry.move(now, Event.EXPIRE, WORKER, undo_cause=UndoCause.EXPIRY, due_at=entry.now))
            return world.queue.request(request.id)
        if request.snapshot.parts:
            return self._look_at_parts(request)
        if request.snapshot.pool and self._running.answered(request):
            return None
        began = world.ledger.now()
        health, sure = world.health(request), lasting(world, request)
        with world.ledger.begin() as entry:
            now = as_long(mine(entry, request), sure)
            if health.state is HealthState.HEALTHY:
                entry.record("settled", WORKER, request.id, happened=True)
                self._outcomes.happened(entry, now, None)
            elif health.state is HealthState.ABSENT and not now.may_land(began):
                self.did_not_happen(entry, now, WORKER)
            else:
                self._still_unsure(entry, now, health)
        world.queue.messages()
        return world.queue.request(request.id)

    def _still_unsure(self, entry: Entry, now: Request, health: Health) -> None:
        """Look again in a while, and put what the check says on the card, where it says something else than before."""
        soon = min(entry.now + CHECK_AGAIN, now.expires_at or entry.now + CHECK_AGAIN)
        changes: dict[str, Any] = {"due_at": soon, "owner": "", "lease_until": None}
        news = now.checked is None or now.checked.health != health
        if news:
            changes["checked"] = Checked(entry.now, health)
        amended = entry.amend(now, "checked", WORKER, **changes)
        if news:
            tell(entry, amended)

    def _look_at_parts(self, request: Request) -> None:
        """Let the runner's check settle one part after the other; once none is unsure, it is known what has become."""
        progress = self._rollouts.look(request, may_land=request.may_land(self._world.ledger.now()))
        sure = lasting(self._world, request)
        with self._world.ledger.begin() as entry:
            soon = min(entry.now + CHECK_AGAIN, request.expires_at or entry.now + CHECK_AGAIN)
            changes: dict[str, Any] = {"progress": progress} if progress != request.progress else {}
            now = as_long(mine(entry, request), sure)
            looked = entry.amend(now, "checked", WORKER, due_at=soon, owner="", lease_until=None, **changes)
            if not of_stage(looked, Stage.BEGUN, Stage.UNSURE):
                self._settled(entry, looked)
        self._world.queue.messages()
        self._world.queue.request(request.id)

    def _settled(self, entry: Entry, now: Request) -> Request:
        """Go on where no part is unsure any more: all of them are done, or the request has failed."""
        done = len(of_stage(now, Stage.DONE)) == len(now.snapshot.parts)
        return self._outcomes.parts_ended(entry, now, "" if done else now.outcome)

    def did_happen(self, entry: Entry, request: Request, by: UserId) -> Request:
        """Settle an unsure result as happened, because somebody has looked."""
        entry.record("settled", by, request.id, happened=True)
        if request.snapshot.parts:
            return self._settle_parts(entry, request, by, Stage.DONE)
        return self._outcomes.happened(entry, request, None, settled_by=by)

    def did_not_happen(self, entry: Entry, request: Request, by: str) -> Request:
        """Settle an unsure result as not happened; a grant is undone all the same."""
        entry.record("settled", by, request.id, happened=False)
        if request.snapshot.parts:
            return self._settle_parts(entry, request, by, Stage.REFUSED)
        if request.ttl is not None:
            changes: dict[str, Any] = {"undo_cause": UndoCause.NOT_STARTED, "due_at": entry.now, **_said_by(by)}
            moved = entry.move(request, Event.UNDO, by, **changes)
            tell(entry, moved)
            return moved
        moved = entry.move(request, Event.FAIL, by, outcome="it did not happen", attempt_open=False, **_said_by(by))
        tell(entry, moved, "did not happen.")
        return moved

    def _settle_parts(self, entry: Entry, request: Request, by: str, stage: Stage) -> Request:
        progress = with_stage(request, of_stage(request, Stage.BEGUN, Stage.UNSURE), stage)
        return self._settled(entry, entry.amend(request, "parts", by, progress=progress, **_said_by(by)))


def _said_by(by: str) -> dict[str, Any]:
    """Return what is kept of whoever has looked; the check is nobody."""
    return {} if by == WORKER else {"settled_by": by}
