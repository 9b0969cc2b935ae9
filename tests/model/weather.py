"""What goes wrong in a database: the commit fails, or the process dies, just before it or just after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jitbot.errors import StoreUnavailable
from jitbot.store.engine import Database
from tests.acceptance.killing import Killed

FAILS, FAILS_AFTER = "fails", "is done, and the connection breaks before that is told"
DIES, DIES_AFTER = "does not happen: the process is killed", "is done, and the process is killed"
WEATHERS = (FAILS, FAILS_AFTER, DIES, DIES_AFTER)


class Weather:
    """Lets one commit of a database come to what it was told: the first one is the next."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._left, self._what = 0, ""
        database.write = self._written  # type: ignore[method-assign]

    def comes(self, number: int, what: str) -> None:
        """Have commit number so and so, counted from now, come to this."""
        self._left, self._what = number, what

    def clears(self) -> None:
        """Have nothing go wrong any more."""
        self._left = 0

    @contextmanager
    def _written(self, **how: Any) -> Iterator[Any]:
        with self._write(**how) as connection:
            yield connection
            self._left -= 1
            struck = self._left == 0
            if struck and self._what in (FAILS, DIES):
                raise self._fault()
        if struck:
            raise self._fault()

    def _fault(self) -> BaseException:
        return StoreUnavailable("The database does not answer.") if self._what in (FAILS, FAILS_AFTER) else Killed()
