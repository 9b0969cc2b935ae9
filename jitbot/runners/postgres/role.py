"""Makes a login a member of a role for a time.

The login is not put into the role itself but into a role of this grant's own (its mark), and that one into the role. So
whatever memberships there were before, or are given meanwhile, are never touched: the end drops what the grant made.
"""

import time
from collections.abc import Sequence
from typing import cast

from pydantic import BaseModel, model_validator

from jitbot.errors import RunnerRefused
from jitbot.model import Health, HealthState, Plan, Privilege, Receipt
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.deadline import seconds_left
from jitbot.runners.postgres import mark, roles
from jitbot.runners.postgres.server import RoleName, Server
from jitbot.runners.postgres.session import Connection, Row, at_once, changing, looking


class RoleInputs(Server):
    """A login, and the role that it shall be in."""

    role: RoleName
    login: RoleName

    @model_validator(mode="after")
    def _two(self) -> "RoleInputs":
        if self.role == self.login:
            raise ValueError("role and login must be two")
        return self

    @property
    def mark(self) -> str:
        """Return the name of the grant's own role: the same for everybody who asks for this login and role."""
        return mark.named("role", self.role, self.login)


class PostgresRole:
    """See `RoleInputs` for what it can be told."""

    Inputs: type[BaseModel] = RoleInputs
    repeatable = True
    undoable = True

    def __init__(self, site: Site) -> None:
        self._site = site

    def target(self, inputs: BaseModel) -> str:
        told = cast(RoleInputs, inputs)
        return f"postgres:{told.address} role {told.role} for {told.login}"

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(RoleInputs, inputs)
        with looking(told, self._site) as connection:
            role, login = _demand(connection, told)
            above = roles.roles_above(connection, told.role)
            already = told.role in roles.roles_above(connection, told.login, without=told.mark)
        lines = [f"- {told.login} is {'already' if already else 'not'} in {told.role}", _gained(told)]
        lines += [f"  {told.role} is itself in {', '.join(above)}"] if above else []
        powers = ", ".join(roles.attributes(role))
        lines += [f"  {told.role} has {powers} for whoever does SET ROLE"] if powers else []
        lines += [] if login["rolinherit"] else [f"  {told.login} has NOINHERIT: it must SET ROLE first"]
        lines += [_ending(told, already)]
        summary = f"Put the login {told.login} into the role {told.role} on {told.address}"
        summary += " (it is in it already, and stays so afterwards)" if already else ""
        return Plan(f"{summary}.", digest(told, role, login, above, already), diff="\n".join(lines), undoable=True)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(RoleInputs, inputs)
        with changing(told, self._site, time.time() + seconds_left(run)) as connection:
            _demand(connection, told)
            note = {"jitbot": run.key, "login": told.login, "role": told.role}
            mark.write(connection, told.mark, note)
            roles.grant(connection, told.role, told.mark)
            roles.grant(connection, told.mark, told.login)
        summary = f"{told.login} is in {told.role}"
        run.log(f"{summary}, by way of {told.mark}")
        return Receipt({"mark": told.mark}, summary=summary)

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(RoleInputs, inputs)
        with looking(told, self._site) as connection:
            if not _is_begun(connection, told):
                return Health(HealthState.ABSENT, f"{told.login} has no membership from jitbot in {told.role}")
            if _whole(connection, told):
                return Health(HealthState.HEALTHY, f"{told.login} is in {told.role}")
        return Health(
            HealthState.UNHEALTHY, f"Somebody took {told.login} out of {told.role}, or dropped one of the two"
        )

    def privileges(self, inputs: BaseModel) -> Sequence[Privilege]:
        """List who is directly in the role; whoever is in it by way of a mark has it from jitbot."""
        told = cast(RoleInputs, inputs)
        with looking(told, self._site) as connection:
            found = []
            for name in roles.members(connection, told.role):
                note = mark.read(connection, name) if mark.is_named(name) else None
                logins = roles.members(connection, name) if note is not None else [name]
                found += [(login, note is not None) for login in logins]
        return [Privilege(self.target(told.model_copy(update={"login": login})), login, ours) for login, ours in found]

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(RoleInputs, inputs)
        until = time.time() + seconds_left(run)
        with changing(told, self._site, until) as connection:
            if not _is_begun(connection, told):
                run.log(f"{told.login} has no membership from jitbot in {told.role}: nothing to take back")
                return
            for role in roles.roles_above(connection, told.mark):
                roles.revoke(connection, role, told.mark)
        with at_once(told, self._site, until) as connection:
            if told.role in roles.roles_above(connection, told.login, without=told.mark):
                run.log(f"{told.login} stays in {told.role}, as it was without jitbot; its sessions go on")
            else:
                ended = roles.end_sessions(connection, told.login, until)
                run.log(f"{told.login} is no longer in {told.role}; sessions ended: {ended}")
            for left in roles.prepared(connection, [told.login, told.role]):
                run.log(f"a prepared transaction is left that only its owner or a superuser can end: {left}")
        with changing(told, self._site, until) as connection:
            for login in roles.members(connection, told.mark):
                roles.revoke(connection, told.mark, login)
            if not mark.erase(connection, told.mark):
                run.log(f"The role {told.mark} stays, without members: something was granted to it or is owned by it")


def _demand(connection: Connection, told: RoleInputs) -> tuple[Row, Row]:
    """Return role and login as they are. Raises: RunnerRefused where this cannot be given, or not be ended."""
    role, login = (roles.look_up(connection, name) for name in (told.role, told.login))
    for name, found in ((told.role, role), (told.login, login)):
        if found is None:
            raise RunnerRefused(f"There is no role {name} on {told.address}.")
    role, login = cast(Row, role), cast(Row, login)
    if not login["rolcanlogin"]:
        raise RunnerRefused(f"{told.login} cannot log in: a membership for a time is given to logins, not to groups.")
    if login["rolsuper"]:
        raise RunnerRefused(f"{told.login} is a superuser, to whom a membership gives nothing.")
    others = set(roles.members(connection, told.mark)) - {told.login}
    if others:
        raise RunnerRefused(f"{', '.join(sorted(others))} was put into jitbot's own role {told.mark}: take it out.")
    roles.demand_grantor(connection, [told.role])
    roles.demand_ender(connection)
    return role, login


def _is_begun(connection: Connection, told: RoleInputs) -> bool:
    """Tell whether something is to be taken back: by the mark, or by memberships of one that was written over."""
    left = mark.read(connection, told.mark) is not None or roles.members(connection, told.mark)
    return bool(left or roles.roles_above(connection, told.mark))


def _whole(connection: Connection, told: RoleInputs) -> bool:
    return told.login in roles.members(connection, told.mark) and told.mark in roles.members(connection, told.role)


def _gained(told: RoleInputs) -> str:
    return f"+ {told.login} is in {told.role} by way of {told.mark}, and may not give it on"


def _ending(told: RoleInputs, already: bool) -> str:
    if already:
        return f"  at the end {told.login} is in {told.role} as before"
    return f"  at the end the membership is taken back and every session of {told.login} is ended"
