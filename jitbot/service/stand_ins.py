"""Who stands in for whom now, as far as the signed record says so; what does not hold is reported, and never counts."""

import logging
import threading
from collections.abc import Collection, Sequence
from datetime import datetime

from jitbot.errors import Tampered
from jitbot.model import Delegation, Outgoing, Topic, UserId
from jitbot.service.world import World

log = logging.getLogger(__name__)

UNREAD = "delegations"


class StandIns:
    """Reads delegations for deciding, and raises an alarm once for each that is not what was signed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._turn = threading.Lock()
        self._told: set[str] = set()

    def for_any(
        self, groups: Sequence[Collection[UserId]], at: datetime, unread: dict[str, str]
    ) -> tuple[Delegation, ...]:
        """Return the delegations in force by members of these groups; none where the record does not hold."""
        if not groups:
            return ()
        try:
            read = self._world.delegations.standing(at)
        except Tampered as error:
            self._alarm(str(error))
            unread[UNREAD] = "their signed record does not hold"
            return ()
        for fault in read.faults:
            self._alarm(fault)
        return tuple(each for each in read.standing if any(each.delegator in group for group in groups))

    def _alarm(self, fault: str) -> None:
        """Tell the operators, once for each fault of a process."""
        with self._turn:
            if fault in self._told:
                return
            self._told.add(fault)
        log.error("a delegation does not count: %s", fault)
        with self._world.ledger.begin() as entry:
            entry.record("tampered", "worker", why=fault)
            text = f"A DELEGATION DOES NOT COUNT: {fault} Look at the audit record before anything else."
            entry.say(Outgoing(f"alarm:delegations:{fault}"[:255], Topic.ALARM, None, text))
        self._world.queue.messages()
