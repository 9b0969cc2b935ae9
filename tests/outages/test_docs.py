"""What the pages on outages quote and tell to do is so."""

import re
import uuid
from pathlib import Path

import pytest

from jitbot.errors import StoreUnavailable
from jitbot.settings import Settings
from jitbot.slack.desk import ACK_SECONDS, NOT_TAKEN_IN, PERHAPS_TAKEN_IN
from jitbot.store import leases, postgres, steady
from jitbot.store.engine import ACK_WITHIN, Database
from tests.docs.test_done_as_written import run
from tests.outages.server import Breakable
from tests.town import ANN, Town

ROOT = Path(__file__).parent.parent.parent
WHY = (ROOT / "docs/why/failures.md").read_text()
HOWTO = (ROOT / "docs/howto/when-the-database-fails.md").read_text()


def test_the_page_quotes_what_people_are_told_and_what_the_code_waits_for() -> None:
    flat = re.sub(r"\s+", " ", WHY)
    assert NOT_TAKEN_IN in flat
    assert "I cannot tell whether it counts" in flat
    assert "I cannot tell whether it counts" in PERHAPS_TAKEN_IN
    assert f"after {ACK_SECONDS} seconds at most" in flat
    assert f"after {ACK_WITHIN.total_seconds()} seconds" in flat
    assert (postgres.KEPT_FREE, postgres.MOST_CONNECTIONS) == (8, 32)
    assert "Eight of the 32 connections" in flat
    assert (postgres.ANSWER_WITHIN.seconds, postgres.CONNECT_WITHIN.seconds) == (10, 2)
    assert (steady.PACE, steady.MOST_AHEAD.days, leases.LONGEST.seconds) == (0.9, 1, 300)


@pytest.mark.postgres
def test_the_record_can_be_read_while_the_database_is_read_only(
    on_postgres: Town, postgres: Breakable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_postgres.ask(ANN, "tune", value=200)
    (line,) = re.findall(r"^jitbot audit .*$", HOWTO, re.MULTILINE)
    postgres.read_only(on=True)
    try:
        done = run(line, tmp_path, JITBOT_DATABASE_URL=on_postgres.url)
    finally:
        postgres.read_only(on=False)
    assert done.returncode == 0, done.stderr
    assert "requested" in done.stdout


@pytest.mark.postgres
def test_with_several_hosts_the_one_that_takes_writes_is_looked_for(postgres: Breakable) -> None:
    (written,) = re.findall(r"^postgresql\+psycopg://\S+$", HOWTO, re.MULTILINE)
    assert written.endswith("host=db1,db2&target_session_attrs=read-write")
    hosts = f"postgresql+psycopg://postgres@/postgres?host=127.0.0.1,127.0.0.1&port={postgres.port},{postgres.port}"
    database = Database(f"{hosts}&target_session_attrs=read-write&options=-csearch_path%3Dt{uuid.uuid4().hex[:8]}")
    with database.write() as connection:
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "off"
    postgres.read_only(on=True)
    try:
        for _ in range(2):  # on the connection that was ended, then on none
            with pytest.raises(StoreUnavailable), database.write() as connection:
                connection.exec_driver_sql("SELECT 1")
    finally:
        postgres.read_only(on=False)
    with database.write() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    database.close()


@pytest.mark.postgres
def test_the_statement_shows_what_jitbot_holds(on_postgres: Town, postgres: Breakable) -> None:
    (statement,) = re.findall(r"^SELECT .*;$", HOWTO, re.MULTILINE)
    on_postgres.ask(ANN, "tune", value=200)
    assert postgres.rows(statement.replace("'jitbot'", "'postgres'"))


def test_the_settings_that_the_pages_name_exist() -> None:
    named = {name.removeprefix("JITBOT_").lower() for name in re.findall(r"JITBOT_[A-Z_]+", WHY + HOWTO)}
    assert named <= set(Settings.model_fields)
