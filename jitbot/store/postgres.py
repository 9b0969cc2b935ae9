"""Postgres behind a pool, with an end to every wait: a server that hangs must not hang us.

A server that is gone refuses. One that is frozen, or behind a network that lost it, says nothing, and the kernel goes
on acknowledging what is sent to it; so the answer to each statement is waited for here, not by TCP, and a connection
whose answer does not come is given up. The server rolls back what was sent on it; of a commit nobody knows.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Self

import psycopg
from psycopg.abc import Params, PQGen
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import DisconnectionError

from jitbot.errors import StoreUnavailable
from jitbot.hurry import in_a_hurry, seconds_left
from jitbot.store.tables import SCHEMA

POOL_SIZE = 16
MOST_CONNECTIONS = 2 * POOL_SIZE
REST_SECONDS = 1.0
"""A connection that was used so lately is taken to be alive; asking it each time costs as much as a statement."""
KEPT_FREE = 8
"""So many of them are for those for whom somebody waits, however many others hang."""
ANSWER_WITHIN = timedelta(seconds=10)
"""How long an answer is waited for, and a free connection; each of our statements takes milliseconds."""
CONNECT_WITHIN = timedelta(seconds=2)
"""The least that the driver can be told (psycopg.org/psycopg3/docs/api/connections.html)."""
SESSION = "jitbot schema "
"""How the sessions of running jitbots are called on Postgres, each with the schema of its code behind it."""
_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 10_000}
IDLE_WITHIN = "5s"
"""A transaction in which nothing is said for so long is ended by the server: its process was paused, with its locks."""
_ON_THE_SERVER = f"SET statement_timeout = '9s'; SET idle_in_transaction_session_timeout = '{IDLE_WITHIN}'"
"""A live server ends by itself what we would give up on."""


class OneByOne(psycopg.Cursor[Any]):
    """Sends the rows of one statement one after the other, where the driver would send a pipeline.

    Within a pipeline the server takes a session for busy, and no limit of its holds: a process that is paused in the
    middle keeps its locks, that of the record among them, for as long as it is paused, and all others wait.
    """

    def executemany(self, query: Any, params_seq: Iterable[Params], *, returning: bool = False) -> None:
        for each in params_seq:
            self.execute(query, each)


class ImpatientConnection(psycopg.Connection[Any]):
    """A connection on which no answer is waited for longer than it may be, or than somebody waits for us."""

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is not None:  # whoever says how long goes on afterwards, as who listens does
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, seconds_left(ANSWER_WITHIN.total_seconds()))
        except psycopg.errors._WaitTimeout:  # the driver has no public name for it
            self.close()  # the answer may still come, and would be taken for that to the next question
            raise psycopg.OperationalError("no answer in time") from None

    def __del__(self, *_: Any) -> None:
        """Close what the pool has dropped because its server ended it, without the driver's warning."""
        with suppress(Exception):  # half built, or at the end of the process
            self.close()

    @classmethod
    def in_time(cls, *args: Any, **words: Any) -> Self:
        """Connect, unless somebody waits who would have gone by then. Raises: psycopg.OperationalError."""
        if seconds_left(CONNECT_WITHIN.total_seconds()) < CONNECT_WITHIN.total_seconds():
            raise psycopg.OperationalError("no time is left to connect")
        connection = cls.connect(
            *args,
            cursor_factory=OneByOne,
            **{"connect_timeout": int(CONNECT_WITHIN.total_seconds()), **_KEEPALIVE, **words},
        )
        try:
            connection.autocommit = True
            connection.execute(_ON_THE_SERVER)
            connection.autocommit = False
        except psycopg.Error:
            connection.close()
            raise
        return connection


class Losses:
    """When a connection to one server was last found lost, by either of the engines that talk to it."""

    def __init__(self) -> None:
        self._last = 0.0

    def note(self, context: ExceptionContext) -> None:
        """Remember that a connection was lost, if that is what went wrong."""
        if context.is_disconnect:
            self._last = time.monotonic()

    def taken_to_live(self, since: float | None) -> bool:
        """Tell whether a connection that rests since then, None for a new one, need not be asked whether it lives."""
        return since is None or (since > self._last and time.monotonic() - since < REST_SECONDS)


def reading_engine(url: str, losses: Losses) -> Engine:
    """Return an engine that looks at what is committed, with connections of its own.

    To change one connection between looking and writing takes longer than most statements, each time.
    """
    return postgres_engine(
        url, losses, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True, pool_reset_on_return=None
    )


def postgres_engine(url: str, losses: Losses, **more: Any) -> Engine:
    """Return an engine whose every wait has an end."""
    engine = create_engine(
        url,
        connect_args={"fallback_application_name": f"{SESSION}{SCHEMA}"},
        pool_size=POOL_SIZE,
        max_overflow=MOST_CONNECTIONS - POOL_SIZE,
        **more,
        pool_recycle=1800,
        pool_timeout=CONNECT_WITHIN.total_seconds(),
        use_native_hstore=False,  # it would be asked for with every connection
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, args: Any, words: Any) -> ImpatientConnection:
        return ImpatientConnection.in_time(*args, **words)

    @event.listens_for(engine, "checkin")
    def rests(_connection: object, record: Any) -> None:
        record.info["since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def look(connection: Any, record: Any, _proxy: object) -> None:
        if losses.taken_to_live(record.info.get("since")):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError("the connection is gone") from error

    @event.listens_for(engine, "handle_error")
    def keep_the_others(context: ExceptionContext) -> None:
        """Give up one connection, not all, where only the one who waits had no more time."""
        losses.note(context)
        if in_a_hurry():
            context.invalidate_pool_on_disconnect = False

    return engine


class Places:
    """Lets only so many use the pool that those in a hurry always find a free connection."""

    def __init__(self, *, needed: bool) -> None:
        self._needed = needed
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS - KEPT_FREE)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place, where one is needed. Raises: StoreUnavailable, when none gets free in time."""
        if not self._needed or in_a_hurry():
            yield
            return
        if not self._free.acquire(timeout=ANSWER_WITHIN.total_seconds()):
            raise StoreUnavailable("Every connection to the database is busy.")
        try:
            yield
        finally:
            self._free.release()
