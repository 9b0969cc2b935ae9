"""Heads: how many events there are and the hash of the last, signed, for whoever keeps it out of our reach.

A head is one line of JSON. What is signed begins with words of its own: no other signature of ours passes for a head's.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from jitbot.audit import signatures
from jitbot.audit.canonical import canonical
from jitbot.errors import SettingsError, Tampered

DOMAIN = b"jitbot head 1\n"


@dataclass(frozen=True, slots=True)
class Head:
    """The record at one instant. `hash` is that of event `count`; `key` names the key that was to sign the next one."""

    count: int
    hash: bytes
    at: datetime
    key: str
    signature: bytes = b""

    def message(self) -> bytes:
        """Return what is signed."""
        return DOMAIN + canonical(self._plain()).encode()

    def line(self) -> str:
        """Write it as one line of JSON, without its end."""
        return canonical(self._plain() | {"signature": b64encode(self.signature).decode()})

    def verify(self, public: Ed25519PublicKey) -> None:
        """Verify the signature. Raises: Tampered."""
        if not signatures.holds(public, self.signature, self.message()):
            raise Tampered(f"The signature of the {self.name} does not hold.")

    @property
    def name(self) -> str:
        """Name it for people."""
        return f"head of {self.at:%Y-%m-%d %H:%M:%S} UTC (event {self.count})"

    def _plain(self) -> dict[str, object]:
        instant = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        return {"at": instant, "count": self.count, "hash": self.hash.hex(), "key": self.key}


def read_heads(lines: Iterable[str], name: str) -> Iterator[Head]:
    """Read heads, a line each; what stands before the first brace, as in the lines of a syslog, is passed over.

    `name` says in errors where they come from. Raises: SettingsError.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            told = json.loads(line[line.index("{") :])
            at = datetime.fromisoformat(told["at"]).astimezone(UTC)
            signature = b64decode(told["signature"], validate=True)
            yield Head(int(told["count"]), bytes.fromhex(told["hash"]), at, str(told["key"]), signature)
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise SettingsError(f"{name}, line {number}, is no head of a record ({type(error).__name__}).") from None
