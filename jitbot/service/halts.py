"""Which halts stand, as far as the signed record says so.

Every event about halts carries all that stand, so that the newest one is the whole truth. What a process has seen it
keeps: taking events out of the database lifts nothing, and is noticed. Where the record does not hold, nothing starts.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from jitbot.errors import DirectoryUnavailable, NotFound, Tampered
from jitbot.model import HALTS, AuditEvent, Clearance, Halt, Halts, Identity, Request, Review, UserId
from jitbot.ports import Ledger, Trail
from jitbot.service.announcing import IN_FORCE

log = logging.getLogger(__name__)

TRIES = 3
"""The head and the event that it names are read one after the other; another one may come in between."""
_STANDING: TypeAdapter[tuple[Halt, ...]] = TypeAdapter(tuple[Halt, ...])


class StandingHalts:
    """What this process knows of halts. `follow` reads on; a start is committed only if nothing has changed since."""

    def __init__(self, ledger: Ledger, trail: Trail, identity: Identity) -> None:
        """`identity` raises NotFound and DirectoryUnavailable."""
        self._ledger = ledger
        self._trail = trail
        self._identity = identity
        self._turn = threading.Lock()
        self._known: Halts | None = None
        self._vouched = 0
        self._begun = False

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
                self._known = self._read(before) if self._begun else self._begin()
            except Tampered as error:
                fault = f"Which halts stand cannot be told, so nothing starts. {error}"
                if fault != before.fault:
                    log.warning("%s", fault)
                self._known = replace(before, fault=fault)
            return self._known

    def first_look(self, request: Request) -> Clearance:
        """Tell whether a halt is known to stop a request, before its own record is verified, which may say worse."""
        known = self.known
        return Clearance(self._stops(known, request, ()), known.as_of)

    def clearance(self, request: Request, reviews: Sequence[Review] | None = None) -> Clearance:
        """Tell whether a request may start; its reviews are read where they matter and are not at hand."""
        known = self.known
        if reviews is None:
            reviews = self._ledger.reviews(request) if known.of_people else ()
        return Clearance(known.fault or self._stops(known, request, reviews), known.as_of)

    def _stops(self, known: Halts, request: Request, reviews: Sequence[Review]) -> str:
        try:
            return known.stops(request, reviews, self._who)
        except DirectoryUnavailable:
            return "somebody is halted, and whose account is whose cannot be looked up just now"

    def _who(self, user: UserId) -> str:
        """Tell who an account is; one that is not there any more is only itself. Raises: DirectoryUnavailable."""
        try:
            return self._identity(user)
        except NotFound:
            return user

    def _begin(self) -> Halts:
        """Read what stands without knowing anything yet. Raises: Tampered, and it is begun again.

        The event that says which policies are in force vouches for the number of the newest about halts from before it,
        however long ago that was; what is behind it is verified with it.
        """
        in_force = self._trail.latest(IN_FORCE)
        self._vouched = max(self._vouched, 0 if in_force is None else int(in_force.body.get("halts", 0)))
        newest = self._trail.latest(HALTS, self._vouched)
        if newest is None and self._vouched:
            newest = self._trail.numbered(self._vouched)
        known = self._read(Halts() if newest is None else _said(newest))
        self._begun = True
        return known

    def _read(self, before: Halts) -> Halts:
        """Return what the record says by now. Raises: Tampered."""
        for _ in range(TRIES):
            head = self._trail.halted()
            event = None if head == before.as_of else self._trail.latest(HALTS, before.as_of)
            before = before if event is None else _said(event)
            if before.as_of == head:
                return replace(before, fault="")
        known = f"event {before.as_of}" if before.as_of else "none"
        raise Tampered(f"The newest event about halts should be number {head}, and is {known}.")


def _said(event: AuditEvent) -> Halts:
    """Read an event about halts. Raises: Tampered where it is none of ours."""
    try:
        standing = _STANDING.validate_python(event.body["standing"])
        return Halts(standing, event.seq, int(event.body["newest"]))
    except (KeyError, ValidationError) as error:
        raise Tampered(f"Event {event.seq} is not whole, and halts hang on it.") from error
