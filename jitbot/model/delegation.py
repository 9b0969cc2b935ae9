"""Delegation: one person stands in for another for a while, and reviews in their place.

It is one hop, never beside the person it stands for, and its authority is the signed event that made it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from jitbot.model.people import UserId

DelegationId = NewType("DelegationId", int)


@dataclass(frozen=True, slots=True)
class Delegation:
    """`delegate` reviews in the place of `delegator` from `created_at` to `ends_at`, unless it was ended before."""

    id: DelegationId
    delegator: UserId
    delegate: UserId
    team: str
    created_at: datetime
    ends_at: datetime
    note: str = ""
    ended_at: datetime | None = None

    def stands(self, at: datetime) -> bool:
        """Tell whether it is in force at an instant."""
        return self.ended_at is None and self.created_at <= at < self.ends_at


@dataclass(frozen=True, slots=True)
class Delegated:
    """The delegations in force that are what their signed events say, and in words what is wrong with others."""

    standing: Sequence[Delegation] = ()
    faults: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class StandIn:
    """For whom a review was given, and the selectors that person satisfied then."""

    delegator: UserId
    selectors: tuple[str, ...]
