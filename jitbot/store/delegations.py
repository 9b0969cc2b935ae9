"""Delegations, read for deciding: a row counts only where the signed record says the same.

Who could write the database could otherwise give themselves somebody's approvals. The record is verified from two weeks
back, further than any delegation reaches, and from then on only what is new in it.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlalchemy import Connection, func, or_, select

from jitbot.audit import GENESIS, Sealed
from jitbot.errors import Tampered
from jitbot.model import Delegated, Delegation, DelegationId, UserId
from jitbot.store import tables
from jitbot.store.engine import Database
from jitbot.store.rows import delegation_from_signed, to_delegation
from jitbot.store.statements import STANDING
from jitbot.store.trail import CUT, StoreTrail

KINDS = frozenset({"delegated", "delegation_ended"})
LOOKED_BACK = timedelta(days=15)
"""A delegation lasts 14 days at most, so that no event older than this says anything of one that is in force."""
TRIES = 3
"""A row that differs may have moved while the record was read: both are read again so often."""


class SignedDelegations:
    """Implements `ports.Delegations`."""

    def __init__(self, database: Database, trail: StoreTrail) -> None:
        self._database = database
        self._trail = trail
        self._turn = threading.Lock()
        self._seen: tuple[int, bytes] | None = None
        self._signed: dict[DelegationId, Delegation] = {}

    def standing(self, at: datetime) -> Delegated:
        """Return the delegations in force at an instant that are what their events say, and what others are not."""
        for _ in range(TRIES):
            with self._database.read() as connection:
                rows = standing_delegations(connection, at)
            signed = self._read_on(at) if rows else {}
            forged = [row for row in rows if signed.get(row.id) != row]
            if not forged:
                return Delegated(rows)
        faults = [_fault(row, known=row.id in signed) for row in forged]
        return Delegated([row for row in rows if row not in forged], faults)

    def of(self, user: UserId, at: datetime) -> Sequence[Delegation]:
        """Return what somebody has delegated, or was delegated to them, as far as it is what its events say."""
        return [each for each in self.standing(at).standing if user in (each.delegator, each.delegate)]

    def _read_on(self, at: datetime) -> Mapping[DelegationId, Delegation]:
        """Verify and fold what the record holds beyond what was seen already. Raises: Tampered."""
        with self._turn:
            seen, signed = self._seen or self._beginning(at), dict(self._signed)
            self._still_there(*seen)
            for sealed in self._trail.follow(*seen, KINDS):
                seen = (sealed.seq, sealed.hash)
                if sealed.kind in KINDS:
                    folded = _said(sealed)
                    signed[folded.id] = folded
            self._seen = seen
            self._signed = {key: each for key, each in signed.items() if each.ends_at > at - LOOKED_BACK}
            return self._signed

    def _beginning(self, at: datetime) -> tuple[int, bytes]:
        """Return the last event before what may matter: everything behind it has to follow from it."""
        events = tables.events
        with self._database.read() as connection:
            query = select(func.min(events.c.seq)).where(events.c.at >= at - LOOKED_BACK)
            first = connection.execute(query).scalar() or 1
            found = connection.execute(select(events.c.hash).where(events.c.seq == first - 1)).scalar()
        return first - 1, found or GENESIS

    def _still_there(self, seq: int, digest: bytes) -> None:
        with self._database.read() as connection:
            found = connection.execute(select(tables.events.c.hash).where(tables.events.c.seq == seq)).scalar()
        if seq and found != digest:
            raise Tampered(f"Event {seq} is not the one that was seen before. {CUT}")


def standing_delegations(connection: Connection, at: datetime, user: UserId | None = None) -> list[Delegation]:
    """Return the rows in force at an instant, oldest first: of everybody, or by or to one person."""
    table = tables.delegations
    query = STANDING if user is None else STANDING.where(or_(table.c.delegator == user, table.c.delegate == user))
    return [to_delegation(row) for row in connection.execute(query, {"_at": at})]


def _fault(row: Delegation, *, known: bool) -> str:
    what = "is not what its signed record says" if known else "has no signed record"
    return f"Delegation {row.id} ({row.delegator} to {row.delegate}) {what}."


def _said(sealed: Sealed) -> Delegation:
    """Read a delegation from its event. Raises: Tampered where the event was emptied, or is none of ours."""
    try:
        return delegation_from_signed(json.loads(sealed.body or "{}")["delegation"])
    except (KeyError, ValidationError) as error:
        raise Tampered(f"Event {sealed.seq} is not whole, and delegations hang on it.") from error
