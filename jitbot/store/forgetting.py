"""Forget what is older than it is to be kept, so that the record still verifies.

Of the record, a stretch at a time: it is verified first, so that nothing that was tampered with is swept away. What is
over, its own signed events say, and not a row. Bodies and salts go in the transaction of the event that states it, and
with them the rows of requests whose bodies are gone: header, hash and signature of each event stay.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, func, select

from jitbot.audit import GENESIS, Forgotten, Row, Sealed, Verifier
from jitbot.lifecycle import TERMINAL
from jitbot.store import raw, statements, tables
from jitbot.store.engine import Database
from jitbot.store.ledger import StoreLedger
from jitbot.store.trail import StoreTrail

BEGUN, OWED, REVIEWED = "requested", "owed", "reviewed_after"
_OVER = frozenset(state.value for state in TERMINAL)
events = tables.events


@dataclass(slots=True)
class _Standing:
    """What the verified events of one request have said so far."""

    begun: bool = False
    over: bool = False
    owed: bool = False

    def take(self, kind: str, body: str | None) -> None:
        self.begun = self.begun or kind == BEGUN
        self.owed = kind == OWED or (self.owed and kind != REVIEWED)
        said = json.loads(body or "{}")
        self.over = self.over or said.get("changes", {}).get("state") in _OVER


class StoreForgetting:
    """Implements `ports.Forgetting`."""

    def __init__(self, database: Database, ledger: StoreLedger, trail: StoreTrail) -> None:
        self._database = database
        self._ledger = ledger
        self._trail = trail

    def messages(self, before: datetime, limit: int) -> int:
        """Delete some deliveries that were done by then, and messages that were given up; return how many."""
        inbox, outbox = tables.inbox, tables.outbox
        done = select(inbox.c.key).where(inbox.c.done_at <= before).order_by(inbox.c.done_at).limit(limit)
        given_up = select(outbox.c.id).where(outbox.c.parked_at <= before).order_by(outbox.c.parked_at).limit(limit)
        with self._database.read() as connection:
            keys, ids = list(connection.execute(done).scalars()), list(connection.execute(given_up).scalars())
        if keys or ids:
            with self._database.write() as connection:
                connection.execute(delete(inbox).where(inbox.c.key.in_(keys)))
                connection.execute(delete(outbox).where(outbox.c.id.in_(ids)))
        return max(len(keys), len(ids))

    def record(self, before: datetime, limit: int) -> int:
        """Forget one stretch of the record; return how many events it has, none where all the rest is newer."""
        last, verifier = self._trail.forgotten(), self._trail.verifier()
        with self._database.read() as connection:
            rows = self._old(connection, last.upto, before, limit)
            if not rows:
                return 0
            previous = connection.execute(statements.HASH, {"_seq": last.upto}).scalar() if last.upto else GENESIS
            kept = _kept(connection, verifier, last)
        verifier.rows(rows, previous or b"", last.upto, forgotten=last)
        stated, over = _planned(last, kept, rows, before)
        with self._ledger.begin() as entry:
            entry.forget(last, stated, over)
        return len(rows)

    def _old(self, connection: Connection, after: int, before: datetime, limit: int) -> Sequence[Row]:
        """Return the events behind one, up to the first that is not old enough."""
        young = select(func.min(events.c.seq)).where(events.c.seq > after, events.c.at > before)
        first = connection.execute(young.where(events.c.seq <= after + limit)).scalar()
        upto = after + limit if first is None else first - 1
        return raw.between(connection, after, upto)


def _kept(connection: Connection, verifier: Verifier, last: Forgotten) -> Sequence[Sealed]:
    """Return the events of requests that were not over the last time, each verified. Raises: Tampered."""
    query = statements.WITH_BEFORE.where(events.c.request.in_(sorted(last.but)), events.c.seq <= last.upto)
    rows = connection.execute(query.order_by(events.c.seq)).all() if last.but else ()
    found = [
        (Sealed(**{name: row._mapping[name] for name in Sealed.__slots__}), row._mapping["before"]) for row in rows
    ]
    for sealed, before in found:
        verifier.event(sealed, before or GENESIS)
    return [sealed for sealed, _ in found]


def _planned(
    last: Forgotten, kept: Iterable[Sealed], rows: Sequence[Row], before: datetime
) -> tuple[Forgotten, set[int]]:
    """Say what the record will state once these rows are gone through, and which requests go."""
    standing: dict[int, _Standing] = {}
    for sealed in kept:
        standing.setdefault(sealed.request or 0, _Standing()).take(sealed.kind, sealed.body)
    for _, _, kind, request, body, *_ in rows:
        if request is not None:
            standing.setdefault(request, _Standing()).take(kind, None if body is None else body.decode())
    # What has begun in neither was forgotten before, and something late was said of it.
    stay = {request for request, each in standing.items() if each.begun and (each.owed or not each.over)}
    instant = before.astimezone(UTC).isoformat(timespec="microseconds")
    return Forgotten(rows[-1][0], max(instant, last.before), frozenset(stay)), standing.keys() - stay
