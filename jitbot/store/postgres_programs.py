"""Postgres's own programs for backups, told where to go by their environment: a password is never an argument."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg.pq import Conninfo
from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from jitbot.errors import SettingsError, StoreUnavailable
from jitbot.store.engine import plain_engine


def pg_dump(url: str, half: Path) -> None:
    """Dump jitbot's schema, in Postgres's custom format, as one snapshot. Raises: SettingsError, StoreUnavailable."""
    _run("pg_dump", url, "--format=custom", f"--schema={_quoted(_schema(url))}", f"--file={half}")


def pg_restore(url: str, file: Path) -> None:
    """Restore a dump into a schema that is there, all of it or nothing. Raises: SettingsError, StoreUnavailable."""
    whole = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    name = str(make_url(url).database or "")
    # --schema leaves the statement that makes the schema out: it is there.
    _run("pg_restore", url, *whole, f"--schema={_schema(url)}", f"--dbname={name}", str(file))


def _run(program: str, url: str, *arguments: str) -> None:
    path = shutil.which(program)
    if path is None:
        raise SettingsError(
            f"{program} is not on the PATH. Install Postgres's client programs, of the server's version or newer "
            "(on Debian: apt-get install postgresql-client)."
        )
    environment = os.environ | _told(url)
    done = subprocess.run(  # noqa: S603 - a fixed program, with a list of arguments
        [path, "--no-password", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        last = next(iter(done.stderr.strip().splitlines()[:1]), f"exit code {done.returncode}")
        raise StoreUnavailable(f"{program} has failed, and nothing was written: {last}")


def _told(url: str) -> Mapping[str, str]:
    """Return the address as libpq's own variables (postgresql.org/docs/current/libpq-envars.html)."""
    _, words = make_url(url).get_dialect()().create_connect_args(make_url(url))
    variables = {each.keyword.decode(): each.envvar.decode() for each in Conninfo.get_defaults() if each.envvar}
    info: dict[str, Any] = psycopg.conninfo.conninfo_to_dict("", **words)
    return {variables[name]: str(value) for name, value in info.items() if name in variables and value is not None}


def _schema(url: str) -> str:
    """Return the schema in which jitbot's tables are."""
    engine = plain_engine(url)
    try:
        with engine.connect() as connection:
            return str(connection.scalar(select(func.current_schema())))
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"The database does not answer: {type(error).__name__}.") from error
    finally:
        engine.dispose()


def _quoted(name: str) -> str:
    """Return a name as one that pg_dump takes for no pattern."""
    return '"' + name.replace('"', '""') + '"'
