"""Open a database: SQLite with one fair writer, or Postgres with a pool.

SQLite writers that meet back off at random and starve each other (2.1 s at worst with eight threads); a queue in front
of the one writer keeps them in order. `synchronous=FULL`: what was acknowledged survives a power cut.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, StaticPool, create_engine, event, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from jitbot.errors import SettingsError, StoreUnavailable

DRIVERS = frozenset({"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"})
POOL_SIZE = 16
BUSY_TIMEOUT = timedelta(seconds=5)
"""How long SQLite waits for another process's lock."""


class FairLock:
    """A lock that is handed over in the order in which it was asked for, to whoever is urgent first.

    Urgent is what somebody is waiting for in front of a screen, an acknowledgement; it is a single small insert.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._urgent: deque[threading.Lock] = deque()
        self._others: deque[threading.Lock] = deque()

    @contextmanager
    def turn(self, *, urgent: bool = False) -> Iterator[None]:
        """Hold the lock."""
        self._take(self._urgent if urgent else self._others)
        try:
            yield
        finally:
            self._hand_over()

    def _take(self, queue: deque[threading.Lock]) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            mine = threading.Lock()
            mine.acquire()
            queue.append(mine)
        mine.acquire()

    def _hand_over(self) -> None:
        with self._guard:
            queue = self._urgent or self._others
            if queue:
                queue.popleft().release()
            else:
                self._held = False


class Database:
    """One database: a way to write, a way to read, and its clock. `offset` moves the clock in tests."""

    def __init__(self, url: str) -> None:
        self.offset = timedelta(0)
        self.sealed = (0, b"")
        """Number and hash of the newest event that this process has committed; the record never ends before it."""
        self.sqlite = checked(url).get_backend_name() == "sqlite"
        self._lock = FairLock()
        self._closed = False
        self._newest = threading.Lock()
        self._writer = _sqlite(url, writes=True) if self.sqlite else _postgres(url)
        self._reader = _sqlite(url, writes=False) if self.sqlite else self._writer

    @contextmanager
    def write(self, *, urgent: bool = False) -> Iterator[Connection]:
        """Begin a write transaction; an urgent one goes ahead of those that wait. Raises: StoreUnavailable."""
        with _translated():
            if self.sqlite:
                with self._lock.turn(urgent=urgent):
                    if self._closed:
                        raise StoreUnavailable("The database is closed.")
                    with self._writer.begin() as connection:
                        yield connection
            else:
                with self._writer.begin() as connection:
                    yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection for reading what is committed. Raises: StoreUnavailable."""
        with _translated(), self._reader.connect() as connection:
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
        """Return the present instant: the database's on Postgres, this machine's on SQLite."""
        if self.sqlite:
            return datetime.now(UTC) + self.offset  # noqa: TID251 - this is the one clock
        if connection is None:
            with self.read() as opened:
                return self.now(opened)
        moment: datetime = connection.execute(select(text("clock_timestamp()"))).scalar_one()
        return moment.astimezone(UTC) + self.offset

    def committed(self, count: int, digest: bytes) -> None:
        """Remember an event that is on disk now."""
        with self._newest:
            self.sealed = max(self.sealed, (count, digest))

    def close(self) -> None:
        """Close every connection; on SQLite, where threads share the one that writes, not while it is used."""
        with self._lock.turn():
            self._closed = True
            self._writer.dispose()
        self._reader.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    """Let no database library's error escape. Raises: StoreUnavailable."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"The database does not answer or refuses to write ({type(error).__name__}).") from error


def _sqlite(url: str, *, writes: bool) -> Engine:
    in_memory = make_url(url).database in (None, "", ":memory:")
    if in_memory:
        raise SettingsError("JITBOT_DATABASE_URL: a database in memory would lose every grant; name a file.")
    arguments = {"check_same_thread": False, "timeout": BUSY_TIMEOUT.total_seconds()}
    pool = StaticPool if writes else None
    engine = create_engine(url, connect_args=arguments, **({"poolclass": pool} if pool else {}))

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgres(url: str) -> Engine:
    return create_engine(url, pool_size=POOL_SIZE, max_overflow=POOL_SIZE, pool_pre_ping=True, pool_recycle=1800)


def plain_engine(url: str) -> Engine:
    """Return an engine without a pool, for migrations. Raises: SettingsError."""
    return create_engine(checked(url), poolclass=NullPool)


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
