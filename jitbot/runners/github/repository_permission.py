"""The runner `github.repository_permission`: somebody may do more on a repository for a time.

As for teams, GitHub keeps no mark of who gave it: the policy says what the user has of their own besides (`usually`), a
start is refused where that is not so, and the undo restores just that, whatever became of the receipt.
"""

from collections.abc import Sequence
from typing import cast

from pydantic import BaseModel

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Privilege, Receipt
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.answers import NoWord, healthy_or_not, read
from jitbot.runners.github.collaborators import (
    NONE,
    RANKS,
    Collaborators,
    RepositoryPermissionInputs,
    at_least,
)
from jitbot.runners.github.giving import give_and_see
from jitbot.runners.github.hub import github
from jitbot.runners.patience import Patience
from jitbot.runners.web_api import unharmed

_LOOKS = {"metadata": "read", "administration": "read"}
_CHANGES = {"metadata": "read", "administration": "write"}


class GithubRepositoryPermission:
    """See `RepositoryPermissionInputs` for what it can be told."""

    Inputs: type[BaseModel] = RepositoryPermissionInputs
    repeatable = False
    """A second start could not tell a permission of the first from one that somebody else has given."""
    undoable = True

    def __init__(self, site: Site) -> None:
        self._site = site

    def target(self, inputs: BaseModel) -> str:
        told = cast(RepositoryPermissionInputs, inputs)
        return _target(told, told.user)

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(RepositoryPermissionInputs, inputs)

        def look() -> Plan:
            with github(told, self._site, Patience(), _LOOKS) as hub:
                _demand(Collaborators(hub, told), told)
            return Plan(
                summary=f"Let {told.user} have {told.permission} on {told.repository}.",
                fingerprint=digest(told),
                diff=f"- {told.user}: {told.usually}\n+ {told.user}: {told.permission}\n  at the end: {told.usually}",
                undoable=True,
            )

        return unharmed(look)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told, patience = cast(RepositoryPermissionInputs, inputs), Patience.of(run)
        with github(told, self._site, patience, _CHANGES) as hub:
            people = Collaborators(hub, told)
            unharmed(lambda: _demand(people, told))
            wanted = (told.permission, _invited(told.permission))
            has = give_and_see(lambda: people.give(told.permission), lambda: _has(people), wanted, run, patience)
        summary = f"{told.user} on {told.repository}: {has}"
        run.log(summary)
        return Receipt({}, summary=summary)

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(RepositoryPermissionInputs, inputs)

        def look() -> Health:
            with github(told, self._site, Patience(), _LOOKS) as hub:
                has = _has(Collaborators(hub, told))
            absent = HealthState.ABSENT if has == told.usually else HealthState.UNHEALTHY
            given = has in (told.permission, _invited(told.permission))
            return Health(HealthState.HEALTHY if given else absent, f"{told.user}: {has}")

        return healthy_or_not(look)

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told, patience = cast(RepositoryPermissionInputs, inputs), Patience.of(run)
        with github(told, self._site, patience, _CHANGES) as hub:
            people = Collaborators(hub, told)
            try:
                _restore(people, told)
                has = _has(people)
            except NoWord as error:
                raise RunnerUnsure(f"{told.user} may still have {told.permission}: {error}") from error
        if has not in (told.usually, NONE):
            raise RunnerUnsure(f"{told.user} was to have {told.usually} again, and has: {has}.")
        run.log(f"{told.user} on {told.repository}: {has}")

    def privileges(self, inputs: BaseModel) -> Sequence[Privilege]:
        """List who was given of their own what these inputs give, or more."""
        told = cast(RepositoryPermissionInputs, inputs)

        def look() -> Sequence[Privilege]:
            with github(told, self._site, Patience(), _LOOKS) as hub:
                found = [row for row in Collaborators(hub, told).all() if at_least(row, told.permission)]
            return [Privilege(_target(told, read(row, "login", of=str)), read(row, "login", of=str)) for row in found]

        return unharmed(look)


def _target(told: RepositoryPermissionInputs, user: str) -> str:
    return f"{told.place} {told.repository} for {user}".lower()


def _invited(role: str) -> str:
    return f"{role} (invited, and not accepted yet)"


def _has(people: Collaborators) -> str:
    """Return what the user has of their own, or is invited to. Raises: NoWord."""
    invitation = people.invited()
    return people.direct() if invitation is None else _invited(read(invitation, "permissions", of=str))


def _demand(people: Collaborators, told: RepositoryPermissionInputs) -> None:
    """See that this can be given, and be ended. Raises: RunnerRefused, NoWord."""
    has = _has(people)
    if has != told.usually:
        raise RunnerRefused(
            f"{told.user} does not have of their own what the policy says (usually: {told.usually}), but: {has}. It "
            "is left so. Where a grant gave that, extend it; else say so in the policy."
        )
    if people.effective() >= RANKS[told.permission]:
        raise RunnerRefused(f"{told.user} may do that on {told.repository} already, by a team or as an owner.")


def _restore(people: Collaborators, told: RepositoryPermissionInputs) -> None:
    """Restore what is usual, where what is there is what was given. Raises: RunnerRefused, NoWord."""
    invitation = people.invited()
    if invitation is not None and read(invitation, "permissions", of=str) == told.permission:
        people.uninvite(invitation)
    has = _has(people)
    if has in (told.usually, NONE):
        return
    if has != told.permission:
        raise RunnerRefused(
            f"{told.user} has by now: {has}, which somebody else has given. It is left so. Take it away by "
            "hand where that is right, and this undo ends."
        )
    if told.usually == NONE:
        people.take()
    else:
        people.give(told.usually)
