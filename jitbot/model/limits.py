"""Limits: how often, how many at a time and how soon again, and what was counted in the ledger to judge them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jitbot.model.people import UserId


@dataclass(frozen=True, slots=True)
class Quota:
    """How often one requester may be let through by one rule: `at_most` in any stretch of `per`."""

    at_most: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for every request of an action, whatever its rules say.

    `held` and `held_by_one` bound the grants that are held at the same time, in all and by one person; `cool_down` is
    the wait after a failed run on the same target.
    """

    held: int | None = None
    held_by_one: int | None = None
    cool_down: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one person may ask for, whatever the actions are: `open` requests at a time, and so many `a_minute`.

    Where it is 0, there is no limit.
    """

    open: int = 0
    a_minute: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What one person has asked for: requests that are yet to be decided, reviewed or started, and those of late."""

    open: int
    lately: int


@dataclass(frozen=True, slots=True)
class Counting:
    """What has to be counted before a request can be decided on: no more than its rules and limits look at."""

    quotas: Mapping[str, timedelta] = field(default_factory=dict)
    """Of each rule with a quota, over how long it counts."""
    grants: bool = False
    cool_down: timedelta | None = None
    apart: timedelta | None = None
    """How long who approved somebody is kept from being approved by them."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A grant that is held now; `until` is when it ends."""

    name: str
    requester: UserId
    beneficiary: UserId
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that failed, and when it ended."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """What the ledger says of other requests, counted in the transaction that decides.

    `used` counts by rule. `approvals` tells of each person when the requester or the beneficiary of the request in
    question approved something of theirs.
    """

    used: Mapping[str, int] = field(default_factory=dict)
    holders: tuple[Holder, ...] = ()
    failure: Failure | None = None
    approvals: Mapping[UserId, tuple[datetime, ...]] = field(default_factory=dict)
