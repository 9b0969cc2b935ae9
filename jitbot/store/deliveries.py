"""Deliveries, vouched for: a row of the inbox counts only as what one of us has taken in, and only once.

Who could write the database could otherwise click in anybody's name, or have worked on once more what was. So whoever
takes a delivery in signs it, and that it was worked on is in the signed record, in the events that came of it.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from jitbot.audit import Signer, Verifier, canonical
from jitbot.errors import StoreUnavailable
from jitbot.model import Delivery
from jitbot.store import tables
from jitbot.store.keys import KeyFile
from jitbot.store.trail import StoreTrail

PURPOSE = "delivery"
OVERLAP = timedelta(minutes=10)
"""So long after a rotation what the key before has signed still counts: it may have been taken in just before."""


def name_of(key: str) -> str:
    """Return how events name a delivery: 32 hex digits of the SHA-256 of its key, which itself is nobody's business."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def seal(delivery: Delivery, signer: Signer) -> str:
    """Sign a delivery."""
    return f"{signer.key} {signer.vouch(PURPOSE, _text(delivery)).hex()}"


def seal_waiting(connection: Connection, signer: Signer) -> None:
    """Sign what waits from before deliveries were signed: whoever upgrades takes it as it lies there."""
    inbox = tables.inbox
    for row in connection.execute(select(inbox).where(inbox.c.done_at.is_(None))).all():
        waits = Delivery(**{name: row._mapping[name] for name in Delivery.__dataclass_fields__})
        connection.execute(update(inbox).where(inbox.c.key == waits.key).values(seal=seal(waits, signer)))


class Vouched:
    """Signs what is taken in, by the key that signs the record, and sees later that it was."""

    def __init__(self, keys: KeyFile, trail: StoreTrail) -> None:
        self._keys = keys
        self._trail = trail

    def seal(self, delivery: Delivery) -> str:
        """Sign a delivery. Raises: StoreUnavailable, where the key file does not hold the key."""
        return seal(delivery, self._signer())

    def see(self, delivery: Delivery, seal: str, now: datetime) -> None:
        """See that one of us has taken this in, with the key that signs the record, or did until lately.

        Raises: Tampered.
        """
        key, _, signature = seal.partition(" ")
        try:
            given = bytes.fromhex(signature)
        except ValueError:
            given = b""
        eras = self._trail.eras()
        since = eras[-1].since
        lately = eras[-2:] if since is not None and now < since + OVERLAP else eras[-1:]
        Verifier([each.public for each in lately]).vouched(key, PURPOSE, _text(delivery), given)

    def settled(self, delivery: Delivery) -> bool:
        """Tell whether the record says that it was worked on. Raises: Tampered."""
        return self._trail.settled(name_of(delivery.key), delivery.received_at)

    def _signer(self) -> Signer:
        try:
            return self._keys.signer(self._trail.signing())
        except StoreUnavailable:  # it was rotated, and we have not read so yet
            return self._keys.signer(self._trail.eras()[-1].key)


def _text(delivery: Delivery) -> str:
    said: dict[str, Any] = {name: getattr(delivery, name) for name in Delivery.__dataclass_fields__}
    return canonical(said | {"received_at": delivery.received_at.astimezone(UTC).isoformat(timespec="microseconds")})
