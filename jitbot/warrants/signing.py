"""Signs warrants with the service's key, and verifies them by the keys that a worker has in a file of its own."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from jitbot.audit import Signer
from jitbot.errors import Tampered
from jitbot.warrants.warrant import Deed, Warrant, read_warrant, receipt_digest, text_of

PURPOSE = "warrant"


@dataclass(frozen=True, slots=True)
class Act:
    """What shall be permitted: the fields of a warrant of that name, and the receipt itself."""

    deed: Deed
    request: int
    digest: str
    key: str
    runner: str
    inputs: Mapping[str, Any]
    receipt: Mapping[str, Any] | None
    pool: str
    worker: str
    start_before: datetime
    until: datetime | None
    lasts: float | None
    policy: str


class Issuer:
    """Signs warrants; `head` tells how long the record is and the hash of its newest event, without asking anybody."""

    def __init__(self, signer: Callable[[], Signer], head: Callable[[], tuple[int, bytes]]) -> None:
        """`signer` has the key that signs the record by now."""
        self._signer, self._head = signer, head

    def issue(self, act: Act) -> str:
        """Return a new warrant, signed, as one line of text."""
        count, head = self._head()
        fields = {name: getattr(act, name) for name in Act.__slots__} | {"receipt": receipt_digest(act.receipt)}
        text = text_of(Warrant(number=secrets.token_hex(16), count=count, head=head.hex(), **fields))
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
