"""The runner `github.team_member`: somebody of the organisation is in a team for a time, or is its maintainer.

GitHub keeps no mark of who gave a membership, and a receipt can be lost. So the policy says what the user has besides
(`usually`), a start is refused where that is not so, and the undo knows from its inputs alone what to restore.
"""

from collections.abc import Sequence
from typing import Literal, Self, cast

from pydantic import BaseModel, model_validator

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Privilege, Receipt
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.answers import NoWord, healthy_or_not, read, rows
from jitbot.runners.github.giving import give_and_see
from jitbot.runners.github.hub import github
from jitbot.runners.github.inputs import Forge, Login, Slug
from jitbot.runners.patience import Patience
from jitbot.runners.web_api import Api, unharmed

NONE = "none"
_LOOKS = {"members": "read"}
_CHANGES = {"members": "write"}


class TeamMemberInputs(Forge):
    """A user, and a team that they shall be in."""

    organization: Login
    team: Slug
    user: Login
    role: Literal["member", "maintainer"] = "member"
    usually: Literal["none", "member"] = "none"
    """What the user has outside of such grants, and has again at the end."""

    @model_validator(mode="after")
    def _gives_something(self) -> Self:
        if self.role == self.usually:
            raise ValueError("role and usually are the same: there is nothing to give")
        return self

    @property
    def steps(self) -> tuple[str, ...]:
        return "orgs", self.organization, "teams", self.team

    @property
    def membership(self) -> tuple[str, ...]:
        return *self.steps, "memberships", self.user


class GithubTeamMember:
    """See `TeamMemberInputs` for what it can be told."""

    Inputs: type[BaseModel] = TeamMemberInputs
    repeatable = False
    """A second start could not tell a membership of the first from one that somebody else has given."""
    undoable = True

    def __init__(self, site: Site) -> None:
        self._site = site

    def target(self, inputs: BaseModel) -> str:
        told = cast(TeamMemberInputs, inputs)
        return _target(told, told.user)

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(TeamMemberInputs, inputs)

        def look() -> Plan:
            with github(told, self._site, Patience(), _LOOKS) as hub:
                _demand(hub, told)
            return Plan(
                summary=f"Make {told.user} a {told.role} of the team {told.organization}/{told.team}.",
                fingerprint=digest(told),
                diff=f"- {told.user}: {told.usually}\n+ {told.user}: {told.role}\n  at the end: {told.usually}",
                undoable=True,
            )

        return unharmed(look)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told, patience = cast(TeamMemberInputs, inputs), Patience.of(run)
        with github(told, self._site, patience, _CHANGES) as hub:
            unharmed(lambda: _demand(hub, told))
            has = give_and_see(lambda: _give(hub, told, told.role), lambda: _has(hub, told), [told.role], run, patience)
        summary = f"{told.user} in {told.organization}/{told.team}: {has}"
        run.log(summary)
        return Receipt({}, summary=summary)

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(TeamMemberInputs, inputs)

        def look() -> Health:
            with github(told, self._site, Patience(), _LOOKS) as hub:
                has = _has(hub, told)
            absent = HealthState.ABSENT if has == told.usually else HealthState.UNHEALTHY
            return Health(HealthState.HEALTHY if has == told.role else absent, f"{told.user}: {has}")

        return healthy_or_not(look)

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told, patience = cast(TeamMemberInputs, inputs), Patience.of(run)
        with github(told, self._site, patience, _CHANGES) as hub:
            try:
                _restore(hub, told)
                has = _has(hub, told)
            except NoWord as error:
                raise RunnerUnsure(f"{told.user} may still be a {told.role} of the team: {error}") from error
        if has not in (told.usually, NONE):
            raise RunnerUnsure(f"{told.user} was to be {told.usually} again, and is: {has}.")
        run.log(f"{told.user} in {told.organization}/{told.team}: {has}")

    def privileges(self, inputs: BaseModel) -> Sequence[Privilege]:
        """List who is in the team, or is its maintainer where that is what is given; also by a team below it."""
        told = cast(TeamMemberInputs, inputs)
        role = "maintainer" if told.role == "maintainer" else "all"

        def look() -> Sequence[Privilege]:
            with github(told, self._site, Patience(), _LOOKS) as hub:
                pages = hub.pages(*told.steps, "members", query={"role": role, "per_page": 100})
                logins = [read(row, "login", of=str) for page in pages for row in rows(page)]
            return [Privilege(_target(told, login), login) for login in logins]

        return unharmed(look)


def _target(told: TeamMemberInputs, user: str) -> str:
    return f"{told.place} team {told.organization}/{told.team} for {user}".lower()


def _demand(hub: Api, told: TeamMemberInputs) -> None:
    """See that this can be given, and be ended. Raises: RunnerRefused, NoWord."""
    member = hub.find("orgs", told.organization, "memberships", told.user)
    if member is None or read(member, "state", of=str) != "active":
        raise RunnerRefused(
            f"{told.user} is not in the organisation {told.organization}, or we may not see it. Nobody is invited "
            "for a time: whoever accepts would stay."
        )
    if read(member, "role", of=str) == "admin":
        raise RunnerRefused(f"{told.user} owns the organisation {told.organization}: a membership gives them nothing.")
    has = _has(hub, told)
    if has != told.usually:
        raise RunnerRefused(
            f"{told.user} is not as the policy says (usually: {told.usually}), but: {has}. It is left so. Where a "
            "grant gave that, extend it; else say so in the policy."
        )


def _has(hub: Api, told: TeamMemberInputs) -> str:
    """Return the role of the user in the team, `none`, or that it is an invitation. Raises: NoWord."""
    found = hub.find(*told.membership)
    if found is None:
        hub.get(*told.steps, "members", query={"per_page": 1})  # who may not see the team is told the same: 404
        return NONE
    role, state = read(found, "role", of=str), read(found, "state", of=str)
    return role if state == "active" else f"{role} ({state})"


def _restore(hub: Api, told: TeamMemberInputs) -> None:
    """Restore what is usual, where what is there is what was given. Raises: RunnerRefused, NoWord."""
    has = _has(hub, told)
    if has in (told.usually, NONE):
        return
    if has not in (told.role, f"{told.role} (pending)"):
        raise RunnerRefused(
            f"{told.user} is by now: {has}, which somebody else has given. It is left so. Take it away by "
            "hand where that is right, and this undo ends."
        )
    if told.usually == NONE:
        hub.change("DELETE", *told.membership, also={404})
    else:
        _give(hub, told, told.usually)


def _give(hub: Api, told: TeamMemberInputs, role: str) -> None:
    hub.change("PUT", *told.membership, body={"role": role})
