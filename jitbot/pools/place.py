"""Where a pool is: a schema of its own in the service's Postgres, which its workers reach and nothing else."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from sqlalchemy import Connection, Engine, create_engine, func, select, text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from jitbot.errors import SettingsError, StoreUnavailable
from jitbot.pools.tables import workers
from jitbot.store.engine import checked
from jitbot.store.postgres import IDLE_WITHIN, OneByOne

POOL_NAME = re.compile("[a-z][a-z0-9-]{0,39}")
CONNECTIONS = 8
NOW = func.clock_timestamp()
"""The one clock of a pool: its database's."""


def schema_of(pool: str) -> str:
    """Return the name of a pool's schema, and of its role. Raises: SettingsError."""
    if not POOL_NAME.fullmatch(pool):
        raise SettingsError(f"{pool!r} cannot be a pool's name; use 1 to 40 of a-z, 0-9 and -, a letter first.")
    return f"jitbot_pool_{pool.replace('-', '_')}"


class Place:
    """The database of one pool, seen with its schema alone."""

    def __init__(self, url: str, pool: str) -> None:
        """Get ready, without connecting: policies are checked where no Postgres is. Raises: SettingsError."""
        self.pool, self.schema = pool, schema_of(pool)
        self._url = url

    @cached_property
    def _engine(self) -> Engine:
        return _engine(self._url, self.schema, self.pool)

    @property
    def conninfo(self) -> str:
        """The address in the form of libpq, with the password and without the schema."""
        bare = self._engine.url.set(drivername="postgresql").difference_update_query(["options"])
        return bare.render_as_string(hide_password=False)

    @property
    def options(self) -> str:
        """What a connection is opened with, so that it sees this schema alone."""
        return f"-csearch_path={self.schema}"

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Begin a transaction. Raises: SettingsError, StoreUnavailable."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreUnavailable(
                f"The queue of pool {self.pool} does not answer ({type(error).__name__})."
            ) from error

    def ready(self) -> None:
        """See that the schema is there and may be used. Raises: SettingsError, StoreUnavailable."""
        try:
            with self._engine.connect() as connection:
                connection.execute(select(workers.c.name).limit(1))
        except ProgrammingError as error:
            raise SettingsError(
                f"The schema of pool {self.pool} is not there, or this login may not use it. Run `jitbot pool create "
                f"{self.pool}` with the service's JITBOT_DATABASE_URL, and give the worker the address that it prints."
            ) from error
        except SQLAlchemyError as error:
            why = f"{type(error).__name__}; look at JITBOT_DATABASE_URL"
            raise StoreUnavailable(f"The database of pool {self.pool} does not answer ({why}).") from error

    def close(self) -> None:
        """Close every connection, where there are any."""
        if "_engine" in vars(self):
            self._engine.dispose()


def _engine(url: str, schema: str, pool: str) -> Engine:
    address = checked(url)
    if address.get_backend_name() != "postgresql":
        raise SettingsError(
            f"Pool {pool} needs Postgres: its workers are other processes. Set JITBOT_DATABASE_URL to "
            "postgresql+psycopg://…, or take the pool out of JITBOT_POOLS."
        )
    return create_engine(
        address,
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
        pool_pre_ping=True,
        connect_args={
            "options": f"-csearch_path={schema} -cidle_in_transaction_session_timeout={IDLE_WITHIN}",
            "cursor_factory": OneByOne,
        },
    )


def waited(seconds: float) -> object:
    """Return the expression for the instant so many seconds from now."""
    return NOW + text("make_interval(secs => :seconds)").bindparams(seconds=seconds)
