"""Ends what this worker has granted and nobody has ended in time: the service, or the database, may be gone.

It needs nobody's leave: what was permitted was permitted until then. Whoever asks for the same undo afterwards is told.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from jitbot.errors import JitbotError
from jitbot.model import Receipt
from jitbot.pools.grants import Grant, Grants
from jitbot.ports import Catalog

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=15)
"""How long after its end the service is left to end a grant: it knows who holds the same target, and tells people."""
TIME_LIMIT = timedelta(minutes=5)
LONGEST_WAIT_SECONDS = 60.0
AT_ONCE = 16
"""So many ends are at work at the same time."""
LONG_SECONDS = 60.0
"""An end that takes longer does not count any more for how many are at work: one that hangs keeps no other out."""


InHand = Callable[[str], datetime | None]
"""Until when a run is in the hands of somebody else, who was asked; None where it is in nobody's."""


class OwnRun:
    """Implements `ports.Run` for an undo that nobody has asked for: what it says goes to the worker's log."""

    def __init__(self, grant: Grant, now: datetime) -> None:
        self.key = grant.key
        self.deadline = now + TIME_LIMIT
        self.until: datetime | None = grant.ends_at

    def log(self, line: str) -> None:
        log.info("%s: %s", self.key, line)

    def result(self, line: str) -> None:
        """Leave it out: there is nobody to tell."""

    def stopping(self) -> bool:
        return False


class Ender:
    """Looks at a worker's grants now and then. `catalog` has the runners themselves, without the gate before them."""

    def __init__(self, grants: Grants, catalog: Catalog, now: Callable[[], datetime]) -> None:
        self._grants, self._catalog, self._now = grants, catalog, now
        self._turn = threading.Lock()
        self._tries: dict[str, tuple[int, float]] = {}
        """How often an end has failed, and when it is tried again (monotonic seconds)."""
        self._at_work: dict[str, float] = {}
        """Which ends are at work, and since when (monotonic seconds)."""

    def look(self, busy: InHand) -> None:
        """Begin to end what is due and in nobody's hand; what fails is tried again, further and further apart."""
        while self._has_room() and (due := self._next(busy)) is not None:
            threading.Thread(target=self._work, args=(due, busy), name=f"end {due.key}", daemon=True).start()

    def _work(self, due: Grant | None, busy: InHand) -> None:
        while due is not None:
            try:
                self._end(due)
            finally:
                with self._turn:
                    del self._at_work[due.key]
            due = self._next(busy)

    def _next(self, busy: InHand) -> Grant | None:
        """Take one that is due, is not at work already, and is in nobody else's hand."""
        with self._turn:
            for grant in self._grants.held():
                if self._now() < grant.ends_at + GRACE:
                    return None
                tries, again_at = self._tries.get(grant.key, (0, 0.0))
                if grant.key in self._at_work or time.monotonic() < again_at or self._in_hand(grant, busy):
                    continue
                self._tries[grant.key] = (tries + 1, time.monotonic() + min(2.0**tries, LONGEST_WAIT_SECONDS))
                self._at_work[grant.key] = time.monotonic()
                return grant
        return None

    def _in_hand(self, grant: Grant, busy: InHand) -> bool:
        """Tell whether somebody is at it; what hangs beyond its deadline counts no more, for it may never come back."""
        until = busy(grant.key)
        return until is not None and self._now() < until

    def _has_room(self) -> bool:
        with self._turn:
            lately = time.monotonic() - LONG_SECONDS
            return sum(since > lately for since in self._at_work.values()) < AT_ONCE

    def _end(self, grant: Grant) -> None:
        try:
            runner, inputs = self._catalog.runner(grant.runner), self._catalog.inputs(grant.runner, grant.inputs)
            if not self._kept_by_another(grant):
                receipt = None if grant.receipt is None else Receipt(grant.receipt)
                runner.undo(inputs, receipt, OwnRun(grant, self._now()))
            self._grants.ended(grant.key, self._now(), by_itself=True)
            del self._tries[grant.key]
            log.warning("%s was ended here at its time: nobody had asked for it", grant.key)
        except (JitbotError, KeyError, OSError) as error:
            log.error("%s CANNOT BE ENDED, and is tried again: %s", grant.key, error)  # noqa: TRY400 - no stack for people

    def base(self, grant: Grant) -> Grant | None:
        """Return the earlier grant of the same target, whose receipt says what was there before both."""
        return next((other for other in self._of_target(grant) if other.receipt is not None), None)

    def _kept_by_another(self, grant: Grant) -> bool:
        """Tell whether a later grant of this worker holds the same target: the last one undoes it."""
        return any(other.ends_at > grant.ends_at for other in self._of_target(grant))

    def _of_target(self, grant: Grant) -> Sequence[Grant]:
        """Return what else is held at the target of a grant."""
        others = [each for each in self._grants.held() if each.key != grant.key and each.runner == grant.runner]
        return [each for each in others if self._target(each) == self._target(grant)]

    def _target(self, grant: Grant) -> str:
        return self._catalog.runner(grant.runner).target(self._catalog.inputs(grant.runner, grant.inputs))
