"""What the record states about itself: whose keys sign it, and what it has forgotten. Looked up before anything else.

Both are signed events, and each is verified here by itself; that it lies in the chain is verified with all others.
"""

import threading
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from jitbot.audit import GENESIS, Forgotten, Sealed, Verifier, forgotten_by
from jitbot.store import statements

Lines = Sequence[tuple[Sealed, bytes]]


class Stated:
    """Reads what the record states. What was verified once is not verified again, as long as it is the same."""

    def __init__(self, verifier: Verifier) -> None:
        """`verifier` knows the keys that were given by other means."""
        self._given = verifier
        self._turn = threading.Lock()
        self._lines: Lines = []
        self._known = verifier

    def known(self, newest: int) -> Verifier | None:
        """Return what was read already, if the newest event that names a key is this one; 0 where none does."""
        with self._turn:
            return self._known if newest == (self._lines[-1][0].seq if self._lines else 0) else None

    @property
    def signing(self) -> str:
        """Return the fingerprint of the key that signs, as far as was read."""
        return self._known.eras[-1].key

    def keys(self, connection: Connection) -> Verifier:
        """Return a verifier that knows every key that signs the record. Raises: Tampered."""
        lines = [line(row) for row in connection.execute(statements.KEYS)]
        with self._turn:
            if lines != self._lines:
                self._known = self._given.through(lines)
                self._lines = lines
            return self._known

    def forgotten(self, connection: Connection) -> Forgotten:
        """Return which bodies may be missing. Raises: Tampered."""
        row = connection.execute(statements.FORGETTING).one_or_none()
        if row is None:
            return Forgotten()
        sealed, previous = line(row)
        self.keys(connection).event(sealed, previous)
        return forgotten_by(sealed.seq, sealed.at, sealed.body)


def line(row: Any) -> tuple[Sealed, bytes]:
    """Return an event, and the hash before it."""
    values = row._mapping
    before = values["before"] if values["seq"] > 1 else GENESIS
    return Sealed(**{name: values[name] for name in Sealed.__slots__}), before or b""
