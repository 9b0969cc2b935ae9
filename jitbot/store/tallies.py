"""What a decision counts of other requests; within a transaction, nobody else can count the same place meanwhile."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from jitbot.lifecycle import HOLDING
from jitbot.model import Asked, Counting, Failure, Holder, Request, State, Tally, UndoCause, UserId, Verdict
from jitbot.store import tables
from jitbot.store.statements import ASKED, touching

_REQUESTS = tables.requests.c
_REVIEWS = tables.reviews.c


def lock(connection: Connection, request: Request, what: Counting) -> None:
    """Keep all others from counting the same until the transaction ends.

    SQLite has one writer at a time anyway. The locks are always taken in this order, and before those of targets.
    """
    if connection.dialect.name != "postgresql":
        return
    names = [f"apart:{request.team}"] if what.apart else []
    names += [f"limits:{request.action}"] if what.grants or what.cool_down else []
    names += [f"quota:{request.action}:{request.requester}"] if what.quotas else []
    for name in names:
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def count(connection: Connection, request: Request, what: Counting, now: datetime) -> Tally:
    """Count what is asked for, the request itself left out."""
    return Tally(
        used={rule: _used(connection, request, rule, per, now) for rule, per in what.quotas.items()},
        holders=_holders(connection, request) if what.grants else (),
        failure=_failure(connection, request, now - what.cool_down) if what.cool_down else None,
        approvals=_approvals(connection, request, what.apart) if what.apart else {},
    )


def asked(connection: Connection, user: UserId, since: datetime, most: int) -> Asked:
    """Count what a person has asked for; it is never looked at more than is counted, however much they ever asked."""
    return Asked(*connection.execute(ASKED, {"_requester": user, "_since": since, "_most": most}).one())


def _used(connection: Connection, request: Request, rule: str, per: timedelta, now: datetime) -> int:
    """Count the places taken within `per` of now, or of the planned start: a place is used when it is taken, and then.

    So no stretch of that length ever holds more than the quota, whatever is planned.
    """
    taken = func.coalesce(_REQUESTS.approved_at, _REQUESTS.created_at, type_=_REQUESTS.created_at.type)
    start = max(now, request.starts_at or now)
    near = [_within(taken, now, per), _within(taken, start, per), _within(_REQUESTS.starts_at, start, per)]
    query = select(func.count()).where(
        _REQUESTS.requester == request.requester,
        _REQUESTS.action == request.action,
        _REQUESTS.quota == rule,
        _REQUESTS.id != request.id,
        or_(*near),
    )
    return connection.execute(query).scalar_one()


def _within(column: ColumnElement[datetime], at: datetime, per: timedelta) -> ColumnElement[bool]:
    return and_(column > at - per, column < at + per)


def _holders(connection: Connection, request: Request) -> tuple[Holder, ...]:
    query = (
        select(_REQUESTS.id, _REQUESTS.requester, _REQUESTS.beneficiary, _REQUESTS.expires_at)
        .where(
            _REQUESTS.action == request.action,
            _REQUESTS.state.in_(HOLDING),
            _REQUESTS.ttl.is_not(None),
            _REQUESTS.extension.is_(None),
            _REQUESTS.id != request.id,
        )
        .order_by(_REQUESTS.id)
    )
    return tuple(Holder(f"JIT-{row[0]}", row[1], row[2], row[3]) for row in connection.execute(query))


def _failure(connection: Connection, request: Request, since: datetime) -> Failure | None:
    failed = (UndoCause.UNHEALTHY, UndoCause.PARTWAY)
    unhealthy = and_(_REQUESTS.state == State.ROLLED_BACK, _REQUESTS.undo_cause.in_(failed))
    query = (
        select(_REQUESTS.id, _REQUESTS.ended_at)
        .where(
            _REQUESTS.id.in_(touching(request.snapshot.targets)),
            _REQUESTS.action == request.action,
            or_(_REQUESTS.state == State.FAILED, unhealthy),
            _REQUESTS.ended_at > since,
            _REQUESTS.extension.is_(None),
            _REQUESTS.id != request.id,
        )
        .order_by(_REQUESTS.ended_at.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Failure(f"JIT-{row[0]}", row[1])


def _approvals(connection: Connection, request: Request, within: timedelta) -> Mapping[UserId, tuple[datetime, ...]]:
    """Return when the requester or the beneficiary approved something, by whose it was."""
    own = {request.requester, request.beneficiary}
    query = (
        select(_REQUESTS.requester, _REQUESTS.beneficiary, _REVIEWS.at)
        .join_from(tables.reviews, tables.requests, _REVIEWS.request == _REQUESTS.id)
        .where(
            _REVIEWS.reviewer.in_(own),
            _REVIEWS.verdict == Verdict.APPROVE,
            _REVIEWS.at > request.created_at - within,
            _REQUESTS.id != request.id,
        )
        .order_by(_REVIEWS.at)
    )
    found: dict[UserId, list[datetime]] = defaultdict(list)
    for requester, beneficiary, at in connection.execute(query):
        for user in {requester, beneficiary} - own:
            found[user].append(at)
    return {user: tuple(times) for user, times in found.items()}
