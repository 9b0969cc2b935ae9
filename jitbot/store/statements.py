"""The statements that every request needs, built once: building one costs more than sending it.

Values are given when a statement is executed. Names that begin with an underscore are those of conditions, so that they
do not meet the columns that are set.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    SelectBase,
    bindparam,
    case,
    func,
    insert,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from jitbot.lifecycle import HOLDING
from jitbot.model import DeliveryKind
from jitbot.store import leases, tables
from jitbot.store.newer import about_understood, known, on_free_target, understood


def upsert(database: str, table: Any) -> Any:
    """Return the INSERT that can deal with a row that is there already, by the name of the database's dialect."""
    build: Any = sqlite.insert if database == "sqlite" else postgresql.insert
    return build(table)


def _is(table: Any, name: str) -> Any:
    """Return the condition that a column has the value given as `_name`."""
    return table.c[name] == bindparam(f"_{name}", type_=table.c[name].type)


REQUEST = select(tables.requests).where(_is(tables.requests, "id"), understood(tables.requests))
LOCKED_REQUEST = REQUEST.with_for_update()
ADD_REQUEST = insert(tables.requests).returning(tables.requests.c.id)
MOVE_REQUEST = update(tables.requests).where(
    *(_is(tables.requests, name) for name in ("id", "state", "version", "fence"))
)
"""The WHERE clause is the lock: nobody has moved the row since it was read."""

_own = _is(tables.requests, "requester")
_newest = (
    select(tables.requests.c.created_at)
    .where(_own)
    .order_by(tables.requests.c.id.desc())
    .limit(bindparam("_most"))
    .subquery()
)
_since = bindparam("_since", type_=tables.requests.c.created_at.type)
ASKED = select(
    select(func.count()).where(_own, text(tables.OPEN)).scalar_subquery(),
    select(func.count()).where(_newest.c.created_at > _since).scalar_subquery(),
)
"""How many requests of a person are open, and how many of their newest ones were made lately."""

REVIEWS = (
    select(tables.reviews)
    .where(_is(tables.reviews, "request"), _is(tables.reviews, "revision"))
    .order_by(tables.reviews.c.at, tables.reviews.c.id)
)
SETTLE_DELIVERY = update(tables.inbox).where(_is(tables.inbox, "key"), tables.inbox.c.done_at.is_(None))
COPIES = select(tables.copies).where(_is(tables.copies, "request")).order_by(tables.copies.c.place)
HEAD = (
    select(*(tables.chain.c[name] for name in ("count", "hash", "key", "halted")))
    .where(tables.chain.c.id == 1)
    .with_for_update()
)
MOVE_HEAD = update(tables.chain).where(tables.chain.c.id == 1)
ADD_EVENTS = insert(tables.events)

_at = bindparam("_at", type_=tables.delegations.c.ends_at.type)
STANDING = (
    select(tables.delegations)
    .where(
        tables.delegations.c.ended_at.is_(None),
        tables.delegations.c.created_at <= _at,
        tables.delegations.c.ends_at > _at,
    )
    .order_by(tables.delegations.c.id)
)
"""The delegations that are in force at an instant."""


def touching(targets: Any) -> SelectBase:
    """Return the query for the ids of requests that have one of these targets, or have it among many."""
    own = select(tables.requests.c.id).where(tables.requests.c.target.in_(targets))
    return union_all(own, select(tables.parts.c.request).where(tables.parts.c.target.in_(targets)))


HOLDERS = (
    select(tables.requests)
    .where(
        tables.requests.c.id.in_(touching(bindparam("_targets", expanding=True))),
        tables.requests.c.state.in_(HOLDING),
        understood(tables.requests),
    )
    .order_by(tables.requests.c.id)
    .with_for_update()
)


def _now(table: Any) -> Any:
    return bindparam("_now", type_=table.c.lease_until.type)


def _unleased(table: Any) -> ColumnElement[bool]:
    """Return the condition that nobody has claimed a row for longer than until `_now`."""
    latest = bindparam("_latest", type_=table.c.lease_until.type)
    return leases.unleased(table, _now(table), latest)


