"""The signed record read back: whole, one request's, or one request rebuilt from it."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row, select

from jitbot.audit import GENESIS, Sealed, Verifier
from jitbot.errors import Tampered
from jitbot.model import AuditEvent, Request, RequestId, Review
from jitbot.store import tables
from jitbot.store.engine import Database
from jitbot.store.rows import from_signed, review_from_signed

PAGE = 1_000


class StoreTrail:
    """Implements `ports.Trail`."""

    def __init__(self, database: Database, verifier: Verifier) -> None:
        self._database = database
        self._verifier = verifier

    def rebuild(self, request: RequestId) -> tuple[Request, Sequence[Review]]:
        """Fold a request's own events, each verified against the one before it in the chain."""
        folded: dict[str, Any] = {}
        reviews: dict[str, Review] = {}
        for sealed in self._verified(request):
            body = json.loads(sealed.body or "{}")
            folded |= body.get("changes", {})
            if "review" in body:
                review = review_from_signed(body["review"])
                reviews.pop(review.reviewer, None)
                reviews[review.reviewer] = review
        if not folded:
            raise Tampered(f"There is no signed record of JIT-{request}.")
        try:
            rebuilt = from_signed(folded)
        except (ValidationError, TypeError) as error:
            raise Tampered(f"The signed record of JIT-{request} is not whole: {type(error).__name__}.") from error
        return rebuilt, [review for review in reviews.values() if review.revision == rebuilt.revision]

    def _verified(self, request: RequestId) -> Iterator[Sealed]:
        before = tables.events.alias("before")
        query = (
            select(tables.events, before.c.hash.label("previous"))
            .outerjoin(before, before.c.seq == tables.events.c.seq - 1)
            .where(tables.events.c.request == request)
            .order_by(tables.events.c.seq)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            sealed = _sealed(row)
            previous = GENESIS if sealed.seq == 1 else row.previous
            if previous is None:
                raise Tampered(f"The event before event {sealed.seq} is missing.")
            self._verifier.event(sealed, previous)
            yield sealed

    def events(self, request: RequestId | None = None, after: int = 0, limit: int = 100) -> Sequence[AuditEvent]:
        """Return events in order."""
        query = select(tables.events).where(tables.events.c.seq > after).order_by(tables.events.c.seq).limit(limit)
        if request is not None:
            query = query.where(tables.events.c.request == request)
        with self._database.read() as connection:
            return [_event(_sealed(row)) for row in connection.execute(query)]

    def verify(self) -> int:
        """Verify every event and the head, a page at a time."""
        count = 0
        for _ in self._verifier.chain(self._all()):
            count += 1
        with self._database.read() as connection:
            head = connection.execute(select(tables.chain)).one_or_none()
            last = connection.execute(select(tables.events.c.hash).where(tables.events.c.seq == count)).scalar()
        if head is not None and (head._mapping["count"], head.hash) != (count, last):
            raise Tampered(f"The record ends at event {count}, but more were written: the end was cut off.")
        return count

    def _all(self) -> Iterator[Sealed]:
        last = 0
        while True:
            query = select(tables.events).where(tables.events.c.seq > last).order_by(tables.events.c.seq).limit(PAGE)
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            if not rows:
                return
            yield from (_sealed(row) for row in rows)
            last = rows[-1].seq


def _sealed(row: Row[Any]) -> Sealed:
    return Sealed(**{name: row._mapping[name] for name in Sealed.__slots__})


def _event(sealed: Sealed) -> AuditEvent:
    body = json.loads(sealed.body) if sealed.body is not None else {}
    return AuditEvent(
        sealed.seq, sealed.at, sealed.kind, None if sealed.request is None else RequestId(sealed.request), body
    )
