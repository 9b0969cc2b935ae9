"""Back a database up while jitbot works on it, and put a backup back where there is nothing.

SQLite: `VACUUM INTO` reads one snapshot, in one go, while others write, and leaves no free pages in the copy. (The
online backup API begins anew whenever another process has written.) Postgres: `pg_dump`, also one snapshot. A backup of
SQLite bears the mark of what was put back, so that nobody starts on it before it was gone through.
"""

import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from jitbot.errors import SettingsError, StoreUnavailable
from jitbot.store.engine import checked, plain_engine
from jitbot.store.postgres_programs import pg_dump, pg_restore
from jitbot.store.upgrade import PUT_BACK, see_file_unused, see_none_older

MARK = f"CREATE TABLE IF NOT EXISTS {PUT_BACK} (mark INTEGER)"
ANY = "~"
"""Sorts behind every schema: nobody at all may be connected."""
SQLITE_MAGIC = b"SQLite format 3\0"
"""https://www.sqlite.org/fileformat.html#magic_header_string"""
POSTGRES_MAGIC = b"PGDMP"
"""How pg_dump's custom format begins."""


def back_up(url: str, file: Path) -> None:
    """Write a backup into a new file, which its owner alone can read; it is there whole or not at all.

    Raises: SettingsError, StoreUnavailable.
    """
    write = _copy_sqlite if _is_sqlite(url) else pg_dump
    if file.exists():
        raise SettingsError(f"{file} is there already. A backup never replaces a file: choose another name.")
    _written(file, lambda half: write(url, half))


def put_back(url: str, file: Path) -> None:
    """Put a backup into a database that is empty and that nobody works on; it then bears the mark.

    Raises: SettingsError, StoreUnavailable.
    """
    sqlite = _is_sqlite(url)
    try:
        with file.open("rb") as opened:
            head = opened.read(len(SQLITE_MAGIC))
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}.") from error
    if not head.startswith(SQLITE_MAGIC if sqlite else POSTGRES_MAGIC):
        raise SettingsError(f"{file} is no backup of {'SQLite' if sqlite else 'Postgres'} by `jitbot db backup`.")
    if sqlite:
        _put_back_sqlite(Path(make_url(url).database or ""), file)
    else:
        _put_back_postgres(url, file)


def marked(url: str) -> bool:
    """Tell whether a database bears the mark. Raises: StoreUnavailable."""
    return PUT_BACK in _tables(url)


def see_unused(url: str) -> None:
    """See that no jitbot works on a database. Raises: SettingsError, StoreUnavailable."""
    if _is_sqlite(url):
        see_file_unused(url)
        return
    engine = plain_engine(url)
    try:
        with engine.connect() as connection:
            see_none_older(connection, ANY)
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"The database does not answer: {type(error).__name__}.") from error
    finally:
        engine.dispose()


def mark(url: str) -> None:
    """Put the mark on, where it is not there already. Raises: StoreUnavailable."""
    _change(url, MARK)


def unmark(url: str) -> None:
    """Take the mark off. Raises: StoreUnavailable."""
    _change(url, f"DROP TABLE IF EXISTS {PUT_BACK}")


def _is_sqlite(url: str) -> bool:
    return checked(url).get_backend_name() == "sqlite"


def _written(file: Path, write: Callable[[Path], None]) -> None:
    """Have a new file written under another name beside it, and give it its own once it is on disk."""
    half = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            write(half)
            _sync(half)
            os.link(half, file)
            _sync(file.parent)
        finally:
            half.unlink()
    except FileExistsError:
        raise SettingsError(f"{file} is there already. It is never replaced: choose another name.") from None
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}.") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_sqlite(url: str, half: Path) -> None:
    path = Path(make_url(url).database or "")
    if not path.exists():
        raise SettingsError(f"There is no database {path}. JITBOT_DATABASE_URL says where it is.")
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("VACUUM INTO ?", (str(half),))
        with closing(sqlite3.connect(half)) as copy:
            copy.execute(MARK)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{path} cannot be backed up: {error}.") from error


def _put_back_sqlite(path: Path, file: Path) -> None:
    """Copy the file to where the database is to be; a log of another database beside it would be played into it."""
    there = [str(each) for each in _beside(path) if each.exists()]
    if there:
        raise SettingsError(
            f"{', '.join(there)}: there is a database already, or what a jitbot that is running or was killed has left "
            f"of it. Stop jitbot, and move all of {path}, {path}-wal and {path}-shm away."
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def copy(half: Path) -> None:
        shutil.copyfile(file, half)
        with closing(sqlite3.connect(half)) as connection:
            connection.execute(MARK)

    try:
        _written(path, copy)
    except sqlite3.Error as error:
        raise SettingsError(f"{file} is damaged: {error}.") from error


def _beside(path: Path) -> list[Path]:
    return [path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm", "-journal"))]


def _put_back_postgres(url: str, file: Path) -> None:
    there = set(_tables(url))
    if {PUT_BACK} < there:
        raise SettingsError("A backup was put back here already. Go on with: jitbot db restored")
    if there - {PUT_BACK}:
        raise SettingsError(
            "The database is not empty. Make a new one with createdb, or empty this one, then try again; "
            "nothing is ever restored over what is there."
        )
    see_unused(url)
    mark(url)
    pg_restore(url, file)


def _tables(url: str) -> list[str]:
    engine = plain_engine(url)
    try:
        with engine.connect() as connection:
            return list(inspect(connection).get_table_names())
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"The database does not answer: {type(error).__name__}.") from error
    finally:
        engine.dispose()


def _change(url: str, statement: str) -> None:
    engine = plain_engine(url, writes=True)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"The database cannot be written: {type(error).__name__}.") from error
    finally:
        engine.dispose()
