"""The ledger over one database: implements `ports.Ledger`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, literal_column, or_, select, update

from jitbot.model import Counting, Outdated, Request, RequestId, Review, State, Tally, UserId
from jitbot.store import tables, tallies
from jitbot.store.engine import Database
from jitbot.store.entry import StoreEntry, reviews_of
from jitbot.store.keys import KeyFile
from jitbot.store.leases import LONGEST
from jitbot.store.newer import about_understood, missing, understood
from jitbot.store.rows import to_request
from jitbot.store.statements import CLAIM_REQUEST, DUE, REQUEST, touching
from jitbot.store.steady import MOST_AHEAD

LATELY = 200
"""So many of an action's latest requests are looked through for how long people usually take."""


class StoreLedger:
    """Requests and reviews; everything that changes them goes through `begin`."""

    def __init__(self, database: Database, keys: KeyFile) -> None:
        self._database = database
        self._keys = keys

    def now(self) -> datetime:
        """Return the present instant."""
        return self._database.now()

    def resume(self) -> None:
        """Begin no earlier than the record ends: the clock may have been set back while no process ran."""
        newest = select(tables.events.c.at).order_by(tables.events.c.seq.desc()).limit(1)
        with self._database.read() as connection:
            at = connection.execute(newest).scalar_one_or_none()
        now = self.now()
        if at is not None and now < at < now + MOST_AHEAD:
            self._database.steady.follow(at)

    @contextmanager
    def begin(self) -> Iterator[StoreEntry]:
        """Begin a write transaction; audit events are sealed just before the commit."""
        with self._database.write() as connection:
            entry = StoreEntry(connection, self._keys, self._database.now(connection))
            yield entry
            head = entry.seal()
        if head is not None:
            self._database.committed(*head)

    def get(self, request: RequestId) -> Request:
        """Read one request."""
        with self._database.read() as connection:
            row = connection.execute(REQUEST, {"_id": request}).one_or_none()
            if row is None:
                raise missing(connection, request)
        return to_request(row)

    def reviews(self, request: Request) -> Sequence[Review]:
        """Return the present revision's reviews."""
        with self._database.read() as connection:
            return reviews_of(connection, request)

    def find(
        self, *, states: Sequence[State] = (), requester: UserId | None = None, limit: int = 50
    ) -> Sequence[Request]:
        """Return requests, newest first."""
        ours = select(tables.requests).where(understood(tables.requests))
        query = ours.order_by(tables.requests.c.id.desc()).limit(limit)
        if states:
            query = query.where(tables.requests.c.state.in_(states))
        if requester is not None:
            query = query.where(tables.requests.c.requester == requester)
        with self._database.read() as connection:
            return [to_request(row) for row in connection.execute(query)]

    def behind(self, after: RequestId, states: Sequence[State], limit: int) -> Sequence[Request]:
        """Return requests in these states, oldest first; one state after the other, each by its index."""
        columns = tables.requests.c
        ours = select(tables.requests).where(columns.id > after, understood(tables.requests))
        ours = ours.order_by(columns.id).limit(limit)
        with self._database.read() as connection:
            rows = [row for state in states for row in connection.execute(ours.where(columns.state == state))]
        return sorted(map(to_request, rows), key=lambda each: each.id)[:limit]

    def last_on(self, target: str) -> Request | None:
        """Return the newest request that was started on a target; an extension starts nothing."""
        columns = tables.requests.c
        query = (
            select(tables.requests)
            .where(columns.id.in_(touching([target])), columns.started_at.is_not(None), columns.extension.is_(None))
            .where(understood(tables.requests))
            .order_by(columns.id.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else to_request(row)

    def tally(self, request: Request, what: Counting) -> Tally:
        """Count other requests, as advice: nobody is kept from taking a place meanwhile."""
        with self._database.read() as connection:
            return tallies.count(connection, request, what, self._database.now(connection))

    def waits(self, action: str, rule: str, limit: int) -> Sequence[timedelta]:
        """Look at the latest requests of the action only, however many there are."""
        columns = tables.requests.c
        lately = select(columns.id).where(columns.action == action).order_by(columns.id.desc()).limit(LATELY)
        by_people = or_(
            columns.approved_at.is_not(None) & (_said("needs") != "[]"),
            (columns.state == State.DENIED) & _said("denied_by").is_not(None),
        )
        query = (
            select(columns.created_at, columns.approved_at, columns.ended_at)
            .where(columns.id.in_(lately), _said("rule") == rule, by_people)
            .order_by(columns.id.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return [(row.approved_at or row.ended_at) - row.created_at for row in connection.execute(query)]

    def outdated(self, digest: str, limit: int) -> Sequence[Outdated]:
        """Return what waits for people and was last decided by another policy set, oldest first.

        What has a lower digest and what has a higher one are stretches of an index, usually empty; asked for together,
        or in the order of their numbers, SQLite would go through all that waits.
        """
        columns = (tables.requests.c.id, tables.requests.c.action, tables.requests.c.policy_digest)
        own = tables.requests.c.policy_digest
        waits = select(*columns).where(tables.requests.c.state == State.PENDING, understood(tables.requests))
        waits = waits.order_by(own, columns[0]).limit(limit)
        with self._database.read() as connection:
            rows = [row for each in (own < digest, own > digest) for row in connection.execute(waits.where(each))]
        found = sorted(rows, key=lambda row: row.id)[:limit]
        return [Outdated(RequestId(row.id), row.action, row.policy_digest) for row in found]

    def due(self, limit: int) -> Sequence[RequestId]:
        """Return what is due and free, longest due first."""
        now = self.now()
        with self._database.read() as connection:
            found = connection.execute(DUE, {"_now": now, "_latest": now + LONGEST, "_limit": limit}).scalars()
            return [RequestId(each) for each in found]

    def claim(self, request: RequestId, owner: str, lease: timedelta) -> Request | None:
        """Take a due request by compare-and-set; the fence moves with every claim."""
        with self._database.write() as connection:
            now = self._database.now(connection)
            wanted = {"_id": request, "_now": now, "_latest": now + LONGEST, "_owner": owner, "_until": now + lease}
            row = connection.execute(CLAIM_REQUEST, wanted).one_or_none()
        return None if row is None else to_request(row)

    def owed(self, limit: int) -> Sequence[RequestId]:
        """Return what is not reviewed, the longest due first."""
        return self._obligations(tables.obligations.c.reviewed_at.is_(None), limit)

    def overdue(self, limit: int) -> Sequence[RequestId]:
        """Return what has to be looked at now."""
        return self._obligations(tables.obligations.c.look_at <= self.now(), limit)

    def _obligations(self, which: ColumnElement[bool], limit: int) -> Sequence[RequestId]:
        ours = select(tables.obligations.c.request).where(which, about_understood(tables.obligations))
        query = ours.order_by(tables.obligations.c.due_at).limit(limit)
        with self._database.read() as connection:
            return [RequestId(each) for each in connection.execute(query).scalars()]

    def renew(self, request: Request, lease: timedelta) -> bool:
        """Keep a claim that is still ours."""
        with self._database.write() as connection:
            until = self._database.now(connection) + lease
            kept: Any = (
                update(tables.requests)
                .where(
                    tables.requests.c.id == request.id,
                    tables.requests.c.fence == request.fence,
                    tables.requests.c.owner == request.owner,
                )
                .values(lease_until=until)
            )
            return connection.execute(kept).rowcount == 1


def _said(name: str) -> ColumnElement[str]:
    """Return a part of the decision as text; both databases understand `->>`."""
    return tables.requests.c.decision.op("->>", return_type=Text())(literal_column(f"'{name}'"))
