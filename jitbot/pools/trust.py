"""Which workers of a pool the service knows, by their keys: others get no warrants, and are not believed."""

from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from jitbot.audit import Verifier, fingerprint
from jitbot.errors import Tampered
from jitbot.pools.asked import Seen
from jitbot.pools.calls import ANSWER, Answer, Kind, read, signed_text


class Trust:
    """The keys of one pool's workers."""

    def __init__(self, keys: Sequence[Ed25519PublicKey]) -> None:
        self._known = frozenset(fingerprint(key) for key in keys)
        self._verifier = Verifier(keys)

    def knows(self, key: str) -> bool:
        """Tell whether a worker with this key may have warrants."""
        return key in self._known

    def answer(self, call: str, kind: Kind, seen: Seen) -> Answer:
        """Read an answer that one of these workers has signed. Raises: ValueError."""
        kept: Any = seen.answer
        try:
            text = signed_text(call, seen.attempt, kept)
            self._verifier.vouched(seen.worker_key, ANSWER, text, bytes.fromhex(seen.signature))
        except Tampered as error:
            raise ValueError(str(error)) from error
        return read(kind, kept)
