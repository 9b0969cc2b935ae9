"""Authority is what the verified events say: the row is compared with them just before anything runs."""

from dataclasses import fields

from jitbot.errors import Tampered
from jitbot.model import WORKERS_OWN, Request
from jitbot.ports import Ledger, Trail


def verify(request: Request, ledger: Ledger, trail: Trail) -> None:
    """Rebuild a request from its own events and compare every field and review. Raises: Tampered."""
    rebuilt, reviews = trail.rebuild(request.id)
    for field in fields(Request):
        if field.name not in WORKERS_OWN and getattr(rebuilt, field.name) != getattr(request, field.name):
            raise Tampered(f"The {field.name} of {request.name} is not what its signed record says.")
    key = lambda review: (review.at, review.reviewer)  # noqa: E731 - used twice, here
    if sorted(reviews, key=key) != sorted(ledger.reviews(request), key=key):
        raise Tampered(f"The reviews of {request.name} are not what its signed record says.")
