"""Filled ledgers for a whole run: each is written once, as an SQLite file, and copied for whoever measures on it."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks.databases import FreshUrl, drop
from benchmarks.filling import fill
from benchmarks.living import Lived, live
from jitbot.store.engine import checked, plain_engine
from jitbot.store.upgrade import ready

TABLES = ("policy_sets", "requests", "reviews", "inbox", "copies", "outputs", "output_chunks", "events", "chain")
"""In an order in which every row finds those it names."""
SERIAL = ("requests", "reviews", "outputs")


@dataclass(slots=True)
class Ledgers:
    """Writes ledgers below a folder when they are first asked for."""

    folder: Path
    _lived: Lived | None = None
    _files: dict[tuple[int, int], Path] = field(default_factory=dict)

    @property
    def lived(self) -> Lived:
        """Return the database out of which they are made."""
        if self._lived is None:
            self._lived = live(self.folder)
        return self._lived

    @contextmanager
    def filled(self, fresh_url: FreshUrl, requests: int) -> Iterator[str]:
        """Provide a database with so many requests, a tenth of them open; it is gone when the `with` block ends."""
        waiting = requests // 10
        done = requests - waiting
        file = self._files.get((done, waiting))
        if file is None:
            file = fill(self.lived, self.folder / f"{done}-{waiting}.db", done, waiting)
            self._files[done, waiting] = file
        url = fresh_url()
        if url.startswith("sqlite"):
            _copy_file(file, Path(str(checked(url).database)))
        else:
            ready(url)
            _copy(file, url)
        yield url
        drop(url)  # a million requests take 20 GB


def _copy_file(file: Path, to: Path) -> None:
    """Copy a file, to the disk itself: what is still to be written would hold up the commits that are measured."""
    shutil.copyfile(file, to)
    with to.open("rb") as copied:
        os.fsync(copied.fileno())


def _copy(file: Path, url: str) -> None:
    """Copy the rows of an SQLite file into a Postgres schema, whose tables are empty."""
    engine = plain_engine(url)
    with closing(sqlite3.connect(file)) as source, engine.connect() as held:
        target: psycopg.Connection = held.connection.driver_connection  # type: ignore[assignment]  # it is psycopg's
        for table in TABLES:
            rows = source.execute(f"SELECT * FROM {table}")
            columns = sql.SQL(", ").join(sql.Identifier(each[0]) for each in rows.description)
            into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
            with target.cursor() as cursor, cursor.copy(into) as copy:
                for row in rows:
                    copy.write_row(row)
        for table in SERIAL:
            target.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
        target.commit()
        target.autocommit = True
        target.execute("ANALYZE")
        target.execute("CHECKPOINT")  # as above
    engine.dispose()
