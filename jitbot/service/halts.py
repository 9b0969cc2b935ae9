"""Which halts stand, as far as the signed record says so.

Every event about halts carries all that stand, so that the newest one is the whole truth. What a process has seen it
keeps: taking events out of the database lifts nothing, and is noticed. Where the record does not hold, nothing starts.
"""

import logging
import threading
from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from jitbot.errors import Tampered
from jitbot.model import HALTS, AuditEvent, Clearance, Halt, Halts, Request, Review
from jitbot.ports import Ledger, Trail
from jitbot.service.announcing import IN_FORCE

log = logging.getLogger(__name__)

TRIES = 3
"""The head and the event that it names are read one after the other; another one may come in between."""
_STANDING: TypeAdapter[tuple[Halt, ...]] = TypeAdapter(tuple[Halt, ...])


class StandingHalts:
    """What this process knows of halts. `follow` reads on; a start is committed only if nothing has changed since."""

    def __init__(self, ledger: Ledger, trail: Trail) -> None:
        self._ledger = ledger
        self._trail = trail
        self._turn = threading.Lock()
        self._known: Halts | None = None
        self._vouched = 0

    @property
    def known(self) -> Halts:
        """Return what was read last; read it now where that never was. Raises: StoreUnavailable."""
        return self._known or self.follow()

    @property
    def vouched(self) -> int:
        """Return the number of an event about halts that there certainly is, or was, whatever is found by now."""
        return max(self.known.as_of, self._vouched)

    def follow(self) -> Halts:
        """Read on, for one small row where nothing has changed. Raises: StoreUnavailable."""
        with self._turn:
            before = self._known or Halts()
            try:
                if self._known is None:
                    self._vouched = self._begin()
                self._known = self._read(before)
            except Tampered as error:
                fault = f"Which halts stand cannot be told, so nothing starts. {error}"
                if fault != before.fault:
                    log.warning("%s", fault)
                self._known = Halts(before.standing, before.as_of, before.newest, fault)
            return self._known

    def clearance(self, request: Request, reviews: Sequence[Review] | None = None) -> Clearance:
        """Tell whether a request may start; its reviews are read where they matter and are not at hand."""
        known = self.known
        if reviews is None:
            reviews = self._ledger.reviews(request) if known.of_people else ()
        return Clearance(known.why_not(request, reviews), known.as_of)

    def _read(self, before: Halts) -> Halts:
        """Return what the record says by now. Raises: Tampered."""
        vouched = max(self._vouched, before.as_of)
        for _ in range(TRIES):
            head = self._trail.halted()
            if head == before.as_of and vouched <= head:
                return Halts(before.standing, before.as_of, before.newest)
            event = self._trail.latest(HALTS, before.as_of)
            if event is not None:
                before = _said(event)
            if before.as_of == head and vouched <= head:
                return before
        raise Tampered(f"The newest event about halts should be {max(head, vouched)}, and it is {before.as_of}.")

    def _begin(self) -> int:
        """Return the number of the newest event about halts when it was last said which policies are in force."""
        event = self._trail.latest(IN_FORCE)
        return 0 if event is None else int(event.body.get("halts", 0))


def _said(event: AuditEvent) -> Halts:
    """Read an event about halts. Raises: Tampered where it is none of ours."""
    try:
        standing = _STANDING.validate_python(event.body["standing"])
        return Halts(standing, event.seq, int(event.body["newest"]))
    except (KeyError, ValidationError) as error:
        raise Tampered(f"Event {event.seq} is not whole, and halts hang on it.") from error
