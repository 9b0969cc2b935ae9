"""Events as the driver hands them out, for what goes through many of them: no objects, no conversions.

Instants come as text and bodies as bytes, in the form in which they are hashed, so that the database does that work.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import cache
from typing import Any

from sqlalchemy import Connection, CursorResult, TextClause, bindparam, text

OF_REQUEST = "request = :request"
OF_REQUEST_AND_KIND = "request = :request AND kind = :kind"
NUMBERED = "seq = :seq"
OF_KINDS = "kind IN :kinds"
ALL = "seq > 0"
"""Which events are chosen, in the five ways in which the record is read."""

_INSTANT = {
    "sqlite": "at",
    "postgresql": "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24\\:MI\\:SS.US') || '+00\\:00'",
}
_BODY = {"sqlite": "CAST(body AS BLOB)", "postgresql": "convert_to(body, 'UTF8')"}


def between(connection: Connection, after: int, upto: int) -> Sequence[Any]:
    """Return events in order, each as an `audit.Row`."""
    query = _query(connection.dialect.name, "", "seq <= :upto")
    return _rows(connection.execute(query, {"after": after, "upto": upto}))


def page(connection: Connection, chosen: str, wanted: Mapping[str, Any], after: int, limit: int) -> Sequence[Any]:
    """Return events in order, each as an `audit.Row` and whether it is chosen; only those have their bodies read."""
    query = _query(connection.dialect.name, chosen, "")
    return _rows(connection.execute(query, {**wanted, "after": after, "limit": limit}))


def first(connection: Connection, chosen: str, wanted: Mapping[str, Any]) -> tuple[int | None, bytes | None]:
    """Return the number of the first event that is chosen, and the hash of the one before it."""
    seq, before = connection.execute(_first(chosen), wanted).one()
    return seq, before


def _rows(result: CursorResult[Any]) -> Sequence[Any]:
    """Return plain tuples: what SQLAlchemy makes of them takes as long as reading them."""
    cursor: Any = result.cursor
    with closing(result):
        rows: Sequence[Any] = cursor.fetchall()
    return rows


@cache
def _query(dialect: str, chosen: str, bound: str) -> TextClause:
    body, salt, own, end = _BODY[dialect], "salt", "", " LIMIT :limit" if chosen else ""
    if chosen:
        body, salt = f"CASE WHEN {chosen} THEN {body} END", f"CASE WHEN {chosen} THEN salt END"
        own = f", CASE WHEN {chosen} THEN 1 ELSE 0 END"
    columns = f"seq, {_INSTANT[dialect]}, kind, request, {body}, {salt}, commitment, key, hash, signature{own}"
    where = f"seq > :after AND {bound}" if bound else "seq > :after"
    return _expanded(f"SELECT {columns} FROM events WHERE {where} ORDER BY seq{end}")  # noqa: S608 - our own words


@cache
def _first(chosen: str) -> TextClause:
    found = f"SELECT min(seq) AS seq FROM events WHERE {chosen}"  # noqa: S608 - our own words
    before = "SELECT hash FROM events WHERE seq = found.seq - 1"
    return _expanded(f"SELECT seq, ({before}) FROM ({found}) AS found")  # noqa: S608 - our own words


def _expanded(query: str) -> TextClause:
    made = text(query)
    return made.bindparams(bindparam("kinds", expanding=True)) if ":kinds" in query else made
