"""What people were shown: a digest over everything that cards and reviews say of what will run.

A button carries it, so that a click says what was seen and not only which request it is about. Somebody who writes the
database could otherwise have one thing drawn and another one run, by putting the row back in between.
"""

from pydantic import TypeAdapter

from jitbot import audit
from jitbot.model import Extension, Request, Snapshot

DIGITS = 32
"""128 bits: nobody finds two requests with the same, not even who writes both of them."""

_SNAPSHOT = TypeAdapter(Snapshot)
_EXTENSION = TypeAdapter(Extension | None)


def face(request: Request) -> str:
    """Return the digest, in hex; what newer code adds to a snapshot and this one does not use changes nothing."""
    shown = {
        "requester": request.requester,
        "beneficiary": request.beneficiary,
        "action": request.action,
        "params": dict(request.params),
        "reason": request.reason,
        "snapshot": _SNAPSHOT.dump_python(request.snapshot, mode="json", exclude_defaults=True),
        "ttl": request.ttl.total_seconds() if request.ttl else None,
        "starts_at": request.starts_at.isoformat() if request.starts_at else None,
        "break_glass": request.break_glass,
        "extension": _EXTENSION.dump_python(request.extension, mode="json"),
    }
    return audit.digest(shown)[:DIGITS]
