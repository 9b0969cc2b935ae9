"""Delete what the record states to be forgotten: bodies with their salts, and all rows of requests that are over."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, or_, update

from jitbot.audit import NEVER_FORGOTTEN, Forgotten
from jitbot.store import tables
from jitbot.store.outputs import delete_outputs_of

_HANGING = (tables.reviews, tables.copies, tables.obligations, tables.parts)
"""The tables whose rows are a request's own, besides its outputs."""
events = tables.events


def empty(connection: Connection, stated: Forgotten, after: int, over: Collection[int]) -> None:
    """Delete the bodies and salts that are stated, of which those up to `after` were before, and all rows of requests.

    A statement for each of the two ways to find them, so that neither goes through all events.
    """
    ended = sorted(over)
    gone = update(events).where(events.c.kind.not_in(NEVER_FORGOTTEN)).values(body=None, salt=None)
    goes = or_(events.c.request.is_(None), events.c.request.not_in(sorted(stated.but)))
    connection.execute(gone.where(events.c.seq > after, events.c.seq <= stated.upto, goes))
    connection.execute(gone.where(events.c.request.in_(ended), events.c.seq <= after))  # what stayed the last time
    delete_outputs_of(connection, ended)
    for table in _HANGING:
        connection.execute(delete(table).where(table.c.request.in_(ended)))
    connection.execute(delete(tables.requests).where(tables.requests.c.id.in_(ended)))
    past = tables.delegations.c.ends_at <= datetime.fromisoformat(stated.before)
    connection.execute(delete(tables.delegations).where(past))
