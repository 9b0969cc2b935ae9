"""Migrations and tables are one schema, on both databases."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from jitbot.errors import SettingsError, StoreUnavailable
from jitbot.store import tables, upgrade
from jitbot.store.engine import plain_engine

ROOT = Path(__file__).parent.parent.parent


def differences(url: str) -> list[object]:
    engine = plain_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        found = compare_metadata(context, tables.metadata)
    engine.dispose()
    return list(found)


def test_the_migrations_make_what_the_tables_say(database_url: str) -> None:
    upgrade.upgrade(database_url)
    assert differences(database_url) == []


def test_upgrading_twice_changes_nothing(database_url: str) -> None:
    upgrade.upgrade(database_url)
    upgrade.upgrade(database_url)
    assert differences(database_url) == []


def test_the_newest_migration_is_the_schema() -> None:
    scripts = ScriptDirectory(str(Path(upgrade.__file__).parent / "migrations"))
    assert scripts.get_current_head() == tables.SCHEMA


def test_an_empty_database_is_filled(database_url: str) -> None:
    upgrade.ready(database_url)
    upgrade.ready(database_url)
    engine = plain_engine(database_url)
    assert set(inspect(engine).get_table_names()) == {*tables.metadata.tables, "alembic_version"}
    engine.dispose()


@pytest.mark.postgres
def test_several_first_starts_at_once_on_postgres_agree(postgres_url: str) -> None:
    start = "import sys; from jitbot.store.upgrade import ready; ready(sys.argv[1])"
    starts = [
        subprocess.Popen([sys.executable, "-c", start, postgres_url], stderr=subprocess.PIPE, cwd=ROOT)
        for _ in range(4)
    ]
    assert [each.communicate(timeout=60)[1] for each in starts] == [b""] * 4
    assert differences(postgres_url) == []


def test_somebody_elses_database_is_left_alone(database_url: str) -> None:
    engine = plain_engine(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (id INTEGER)")
    with pytest.raises(SettingsError, match=f"has schema unknown, this jitbot wants {tables.SCHEMA}"):
        upgrade.ready(database_url)
    engine.dispose()


def test_an_older_schema_is_refused_with_what_to_run(database_url: str) -> None:
    upgrade.upgrade(database_url)
    engine = plain_engine(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(SettingsError, match="has schema 0000"):
        upgrade.ready(database_url)
    engine.dispose()


def test_a_migration_can_be_taken_back(database_url: str) -> None:
    upgrade.upgrade(database_url)
    config = Config()
    config.set_main_option("script_location", str(Path(upgrade.__file__).parent / "migrations"))
    engine = plain_engine(database_url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


@pytest.mark.parametrize("call", [upgrade.ready, upgrade.upgrade])
def test_a_database_that_cannot_be_opened_is_said_to_be_so(tmp_path: Path, call: object) -> None:
    with pytest.raises(StoreUnavailable):
        call(f"sqlite:///{tmp_path}/no/such/folder/jitbot.db")  # type: ignore[operator]


ADDRESSES = {
    "not an address": "jitbot.db",
    "another database": "mysql://me:secret@host/jitbot",
    "another driver": "postgresql+asyncpg://me:secret@host/jitbot",
    "empty": "",
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_that_is_not_known_is_refused_without_its_password(name: str) -> None:
    with pytest.raises(SettingsError, match=re.escape("postgresql+psycopg://user@host/name")) as caught:
        upgrade.ready(ADDRESSES[name])
    assert "secret" not in str(caught.value)
