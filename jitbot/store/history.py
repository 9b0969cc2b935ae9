"""What was done lately, counted by the database by indexed times: implements `ports.History`."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Dialect, func, select

from jitbot.model import ENDS, Became, Past
from jitbot.store import tables
from jitbot.store.engine import Database

_REQUESTS = tables.requests.c


class StoreHistory:
    """Looks, and locks nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, past: Past) -> int:
        """Count them."""
        with self._database.read() as connection:
            query = select(func.count()).where(*_those(past, connection.dialect))
            return connection.execute(query).scalar_one()

    def last(self, past: Past) -> datetime | None:
        """Return when the last was asked, was started or ended."""
        with self._database.read() as connection:
            at = _instant(past.became)
            query = select(at).where(*_those(past, connection.dialect)).order_by(at.desc()).limit(1)
            return connection.execute(query).scalar_one_or_none()


def _instant(became: Became) -> Any:
    return {Became.ASKED: _REQUESTS.created_at, Became.STARTED: _REQUESTS.started_at}.get(became, _REQUESTS.ended_at)


def _those(past: Past, dialect: Dialect) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        _instant(past.became) >= past.since,
        _REQUESTS.id != past.without,
        _REQUESTS.extension.is_(None),  # that something stays for longer is not that it was done again
    ]
    if past.became in ENDS:
        found.append(_REQUESTS.state.in_(ENDS[past.became]))
    for column, wanted in (("requester", past.requester), ("action", past.action), ("target", past.target)):
        if wanted is not None:
            found.append(_REQUESTS[column] == wanted)
    if past.rule is not None:
        found.append(_rule(dialect) == past.rule)
    return found


def _rule(dialect: Dialect) -> ColumnElement[Any]:
    """Return the name of the rule in the decision, which is kept as JSON."""
    if dialect.name == "sqlite":
        return func.json_extract(_REQUESTS.decision, "$.rule")
    return func.jsonb_extract_path_text(_REQUESTS.decision, "rule")
