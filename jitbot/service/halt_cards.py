"""Keep the open cards saying what is halted, some at a time: a halt of everything may concern a thousand of them.

The operators are told at once; the cards follow, and behind everything else that is to be said.
"""

import logging
from typing import Any

from jitbot.errors import Conflict
from jitbot.model import Outgoing, Request, RequestId, State, Topic
from jitbot.service.world import World

log = logging.getLogger(__name__)

AT_ONCE = 50
"""So many open requests are looked at with every sweep."""
CLOCK = "clock"
OPEN = (State.PENDING, State.APPROVED)


class HaltCards:
    """Called with every sweep; goes round the open requests as long as a halt stands, and once after it was lifted."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._after = RequestId(0)
        self._shown: tuple[int, str] | None = None
        """What the cards say that this round began with."""
        self._quiet: tuple[int, str] | None = None
        self._alarmed = ""

    def tick(self) -> None:
        """Look at the next open requests. Raises: StoreUnavailable."""
        known = self._world.halts.follow()
        if known.fault != self._alarmed:
            self._alarm(known.fault)
            self._alarmed = known.fault
        wanted = (known.as_of, known.fault)
        if self._quiet == wanted:
            return
        if self._shown != wanted:
            self._shown, self._after = wanted, RequestId(0)
        page = self._world.ledger.behind(self._after, OPEN, AT_ONCE)
        for request in page:
            self._say(request)
        round_over = len(page) < AT_ONCE
        self._after = RequestId(0) if round_over else page[-1].id
        if round_over and not known.standing and not known.fault:
            self._quiet = wanted

    def _say(self, request: Request) -> None:
        """Have a card redrawn that says something else; what was held back and is free is looked at now.

        Whoever has moved the request meanwhile redraws it anyway.
        """
        why = self._world.halts.clearance(request).why_not
        if why == request.halted:
            return
        try:
            with self._world.ledger.begin() as entry:
                held = not why and request.state is State.APPROVED and request.owner == ""
                due: dict[str, Any] = {"due_at": max(entry.now, request.starts_at or entry.now)} if held else {}
                entry.amend(request, "halt_shown", CLOCK, halted=why, **due)
                entry.say(Outgoing(f"redraw:{request.id}", Topic.REDRAW, request.id))
        except Conflict as conflict:
            log.info("%s is looked at again: %s", request.name, conflict)
        else:
            self._world.queue.request(request.id)

    def _alarm(self, fault: str) -> None:
        with self._world.ledger.begin() as entry:
            if fault:
                entry.record("tampered", CLOCK, why=fault)
                entry.say(Outgoing("alarm:halts", Topic.ALARM, None, f"NOTHING STARTS: {fault}"))
            else:
                entry.say(Outgoing("alarm:halts", Topic.ALARM, None, "The record of halts holds again."))
