"""One connection to a server, with an end in time, and what an error on it means: nothing happened, or unsure.

Everything up to the commit is undone by the server itself when the connection ends, so only the commit can be unsure.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any

import psycopg
from psycopg.rows import dict_row

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.outbound.text import shown
from jitbot.outbound.values import plain
from jitbot.ports import Site
from jitbot.runners.postgres.server import Server, demand_allowed

LOOK_SECONDS = 10.0
"""How long a plan or a check may take."""
OLDEST = 140_000
"""The oldest server that is spoken to: 14 is the oldest that its makers still mend."""

_GRACE_SECONDS = 0.5
"""How much earlier than us the server is told to stop, so that it can still say so."""

Row = dict[str, Any]
Connection = psycopg.Connection[Row]


@contextmanager
def looking(server: Server, site: Site, seconds: float = LOOK_SECONDS) -> Iterator[Connection]:
    """Open a session that can change nothing. Raises: NotGranted, RunnerRefused."""
    with _session(server, site, seconds, read_only=True) as connection:
        try:
            yield connection
        except psycopg.Error as error:
            raise RunnerRefused(f"{server.address} cannot be asked: {said(error)}") from error


@contextmanager
def changing(server: Server, site: Site, until: float) -> Iterator[Connection]:
    """Open a session for one transaction up to an instant of `time.time()`; it is committed at the end.

    Raises: NotGranted, RunnerRefused when nothing was changed, RunnerUnsure when the commit was not answered.
    """
    with _session(server, site, until - time.time()) as connection:
        try:
            yield connection
        except psycopg.Error as error:
            raise RunnerRefused(f"{server.address} refused, and nothing was changed: {said(error)}") from error
        try:
            connection.commit()
        except psycopg.Error as error:
            raise RunnerUnsure(f"{server.address} did not say that it was done: {said(error)}") from error


@contextmanager
def at_once(server: Server, site: Site, until: float) -> Iterator[Connection]:
    """Open a session in which each statement stands by itself. Raises: NotGranted, RunnerRefused, RunnerUnsure."""
    with _session(server, site, until - time.time()) as connection:
        connection.autocommit = True
        try:
            yield connection
        except psycopg.Error as error:
            raise RunnerUnsure(f"{server.address} did not do all of it: {said(error)}") from error


def said(error: psycopg.Error) -> str:
    """Return what the server said, in one line; never its detail, which may hold what stands in tables."""
    words = error.diag.message_primary or str(error) or type(error).__name__
    return shown(" ".join(words.split()))


@contextmanager
def _session(server: Server, site: Site, seconds: float, *, read_only: bool = False) -> Iterator[Connection]:
    demand_allowed(server, site)
    if seconds <= 0:
        raise RunnerRefused("The time for this was over before it began; nothing was done.")
    begun = time.monotonic()
    try:
        connection = psycopg.connect(**_words(server, site, seconds, read_only), row_factory=dict_row)
    except psycopg.Error as error:
        raise RunnerRefused(f"There is no session with {server.address}: {said(error)}") from error
    with _closing(connection), _limited(connection, seconds - (time.monotonic() - begun)):
        if connection.info.server_version < OLDEST:
            raise RunnerRefused(f"{server.address} is older than Postgres {OLDEST // 10_000}; nothing was done.")
        yield connection


@contextmanager
def _closing(connection: Connection) -> Iterator[None]:
    """Close without a word: what was not committed is gone."""
    try:
        yield
    finally:
        with suppress(psycopg.Error):
            connection.close()


@contextmanager
def _limited(connection: Connection, seconds: float) -> Iterator[None]:
    """Cut the line at the limit: a server that hangs does not heed its own time-out either."""
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        limit = Timer(max(seconds, 0), cut, [line])
        limit.daemon = True
        limit.start()
        try:
            yield
        finally:
            limit.cancel()
            limit.join()


def cut(line: socket.socket) -> None:
    """End a connection under whoever waits for it."""
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _words(server: Server, site: Site, seconds: float, read_only: bool) -> dict[str, Any]:
    """Return all that decides where it goes and as whom, so that no variable and no file of this machine does."""
    limit = max(1, int(max(seconds - _GRACE_SECONDS, seconds / 2) * 1000))
    options = [f"statement_timeout={limit}", f"idle_in_transaction_session_timeout={limit}", "search_path=pg_catalog"]
    options += ["default_transaction_read_only=on"] if read_only else []
    return {
        "host": server.host.strip("[]"),
        "hostaddr": "",
        "port": server.port,
        "dbname": server.database,
        "user": server.user,
        "password": plain(server.password, site) if server.password else "",
        "passfile": os.devnull,
        "sslmode": server.tls,
        "sslrootcert": str(server.authority or "system") if server.tls == "verify-full" else "",
        "sslcertmode": "disable",
        "gssencmode": "disable",
        # Whoever is not proved to be the server is never told the password itself.
        "require_auth": None if server.tls == "verify-full" else "!password",
        "target_session_attrs": "any" if read_only else "read-write",
        "connect_timeout": max(2, int(seconds)),
        "options": " ".join(f"-c {option}" for option in options),
        "application_name": "jitbot",
        "client_encoding": "utf8",
    }
