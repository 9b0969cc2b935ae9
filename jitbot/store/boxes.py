"""Inbox and outbox: what came in before it was acknowledged, and what still has to be said."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update

from jitbot.errors import Tampered
from jitbot.model import Copy, Delivery, Outgoing, RequestId, Topic
from jitbot.store import tables
from jitbot.store.deliveries import Vouched
from jitbot.store.engine import Database
from jitbot.store.keys import KeyFile
from jitbot.store.leases import LONGEST, unleased
from jitbot.store.newer import about_understood, known
from jitbot.store.statements import CLAIM_DELIVERY, COPIES, OUR_DELIVERY, put_delivery, upsert
from jitbot.store.trail import StoreTrail

INBOX_LEASE = timedelta(seconds=30)


class StoreInbox:
    """Implements `ports.Inbox`: one row a delivery, by its own unique key."""

    def __init__(self, database: Database, keys: KeyFile, trail: StoreTrail) -> None:
        self._database = database
        self._vouched = Vouched(keys, trail)

    def put(self, delivery: Delivery, lease: timedelta) -> bool:
        """Commit a delivery unless its key is known; it is in the hands of whoever puts it."""
        row = {name: getattr(delivery, name) for name in delivery.__dataclass_fields__}
        row |= {"attempts": 0, "lease_until": delivery.received_at + lease, "seal": self._vouched.seal(delivery)}
        with self._database.write(urgent=True) as connection:
            return connection.execute(put_delivery(connection.dialect.name), row).first() is not None

    def get(self, key: str) -> Delivery | None:
        """Claim a delivery that is not done, and see that it is what was taken in, and was not worked on."""
        with self._database.write() as connection:
            now = self._database.now(connection)
            wanted = {"_key": key, "_now": now, "_latest": now + LONGEST, "_until": now + INBOX_LEASE}
            row = connection.execute(CLAIM_DELIVERY, wanted).one_or_none()
        if row is None:
            return None
        delivery = Delivery(row.key, row.kind, row.user, row.team, row.body, row.received_at, row.request)
        self._vouched.see(delivery, row.seal, now)
        if not self._vouched.settled(delivery):
            return delivery
        if self._open(key):
            raise Tampered("It was worked on before, by the signed record, and is in the inbox as if it was not.")
        return None

    def _open(self, key: str) -> bool:
        query = select(tables.inbox.c.key).where(tables.inbox.c.key == key, tables.inbox.c.done_at.is_(None))
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def waiting(self, limit: int) -> Sequence[str]:
        """Return the keys of deliveries that nobody works on."""
        query = select(tables.inbox.c.key).where(_waiting(self._database.now()))
        query = query.order_by(tables.inbox.c.received_at).limit(limit)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())


class StoreOutbox:
    """Implements `ports.Outbox`: messages that wait, and the copies of cards that stand."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, limit: int, lease: timedelta) -> Sequence[Outgoing]:
        """Take what is due, most urgent first."""
        table = tables.outbox
        with self._database.write() as connection:
            now = self._database.now(connection)
            free = table.c.parked_at.is_(None) & (table.c.due_at <= now) & unleased(table, now, now + LONGEST)
            free &= known(table.c.topic, Topic) & about_understood(table)
            chosen = select(table.c.id).where(free).order_by(table.c.urgency, table.c.id).limit(limit)
            claim: Any = (
                update(table)
                .where(table.c.id.in_(chosen.with_for_update(skip_locked=True).scalar_subquery()))
                .values(lease_until=now + lease, attempts=table.c.attempts + 1)
                .returning(table)
            )
            rows = sorted(connection.execute(claim), key=lambda row: (row.urgency, row.id))
        return [
            Outgoing(row.key, row.topic, row.request, row.text, row.to, row.id, row.attempts, row.serial)
            for row in rows
        ]

    def done(self, message: Outgoing) -> None:
        """Forget it, unless it was put again meanwhile: then it is due at once."""
        table = tables.outbox
        with self._database.write() as connection:
            said = delete(table).where(table.c.id == message.id, table.c.serial == message.fence)
            if connection.execute(said).rowcount != 1:
                again = update(table).where(table.c.id == message.id).values(lease_until=None, attempts=0)
                connection.execute(again)

    def retry(self, message: Outgoing, after: timedelta, error: str) -> None:
        """Keep it for later."""
        self._later(message, {"error": error[:500], "lease_until": None}, after)

    def park(self, message: Outgoing, error: str) -> None:
        """Give it up; it stays to be seen."""
        self._later(message, {"error": error[:500], "lease_until": None}, None)

    def _later(self, message: Outgoing, values: dict[str, Any], after: timedelta | None) -> None:
        with self._database.write() as connection:
            now = self._database.now(connection)
            when = {"parked_at": now} if after is None else {"due_at": now + after}
            same = (tables.outbox.c.id == message.id) & (tables.outbox.c.serial == message.fence)
            if connection.execute(update(tables.outbox).where(same).values(**values, **when)).rowcount != 1:
                again = update(tables.outbox).where(tables.outbox.c.id == message.id)
                connection.execute(again.values(lease_until=None))

    def take_over(self) -> None:
        """Free what was claimed: by a process that is gone, since there is only one that says things."""
        table = tables.outbox
        with self._database.write() as connection:
            connection.execute(update(table).where(table.c.lease_until.is_not(None)).values(lease_until=None))

    def parked(self) -> Sequence[tuple[Outgoing, str]]:
        """Return what was given up, with its error; `doctor` shows it."""
        ours = tables.outbox.c.parked_at.is_not(None) & known(tables.outbox.c.topic, Topic)
        query = select(tables.outbox).where(ours).order_by(tables.outbox.c.id)
        with self._database.read() as connection:
            rows = connection.execute(query.limit(100)).all()
        return [(Outgoing(row.key, row.topic, row.request, row.text, row.to, row.id), row.error) for row in rows]

    def copies(self, request: RequestId) -> Sequence[Copy]:
        """Return the copies of a card."""
        with self._database.read() as connection:
            return [Copy(**row._mapping) for row in connection.execute(COPIES, {"_request": request})]

    def keep(self, copy: Copy) -> None:
        """Store a copy; an older drawing never replaces a newer one."""
        values = {name: getattr(copy, name) for name in copy.__dataclass_fields__}
        with self._database.write() as connection:
            fresh = upsert(connection.dialect.name, tables.copies).values(values)
            newer = tables.copies.c.version <= fresh.excluded.version
            connection.execute(
                fresh.on_conflict_do_update(
                    index_elements=["request", "place"],
                    set_={name: fresh.excluded[name] for name in ("channel", "ts", "version", "unsure")},
                    where=newer,
                )
            )


def _waiting(now: datetime) -> ColumnElement[bool]:
    undone: ColumnElement[bool] = tables.inbox.c.done_at.is_(None)
    return undone & unleased(tables.inbox, now, now + LONGEST) & OUR_DELIVERY
