"""Open a database: SQLite with one fair writer, or Postgres with a pool.

SQLite writers that meet back off at random and starve each other (2.1 s at worst with eight threads); a queue in front
of the one writer keeps them in order. `synchronous=FULL`: what was acknowledged survives a power cut.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, StaticPool, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
)

from jitbot.errors import SettingsError, StoreRefused, StoreUnavailable, StoreUnsure
from jitbot.hurry import hurry, seconds_left
from jitbot.store.far_clock import FarClock
from jitbot.store.postgres import Losses, Places, postgres_engine, reading_engine
from jitbot.store.private import make_private
from jitbot.store.steady import SteadyClock
from jitbot.store.writer import Writer

DRIVERS = frozenset({"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"})
BUSY_TIMEOUT = timedelta(seconds=5)
"""How long SQLite waits for another process's lock."""
ACK_WITHIN = timedelta(seconds=2.2)
"""How long taking something in may take: whoever waits has to be told within Slack's three seconds that it failed."""
_FOR_GOOD = (DataError, IntegrityError, NotSupportedError, ProgrammingError)
"""What trying again does not help against."""


class Database:
    """One database: a way to write, a way to read, and its clock. `offset` moves the clock in tests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.offset = timedelta(0)
        self.sealed = (0, b"")
        """Number and hash of the newest event that this process has committed; the record never ends before it."""
        self.sqlite = checked(url).get_backend_name() == "sqlite"
        self.steady = SteadyClock()
        self._far = FarClock()
        self._places = Places(needed=not self.sqlite)
        self._newest = threading.Lock()
        losses = Losses()
        self._engine = _sqlite(url, writes=True) if self.sqlite else postgres_engine(url, losses)
        self._writer = Writer(self._engine, _begin) if self.sqlite else None
        self._reader = _sqlite(url, writes=False) if self.sqlite else reading_engine(url, losses)

    @contextmanager
    def write(self, *, urgent: bool = False) -> Iterator[Connection]:
        """Begin a write transaction; an urgent one goes ahead of those that wait, and ends soon, one way or the other.

        Raises: StoreUnavailable; StoreUnsure where the connection was lost in the commit.
        """
        in_time = hurry(ACK_WITHIN.total_seconds()) if urgent else nullcontext()
        transaction = _committed(self._engine) if self._writer is None else self._writer.write(urgent=urgent)
        with _translated(), in_time, self._places.place(), transaction as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection for reading what is committed, each statement what is by then. Raises: StoreUnavailable."""
        with _translated(), self._places.place(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def own_connection(self) -> Iterator[Any]:
        """Open a connection of the driver's own, besides the pool, for who listens. Raises: StoreUnavailable."""
        with _translated():
            pooled = self._reader.raw_connection()
            own: Any = pooled.driver_connection
            pooled.detach()
        with closing(own) as connection:
            connection.autocommit = True
            yield connection

    def now(self, connection: Connection | None = None) -> datetime:
        """Return the present instant, which never goes back: the database's on Postgres, this machine's on SQLite."""
        if self.sqlite:
            return self.steady.follow(datetime.now(UTC) + self.offset)  # noqa: TID251 - this is the one clock
        return self.steady.follow(self._far.now(lambda: self._ask_clock(connection)) + self.offset)

    def _ask_clock(self, connection: Connection | None) -> datetime:
        with nullcontext(connection) if connection is not None else self.read() as asked:
            moment: datetime = asked.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return moment.astimezone(UTC)

    def reckoned(self) -> datetime:
        """Return the present instant without asking the database, once it was asked. Raises: StoreUnavailable."""
        return self.now() if self.sqlite else self.steady.reckoned() or self.now()

    def committed(self, count: int, digest: bytes) -> None:
        """Remember an event that is on disk now."""
        with self._newest:
            self.sealed = max(self.sealed, (count, digest))

    def close(self) -> None:
        """Close every connection; on SQLite, where threads share the one that writes, not while it is used."""
        self._engine.dispose() if self._writer is None else self._writer.close()
        self._reader.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    """Let no database library's error escape. Raises: StoreUnavailable."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        kind = StoreRefused if isinstance(error, _FOR_GOOD) else StoreUnavailable
        raise kind(f"The database does not answer or refuses to write ({_why(error)}).") from error


def _why(error: Exception) -> str:
    """Name what is wrong in the database's own code: its words may hold what somebody typed."""
    said = getattr(error, "orig", error)
    code = getattr(said, "sqlite_errorname", None) or getattr(said, "sqlstate", None)
    return f"{type(error).__name__}, {code}" if code else type(error).__name__


@contextmanager
def _committed(engine: Engine) -> Iterator[Connection]:
    """Give one transaction, and commit it. Raises: StoreUnsure, where nobody answers whether it was."""
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        try:
            transaction.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise StoreUnsure("The database was lost while it was to keep this.") from error
            raise


def _sqlite(url: str, *, writes: bool) -> Engine:
    in_memory = make_url(url).database in (None, "", ":memory:")
    if in_memory:
        raise SettingsError("JITBOT_DATABASE_URL: a database in memory would lose every grant; name a file.")
    arguments = {"check_same_thread": False, "timeout": BUSY_TIMEOUT.total_seconds()}
    pool = StaticPool if writes else None
    engine = create_engine(url, connect_args=arguments, **({"poolclass": pool} if pool else {}))
    _made_private(engine)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _begin(connection: Connection) -> None:
    """Begin to write on SQLite, and wait for other processes no longer than somebody waits for us.

    It is no listener of the engine's: with one, every statement asks whether there is a listener for it too.
    """
    raw: Any = connection.connection.dbapi_connection
    busy = 100 * ceil(10 * seconds_left(BUSY_TIMEOUT.total_seconds()))  # in steps, so that it is set rarely
    if connection.info.get("busy") != busy:
        raw.execute(f"PRAGMA busy_timeout = {busy}")
        connection.info["busy"] = busy
    raw.execute("BEGIN IMMEDIATE")


def plain_engine(url: str, *, writes: bool = False) -> Engine:
    """Return an engine without a pool, for migrations and what comes before them. Raises: SettingsError."""
    engine = create_engine(checked(url), poolclass=NullPool)
    if engine.dialect.name == "sqlite":  # Python's own SQLite driver begins no transaction for CREATE and ALTER TABLE
        _made_private(engine)

        @event.listens_for(engine, "connect")
        def configure(connection: Any, _record: object) -> None:
            connection.isolation_level = None

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _made_private(engine: Engine) -> None:
    """Have SQLite find a file that its owner alone can read, where it would make one by the umask."""
    file = Path(engine.url.database or "")

    @event.listens_for(engine, "do_connect")
    def make(*_: object) -> None:
        make_private(file)


def checked(url: str) -> URL:
    """Read a database's address. Raises: SettingsError, for any but the two databases that we know."""
    with suppress(ArgumentError):
        read = make_url(url)
        if read.drivername in DRIVERS:
            return read
    raise SettingsError(
        f"JITBOT_DATABASE_URL is not an address that jitbot knows: {url.split('@')[-1]!r}. "
        "Write sqlite:///jitbot.db or postgresql+psycopg://user@host/name."
    )
