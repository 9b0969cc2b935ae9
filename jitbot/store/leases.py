"""Leases: until when something is in somebody's hands."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, or_

LONGEST = timedelta(minutes=5)
"""Nobody takes a longer one. What is said to last for longer was taken by a clock that has been set back since."""


def unleased(table: Table, now: datetime) -> ColumnElement[bool]:
    """Tell whether a row is in nobody's hands."""
    until = table.c.lease_until
    free: ColumnElement[bool] = or_(until.is_(None), until <= now, until > now + LONGEST)
    return free
