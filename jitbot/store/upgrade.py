"""Bring a database to the newest schema, by Alembic's migrations."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from jitbot.errors import SettingsError, StoreUnavailable
from jitbot.store.engine import plain_engine
from jitbot.store.tables import SCHEMA

LOCK = 0x6A6974626F74
"""The number under which migrations exclude each other on Postgres: "jitbot" in ASCII."""


def upgrade(url: str) -> None:
    """Migrate to the newest schema; does nothing on one that is there already. Raises: StoreUnavailable."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = plain_engine(url)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":  # two first starts at once: the second finds it done
                connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"The database cannot be upgraded: {error.__class__.__name__}.") from error
    finally:
        engine.dispose()


def ready(url: str) -> None:
    """See that the schema is ours: an empty database is filled, an older one refused with what to run.

    Raises: SettingsError, StoreUnavailable.
    """
    engine = plain_engine(url)
    try:
        with engine.connect() as connection:
            empty = not inspect(connection).get_table_names()  # first: another first start may be filling it just now
            found = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"The database does not answer: {error.__class__.__name__}.") from error
    finally:
        engine.dispose()
    if found == SCHEMA:
        return
    if not empty:
        raise SettingsError(
            f"The database has schema {found or 'unknown'}, this jitbot wants {SCHEMA}. Run: jitbot db upgrade"
        )
    upgrade(url)
