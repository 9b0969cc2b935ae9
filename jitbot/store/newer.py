"""What a newer jitbot beside us has written, and we leave to it.

During a rolling upgrade both work on one database. A row whose column `needs` names a schema after ours holds something
that this code would misread, so it does not claim, show or change it; a kind of delivery or message that it has never
heard of neither (decision 0030).
"""

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, FromClause, Integer, Table, cast, or_, select

from jitbot.errors import Conflict, InNewerHands, JitbotError, NotFound
from jitbot.model import RequestId
from jitbot.store import tables


def understood(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row of requests or inbox is one for this code."""
    plain: ColumnElement[bool] = table.c.needs.is_(None)
    return or_(plain, table.c.needs <= tables.SCHEMA)


def about_understood(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row is about no request, or about one for this code."""
    theirs = select(tables.requests.c.id).where(tables.requests.c.needs > tables.SCHEMA)
    unrelated: ColumnElement[bool] = table.c.request.is_(None)
    return or_(unrelated, table.c.request.not_in(theirs))


def on_free_target() -> ColumnElement[bool]:
    """Return the condition that newer code has nothing under way on a request's target: it has to see to both then."""
    others = tables.requests.alias()
    theirs = select(others.c.target).where(others.c.needs > tables.SCHEMA, _under_way(others))
    return tables.requests.c.target.not_in(theirs)


def known(column: ColumnElement[StrEnum], kind: type[StrEnum]) -> ColumnElement[bool]:
    """Return the condition that a word is one of those that this code knows."""
    return column.in_(list(kind))


def missing(connection: Connection, request: RequestId) -> JitbotError:
    """Return why a request was not found: there is none, or it is not for this code."""
    there = select(tables.requests.c.id).where(tables.requests.c.id == request)
    if connection.execute(there).first() is None:
        return NotFound(f"There is no request JIT-{request}.")
    return InNewerHands(f"JIT-{request} is in the hands of a newer jitbot beside this one. Try again in a moment.")


def leave_target(connection: Connection, targets: Sequence[str]) -> None:
    """See that newer code has nothing under way on these targets, also among many or since we claimed ours.

    Raises: Conflict, so that ours waits.
    """
    found = connection.execute(_AT_WORK).all()  # nearly always none, found without a look at the targets' histories
    if not found:
        return
    theirs = [row.id for row in found]
    parts = select(tables.parts.c.target).where(tables.parts.c.request.in_(theirs))
    if {*targets} & {*(row.target for row in found), *connection.execute(parts).scalars()}:
        raise Conflict("A newer jitbot is at work on this target.")


def _under_way(requests: FromClause) -> ColumnElement[bool]:
    """Return that a request has started and not ended, in a form that no index of all requests is chosen for."""
    return cast(requests.c.started_at.is_not(None), Integer) > cast(requests.c.ended_at.is_not(None), Integer)


_AT_WORK = select(tables.requests.c.id, tables.requests.c.target).where(
    tables.requests.c.needs > tables.SCHEMA, _under_way(tables.requests)
)
