"""Bring a database to the newest schema, by Alembic's migrations; and tell whether this code may work on one.

Each migration says which is the oldest schema whose code may go on beside it (`compatible`). That is written into the
database with it, so that older code can tell that it may (decision 0030).
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from jitbot.errors import SettingsError, StoreUnavailable
from jitbot.store.deliveries import seal_waiting
from jitbot.store.engine import plain_engine
from jitbot.store.keys import KeyFile
from jitbot.store.postgres import SESSION
from jitbot.store.statements import upsert
from jitbot.store.tables import SCHEMA, schemas

SEALED = "0002"
"""The schema since which deliveries are signed."""
LOCK = 0x6A6974626F74
"""The number under which migrations exclude each other on Postgres: "jitbot" in ASCII."""
PUT_BACK = "put_back"
"""The table that stands in a database from when a backup was put there until it may be worked on."""
WAIT = "SET LOCAL lock_timeout = '10s'"
"""A migration waits no longer for the locks of a running bot, since whatever comes after waits behind it."""
SESSIONS = text("SELECT application_name FROM pg_stat_activity WHERE datname = current_database()")


def upgrade(url: str, keys: KeyFile | None = None) -> None:
    """Migrate to the newest schema; does nothing on one that is there already.

    What waits in the inbox from before deliveries were signed is signed with the first of the `keys`, or worked on no
    more.

    It is one transaction: killed at any instant, it leaves the schema before or the newest. Raises: StoreUnavailable,
    SettingsError where a jitbot is running that may not go on beside the newest schema, or where it is newer than ours.
    """
    found, _, _ = _look(url)
    if found == SCHEMA:
        return
    if found is not None and found > SCHEMA:
        raise _newer(found)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    compatible = _compatible(config)
    engine = plain_engine(url, writes=True)
    try:
        if engine.dialect.name == "sqlite":
            see_file_unused(url)
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":  # two first starts at once: the second finds it done
                connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
                connection.exec_driver_sql(WAIT)
                see_none_older(connection, compatible)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if keys is not None and found is not None and found < SEALED:
                seal_waiting(connection, keys.signer())
            row = upsert(connection.dialect.name, schemas).values(schema=SCHEMA, compatible=compatible)
            connection.execute(row.on_conflict_do_nothing(index_elements=["schema"]))
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"The database cannot be upgraded: {error.__class__.__name__}.") from error
    finally:
        engine.dispose()


def ready(url: str, *, to_read: bool = False) -> None:
    """See that this code may work on the database: an empty one is filled, an older one refused with what to run.

    With `to_read` it may be one that was put back and not gone through, such as a backup.
    Raises: SettingsError, StoreUnavailable.
    """
    found, there, compatible = _look(url)
    if PUT_BACK in there and not to_read:
        raise SettingsError(
            "This database was put back from a backup, and nothing may run on it before it is gone through. "
            "Run: jitbot db restored"
        )
    if found == SCHEMA:
        return
    if found is not None and found > SCHEMA:
        if compatible is None or compatible > SCHEMA:
            raise _newer(found)
        return
    if there:
        raise SettingsError(
            f"The database has schema {found or 'unknown'}, this jitbot wants {SCHEMA}. Run: jitbot db upgrade"
        )
    upgrade(url)


def see_none_older(connection: Connection, schema: str) -> None:
    """See that no jitbot whose code is older than a schema is connected to this Postgres.

    Raises: SettingsError.
    """
    names = [name for name in connection.execute(SESSIONS).scalars() if name and name.startswith(SESSION)]
    older = sorted({name.removeprefix(SESSION) for name in names if name.removeprefix(SESSION) < schema})
    if older:
        raise SettingsError(
            f"A jitbot with schema {', '.join(older)} is working on this database, and cannot go on beside what is to "
            "be done. Stop every jitbot, then try again."
        )


def _newer(found: str) -> SettingsError:
    return SettingsError(
        f"The database has schema {found}, which this jitbot (schema {SCHEMA}) does not understand. "
        "Install the newer jitbot."
    )


def _compatible(config: Config) -> str:
    newest: Any = ScriptDirectory.from_config(config).get_revision("head")
    compatible: str = newest.module.compatible
    return compatible


def _look(url: str) -> tuple[str | None, list[str], str | None]:
    """Return the schema of a database, its tables, and the oldest schema whose code may go on beside it."""
    engine = plain_engine(url)
    try:
        with engine.connect() as connection:
            there = inspect(connection).get_table_names()  # first: another first start may be filling it just now
            found = MigrationContext.configure(connection).get_current_revision()
            compatible = None
            if schemas.name in there:
                compatible = connection.scalar(select(schemas.c.compatible).where(schemas.c.schema == found))
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"The database does not answer: {error.__class__.__name__}.") from error
    finally:
        engine.dispose()
    return found, there, compatible


def see_file_unused(url: str) -> None:
    """See that nobody has the file open: only then can SQLite leave its write-ahead log.

    Raises: SettingsError, StoreUnavailable.
    """
    path = Path(make_url(url).database or "")
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=1)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise SettingsError(f"A jitbot is working on {path}. Stop it, then try again.") from error
        raise StoreUnavailable(f"{path} cannot be opened: {error}.") from error
