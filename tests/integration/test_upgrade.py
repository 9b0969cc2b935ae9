"""A database of the release before is upgraded, and the bot goes on from it; interrupted, it is what it was."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from jitbot.compose import go_through_backup
from jitbot.errors import SettingsError
from jitbot.model import DeliveryKind, State, Topic
from jitbot.settings import Settings
from jitbot.store import tables, upgrade
from jitbot.store.backup import back_up, put_back
from jitbot.store.engine import Database, plain_engine
from jitbot.store.keys import read_keys
from tests.integration.previous.make import write_key
from tests.town import ANN, BO, CY, DI, Town

PREVIOUS = Path(__file__).parent / "previous"
ROOT = PREVIOUS.parent.parent.parent


@pytest.fixture
def previous(database_url: str) -> Iterator[str]:
    """Fill a database as the release before has left it, and return its address."""
    engine = plain_engine(database_url, writes=True)
    name = engine.dialect.name
    text = (PREVIOUS / f"{name}.sql").read_text(encoding="utf-8")
    if name == "sqlite":
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
            connection.executescript(text)
            connection.execute("PRAGMA journal_mode=WAL")
    else:
        with engine.begin() as connection:
            cursor = connection.connection.cursor()
            cursor.execute(text)
    engine.dispose()
    yield database_url


def schema(url: str) -> tuple[str | None, set[str]]:
    engine = plain_engine(url)
    with engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
        columns = {each["name"] for each in inspect(connection).get_columns("requests")}
    engine.dispose()
    return revision, columns


def town_on(url: str, folder: Path) -> Town:
    """Start on a database of then, at the time of then."""
    write_key(folder / "signing.key")
    name = "sqlite" if url.startswith("sqlite") else "postgresql"
    first = (PREVIOUS / f"{name}.sql").read_text(encoding="utf-8").splitlines()[0]
    town = Town(url, folder)
    town.database.offset = datetime.fromisoformat(first.removeprefix("-- now: ").strip()) - town.database.now()
    return town


def test_the_bot_goes_on_from_a_database_of_the_release_before(previous: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"has schema 0001, this jitbot wants {tables.SCHEMA}. Run: jitbot db upg"):
        upgrade.ready(previous)
    write_key(tmp_path / "signing.key")
    upgrade.upgrade(previous, read_keys(tmp_path / "signing.key"))
    town = town_on(previous, tmp_path)
    before = {each.id: each for each in town.ledger.find(limit=100)}
    by_state = {state: [each for each in before.values() if each.state is state] for state in State}
    assert {state for state, some in by_state.items() if some} == set(State) - {
        State.DECIDING,
        State.VERIFYING,
        State.ROLLED_BACK,
    }
    count = town.trail.verify()
    for each in before.values():
        assert town.trail.rebuild(each.id)[0].state is each.state
    [running], [unsure] = by_state[State.RUNNING], by_state[State.UNSURE]
    half, waiting = sorted(by_state[State.PENDING], key=lambda each: each.id)

    town.forward(seconds=31)
    town.settle()
    for state in (State.DENIED, State.WITHDRAWN, State.LAPSED, State.MISSED, State.SUCCEEDED, State.REVOKED):
        assert all(town.state(each) is state for each in by_state[state])
    assert town.state(by_state[State.UNDOING][0]) is State.REVOKED
    assert town.state(running) is town.state(unsure) is State.UNSURE
    assert town.state(by_state[State.APPROVED][0]) is State.SUCCEEDED, "it was approved, and runs"
    assert town.state(by_state[State.ACTIVE][0]) is State.REVOKED, "it was dropped just before the bot was stopped"
    assert len([each for each in town.ledger.find(limit=100) if each.id not in before]) == 1, "what was taken in"

    for approver, request in ((DI, half), (CY, waiting)):
        answer = town.approve(approver, request)
        if "has changed" in answer.text:
            assert town.state(request) is State.PENDING
            town.approve(approver, request)
            if town.state(request) is State.PENDING:
                town.approve(BO, request)
    assert town.state(half) is State.ACTIVE
    town.settle_unsure(BO, running, happened=False)
    town.settle_unsure(BO, unsure, happened=True)
    town.forward(hours=5)
    town.settle()
    assert town.state(half) is State.EXPIRED
    assert town.state(waiting) is not State.PENDING
    assert town.trail.verify() > count
    assert not [each for each in town.said("alarm") if "REFUSED TO RUN" in each]
    assert town.ask(ANN, "restart", service="api", env="staging").id > max(before)
    town.close()


def test_what_was_waiting_to_be_said_is_said_after_the_upgrade(previous: str, tmp_path: Path) -> None:
    upgrade.upgrade(previous)
    town = town_on(previous, tmp_path)
    said = town.outbox.claim(1000, town.world.lease)
    assert {Topic.CARD, Topic.NOTICE, Topic.SUMMARY} <= {each.topic for each in said}
    [copy] = [
        each for each in (town.outbox.copies(r.id) for r in town.ledger.find(limit=100)) if each and each[0].unsure
    ]
    assert copy[0].ts is None
    town.close()


def test_a_backup_of_the_release_before_is_upgraded_when_it_is_restored(previous: str, tmp_path: Path) -> None:
    if not previous.startswith("sqlite"):
        pytest.skip("a dump is restored into the schema that it is of, and these tests have one each")
    back_up(previous, tmp_path / "b")
    write_key(tmp_path / "signing.key")
    after = f"sqlite:///{tmp_path}/after.db"
    put_back(after, tmp_path / "b")
    settings = Settings(database_url=after, key_file=tmp_path / "signing.key")
    found, through = go_through_backup(settings)
    assert [each.state for each in through.closed] == [State.DENIED] * 3
    assert [each.kind for each in through.set_aside] == [DeliveryKind.ASK]
    assert found.events > 0
    upgrade.ready(after)


def test_what_a_newer_jitbot_has_made_is_not_touched_by_an_older_one(previous: str) -> None:
    engine = plain_engine(previous, writes=True)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9000'")
    engine.dispose()
    with pytest.raises(SettingsError, match="Install the newer jitbot"):
        upgrade.upgrade(previous)


LAST = 1000
KILLED_AT = [30, *(pytest.param(at, marks=pytest.mark.long) for at in (1, 5, 12, 20, 40, LAST))]


@pytest.mark.parametrize("at", KILLED_AT)
def test_killed_in_the_middle_of_an_upgrade_it_has_the_old_schema_or_the_new_one(previous: str, at: int) -> None:
    before = schema(previous)
    code = (
        "import os, signal, sys\n"
        "from sqlalchemy import Engine, event\n"
        "from jitbot.store.upgrade import upgrade\n"
        "left = int(sys.argv[2])\n"
        "@event.listens_for(Engine, 'after_cursor_execute')\n"
        "def count(*_):\n"
        "    global left\n"
        "    left -= 1\n"
        "    if left == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "upgrade(sys.argv[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, previous, str(at)], cwd=ROOT, check=False, capture_output=True)
    assert done.returncode in (-signal.SIGKILL, 0), done.stderr
    assert (done.returncode == 0) == (at == LAST)
    if done.returncode:
        assert schema(previous) == before
    upgrade.upgrade(previous)
    revision, columns = schema(previous)
    assert revision == tables.SCHEMA
    assert columns == {each.name for each in tables.requests.columns}


def test_an_upgrade_is_refused_while_a_jitbot_works_that_cannot_go_on_beside_it(
    previous: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jitbot.store.postgres.SCHEMA", "0001")
    database = Database(previous)
    with database.read() as connection:
        connection.exec_driver_sql("SELECT 1")
        with pytest.raises(SettingsError, match=r"is working on .*Stop"):
            upgrade.upgrade(previous)
    assert schema(previous)[0] == "0001"
    database.close()
    upgrade.upgrade(previous)
    assert schema(previous)[0] == tables.SCHEMA
