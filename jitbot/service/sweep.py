"""Attend: look at what is due and do the next thing. "Due" is a query; a lost wake-up only costs time."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from jitbot.errors import Conflict, JitbotError, StoreRefused, StoreUnavailable
from jitbot.model import Request, RequestId, State
from jitbot.service.chasing import Chasing
from jitbot.service.halt_cards import HaltCards
from jitbot.service.intake import Intake
from jitbot.service.joining import Joining
from jitbot.service.keeping import Keeping
from jitbot.service.leaving import Leaving
from jitbot.service.outliving import Outliving
from jitbot.service.undoing import TIME_LIMIT
from jitbot.service.world import World

log = logging.getLogger(__name__)

AT_ONCE = 2_000
"""How many due rows one sweep wakes workers for: more than they can do until the next, so that none of them rests."""
SLACK = timedelta(seconds=20)
"""What is added to a deadline before its work is given up: for the writing of a result that came just in time."""


class Sweep:
    """Claims one due request at a time and hands it to the use case of its state."""

    def __init__(
        self,
        world: World,
        *,
        intake: Intake,
        chasing: Chasing,
        leaving: Leaving,
        joining: Joining,
        states: Mapping[State, Callable[[Request], object]],
    ) -> None:
        """`states` says what is done with a due request of each state."""
        self._world = world
        self._intake = intake
        self._chores = (
            Outliving(world).tick,
            chasing.overdue,
            Keeping(world).tick,
            HaltCards(world).tick,
            leaving.tick,
            joining.tick,
        )
        self._held: dict[RequestId, tuple[Request, datetime]] = {}
        self._turn = threading.Lock()
        self._away = False
        self._next = states

    def tick(self) -> None:
        """Do all of it once."""
        self.wake()
        self.chores()
        self._world.queue.messages()

    def wake(self) -> None:
        """Wake workers for everything that is due. Never raises for what can be mended by the next tick."""
        world = self._world
        try:
            world.halts.follow()
            if self._away:  # first of all, before other processes take what we are at for lost
                self.renew()
            for key in world.inbox.waiting(AT_ONCE):
                world.queue.delivery(key)
            for request in world.ledger.due(AT_ONCE):
                world.queue.request(request)
            self._away = False
        except StoreUnavailable as error:
            self._away = True
            log.warning("the sweep has to wait: %s", error)

    def chores(self) -> None:
        """Do what hangs on no single request that is due; one process at it is enough. Never raises.

        One that fails keeps no other from being done: a row that was bent must not stop what has nothing to do with it.
        """
        for chore in self._chores:
            try:
                chore()
            except StoreRefused:
                log.exception("a chore cannot be written, and is tried again")
            except StoreUnavailable as error:
                return log.warning("the chores have to wait: %s", error)
            except Exception:
                log.exception("a chore failed, and is tried again")
        return None

    def delivery(self, key: str) -> None:
        """Work on a delivery that nobody waits for any more."""
        try:
            self._intake.work(key, by_message=True)
        except StoreUnavailable as error:
            log.warning("a delivery has to wait for the database: %s", error)

    def attend(self, request: RequestId) -> None:
        """Claim a request, if it is due and free, and do the next thing."""
        try:
            if not self._in_our_hands(request):
                self._take_up(request)
        except StoreUnavailable as error:
            log.warning("JIT-%s has to wait for the database: %s", request, error)

    def _take_up(self, request: RequestId) -> None:
        world = self._world
        asked = world.claims.clock()
        claimed = world.ledger.claim(request, world.name, world.lease)
        if claimed is None:
            return
        since = world.ledger.now()
        world.claims.keep(claimed, asked + world.lease.total_seconds())
        with self._turn:
            self._held[claimed.id] = (claimed, since)
        try:
            self._next[claimed.state](claimed)
        except Conflict as conflict:
            log.info("%s: %s", claimed.name, conflict)
            world.halts.follow()  # it may be that they have changed
        finally:
            world.claims.let_go(claimed)
            with self._turn:  # who was given up and comes back leaves alone what others have claimed since
                held = self._held.get(claimed.id)
                if held is not None and held[0].fence == claimed.fence:
                    del self._held[claimed.id]

    def renew(self) -> None:
        """Keep the claims of what is being worked on.

        What hangs is not kept beyond its limit: its claim runs out and others go on.
        """
        with self._turn:
            held = list(self._held.values())
        for request, since in held:
            try:
                self._renewed(request, since)
            except JitbotError as error:
                log.warning("the claim on %s could not be renewed: %s", request.name, error)

    def _in_our_hands(self, request: RequestId) -> bool:
        """Tell whether a thread of this process is at it: its claim may have run out while the database was away."""
        with self._turn:
            held = self._held.get(request)
        return held is not None and self._renewed(*held)

    def _renewed(self, request: Request, since: datetime) -> bool:
        """Keep a claim that is still ours, unless its work hangs; what has a result to write does not.

        One that was lost, or whose database is away, is not acted on any more.
        """
        world = self._world
        if not world.results.waits(request.id) and world.ledger.now() >= self._limit(request, since):
            return False
        asked = world.claims.clock()
        if world.ledger.renew(request, world.lease):
            world.claims.longer(request, asked + world.lease.total_seconds())
            return True
        world.claims.let_go(request)
        return False

    def _limit(self, request: Request, since: datetime) -> datetime:
        """Return until when one may work on a request: a start has its deadline, all else the time of an undo."""
        now = self._world.ledger.get(request.id)
        deadline = now.start_deadline if now.state is State.RUNNING else None
        return (deadline or since + TIME_LIMIT) + SLACK
