"""Makes a login for a time: in some roles, with an end that the server knows too, and dropped with its sessions.

No password is made here, since nobody could be handed it without its standing in a record. It comes from a named
secret of the operator's, or there is none and the server asks for something else (a certificate, a directory).
"""

import time
from collections.abc import Sequence
from typing import Annotated, Self, cast

from psycopg import sql
from pydantic import BaseModel, Field, model_validator

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Privilege, Receipt
from jitbot.outbound.values import Secret, digest, plain
from jitbot.ports import Run, Site
from jitbot.runners.deadline import seconds_left
from jitbot.runners.postgres import mark, roles
from jitbot.runners.postgres.server import RoleName, Server
from jitbot.runners.postgres.session import Connection, at_once, changing, looking

VERIFIER = "SCRAM-SHA-256$"
"""How a secret begins that is no password but what a server keeps of one: pg_authid in Postgres's documentation."""

_DEPENDS = """
SELECT DISTINCT coalesce(d.datname, current_database()) AS name FROM pg_shdepend s
LEFT JOIN pg_database d ON d.oid = s.dbid
WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = (SELECT oid FROM pg_roles WHERE rolname = %s) ORDER BY 1
"""
_COMMENTED = """
SELECT rolname FROM pg_roles WHERE rolcanlogin AND shobj_description(oid, 'pg_authid') LIKE '{%' ORDER BY 1
"""


class LoginInputs(Server):
    """A login that is not there yet, and what it is to be in."""

    login: RoleName
    roles: Annotated[tuple[RoleName, ...], Field(max_length=20)]
    objects_to: RoleName
    """Who owns afterwards what the login made."""
    login_password: Secret | None = None
    connections: Annotated[int, Field(ge=1, le=100)] = 5

    @model_validator(mode="after")
    def _others(self) -> Self:
        if self.login in (*self.roles, self.objects_to, self.user):
            raise ValueError("the login must be another than its roles, jitbot's own, and who gets its objects")
        return self


