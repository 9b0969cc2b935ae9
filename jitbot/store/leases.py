"""Leases: until when something is in somebody's hands."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, or_

LONGEST = timedelta(minutes=5)
"""Nobody takes a longer one. What is said to last for longer was taken by a clock that has been set back since."""


def unleased(table: Table, now: Any, latest: Any) -> ColumnElement[bool]:
    """Tell whether a row is in nobody's hands; `latest` is `LONGEST` after now. Both may be parameters."""
    until = table.c.lease_until
    free: ColumnElement[bool] = or_(until.is_(None), until <= now, until > latest)
    return free
