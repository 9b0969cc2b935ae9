"""A mark: a role of jitbot's own by which a server itself remembers what was begun there, and what was there before.

A worker may be lost before it has handed in its receipt. A role can be made and dropped in one transaction with what it
stands for, is seen from every database of the server, and needs nothing to be installed.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from jitbot.runners.postgres.server import OURS
from jitbot.runners.postgres.session import Connection


def named(*of: str) -> str:
    """Return the name of the mark for what these words say together."""
    return OURS + hashlib.sha256(json.dumps(of).encode()).hexdigest()[:24]


def is_named(role: str) -> bool:
    """Tell whether a role is called like a mark."""
    return role.startswith(OURS)


def read(connection: Connection, name: str) -> Mapping[str, Any] | None:
    """Return what a mark says (nothing, when somebody wrote over it), None where there is none or it was erased."""
    query = "SELECT shobj_description(oid, 'pg_authid') AS note FROM pg_roles WHERE rolname = %s"
    row = connection.execute(query, [name]).fetchone()
    if row is None or row["note"] is None:
        return None
    try:
        note = json.loads(row["note"])
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}


def write(connection: Connection, name: str, note: Mapping[str, Any]) -> None:
    """Make a mark, or write anew what it says."""
    role = sql.Identifier(name)
    if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).fetchone() is None:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
    text = sql.Literal(json.dumps(note, ensure_ascii=False))
    connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(role, text))


def erase(connection: Connection, name: str) -> bool:
    """Erase a mark within the present transaction; False when its role stays, empty.

    Anybody may grant something on a table of theirs to any role, and such a role cannot be dropped.
    """
    role = sql.Identifier(name)
    connection.execute(sql.SQL("COMMENT ON ROLE {} IS NULL").format(role))
    try:
        with connection.transaction():
            connection.execute(sql.SQL("DROP ROLE {}").format(role))
    except psycopg.errors.DependentObjectsStillExist:
        return False
    return True
