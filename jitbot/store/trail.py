"""The signed record read back: whole, one request's, or one request rebuilt from it."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, Row, case, func, select

from jitbot.audit import GENESIS, Sealed, Verifier
from jitbot.errors import Tampered
from jitbot.model import AuditEvent, Request, RequestId, Review
from jitbot.store import tables
from jitbot.store.engine import Database
from jitbot.store.rows import from_signed, review_from_signed

PAGE = 1_000
REVIEWED = "reviewed_after"
CUT = "The end was cut off."


@dataclass(frozen=True, slots=True)
class _Head:
    """How many events there were when we looked, and the hash of the last."""

    count: int
    hash: bytes

    def passed(self, sealed: Sealed) -> None:
        """See that the event with the head's number is the head's. Raises: Tampered."""
        if sealed.seq == self.count and sealed.hash != self.hash:
            raise Tampered(f"Event {sealed.seq} is not the one that the head names. {CUT}")

    def reached(self, count: int) -> None:
        """See that there were as many events. Raises: Tampered."""
        if count < self.count or (count and not self.count):
            raise Tampered(f"The record ends at event {count}, but {self.count} were written. {CUT}")


class StoreTrail:
    """Implements `ports.Trail`."""

    def __init__(self, database: Database, verifier: Verifier) -> None:
        self._database = database
        self._verifier = verifier

    def rebuild(self, request: RequestId) -> tuple[Request, Sequence[Review]]:
        """Fold a request's own events; none of them may be missing, changed or emptied."""
        folded: dict[str, Any] = {}
        reviews: dict[str, Review] = {}
        for sealed in self._chained(tables.events.c.request == request):
            if sealed.body is None:
                raise Tampered(f"The signed record of JIT-{request} is not whole: event {sealed.seq} is empty.")
            body = json.loads(sealed.body)
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

    def latest(self, kind: str, after: int = 0) -> AuditEvent | None:
        """Return the newest event of a kind, if it is newer than `after`: verified, with everything that follows it."""
        newest = select(func.max(tables.events.c.seq)).where(tables.events.c.kind == kind)
        with self._database.read() as connection:
            seq = connection.execute(newest).scalar() or 0
        if seq < after:
            raise Tampered(f"Event {after} is gone, and nothing of its kind came later. {CUT}")
        if seq == after:
            return None
        (sealed,) = self._chained(tables.events.c.seq == seq)
        if sealed.body is None:
            raise Tampered(f"Event {seq} is empty, and what it says is still needed.")
        return _event(sealed)

    def told(self, request: RequestId, kind: str) -> Sequence[AuditEvent]:
        """Return a request's events of a kind, verified with everything that follows them."""
        own = (tables.events.c.request == request) & (tables.events.c.kind == kind)
        return [_event(sealed) for sealed in self._chained(own) if sealed.body is not None]

    def owing(self) -> Sequence[Request]:
        """Rebuild every request that came to owe a review, but for those whose review is signed too."""
        kinds = tables.events.c.kind
        owed = select(tables.events.c.request).where(kinds == "owed").order_by(tables.events.c.request)
        settled = select(tables.events).where(kinds == REVIEWED, tables.events.c.request.in_(owed))
        before = select(tables.events.c.seq, tables.events.c.hash)
        with self._database.read() as connection:
            ids = [RequestId(each) for each in connection.execute(owed).scalars()]
            done = [_sealed(row) for row in connection.execute(settled)]
            query = before.where(tables.events.c.seq.in_([each.seq - 1 for each in done]))
            hashes = {row.seq: row.hash for row in connection.execute(query)}
        for each in done:
            self._verifier.event(each, hashes.get(each.seq - 1, b""))
        reviewed = {each.request for each in done}
        rebuilt = (self.rebuild(each)[0] for each in ids if each not in reviewed)
        return [each for each in rebuilt if each.obligation is not None and each.obligation.reviewed_at is None]

    def follow(self, after: int, previous: bytes, kinds: Collection[str]) -> Iterator[Sealed]:
        """Yield the events of some kinds behind the one numbered `after` with the hash `previous`, all verified.

        The newest of all events is the last that is yielded, whatever its kind. Raises: Tampered.
        """
        yield from (event for event, _ in self._verified(tables.events.c.kind.in_(kinds), after, previous))

    def _chained(self, own: ColumnElement[bool]) -> Iterator[Sealed]:
        """Yield the events that `own` chooses (a request's, for example), verified, from the first of them on."""
        with self._database.read() as connection:
            first = connection.execute(select(func.min(tables.events.c.seq)).where(own)).scalar()
            if first is None:
                return
            before = connection.execute(select(tables.events.c.hash).where(tables.events.c.seq == first - 1)).scalar()
        yield from (event for event, chosen in self._verified(own, first - 1, before or GENESIS) if chosen)

    def _verified(self, own: ColumnElement[bool], after: int, previous: bytes) -> Iterator[tuple[Sealed, bool]]:
        """Yield the events behind one that `own` chooses, and the newest of all, each with whether it was chosen.

        Everything up to the head has to follow one from the other, or else one could be left out: a denial, or a run
        that is over. The signature of the last one covers those of the others.
        """
        sealed = self._database.sealed  # before the reading: what is committed during it may not be seen by it
        with self._database.read() as connection:
            head = self._head(connection, sealed)
        last, before_last, chosen = None, previous, False
        for event, chosen in self._pages(own, after):
            (self._verifier.event if chosen else self._verifier.follows)(event, previous)
            head.passed(event)
            if chosen:
                yield event, True
            last, before_last, previous = event, previous, event.hash
        if last is not None and not chosen:
            self._verifier.event(last, before_last)
            yield last, False
        head.reached(last.seq if last is not None else after)

    def _pages(self, own: ColumnElement[bool], after: int) -> Iterator[tuple[Sealed, bool]]:
        """Yield the events behind one and whether each is chosen; only those that are have their bodies read."""
        narrow = [column for column in tables.events.c if column.name not in ("body", "salt")]
        bodies = [case((own, tables.events.c[name])).label(name) for name in ("body", "salt")]
        columns = [*narrow, *bodies, case((own, 1), else_=0).label("own")]
        while True:
            query = select(*columns).where(tables.events.c.seq > after).order_by(tables.events.c.seq).limit(PAGE)
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            yield from ((_sealed(row), bool(row.own)) for row in rows)
            if len(rows) < PAGE:
                return
            after = rows[-1].seq

    def events(
        self, request: RequestId | None = None, after: int = 0, limit: int = 100, since: datetime | None = None
    ) -> Sequence[AuditEvent]:
        """Return events in order."""
        query = select(tables.events).where(tables.events.c.seq > after).order_by(tables.events.c.seq).limit(limit)
        if request is not None:
            query = query.where(tables.events.c.request == request)
        if since is not None:
            query = query.where(tables.events.c.at >= since)
        with self._database.read() as connection:
            return [_event(_sealed(row)) for row in connection.execute(query)]

    def count(self) -> int:
        """Read the head's number."""
        with self._database.read() as connection:
            return connection.execute(select(tables.chain.c.count)).scalar() or 0

    def verify(self) -> int:
        """Verify every event and the head, a page at a time."""
        sealed = self._database.sealed  # before the reading: what is committed during it may not be seen by it
        with self._database.read() as connection:
            head = self._head(connection, sealed)
        count = 0
        for event in self._verifier.chain(self._all()):
            count = event.seq
            head.passed(event)
        head.reached(count)
        return count

    def _head(self, connection: Connection, sealed: tuple[int, bytes]) -> "_Head":
        """Read how long the record has to be at least. Raises: Tampered, where it was longer before our eyes."""
        row = connection.execute(select(tables.chain)).one_or_none()
        head = _Head(row._mapping["count"], row.hash) if row is not None else _Head(0, GENESIS)
        count, digest = sealed
        kept = select(tables.events.c.hash).where(tables.events.c.seq == count)
        if count and connection.execute(kept).scalar() != digest:
            raise Tampered(f"Event {count} is not the one that was written. {CUT}")
        return head

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
