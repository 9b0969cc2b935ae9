"""Past requests, as the record tells them: what was asked, what was decided at first, and what the reviews came to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from jitbot.errors import Conflict
from jitbot.model import AuditEvent, Request, Review
from jitbot.ports import Trail
from jitbot.store.rows import from_signed, review_from_signed

PAGE = 1_000
BEGUN = "requested"


@dataclass(frozen=True, slots=True)
class Past:
    """One request when it was decided first, and, where people had reviewed it, when it was decided last.

    `why` says what the record lacks; there is no request then.
    """

    name: str
    first: Request | None = None
    last: Request | None = None
    reviews: Sequence[Review] = ()
    why: str = ""


def past_requests(trail: Trail, since: datetime) -> list[Past]:
    """Return the requests that were made since an instant, oldest first."""
    told: dict[int, _Story] = {}
    for event in _events(trail, since):
        if event.request is None:
            continue
        if "created_at" in event.body.get("changes", {}) or (event.kind == BEGUN and event.deleted):
            told[event.request] = _Story(event.request)
        if event.request in told:
            told[event.request].take(event)
    return [story.past() for story in told.values()]


def _events(trail: Trail, since: datetime) -> Iterator[AuditEvent]:
    after = 0
    while page := trail.events(after=after, limit=PAGE, since=since):
        yield from page
        after = page[-1].seq


@dataclass(slots=True)
class _Story:
    """What the events of one request have told so far."""

    number: int
    fields: dict[str, Any] = field(default_factory=dict)
    first: dict[str, Any] | None = None
    reviews: dict[str, Review] = field(default_factory=dict)
    gap: bool = False

    def take(self, event: AuditEvent) -> None:
        """Take in the next event."""
        self.gap = self.gap or not event.body
        changes = event.body.get("changes", {})
        self.fields |= changes
        if self.first is None and changes.get("decision"):
            self.first = dict(self.fields)
        if "review" in event.body:
            review = review_from_signed(event.body["review"])
            self.reviews.pop(review.reviewer, None)
            self.reviews[review.reviewer] = review

    def past(self) -> Past:
        """Return the request as it was."""
        name = f"JIT-{self.number}"
        if self.gap:
            return Past(name, why="some of its record was deleted")
        if self.first is None:
            return Past(name, why="it was not decided yet")
        try:
            first, last = from_signed(self.first), from_signed(self.fields)
        except (ValidationError, TypeError, KeyError, Conflict):
            return Past(name, why="its record is of another version of jitbot")
        counted = [review for review in self.reviews.values() if review.revision == last.revision]
        return Past(name, first, last if counted else None, counted)
