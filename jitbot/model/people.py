"""People: Slack user ids with their team, and the selectors by which policies name them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

UserId = NewType("UserId", str)
"""A Slack user id, `U…` or `W…` (no meaning in the prefix); globally unique, on Enterprise Grid too."""


class Standing(StrEnum):
    """What a person is to the workspace; only a member may ask for and review requests."""

    MEMBER = "member"
    GUEST = "guest"
    STRANGER = "stranger"  # from another organisation, through a shared channel
    BOT = "bot"
    DEACTIVATED = "deactivated"


class Kind(StrEnum):
    """What stands behind a requester."""

    PERSON = "person"
    SERVICE = "service"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Person:
    """One person as the directory knows them now."""

    id: UserId
    team: str
    name: str
    standing: Standing = Standing.MEMBER
    email: str | None = None
    kind: Kind = Kind.PERSON
    zone: str = ""
    """Their time zone by its IANA name, `Europe/Berlin`; empty where nobody knows."""

    @property
    def identity(self) -> str:
        """Return who this is, whichever account they use: two with the same are one person.

        It is the address in the directory, without what some mail servers let people add to it (`ann+test@…`); the
        account itself where no address is known.
        """
        local, at, domain = (self.email or "").casefold().rpartition("@")
        name = local.partition("+")[0]
        return f"{name}@{domain}" if at and name else self.id


@dataclass(frozen=True, slots=True)
class Selector:
    """One way to name people in a policy: `group:NAME`, `oncall:NAME`, `attribute:NAME=VALUE` or `user:ID`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Account:
    """An account in Slack that is no person's: what it is, and who stands behind it."""

    kind: Kind
    behind: tuple[Selector, ...]
    where: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A named set of people in `people.yml`: by Slack id, e-mail, `@usergroup`, other group, rota or attribute."""

    name: str
    users: tuple[UserId, ...] = ()
    emails: tuple[str, ...] = ()
    usergroups: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    on_call: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    """Each as a selector has it: `role=dba`."""
    where: str = ""

    @property
    def nested(self) -> tuple[Selector, ...]:
        """What is nested in it, by selector."""
        parts = {"group": self.groups, "oncall": self.on_call, "attribute": self.attributes}
        return tuple(Selector(kind, name) for kind, names in parts.items() for name in names)
