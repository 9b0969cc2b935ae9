"""Authority is what the verified events say: the row is compared with them before anything follows from it."""

import logging
from collections.abc import Sequence
from dataclasses import fields

from jitbot.errors import Conflict, Tampered
from jitbot.model import WORKERS_OWN, Request, Review, Verdict
from jitbot.ports import Ledger, Trail
from jitbot.service.facing import face
from jitbot.service.telling import alarm
from jitbot.service.world import World

log = logging.getLogger(__name__)

WORKER = "worker"


def verify(request: Request, ledger: Ledger, trail: Trail) -> Sequence[Review]:
    """Rebuild a request from its own events, compare every field and review, and return the reviews.

    Raises: Tampered, and Conflict where the row has moved on since it was read.
    """
    rebuilt, reviews = trail.rebuild(request.id)
    different = difference(rebuilt, request) or _other_reviews(ledger.reviews(request), reviews)
    if different and ledger.get(request.id).version != request.version:
        raise Conflict(f"{request.name} has moved while it was being checked.")
    if different:
        raise Tampered(f"The {different} of {request.name} is not what its signed record says.")
    return reviews


def see_shown(request: Request, reviews: Sequence[Review]) -> None:
    """See that everybody who approved was shown what would run now. Raises: Tampered.

    Rows that were bent while people looked, and put back before the run, are equal to the record by then.
    """
    for review in reviews:
        if review.verdict is Verdict.APPROVE and review.seen and review.seen != face(request):
            raise Tampered(f"What was approved as {request.name} is not what its signed record says.")


def intact(world: World, request: Request) -> bool:
    """See that a request is what its record says; where not, nothing of it runs any more. Raises: Conflict."""
    try:
        verify(request, world.ledger, world.trail)
    except Tampered as error:
        refuse(world, request, error)
        return False
    return True


def refuse(world: World, request: Request, error: Tampered) -> None:
    """Take a request out of the workers' hands for good, and say so to the operators."""
    log.error("refused to run %s: %s", request.name, error)
    with world.ledger.begin() as entry:
        now = entry.get(request.id)
        entry.record("tampered", WORKER, request.id, why=str(error))
        entry.amend(now, "parked", WORKER, due_at=None, owner="", lease_until=None)
        alarm(entry, request, f"REFUSED TO RUN: {error} Look at the audit record before anything else.")
    world.queue.messages()


def difference(recorded: Request, row: Request) -> str:
    """Return the first field of a row that is not what the record says; nothing where all are."""
    differs = (each.name for each in fields(Request) if getattr(recorded, each.name) != getattr(row, each.name))
    return next((name for name in differs if name not in WORKERS_OWN), "")


def _other_reviews(kept: Sequence[Review], reviews: Sequence[Review]) -> str:
    key = lambda review: (review.at, review.reviewer)  # noqa: E731 - used twice, here
    return "" if sorted(reviews, key=key) == sorted(kept, key=key) else "reviews"
