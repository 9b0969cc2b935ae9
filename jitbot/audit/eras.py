"""Which key signs which events: the first key from the beginning, each later one from the event on that names it.

That event is signed by the key before. Where that one was lost it is signed by the new key itself, and then counts only
for whom the new key was given by other means, in the key file.
"""

import json
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from jitbot.errors import Tampered

KEY = "key"
"""The kind of event by which another key begins to sign; its body has the public half in hex, as `public`."""


@dataclass(frozen=True, slots=True)
class Era:
    """A key, and the event behind which it signs, until the next era begins."""

    after: int
    public: Ed25519PublicKey
    key: str
    """Its fingerprint."""
    since: datetime | None = None
    """When it began to sign, by the event that names it; None for the first."""


def in_force(eras: Sequence[Era], seq: int) -> Era | None:
    """Return the era of the event with this number."""
    number = bisect_left(eras, seq, key=lambda era: era.after)
    return eras[number - 1] if number else None


def public_of(seq: int, body: str | None) -> Ed25519PublicKey:
    """Read the key that an event names. Raises: Tampered."""
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(json.loads(body or "{}")["public"]))
    except (ValueError, KeyError, TypeError):
        raise Tampered(f"Event {seq} says that another key begins to sign, and not which.") from None
