"""What the server knows of roles: attributes, memberships and open sessions."""

import time
from collections.abc import Sequence
from typing import LiteralString

from psycopg import sql

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.runners.postgres.session import Connection, Row

POLL_SECONDS = 0.05

_ATTRIBUTES = {
    "rolsuper": "SUPERUSER",
    "rolcreaterole": "CREATEROLE",
    "rolcreatedb": "CREATEDB",
    "rolreplication": "REPLICATION",
    "rolbypassrls": "BYPASSRLS",
}
_USABLE = " AND (m.inherit_option OR m.set_option)"
"""Leaves out those who only administer a role, as whoever makes one does since Postgres 16."""
_UPWARDS = """
WITH RECURSIVE above (id) AS (
    SELECT oid FROM pg_roles WHERE rolname = %s
    UNION
    SELECT m.roleid FROM pg_auth_members m JOIN above ON m.member = above.id
    WHERE m.roleid IS DISTINCT FROM (SELECT oid FROM pg_roles WHERE rolname = %s){}
)
SELECT rolname FROM pg_roles JOIN above ON oid = id WHERE rolname <> %s ORDER BY rolname
"""
_MEMBERS = """
SELECT DISTINCT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member
WHERE m.roleid = (SELECT oid FROM pg_roles WHERE rolname = %s) AND r.rolname <> current_user{} ORDER BY 1
"""
_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE usename = %s AND pid <> pg_backend_pid() ORDER BY pid"


def look_up(connection: Connection, name: str) -> Row | None:
    """Return a role's attributes, None where there is no such role."""
    columns = ", ".join([*_ATTRIBUTES, "rolcanlogin", "rolinherit"])
    query = sql.SQL("SELECT {} FROM pg_roles WHERE rolname = %s").format(sql.SQL(columns))
    return connection.execute(query, [name]).fetchone()


def attributes(role: Row) -> Sequence[str]:
    """Return, in Postgres's words, what a role may do beyond its privileges."""
    return [word for column, word in _ATTRIBUTES.items() if role[column]]


def roles_above(connection: Connection, name: str, *, without: str = "") -> Sequence[str]:
    """Return every role that a role is in, also by way of others; `without` is left out with what is above it."""
    return _names(connection, _UPWARDS, name, without, name)


def members(connection: Connection, name: str) -> Sequence[str]:
    """Return who is in a role, besides jitbot's own login."""
    return _names(connection, _MEMBERS, name)


def _names(connection: Connection, query: LiteralString, *values: str) -> Sequence[str]:
    usable = sql.SQL(_USABLE if _has_options(connection) else "")
    return [row["rolname"] for row in connection.execute(sql.SQL(query).format(usable), values)]


def _has_options(connection: Connection) -> bool:
    """Tell whether memberships have options of their own, as they have since Postgres 16."""
    return connection.info.server_version >= 160_000


def demand_grantor(connection: Connection, roles: Sequence[str]) -> None:
    """See that jitbot's own login can make roles, and put them into these. Raises: RunnerRefused."""
    own = _own(connection)
    if own["rolsuper"]:
        return
    if not own["rolcreaterole"]:
        raise RunnerRefused(f"The login {own['rolname']} cannot make roles: ALTER ROLE {own['rolname']} CREATEROLE.")
    for role in roles if _has_options(connection) else ():
        query = "SELECT pg_has_role(current_user, %s::name, 'MEMBER WITH ADMIN OPTION') AS may"
        if not _one(connection, query, role)["may"]:
            raise RunnerRefused(
                f"The login {own['rolname']} may not give {role} away: "
                f"GRANT {role} TO {own['rolname']} WITH ADMIN OPTION."
            )


def demand_ender(connection: Connection) -> None:
    """See that jitbot's own login can end other people's sessions. Raises: RunnerRefused."""
    own = _own(connection)
    signals = "SELECT pg_has_role(current_user, 'pg_signal_backend', 'USAGE') AS may"
    if not own["rolsuper"] and not _one(connection, signals)["may"]:
        raise RunnerRefused(
            f"The login {own['rolname']} could not end sessions afterwards: "
            f"GRANT pg_signal_backend TO {own['rolname']}."
        )


def demand_setter(connection: Connection, parameter: str) -> None:
    """See that jitbot's own login may set a parameter for the whole server. Raises: RunnerRefused."""
    own = _own(connection)
    if own["rolsuper"]:
        return
    grantable = connection.info.server_version >= 150_000
    query = "SELECT has_parameter_privilege(%s, 'ALTER SYSTEM') AS may"
    if not grantable or not _one(connection, query, parameter)["may"]:
        raise RunnerRefused(
            f"The login {own['rolname']} may not set it: GRANT ALTER SYSTEM ON PARAMETER {parameter} "
            f"TO {own['rolname']} (before Postgres 15, only superusers may)."
        )


def demand_heir(connection: Connection, role: str) -> None:
    """See that jitbot's own login can hand objects over to a role. Raises: RunnerRefused."""
    own = _own(connection)
    query = "SELECT pg_has_role(current_user, %s::name, 'USAGE') AS may"
    if not own["rolsuper"] and not _one(connection, query, role)["may"]:
        raise RunnerRefused(
            f"The login {own['rolname']} could not hand objects over to {role} afterwards: "
            f"GRANT {role} TO {own['rolname']}."
        )


def grant(connection: Connection, role: str, to: str) -> None:
    """Put one role into another."""
    connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(to)))


def revoke(connection: Connection, role: str, of: str) -> None:
    """Take one role out of another, as far as it was jitbot's own login that put it there."""
    connection.execute(sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(role), sql.Identifier(of)))


def enter(connection: Connection, role: str) -> None:
    """Put jitbot's own login into a role that it made, so that it may hand on what that one owns."""
    if not _own(connection)["rolsuper"]:
        inherit = sql.SQL(" WITH INHERIT TRUE" if _has_options(connection) else "")
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER{}").format(sql.Identifier(role), inherit))


def end_sessions(connection: Connection, login: str, until: float) -> int:
    """End every session that a login has now, and wait for them to be gone; return how many there were.

    Sessions that it opens meanwhile are not among them. Not within a transaction, in which a server shows its sessions
    as they were. Raises: RunnerUnsure when one is still there `until`.
    """
    ended = {row["pid"] for row in connection.execute(_SESSIONS, [login])}
    for pid in ended:
        connection.execute("SELECT pg_terminate_backend(%s::integer)", [pid])
    left = ended
    while left := left & {row["pid"] for row in connection.execute(_SESSIONS, [login])}:
        if time.time() + POLL_SECONDS > until:
            raise RunnerUnsure(f"Sessions of {login} did not end (pid {', '.join(map(str, sorted(left)))}).")
        time.sleep(POLL_SECONDS)
    return len(ended)


def prepared(connection: Connection, owners: Sequence[str]) -> Sequence[str]:
    """Return the prepared transactions of some roles, which outlive every session and can be committed from another."""
    query = "SELECT gid, database FROM pg_prepared_xacts WHERE owner = ANY(%s) ORDER BY prepared"
    return [f"{row['gid']} in {row['database']}" for row in connection.execute(query, [list(owners)])]


def _own(connection: Connection) -> Row:
    return _one(connection, "SELECT rolname, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user")


def _one(connection: Connection, query: LiteralString, *values: str) -> Row:
    row = connection.execute(query, values).fetchone()
    if row is None:
        raise RunnerUnsure("The server answered a question with nothing.")
    return row
