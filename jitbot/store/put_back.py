"""What of a database that was put back from a backup is no longer so: claims, drawings, and the next number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, or_, select, text, update

from jitbot.lifecycle import TERMINAL
from jitbot.model import Delivery
from jitbot.store import tables
from jitbot.store.engine import Database

SKIPPED = 100_000
"""So many numbers of requests are left out after a restore, since requests that are lost have had them.

Far sides know runs by them (`Request.run_key`), and a card of a lost request must not become another one's.
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What a backup holds: how many events, the time of the newest, and deliveries that were not worked on."""

    events: int
    newest: datetime | None
    deliveries: Sequence[Delivery]


def let_go(database: Database) -> Found:
    """Take all claims away, have cards drawn anew, and leave the numbers out that may be taken.

    May be done again. Raises: StoreUnavailable.
    """
    requests, copies = tables.requests, tables.copies
    moved = or_(
        requests.c.state.not_in(TERMINAL),
        requests.c.id.in_(select(tables.obligations.c.request).where(tables.obligations.c.reviewed_at.is_(None))),
    )
    drawn = copies.c.request.in_(select(requests.c.id).where(moved))
    with database.write() as connection:
        connection.execute(
            update(requests)
            .where(requests.c.owner != "")
            .values(owner="", lease_until=None, fence=requests.c.fence + 1)
        )
        for table in (tables.inbox, tables.outbox):
            connection.execute(update(table).values(lease_until=None))
        connection.execute(update(copies).where(drawn, copies.c.ts.is_not(None)).values(version=-1))
        _skip_numbers(connection)
        newest = connection.execute(select(func.max(tables.events.c.seq), func.max(tables.events.c.at))).one()
        waiting = select(tables.inbox).where(tables.inbox.c.done_at.is_(None)).order_by(tables.inbox.c.received_at)
        rows = connection.execute(waiting).all()
    names = Delivery.__dataclass_fields__
    deliveries = [Delivery(**{name: row._mapping[name] for name in names}) for row in rows]
    return Found(newest[0] or 0, newest[1], deliveries)


def _skip_numbers(connection: Connection) -> None:
    ids = tables.requests.c.id, tables.events.c.request  # the newest row may have been forgotten; its events stay
    newest = max(connection.scalar(select(func.max(each))) or 0 for each in ids)
    if connection.dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence("requests", "id")
        connection.execute(select(func.setval(sequence, newest + SKIPPED)))
        return
    values = {"newest": newest + SKIPPED}
    done = connection.execute(text("UPDATE sqlite_sequence SET seq = :newest WHERE name = 'requests'"), values)
    if done.rowcount == 0:
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES ('requests', :newest)"), values)
