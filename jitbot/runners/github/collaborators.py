"""Who may do what on one repository: directly, by invitation, and by whatever way there is."""

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import model_validator

from jitbot.runners.answers import NoWord, Row, read, rows
from jitbot.runners.github.inputs import Login, OfRepository
from jitbot.runners.web_api import Api, Query

NONE = "none"
WORDS = {"read": "pull", "triage": "triage", "write": "push", "maintain": "maintain", "admin": "admin"}
"""GitHub's roles from the least on, and how the same are called where they are given."""
RANKS = {role: rank for rank, role in enumerate([NONE, *WORDS])}

Role = Literal["read", "triage", "write", "maintain", "admin"]
Usual = Literal["none", "read", "triage", "write", "maintain"]


class RepositoryPermissionInputs(OfRepository):
    """A user, and what they may do on a repository for a time."""

    user: Login
    permission: Role
    usually: Usual = "none"
    """What the user has of their own outside of such grants, and has again at the end."""

    @model_validator(mode="after")
    def _gives_something(self) -> Self:
        if RANKS[self.permission] <= RANKS[self.usually]:
            raise ValueError("permission must be more than usually: there is nothing to give")
        return self


class Collaborators:
    """What can be asked of one repository, and changed, about one user; everything raises NoWord."""

    def __init__(self, hub: Api, told: RepositoryPermissionInputs) -> None:
        self._hub = hub
        self._told = told

    def effective(self) -> int:
        """Return the rank of what the user may do, by whatever way; a role of the house counts as what it is above."""
        path = (*self._told.steps, "collaborators", self._told.user, "permission")
        found = self._hub.find(*path)
        if found is None:
            return RANKS[NONE]
        known = (found.get("role_name"), read(found, "permission", of=str)) if isinstance(found, dict) else ()
        return max((RANKS.get(str(role), 0) for role in known), default=0)

    def direct(self) -> str:
        """Return the role that the user was given of their own."""
        for row in self.all():
            if read(row, "login", of=str).lower() == self._told.user.lower():
                return read(row, "role_name", of=str)
        return NONE

    def all(self) -> Iterator[Row]:
        """Yield everybody who was given something of their own."""
        query: Query = {"affiliation": "direct", "per_page": 100}
        for page in self._hub.pages(*self._told.steps, "collaborators", query=query):
            yield from rows(page)

    def invited(self) -> Row | None:
        """Return the invitation that waits for the user, None where there is none."""
        for page in self._hub.pages(*self._told.steps, "invitations", query={"per_page": 100}):
            for row in rows(page):
                invitee = row.get("invitee")
                if invitee is not None and read(invitee, "login", of=str).lower() == self._told.user.lower():
                    return row
        return None

    def give(self, role: str) -> None:
        path = (*self._told.steps, "collaborators", self._told.user)
        self._hub.change("PUT", *path, body={"permission": WORDS[role]})

    def take(self) -> None:
        self._hub.change("DELETE", *self._told.steps, "collaborators", self._told.user, also={404})

    def uninvite(self, invitation: Row) -> None:
        number = read(invitation, "id", of=int)
        self._hub.change("DELETE", *self._told.steps, "invitations", str(number), also={404})


def at_least(row: Row, role: str) -> bool:
    """Tell whether somebody may do what a role may, whatever theirs is called."""
    try:
        return read(row, "permissions", WORDS[role], of=bool)
    except NoWord:
        return RANKS.get(str(row.get("role_name")), 0) >= RANKS[role]
