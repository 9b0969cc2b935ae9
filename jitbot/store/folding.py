"""A request as its signed events tell it, one after the other."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from jitbot.audit import Sealed
from jitbot.errors import Tampered
from jitbot.lifecycle import Event, after
from jitbot.model import Request, RequestId, Review, State
from jitbot.store.rows import from_signed, review_from_signed


def folded(request: RequestId, events: Iterable[Sealed]) -> tuple[Request, Sequence[Review]]:
    """Fold verified events into the request and its reviews. Raises: Tampered, where they do not make one."""
    so_far: dict[str, Any] = {}
    reviews: dict[str, Review] = {}
    for sealed in events:
        if sealed.body is None:
            raise Tampered(f"The signed record of JIT-{request} is not whole: event {sealed.seq} is empty.")
        body = json.loads(sealed.body)
        if _possible(sealed.kind, so_far, body.get("changes", {})):
            so_far |= body.get("changes", {})
        if "review" in body:
            review = review_from_signed(body["review"])
            reviews.pop(review.reviewer, None)
            reviews[review.reviewer] = review
    if not so_far:
        raise Tampered(f"There is no signed record of JIT-{request}.")
    try:
        rebuilt = from_signed(so_far)
    except (ValidationError, TypeError) as error:
        raise Tampered(f"The signed record of JIT-{request} is not whole: {type(error).__name__}.") from error
    return rebuilt, [review for review in reviews.values() if review.revision == rebuilt.revision]


def _possible(kind: str, so_far: Mapping[str, Any], changes: Mapping[str, Any]) -> bool:
    """Tell whether a move leads on from where the record stood; else a row that was bent has led to it.

    It counts for nothing then. A move that only newer code knows is not judged.
    """
    before, then = so_far.get("state"), changes.get("state")
    if before not in list(State) or then not in list(State) or kind not in list(Event):
        return True
    return after(State(before), Event(kind)) is State(then)
