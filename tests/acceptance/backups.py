"""Towns that are backed up, live on, are lost, and come back from the backup."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy

from jitbot.compose import go_through_backup
from jitbot.service.restoring import GoneThrough
from jitbot.settings import Settings
from jitbot.store.backup import back_up, put_back
from jitbot.store.put_back import Found
from tests.postgres import programs
from tests.town import Town

NEWEST = 18
"""The version of the Postgres that the store's tests run on (tests/conftest.py)."""


def with_postgres_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put pg_dump and pg_restore of that Postgres on the PATH."""
    monkeypatch.setenv("PATH", f"{programs(NEWEST)}{os.pathsep}{os.environ['PATH']}")


@contextmanager
def own_databases(server: str, count: int) -> Iterator[list[str]]:
    """Make databases of their own on a server, since a backup is of a whole schema, and drop them in the end."""
    names = [f"d{uuid.uuid4().hex[:12]}" for _ in range(count)]
    engine = sqlalchemy.create_engine(server, poolclass=sqlalchemy.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in names:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield [server.replace("@/postgres?", f"@/{name}?") for name in names]
        for name in names:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


class Lost:
    """A town with a place to back it up to, and another database to come back in."""

    def __init__(self, live: str, target: str, folder: Path) -> None:
        self.town = Town(live, folder)
        self.file = folder / "the.backup"
        self.target = target
        self.settings = Settings(database_url=target, key_file=folder / "signing.key")

    def back_up(self) -> None:
        back_up(self.town.url, self.file)

    def come_back(self) -> tuple[Town, Found, GoneThrough]:
        """Lose the town, restore its backup, and start a jitbot on that; the runner's world has lived on."""
        self.town.close()
        put_back(self.target, self.file)
        found, through = go_through_backup(self.settings)
        self.town.url = self.target
        self.town = self.town.twin()
        return self.town, found, through
