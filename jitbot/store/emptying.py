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
    """Delete the bodies and salts that are stated, and the rows of requests that are over."""
    ended = sorted(over)
    stays = events.c.request.in_(sorted(stated.but))
    stretch = (events.c.seq > after) & (events.c.seq <= stated.upto) & or_(events.c.request.is_(None), ~stays)
    released = (events.c.seq <= after) & events.c.request.in_(ended)
    gone = update(events).where(events.c.kind.not_in(NEVER_FORGOTTEN), or_(stretch, released))
    connection.execute(gone.values(body=None, salt=None))
    delete_outputs_of(connection, ended)
    for table in _HANGING:
        connection.execute(delete(table).where(table.c.request.in_(ended)))
    connection.execute(delete(tables.requests).where(tables.requests.c.id.in_(ended)))
    past = tables.delegations.c.ends_at <= datetime.fromisoformat(stated.before)
    connection.execute(delete(tables.delegations).where(past))
