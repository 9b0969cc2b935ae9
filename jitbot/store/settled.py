"""Which deliveries were worked on, by the signed record."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from jitbot.audit import Row

ASIDE = timedelta(minutes=5)
"""So far apart events may lie from the order of their instants: no transaction takes longer."""
MOST = 100_000
"""So many names of deliveries are added, 12 MB, before those of long ago are dropped."""
LONG_AGO = datetime.min.replace(tzinfo=UTC)
_NAMED = b'"delivery"'

Place = tuple[int, bytes]
"""The number and the hash of an event."""


@dataclass(slots=True)
class _Read:
    """What was read, and verified, of the record."""

    since: datetime
    upto: Place
    names: set[str] = field(default_factory=set)
    emptied: datetime = LONG_AGO
    """The latest instant of an event that does not say any more what it said."""


class Settled:
    """Remembers what the record says of deliveries, so that each of a flood costs no more than what is new."""

    def __init__(self, before: Callable[[datetime], Place], behind: Callable[[Place], Iterator[Row]]) -> None:
        """`before` finds the newest event older than an instant, and `behind` yields verified what follows an event."""
        self._before = before
        self._behind = behind
        self._turn = threading.Lock()
        self._read: _Read | None = None
        self._enough = MOST

    def holds(self, delivery: str, since: datetime) -> bool:
        """Tell whether events since an instant say that a delivery was worked on; all of them are verified.

        Where the bodies of some were deleted since, it counts as that. Raises: Tampered.
        """
        since -= ASIDE
        with self._turn:
            read = self._read
            if read is None or since < read.since or len(read.names) > self._enough:
                read = _Read(since, self._before(since))
                self._follow(read)
                self._read, self._enough = read, len(read.names) + MOST
            else:
                self._follow(read)
            return delivery in read.names or read.emptied >= since

    def _follow(self, read: _Read) -> None:
        """Read on, and keep what that says once all of it is verified."""
        names, emptied, upto = set[str](), read.emptied, read.upto
        for seq, at, _, _, body, _, _, _, digest, _ in self._behind(upto):
            upto = seq, digest
            if body is None:
                emptied = max(emptied, datetime.fromisoformat(at))
            elif _NAMED in body and (name := json.loads(body).get("delivery")):
                names.add(name)
        read.names |= names
        read.emptied, read.upto = emptied, upto