class PostgresLogin:
    """See `LoginInputs` for what it can be told."""

    Inputs: type[BaseModel] = LoginInputs
    repeatable = True
    undoable = True
    ends_by_itself = True

    def __init__(self, site: Site) -> None:
        self._site = site

    def target(self, inputs: BaseModel) -> str:
        told = cast(LoginInputs, inputs)
        return f"postgres:{told.address} login {told.login}"

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(LoginInputs, inputs)
        with looking(told, self._site) as connection:
            _demand(connection, told)
            above = {role: [*roles.roles_above(connection, role)] for role in told.roles}
            powers = {role: _powers(connection, role) for role in told.roles}
        secret = told.login_password
        password = "none, so the server must ask for something else" if secret is None else f"secret '{secret.secret}'"
        lines = [f"+ login {told.login}, {told.connections} connections at most; password: {password}"]
        for role in told.roles:
            more = ", ".join([*powers[role], *(f"in {name}" for name in above[role])])
            lines += [f"+ {told.login} is in {role}{f' ({more})' if more else ''}"]
        lines += [f"  at the end its sessions are ended, {told.objects_to} gets what it owns, and it is dropped"]
        summary = f"Make the login {told.login} on {told.address}, in {', '.join(told.roles) or 'no role'}."
        return Plan(summary, digest(told, above, powers), diff="\n".join(lines), undoable=True)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(LoginInputs, inputs)
        if run.until is None:
            raise RunnerRefused("A login is made for a time only: give the action a `timebox`. Nothing was done.")
        password = plain(told.login_password, self._site) if told.login_password else None
        with changing(told, self._site, time.time() + seconds_left(run)) as connection:
            _demand(connection, told)
            verb, until = "CREATE", run.until.isoformat()
            if roles.look_up(connection, told.login) is not None:
                verb, until = "ALTER", _later(connection, told, until)
            words = sql.SQL("{} ROLE {} LOGIN CONNECTION LIMIT {} VALID UNTIL {} PASSWORD {}").format(
                sql.SQL(verb),
                sql.Identifier(told.login),
                sql.Literal(told.connections),
                sql.Literal(until),
                sql.Literal(_verifier(connection, told, password)),
            )
            connection.execute(words)
            for role in told.roles:
                roles.grant(connection, role, told.login)
            mark.write(connection, told.login, {"jitbot": run.key, "login": told.login})
        run.log(f"the login {told.login} is there, with a password that is good until {until}")
        return Receipt({"login": told.login}, summary=f"the login {told.login} is there")

    def extend(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> Receipt:
        told = cast(LoginInputs, inputs)
        if run.until is None:
            raise RunnerRefused("An extension says until when. Nothing was done.")
        with changing(told, self._site, time.time() + seconds_left(run)) as connection:
            found = roles.look_up(connection, told.login)
            if found is None or not found["rolcanlogin"] or not _is_ours(connection, told):
                raise RunnerRefused(f"There is no login {told.login} of jitbot's on {told.address} any more.")
            until = _later(connection, told, run.until.isoformat())
            words = sql.SQL("ALTER ROLE {} VALID UNTIL {}").format(sql.Identifier(told.login), sql.Literal(until))
            connection.execute(words)
        run.log(f"the password of {told.login} is good until {until}")
        kept = {"login": told.login} if receipt is None else receipt.data
        return Receipt(kept, summary=f"the login {told.login} stays")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(LoginInputs, inputs)
        with looking(told, self._site) as connection:
            found = roles.look_up(connection, told.login)
            if found is None or not _is_ours(connection, told):
                return Health(HealthState.ABSENT, f"there is no login {told.login} of jitbot's")
            lacking = sorted(set(told.roles) - set(roles.roles_above(connection, told.login)))
        if lacking or not found["rolcanlogin"]:
            words = f"is not in {', '.join(lacking)}" if lacking else "cannot log in"
            return Health(HealthState.UNHEALTHY, f"{told.login} {words}")
        return Health(HealthState.HEALTHY, f"the login {told.login} is there")

    def check_by_key(self, inputs: BaseModel, key: str) -> Health:
        """Look for what one start did: the login may have been made by another one, and then ends with that one."""
        told = cast(LoginInputs, inputs)
        health = self.check(told, None)
        if health.state is not HealthState.HEALTHY:
            return health
        with looking(told, self._site) as connection:
            made_by = (mark.read(connection, told.login) or {}).get("jitbot")
        if made_by != key:
            return Health(HealthState.UNKNOWN, f"the login {told.login} is there, and {made_by} made it so")
        return health

    def privileges(self, inputs: BaseModel) -> Sequence[Privilege]:
        """List the logins that jitbot has made, whatever they are in."""
        told = cast(LoginInputs, inputs)
        with looking(told, self._site) as connection:
            names = [str(row["rolname"]) for row in connection.execute(_COMMENTED)]
            made = [told.model_copy(update={"login": name}) for name in names]
            ours = [each for each in made if _is_ours(connection, each)]
        return [Privilege(self.target(each), each.login, ours=True) for each in ours]

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(LoginInputs, inputs)
        until = time.time() + seconds_left(run)
        login, heir = sql.Identifier(told.login), sql.Identifier(told.objects_to)
        with changing(told, self._site, until) as connection:
            there = roles.look_up(connection, told.login) is not None
            ours = there and _is_ours(connection, told)
            if there and not ours and receipt is not None:
                raise RunnerUnsure(f"Somebody wrote over the comment of {told.login}: see whose it is, and drop it.")
            if not ours:
                run.log(f"there is no login {told.login} of jitbot's: nothing to take back")
                return
            connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(login))
        with at_once(told, self._site, until) as connection:
            ended = roles.end_sessions(connection, told.login, until)
            owning = [row["name"] for row in connection.execute(_DEPENDS, [told.login])]
        run.log(f"{told.login} cannot log in any more; sessions ended: {ended}")
        for database in owning:
            with changing(told.model_copy(update={"database": database}), self._site, until) as connection:
                roles.enter(connection, told.login)
                connection.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(login, heir))
                connection.execute(sql.SQL("DROP OWNED BY {}").format(login))
            run.log(f"what {told.login} owned in {database} belongs to {told.objects_to}")
        with changing(told, self._site, until) as connection:
            connection.execute(sql.SQL("DROP ROLE {}").format(login))
        run.log(f"the login {told.login} is dropped")


def _demand(connection: Connection, told: LoginInputs) -> None:
    """See that a login can be made, and be ended. Raises: RunnerRefused."""
    if roles.look_up(connection, told.login) is not None and not _is_ours(connection, told):
        raise RunnerRefused(f"There is a role {told.login} on {told.address} already, and jitbot did not make it.")
    for name in (*told.roles, told.objects_to):
        if roles.look_up(connection, name) is None:
            raise RunnerRefused(f"There is no role {name} on {told.address}.")
    roles.demand_grantor(connection, told.roles)
    roles.demand_ender(connection)
    roles.demand_heir(connection, told.objects_to)


def _later(connection: Connection, told: LoginInputs, until: str) -> str:
    """Return the later of two ends: who holds the same login for longer must not lose it to who holds it for less."""
    query = "SELECT greatest(rolvaliduntil, %s::timestamptz)::text AS until FROM pg_roles WHERE rolname = %s"
    row = connection.execute(query, [until, told.login]).fetchone()
    return until if row is None else str(row["until"])


def _is_ours(connection: Connection, told: LoginInputs) -> bool:
    note = mark.read(connection, told.login)
    return note is not None and "jitbot" in note and note.get("login") == told.login


def _powers(connection: Connection, role: str) -> Sequence[str]:
    found = roles.look_up(connection, role)
    return roles.attributes(found) if found is not None else []


def _verifier(connection: Connection, told: LoginInputs, password: str | None) -> str | None:
    """Return what the server keeps of a password, so that the password itself is in no statement and no log."""
    if password is None or password.startswith(VERIFIER):
        return password
    return connection.pgconn.encrypt_password(password.encode(), told.login.encode(), b"scram-sha-256").decode()
