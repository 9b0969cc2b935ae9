"""Attend: look at what is due and do the next thing. "Due" is a query; a lost wake-up only costs time."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from jitbot.errors import Conflict, JitbotError, StoreUnavailable
from jitbot.lifecycle import TERMINAL
from jitbot.model import Request, RequestId, State
from jitbot.service.asking import Asking
from jitbot.service.chasing import Chasing
from jitbot.service.intake import Intake
from jitbot.service.keeping import Keeping
from jitbot.service.running import Running
from jitbot.service.undoing import TIME_LIMIT, Undoing
from jitbot.service.watching import Watching
from jitbot.service.world import World

log = logging.getLogger(__name__)

AT_ONCE = 200
"""How many due rows one sweep wakes workers for."""


class Sweep:
    """Claims one due request at a time and hands it to the use case of its state."""

    def __init__(
        self,
        world: World,
        *,
        intake: Intake,
        asking: Asking,
        chasing: Chasing,
        running: Running,
        watching: Watching,
        undoing: Undoing,
    ) -> None:
        self._world = world
        self._intake = intake
        self._chasing = chasing
        self._keeping = Keeping(world)
        self._held: dict[RequestId, tuple[Request, datetime]] = {}
        self._turn = threading.Lock()
        self._next: Mapping[State, Callable[[Request], object]] = {
            State.DECIDING: asking.decided,
            State.PENDING: chasing.waits,
            State.APPROVED: running.approved,
            State.RUNNING: running.lost,
            State.VERIFYING: watching.look,
            State.ACTIVE: undoing.expired,
            State.UNDOING: undoing.undo,
            State.UNSURE: running.unsure,
        } | dict.fromkeys(TERMINAL, undoing.clean_up)

    def tick(self) -> None:
        """Wake workers for everything that is due. Never raises for what can be mended by the next tick."""
        world = self._world
        try:
            for key in world.inbox.waiting(AT_ONCE):
                world.queue.delivery(key)
            for request in world.ledger.due(AT_ONCE):
                world.queue.request(request)
            self._chasing.overdue()
            self._keeping.tick()
        except StoreUnavailable as error:
            log.warning("the sweep has to wait: %s", error)
        world.queue.messages()

    def delivery(self, key: str) -> None:
        """Work on a delivery that nobody waits for any more."""
        self._intake.work(key, by_message=True)

    def attend(self, request: RequestId) -> None:
        """Claim a request, if it is due and free, and do the next thing."""
        claimed = self._world.ledger.claim(request, self._world.name, self._world.lease)
        if claimed is None:
            return
        with self._turn:
            self._held[claimed.id] = (claimed, self._world.ledger.now())
        try:
            self._next[claimed.state](claimed)
        except Conflict as conflict:
            log.info("%s: %s", claimed.name, conflict)
        finally:
            with self._turn:
                self._held.pop(claimed.id, None)

    def renew(self) -> None:
        """Keep the claims of what is being worked on.

        A start or an undo that hangs is not kept beyond its limit: its claim runs out and others go on.
        """
        with self._turn:
            held = list(self._held.values())
        for request, since in held:
            limit = max(request.snapshot.longest, TIME_LIMIT) + self._world.lease
            try:
                if self._world.ledger.now() < since + limit:
                    self._world.ledger.renew(request, self._world.lease)
            except JitbotError as error:
                log.warning("the claim on %s could not be renewed: %s", request.name, error)
