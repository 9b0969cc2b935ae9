"""Outlive: nothing is held beyond the end that its signed record gives it, whatever its row says, or if it has none.

Workers find what is due by the rows. Who can write these could have a grant forgotten: by a later instant, by another
state, or by taking the row away. So what has started is kept in mind by the record, and where its end has passed and
its row does not lead there, the row is put right and the operators are told.
"""

import logging
from datetime import datetime, timedelta
from heapq import heappop, heappush

from jitbot.errors import Conflict, InNewerHands, NotFound, Tampered
from jitbot.lifecycle import TERMINAL
from jitbot.model import Outgoing, Request, RequestId, State, Topic
from jitbot.service.authority import WORKER, difference
from jitbot.service.telling import alarm
from jitbot.service.world import World

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=30)
LATE = timedelta(minutes=2)
"""So long workers have for an end before anybody looks whether something keeps them from it."""
RETRIED_WITHIN = timedelta(minutes=1)
"""What is being ended is looked at again that soon, or its row does not lead there."""
LOOKS = 10
"""So many are looked at in one tick: each is a millisecond or two, and a process may find thousands when it starts."""


class Outliving:
    """Called with every sweep; looks at what has come to its end by the record."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._next: datetime | None = None
        self._seen = 0
        self._looks: list[tuple[datetime, RequestId]] = []
        """When to look at what has started, as far as is known here; a heap."""

    def tick(self) -> None:
        """Look for what outlives its end. Raises: StoreUnavailable."""
        now = self._world.ledger.now()
        if self._next is None or now >= self._next:
            self._next = now + EVERY
            self._seen, begun = self._world.trail.begun(self._seen)
            for each in begun:
                heappush(self._looks, (now, each))
        for _ in range(LOOKS):
            if not self._looks or self._looks[0][0] > now:
                return
            _, request = heappop(self._looks)
            again: datetime | None = now + EVERY  # if it cannot be looked at, and others must not wait for it
            try:
                again = self._look(request, now)
            finally:
                if again is not None:
                    heappush(self._looks, (again, request))

    def _look(self, request: RequestId, now: datetime) -> datetime | None:
        """Look at one request, and return when to do so again, if ever."""
        try:
            recorded = self._world.trail.salvaged(request)
        except Tampered as error:
            self._say(request, error)
            return None
        except Conflict:  # newer code has it in hand
            return now + EVERY
        if recorded.state in TERMINAL or recorded.expires_at is None:
            return None
        if recorded.expires_at + LATE <= now:
            self._put_right(recorded, now)
        return max(recorded.expires_at + LATE, now + EVERY)

    def _put_right(self, recorded: Request, now: datetime) -> None:
        """Have a row lead to its end again, if it does not."""
        try:
            why = _why_not(recorded, self._world.ledger.get(recorded.id), now)
        except (NotFound, InNewerHands, ValueError, LookupError, TypeError):  # newer code's, its events tell too
            why = f"The row of {recorded.name} is gone, hidden, or cannot be read."
        if not why or self._world.trail.salvaged(recorded.id) != recorded:  # it has moved in the same moment
            return
        said = f"{why} It is ended by its signed record. Look at the audit record before anything else."
        log.error("%s outlives its end: %s", recorded.name, why)
        with self._world.ledger.begin() as entry:
            entry.record("tampered", WORKER, recorded.id, why=why)
            alarm(entry, entry.put_right(recorded), f"OUTLIVES ITS END: {said}")
        self._world.queue.messages()
        self._world.queue.request(recorded.id)

    def _say(self, request: RequestId, error: Tampered) -> None:
        """Say that it cannot be told when something ends; what can, its row still does."""
        log.error("JIT-%s: %s", request, error)
        text = f"JIT-{request}: it cannot be told when this ends. {error} Run: jitbot audit verify"
        with self._world.ledger.begin() as entry:
            entry.record("tampered", WORKER, request, why=str(error))
            entry.say(Outgoing(f"alarm:ends:{request}", Topic.ALARM, None, text))
        self._world.queue.messages()


def _why_not(recorded: Request, row: Request, now: datetime) -> str:
    """Say why a row does not lead to the end of a request; nothing where it does."""
    different = difference(recorded, row)
    if different:
        return f"The {different} of {recorded.name} is not what its signed record says."
    leased = row.lease_until is not None and row.lease_until > now
    held_up = recorded.state is State.ACTIVE and leased  # whoever has claimed a grant that is due has moved it at once
    if held_up or (not leased and (row.due_at is None or row.due_at > now + RETRIED_WITHIN)):
        return f"When {recorded.name} is looked at next was changed."
    return ""
