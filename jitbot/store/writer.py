"""The one writer of an SQLite file: transactions take turns, and those that wait for each other share one commit.

A commit waits for the disk, much longer than most transactions take. So while others wait for their turn, a transaction
that is done stays open: the next one goes on behind a savepoint, and the last of them commits for all. Each returns to
its caller only when the commit that holds it is on disk.
"""

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from jitbot.errors import StoreUnavailable
from jitbot.hurry import seconds_left

log = logging.getLogger(__name__)

TOGETHER = 16
"""So many transactions share one commit at most, so that the first of them does not wait for ever."""
FIRST_COMMIT_SECONDS = 0.01
"""How long a commit is thought to take before one was seen."""
LONGEST_TURN = timedelta(seconds=30)
"""How long a writer waits for those before it."""
LEFT_SECONDS = 0.2
"""After so long it is looked whether a commit was left to nobody."""
LOST = "The database did not take what was written: nothing of it is kept."


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
    def turn(self, *, urgent: bool = False, timeout: float = -1) -> Iterator[None]:
        """Hold the lock. Raises: StoreUnavailable, after so many seconds; a negative number waits for ever."""
        self._take(self._urgent if urgent else self._others, timeout)
        try:
            yield
        finally:
            self._hand_over()

    def awaited(self) -> bool:
        """Tell whether somebody waits for it, who gets it next, unless they give up in this very instant."""
        with self._guard:
            return bool(self._urgent or self._others)

    def _take(self, queue: deque[threading.Lock], timeout: float) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            mine = threading.Lock()
            mine.acquire()
            queue.append(mine)
        if mine.acquire(timeout=timeout):
            return
        with self._guard:
            if mine in queue:
                queue.remove(mine)
                raise StoreUnavailable("Those who write before this one take too long.")
        # handed over in this very instant: it is ours

    def _hand_over(self) -> None:
        with self._guard:
            queue = self._urgent or self._others
            if queue:
                queue.popleft().release()
            else:
                self._held = False


class _Group:
    """The transactions that are committed together."""

    def __init__(self, connection: Connection, begin: Callable[[Connection], None]) -> None:
        self.connection = connection
        self.begun = time.monotonic()
        self.size = 0
        self.kept = False
        self._ended = threading.Event()
        self._raw: Any = connection.connection.dbapi_connection
        """The driver's own, for what has no result: SQLAlchemy takes longer for it than SQLite."""
        self._transaction = connection.begin()
        try:
            begin(connection)
        except BaseException:
            self._transaction.rollback()
            raise

    @contextmanager
    def part(self) -> Iterator[Connection]:
        """Hold one transaction; what it wrote goes when it fails, and the others' stays."""
        first = self.size == 0
        self.size += 1
        if not first:
            self._raw.execute("SAVEPOINT part")
        try:
            yield self.connection
            self._see_alive()
            if not first:
                self._raw.execute("RELEASE part")
        except BaseException:
            self._take_back(first)
            raise

    def _see_alive(self) -> None:
        if not self.alive:
            raise StoreUnavailable(LOST)

    def _take_back(self, first: bool) -> None:
        """Undo one transaction, or all of them where SQLite cannot tell it from the others any more."""
        try:
            if first:
                self._transaction.rollback()
            elif self.alive:
                self._raw.execute("ROLLBACK TO part")
                self._raw.execute("RELEASE part")
        except (SQLAlchemyError, sqlite3.Error):
            self._raw.rollback()
            raise

    @property
    def alive(self) -> bool:
        """Tell whether SQLite has kept the transaction; a full disk makes it give up all of it by itself."""
        return bool(self._raw.in_transaction)

    def end(self) -> None:
        """Commit for all; where that fails, all of them are told."""
        try:
            if self.alive:
                self._transaction.commit()
                self.kept = True
        except SQLAlchemyError:
            log.exception("%s transactions could not be committed", self.size)
        finally:
            try:
                self._raw.rollback()  # what is still open then was not taken
            finally:
                self._ended.set()

    def ended(self, within: float) -> bool:
        """Wait for so many seconds, and tell whether it has ended. Raises: StoreUnavailable where nothing was kept."""
        if not self._ended.wait(within):
            return False
        if not self.kept:
            raise StoreUnavailable(LOST)
        return True


class Writer:
    """Hands out the connection that writes, to one thread at a time."""

    def __init__(self, engine: Engine, begin: Callable[[Connection], None]) -> None:
        """`begin` begins a transaction in the database itself."""
        self._engine = engine
        self._begin = begin
        self._connection: Connection | None = None
        self._lock = FairLock()
        self._group: _Group | None = None
        self._commit_seconds = FIRST_COMMIT_SECONDS
        self._closed = False

    @contextmanager
    def write(self, *, urgent: bool = False) -> Iterator[Connection]:
        """Hold a transaction; when this returns, it is on disk. Urgent ones are committed at once."""
        with self._lock.turn(urgent=urgent, timeout=seconds_left(LONGEST_TURN.total_seconds())):
            if self._closed:
                raise StoreUnavailable("The database is closed.")
            group = self._group = self._group or self._open()
            try:
                with group.part() as connection:
                    yield connection
            finally:
                if urgent or self._long_enough(group) or not group.alive or not self._lock.awaited():
                    self._end(group)
        while not group.ended(LEFT_SECONDS):  # whoever was to go on with it may have given up waiting
            with self._lock.turn():
                if self._group is group:
                    self._end(group)

    def close(self) -> None:
        """Close the connection, but not while it is used."""
        with self._lock.turn():
            if self._group is not None:
                self._end(self._group)
            self._closed = True
            self._let_go()
            self._engine.dispose()

    def _open(self) -> _Group:
        """Begin a group on the connection, which is kept from one to the next as long as nothing is wrong with it."""
        self._connection = self._connection or self._engine.connect()
        try:
            return _Group(self._connection, self._begin)
        except BaseException:
            self._let_go()
            raise

    def _long_enough(self, group: _Group) -> bool:
        """Tell whether a group has gone on for as long as its commit will take, by the last one.

        To go on for longer would save little, and all that write would fall into step, and leave the processor idle.
        """
        return group.size >= TOGETHER or time.monotonic() - group.begun >= self._commit_seconds

    def _end(self, group: _Group) -> None:
        self._group = None
        began = time.monotonic()
        try:
            group.end()
            self._commit_seconds = time.monotonic() - began
        finally:
            if not group.kept:
                self._let_go()

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
