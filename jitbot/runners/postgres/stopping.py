"""Cancels what a server does as soon as somebody wants the run to end.

Whoever stopped a run must not find it committed: once it was asked to cancel, a session never comes to its commit.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import psycopg

from jitbot.errors import RunnerRefused
from jitbot.runners.postgres.session import Connection, cut

EVERY_SECONDS = 0.1
"""How often somebody is asked; and how often it is cancelled, since a cancel between two statements is lost."""
CANCEL_SECONDS = 5.0
"""How long the server may take to receive one; then the line is cut, which it notices later."""


@contextmanager
def cancelled_when(stopping: Callable[[], bool], connection: Connection) -> Iterator[None]:
    """Do something in one transaction that is given up when somebody wants that. Raises: RunnerRefused."""
    over, wanted = Event(), Event()

    def watch() -> None:
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            while not over.wait(EVERY_SECONDS):
                if wanted.is_set() or stopping():
                    wanted.set()
                    _cancel(connection, line)

    if stopping():
        raise RunnerRefused("It was stopped by hand before it was run.")
    watcher = Thread(target=watch, name="postgres-stop", daemon=True)
    watcher.start()
    try:
        yield
    except (psycopg.Error, RunnerRefused):  # whatever was made of a statement that was cancelled
        if not wanted.is_set():
            raise
    finally:
        over.set()
        watcher.join()
    if wanted.is_set():
        raise RunnerRefused("It was stopped by hand: the statement was cancelled, and its transaction rolled back.")


def _cancel(connection: Connection, line: socket.socket) -> None:
    try:
        connection.cancel_safe(timeout=CANCEL_SECONDS)
    except psycopg.Error:
        cut(line)
