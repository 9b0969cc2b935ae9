"""Facts: what a decision may look at besides the request, fetched before and passed in.

What could not be read is absent here and named in `unread`; it is never empty, false or zero.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from jitbot.model.delegation import Delegation
from jitbot.model.limits import Tally
from jitbot.model.people import Kind, Person, Standing, UserId

CALENDAR_AHEAD = timedelta(days=366)
"""A source of spans answers for at least so long from the instant at which it is asked."""


class FactKind(StrEnum):
    """What a fact comes to. The first group can be used in conditions, the others name people and times."""

    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"
    TEXTS = "texts"
    DURATION = "duration"
    INSTANT = "instant"
    PEOPLE = "people"  # a frozenset of Slack ids and e-mail addresses
    SPANS = "spans"  # a tuple of `Span`
    ATTRIBUTES = "attributes"  # Slack id or e-mail address -> name -> value


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, `start` included and `end` not; aware instants in UTC."""

    start: datetime
    end: datetime
    summary: str = ""


@dataclass(frozen=True, slots=True)
class FactCall:
    """One declared fact: its source and that source's arguments, with `{parameter}` templates still in them."""

    name: str
    source: str
    arguments: Mapping[str, Any]
    kind: FactKind
    where: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """One reading of the world.

    `members` maps a selector's text to who it names now, `values` a condition's dotted name to its value, and `ages`
    says of values how old they were when they were read from memory. `spans` is what the calendars of freezes say, by
    the freeze's name; `notes` say more about values than they do themselves. `delegations` are those in force.
    """

    now: datetime
    members: Mapping[str, frozenset[UserId]] = field(default_factory=dict)
    people: Mapping[UserId, Person] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    ages: Mapping[str, timedelta] = field(default_factory=dict)
    spans: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    delegations: tuple[Delegation, ...] = ()
    tally: Tally | None = None
    """What was counted in the ledger; None where nobody has counted, which lets nothing through."""
    young: Mapping[str, frozenset[UserId]] = field(default_factory=dict)
    """Who is named by a selector only since they joined a user group lately, and does not review by it yet."""
    behind: frozenset[UserId] | None = frozenset()
    """Who stands behind the account that asks, where that is no person's; None where it could not be read."""
    overdue: tuple[int, ...] | None = None
    """The requests whose review after break-glass the requester lets wait too long; None where it was not read."""

    def reviewers(self, selector: str) -> frozenset[UserId]:
        """Return who may review by a selector now, or break glass by it; nobody where it was not read."""
        return self.members.get(selector, frozenset()) - self.young.get(selector, frozenset())

    def may_ask(self, user: UserId) -> bool:
        """Tell whether this account is known to be a member of the workspace now."""
        person = self.people.get(user)
        return person is not None and person.standing is Standing.MEMBER

    def may_review(self, user: UserId) -> bool:
        """Tell whether this is known to be a person, and a member of the workspace now."""
        return self.may_ask(user) and self.people[user].kind is Kind.PERSON

    def identity(self, user: UserId) -> str:
        """Return who an account belongs to; by itself where that is not known."""
        person = self.people.get(user)
        return user if person is None else person.identity

    def accounts(self, users: Iterable[UserId]) -> frozenset[UserId]:
        """Return these accounts, and all others that are known to belong to the same people."""
        own = frozenset(users)
        identities = {self.identity(user) for user in own}
        return own | {user for user in self.people if self.identity(user) in identities}

    def gone(self, user: UserId) -> bool:
        """Tell whether this person is known to have left."""
        person = self.people.get(user)
        return person is not None and person.standing is Standing.DEACTIVATED
