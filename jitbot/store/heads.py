"""Heads of the record: signed for what is verified at that instant; and the rows that say where one arrived last."""

import threading
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select

from jitbot.audit import KEY, Head, Mark
from jitbot.audit.eras import in_force
from jitbot.errors import Tampered
from jitbot.model import Arrival
from jitbot.store import tables
from jitbot.store.arrivals import to_arrival
from jitbot.store.engine import Database
from jitbot.store.keys import KeyFile
from jitbot.store.trail import CUT, StoreTrail


class StoreHeads:
    """Implements `ports.Heads`. Between two heads of one process everything has to follow one from the other."""

    def __init__(self, database: Database, keys: KeyFile, trail: StoreTrail) -> None:
        self._database = database
        self._keys = keys
        self._trail = trail
        self._turn = threading.Lock()
        self._last: Mark | None = None

    def sign(self) -> Head:
        """Sign the head, once everything behind the one before is verified; at first, the newest event alone."""
        with self._turn:
            seen = self._last or self._beginning()
            self._still_there(seen)
            for sealed in self._trail.follow(seen.count, seen.hash, [KEY]):
                seen = Mark(sealed.seq, sealed.hash)
            self._last = seen
        era = in_force(self._trail.eras(), seen.count + 1)
        signer = self._keys.signer(era.key if era else "")
        return signer.head(seen.count, seen.hash, self._database.now())

    def arrivals(self) -> Mapping[str, Arrival]:
        """Return how it is with each sink that was ever sent to."""
        with self._database.read() as connection:
            return {row.name: to_arrival(row) for row in connection.execute(select(tables.sinks))}

    def verify(self, heads: Iterable[Head]) -> Sequence[Head]:
        """Verify that the record leads through heads that others have kept; return them in order.

        Each has to be signed by the key that signed then. Raises: Tampered, naming the first that does not fit.
        """
        kept = sorted(heads, key=lambda head: (head.count, head.at))
        verifier, hashes = self._trail.verifier(), self._trail.hashes({head.count for head in kept})
        fits = "No head before it fits."
        for head in kept:
            digest = hashes.get(head.count)
            if digest is None:
                verifier.later_head(head)
                raise Tampered(f"The record ends before the {head.name}. {CUT} {fits}")
            verifier.head(head)
            if digest != head.hash:
                raise Tampered(f"The record is not the one of the {head.name}: it was rewritten. {fits}")
            fits = f"It is still the one of the {head.name}."
        return kept

    def _beginning(self) -> Mark:
        """Return the event before the newest."""
        newest = self._trail.count()
        return Mark(newest - 1, self._trail.hashes({newest - 1}).get(newest - 1, b"")) if newest > 1 else Mark()

    def _still_there(self, seen: Mark) -> None:
        """See that the record leads through the head before. Raises: Tampered."""
        if self._trail.hashes({seen.count}).get(seen.count) != seen.hash:
            raise Tampered(f"Event {seen.count} is not the one of the head before, or it is gone. {CUT}")