_DUE = (tables.requests.c.due_at <= _now(tables.requests)) & _unleased(tables.requests)
_DUE &= understood(tables.requests) & on_free_target()
OUR_DELIVERY = known(tables.inbox.c.kind, DeliveryKind) & understood(tables.inbox) & about_understood(tables.inbox)
DUE = select(tables.requests.c.id).where(_DUE).order_by(tables.requests.c.due_at).limit(bindparam("_limit"))
CLAIM_REQUEST = (
    update(tables.requests)
    .where(_is(tables.requests, "id"), _DUE)
    .values(
        owner=bindparam("_owner"),
        lease_until=bindparam("_until", type_=tables.requests.c.lease_until.type),
        fence=tables.requests.c.fence + 1,
    )
    .returning(tables.requests)
)
CLAIM_DELIVERY = (
    update(tables.inbox)
    .where(_is(tables.inbox, "key"), tables.inbox.c.done_at.is_(None), _unleased(tables.inbox), OUR_DELIVERY)
    .values(
        lease_until=bindparam("_until", type_=tables.inbox.c.lease_until.type), attempts=tables.inbox.c.attempts + 1
    )
    .returning(tables.inbox)
)

_events = tables.events.c
NEWEST_OF_KIND = select(func.max(_events.seq)).where(_events.kind == bindparam("_kind"))
HASH = select(_events.hash).where(_events.seq == bindparam("_seq"))
HALTED = select(tables.chain.c.halted)
_NEWEST_KEY = select(func.max(_events.seq)).where(text(tables.KEY)).scalar_subquery()
CHAIN = select(
    *(
        select(column).where(tables.chain.c.id == 1).scalar_subquery()
        for column in (tables.chain.c.count, tables.chain.c.hash)
    ),
    _NEWEST_KEY,
    HASH.scalar_subquery(),
)
"""Number and hash of the head, None where there is none; the newest event that names a key; the hash of an event."""
_before = tables.events.alias()
WITH_BEFORE = select(
    tables.events, select(_before.c.hash).where(_before.c.seq == _events.seq - 1).scalar_subquery().label("before")
)
"""Events, each with the hash before it."""
OF_REQUEST = (
    WITH_BEFORE.add_columns(_NEWEST_KEY.label("newest_key"))
    .where(_events.request == bindparam("_request"))
    .order_by(_events.seq)
)
"""The events of a request, each with the newest event that names a key."""
KEYS = WITH_BEFORE.where(text(f"events.{tables.KEY}")).order_by(_events.seq)
FORGETTING = WITH_BEFORE.where(text(f"events.{tables.FORGOTTEN}")).order_by(_events.seq.desc()).limit(1)
"""Those that name keys, and the newest that says what was forgotten.

Their words stand in the statement itself, so that a partial index is used.
"""


@cache
def put_delivery(database: str) -> Any:
    """Return the INSERT of a delivery; one whose key is known gives back no row (psycopg counts none)."""
    return upsert(database, tables.inbox).on_conflict_do_nothing(index_elements=["key"]).returning(tables.inbox.c.key)


@cache
def review(database: str) -> Any:
    """Return the INSERT of a review; an earlier one by the same person on the same revision is replaced."""
    fresh = upsert(database, tables.reviews)
    same = ("request", "revision", "reviewer")
    again = {each.name: fresh.excluded[each.name] for each in tables.reviews.c if each.name not in ("id", *same)}
    return fresh.on_conflict_do_update(index_elements=same, set_=again)


@cache
def say(database: str) -> Any:
    """Return the INSERT of a message; one that waits under the same key is replaced, and due again."""
    fresh = upsert(database, tables.outbox)
    again = {
        "text": fresh.excluded.text,
        "serial": tables.outbox.c.serial + 1,
        "due_at": fresh.excluded.due_at,
        "attempts": case((tables.outbox.c.parked_at.is_(None), tables.outbox.c.attempts), else_=0),
        "parked_at": None,
    }
    return fresh.on_conflict_do_update(index_elements=["key"], set_=again)
