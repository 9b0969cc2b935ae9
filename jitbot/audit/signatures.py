"""Ed25519 signatures; of those that this process has made or verified lately it knows that they hold.

An event is signed when it is written, and verified a moment later, before the act that it permits; a warrant is signed
and verified in one breath. What is remembered is the answer of a pure function: the same signature over the same bytes
by the same key holds for ever, whatever is written to the database meanwhile.
"""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MOST_KEPT = 10_000
"""So many are remembered, a mebibyte; then it begins anew."""

_holding: set[bytes] = set()


def keep(public: Ed25519PublicKey, signature: bytes, message: bytes) -> None:
    """Remember a signature that was made just now."""
    _keep(_name(public, signature, message))


def holds(public: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Tell whether a message has this signature by this key."""
    named = _name(public, signature, message)
    if named in _holding:
        return True
    try:
        public.verify(signature, message)
    except InvalidSignature:
        return False
    _keep(named)
    return True


def _keep(named: bytes) -> None:
    if len(_holding) >= MOST_KEPT:
        _holding.clear()
    _holding.add(named)


def _name(public: Ed25519PublicKey, signature: bytes, message: bytes) -> bytes:
    """Return a digest that no other key, signature and message have; the length tells where the message begins."""
    return hashlib.sha256(public.public_bytes_raw() + len(signature).to_bytes(8) + signature + message).digest()
