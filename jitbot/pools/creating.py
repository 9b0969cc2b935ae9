"""Makes a pool: its schema, its tables, and the role of its workers, which may use these and nothing else."""

import secrets
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql
from sqlalchemy.exc import SQLAlchemyError

from jitbot.errors import SettingsError, StoreUnavailable
from jitbot.pools.place import Place
from jitbot.pools.tables import GRANTS, metadata
from jitbot.pools.wakeups import tables
from jitbot.store.engine import checked, plain_engine
from jitbot.store.upgrade import LOCK

QUEUE = "procrastinate_"
"""How the names of the queue's own tables begin."""
PASSWORD = "PASSWORD"  # noqa: S105 - what is shown in its place where it is not known

_OTHERS = """
WITH others AS (
  SELECT oid, nspname FROM pg_namespace
  WHERE nspname NOT IN (%(schema)s, 'pg_catalog', 'information_schema') AND nspname !~ '^pg_(temp|toast)'
)
SELECT nspname FROM others WHERE has_schema_privilege(%(schema)s, oid, 'CREATE')
UNION ALL
SELECT nspname || '.' || relname FROM pg_class JOIN others ON others.oid = relnamespace
WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND has_schema_privilege(%(schema)s, others.oid, 'USAGE')
  AND has_table_privilege(%(schema)s, pg_class.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
LIMIT 3
"""
"""What a role may do outside of its own schema: make something, or touch a table."""


@dataclass(frozen=True, slots=True)
class Created:
    """What came of it: the role, and the address with which its workers reach their pool.

    `password` is empty where the role was there before; then its address has PASSWORD in its place.
    """

    schema: str
    address: str
    password: str


def create(url: str, pool: str) -> Created:
    """Make what is missing of a pool, and leave alone what is there. Raises: SettingsError, StoreUnavailable."""
    place = Place(url, pool)
    address = checked(url)
    if address.get_backend_name() != "postgresql":
        raise SettingsError("A pool needs Postgres: set JITBOT_DATABASE_URL to the service's postgresql+psycopg://…")
    engine = plain_engine(url)
    try:
        with engine.begin() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, Connection)  # noqa: S101 - the one driver that we know
            raw.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            password = _role(raw, place.schema)
            _schema(raw, place.schema)
            metadata.create_all(connection)
            _grants(raw, place.schema)
            _alone(raw, place.schema)
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"The pool cannot be made: {error.__class__.__name__}.") from error
    finally:
        engine.dispose()
    shown = address.set(username=place.schema, password=password or PASSWORD).difference_update_query(["options"])
    return Created(place.schema, shown.render_as_string(hide_password=False), password)


def _role(raw: Connection[Any], role: str) -> str:
    """Make the role if it is missing, and return its new password. Raises: SettingsError."""
    if raw.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None:
        return ""
    may = raw.execute("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if may != (True,):
        raise SettingsError(
            f"This login may not make roles. Have somebody who may run: CREATE ROLE {role} LOGIN PASSWORD '…'; "
            "then run this again."
        )
    password = secrets.token_urlsafe(24)
    made = "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD {}"
    raw.execute(sql.SQL(made).format(sql.Identifier(role), sql.Literal(password)))
    return password


def _schema(raw: Connection[Any], schema: str) -> None:
    """Make the schema and the queue's tables; from here on this transaction sees that schema alone."""
    name = sql.Identifier(schema)
    raw.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
    raw.execute(sql.SQL("SET LOCAL search_path TO {}").format(name))
    if raw.execute("SELECT to_regclass('procrastinate_jobs')").fetchone() == (None,):
        raw.execute(tables().encode())


def _grants(raw: Connection[Any], schema: str) -> None:
    """Give the role what it needs, and take away what else it had here."""
    role = sql.Identifier(schema)
    found = raw.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema]).fetchall()
    allowed = {name: "SELECT, INSERT, UPDATE, DELETE" for (name,) in found if str(name).startswith(QUEUE)} | GRANTS
    statements = [
        "REVOKE ALL ON SCHEMA {schema} FROM PUBLIC",
        "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",
        "GRANT USAGE ON SCHEMA {schema} TO {role}",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    ]
    for statement in statements:
        raw.execute(sql.SQL(statement).format(schema=role, role=role))
    for name, rights in allowed.items():
        given = sql.SQL("GRANT {rights} ON {table} TO {role}")
        raw.execute(given.format(rights=sql.SQL(rights), table=sql.Identifier(name), role=role))


def _alone(raw: Connection[Any], schema: str) -> None:
    """See that the role reaches nothing else, as it would by what PUBLIC may. Raises: SettingsError."""
    found = raw.execute(_OTHERS, {"schema": schema}).fetchall()
    if found:
        names = ", ".join(str(name) for (name,) in found)
        raise SettingsError(
            f"The role {schema} would reach more than its pool: {names}. Take away what PUBLIC may there, such as by "
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC, and run this again."
        )
