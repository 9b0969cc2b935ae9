"""Where a parameter is set: for the whole server, a database, a login, or a login in a database; read and written.

What stands there is text as it was given, never what it came to, so that writing it back restores it exactly.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from jitbot.errors import RunnerRefused
from jitbot.runners.postgres.session import Connection

LISTS = frozenset({"search_path", "temp_tablespaces"})
"""Parameters whose items are quoted one by one: those of variable_is_guc_list_quote in Postgres's
src/bin/pg_dump/dumputils.c that may be set here; the others load code."""

_ITEM = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^",\s]+))\s*(?:,(?!\s*$)|$)')
_FILE = """
SELECT setting FROM pg_file_settings
WHERE lower(name) = lower(%s) AND sourcefile LIKE '%%/postgresql.auto.conf' ORDER BY seqno DESC LIMIT 1
"""
_STORED = """
SELECT setting FROM pg_db_role_setting, unnest(setconfig) AS setting
WHERE setdatabase = {} AND setrole = {} AND lower(split_part(setting, '=', 1)) = lower(%s)
"""
_DATABASE = "(SELECT oid FROM pg_database WHERE datname = %s)"
_LOGIN = "(SELECT oid FROM pg_roles WHERE rolname = %s)"


@dataclass(frozen=True, slots=True)
class Place:
    """A parameter at one place; with neither a login nor a database it is the whole server."""

    parameter: str
    login: str | None = None
    in_database: str | None = None

    @property
    def whole_server(self) -> bool:
        return self.login is None and self.in_database is None

    def __str__(self) -> str:
        login = f"the login {self.login}" if self.login is not None else ""
        database = f"the database {self.in_database}" if self.in_database is not None else ""
        return " in ".join(filter(None, [login, database])) or "the whole server"


def read(connection: Connection, place: Place) -> str | None:
    """Return the text that is set at a place, None where nothing is."""
    if place.whole_server:
        _demand_file(connection)
        row = connection.execute(_FILE, [place.parameter]).fetchone()
        return None if row is None else str(row["setting"])
    owners = [(place.in_database, _DATABASE), (place.login, _LOGIN)]
    query = sql.SQL(_STORED).format(*(sql.SQL(found if name is not None else "0") for name, found in owners))
    row = connection.execute(query, [*(name for name, _ in owners if name is not None), place.parameter]).fetchone()
    return None if row is None else str(row["setting"]).partition("=")[2]


def lacks(connection: Connection, place: Place) -> str:
    """Tell which login or database of a place is not there; nothing where all is."""
    for what, name, found in (("database", place.in_database, _DATABASE), ("login", place.login, _LOGIN)):
        if name is None:
            continue
        row = connection.execute(sql.SQL("SELECT {} AS id").format(sql.SQL(found)), [name]).fetchone()
        if row is None or row["id"] is None:
            return f"{what} {name}"
    return ""


def write(connection: Connection, place: Place, value: str | None) -> None:
    """Set a parameter at a place, or take it from there; for the whole server that is no part of a transaction."""
    parameter = sql.SQL(".").join(map(sql.Identifier, place.parameter.split(".")))
    what = sql.SQL("RESET {}").format(parameter)
    if value is not None:
        items = split(value) if place.parameter.lower() in LISTS else [value]
        words = sql.SQL(", ").join(map(sql.Literal, items or [""]))
        what = sql.SQL("SET {} TO {}").format(parameter, words)
    connection.execute(sql.SQL("{} {}").format(_subject(place), what))


def split(value: str) -> Sequence[str]:
    """Split a list as Postgres writes it: items by commas, quoted where they must be. Raises: ValueError."""
    items, at = [], 0
    while at < len(value):
        found = _ITEM.match(value, at)
        if found is None:
            raise ValueError("must be a list of names, with commas between them and quotes around odd ones")
        items.append(found[2].lower() if found[1] is None else found[1].replace('""', '"'))
        at = found.end()
    return items


def _subject(place: Place) -> sql.Composable:
    login, database = (None if name is None else sql.Identifier(name) for name in (place.login, place.in_database))
    if login is not None and database is not None:
        return sql.SQL("ALTER ROLE {} IN DATABASE {}").format(login, database)
    if login is not None:
        return sql.SQL("ALTER ROLE {}").format(login)
    if database is not None:
        return sql.SQL("ALTER DATABASE {}").format(database)
    return sql.SQL("ALTER SYSTEM")


def _demand_file(connection: Connection) -> None:
    """See that jitbot's login can read what ALTER SYSTEM wrote before. Raises: RunnerRefused."""
    query = """
    SELECT current_user AS own, has_table_privilege('pg_file_settings', 'SELECT')
        AND has_function_privilege('pg_show_all_file_settings()', 'EXECUTE')
        AND has_function_privilege('pg_reload_conf()', 'EXECUTE') AS may
    """
    row = connection.execute(query).fetchone()
    if row is None or not row["may"]:
        own = row["own"] if row else "jitbot"
        raise RunnerRefused(
            f"The login {own} cannot see what is set now, and so could not restore it: GRANT SELECT ON "
            f"pg_file_settings TO {own}, and GRANT EXECUTE ON FUNCTION pg_show_all_file_settings(), pg_reload_conf() "
            f"TO {own}."
        )
