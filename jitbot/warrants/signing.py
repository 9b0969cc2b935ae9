"""Signs warrants with the service's key, and verifies them by the keys that a worker has in a file of its own."""

import secrets
from collections.abc import Callable
from dataclasses import fields
from typing import Protocol

from jitbot.audit import Signer
from jitbot.errors import Tampered
from jitbot.warrants.warrant import Act, Warrant, read_warrant, text_of

PURPOSE = "warrant"


class Issuer:
    """Signs warrants; `head` tells how long the record is and the hash of its newest event, without asking anybody."""

    def __init__(self, signer: Callable[[], Signer], head: Callable[[], tuple[int, bytes]]) -> None:
        """`signer` has the key that signs the record by now."""
        self._signer, self._head = signer, head

    def issue(self, act: Act) -> str:
        """Return a new warrant, signed, as one line of text."""
        count, head = self._head()
        permitted = {each.name: getattr(act, each.name) for each in fields(act)}
        text = text_of(Warrant(number=secrets.token_hex(16), count=count, head=head.hex(), **permitted))
        signer = self._signer()
        return f"{signer.key} {signer.vouch(PURPOSE, text).hex()} {text}"


class Vouching(Protocol):
    """Knows whose signatures count: the keys that a worker was given, or those with which this process signs."""

    def vouched(self, key: str, purpose: str, text: str, signature: bytes) -> None:
        """Verify what somebody has signed for a purpose. Raises: Tampered."""


def verified(verifier: Vouching, signed: str) -> Warrant:
    """Return what a signed warrant says. Raises: Tampered."""
    try:
        key, signature, text = signed.split(" ", 2)
        given = bytes.fromhex(signature)
    except ValueError:
        raise Tampered("The warrant is none.") from None
    verifier.vouched(key, PURPOSE, text, given)
    return read_warrant(text)
