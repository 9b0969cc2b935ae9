"""Hints from one process to the others, by LISTEN and NOTIFY of Postgres; on SQLite there is nobody to tell.

A hint that is lost costs time and nothing else: whoever does not hear of something finds it by looking. So nothing here
ever fails for who rings.
"""

import logging
import threading
from collections.abc import Callable

import psycopg
from psycopg import sql
from sqlalchemy import text

from jitbot.errors import StoreUnavailable
from jitbot.store.engine import Database

log = logging.getLogger(__name__)

CHANNEL = "SELECT left('jitbot_' || current_schema(), 63)"  # as long as Postgres lets a name be
RING = text("SELECT pg_notify(left('jitbot_' || current_schema(), 63), :word)")
LOOK_SECONDS = 0.5
"""How often who listens looks whether it has to end."""
AGAIN_SECONDS = 2.0
"""When a connection that has broken is tried again."""


class Bell:
    """Rings for the other processes, and hears them, in two threads of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._words: dict[str, None] = {}
        self._changed = threading.Condition()
        self._ending = threading.Event()
        self._heard: Callable[[str], None] = lambda word: None
        self._deaf: Callable[[], None] = lambda: None
        self._threads: list[threading.Thread] = []

    def start(self, *, heard: Callable[[str], None], deaf: Callable[[], None]) -> None:
        """Begin to listen; `heard` is given each word, `deaf` is called when some may not have been heard."""
        if self._database.sqlite:
            return
        self._heard, self._deaf = heard, deaf
        for name, run in (("bell", self._send), ("ear", self._listen)):
            self._threads.append(threading.Thread(target=run, name=name, daemon=True))
            self._threads[-1].start()

    def stop(self) -> None:
        """Stop both; what was not rung yet is lost."""
        self._ending.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def ring(self, word: str) -> None:
        """Tell the other processes a word, soon and once. Never raises, never waits."""
        if self._threads:
            with self._changed:
                self._words[word] = None
                self._changed.notify()

    def _send(self) -> None:
        while not self._ending.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._words or self._ending.is_set())
                words, self._words = list(self._words), {}
            try:
                with self._database.write() as connection:
                    for word in words:
                        connection.execute(RING, {"word": word})
            except StoreUnavailable as error:
                log.info("nobody was woken: %s", error)

    def _listen(self) -> None:
        again = False
        while not self._ending.is_set():
            try:
                with self._database.own_connection() as connection:
                    self._hear(connection, again=again)
            except (StoreUnavailable, psycopg.Error) as error:
                log.info("other processes are not heard: %s", type(error).__name__)
                self._ending.wait(AGAIN_SECONDS)
            again = True

    def _hear(self, connection: psycopg.Connection[tuple[object, ...]], *, again: bool) -> None:
        row = connection.execute(CHANNEL).fetchone()
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(str(row and row[0]))))
        if again:
            self._deaf()
        while not self._ending.is_set():
            for told in connection.notifies(timeout=LOOK_SECONDS):
                self._heard(told.payload)
