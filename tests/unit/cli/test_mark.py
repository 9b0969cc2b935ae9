"""`jitbot audit verify --mark FILE`: the file is read strictly, and moves only when everything has held."""

from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from jitbot.audit import Mark
from jitbot.cli.app import app
from jitbot.cli.mark import read, write
from jitbot.errors import SettingsError, Tampered
from jitbot.store import tables
from jitbot.store.engine import Database
from jitbot.store.keys import open_key
from jitbot.store.ledger import StoreLedger
from jitbot.store.upgrade import ready

MARK = Mark(12, bytes(range(32)))


def test_a_mark_is_read_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path / "mark", MARK)
    assert read(tmp_path / "mark") == MARK
    assert [each.name for each in tmp_path.iterdir()] == ["mark"]


def test_without_a_file_it_is_the_beginning(tmp_path: Path) -> None:
    assert read(None) == read(tmp_path / "mark") == Mark()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"count": 1, "hash": "xy"}', '{"count": null, "hash": ""}'])
def test_another_file_is_no_mark_and_is_not_written_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "notes").write_text(text)
    with pytest.raises(SettingsError, match="is no mark of"):
        read(tmp_path / "notes")


def test_a_folder_cannot_be_read_or_written(tmp_path: Path) -> None:
    for use in (lambda: read(tmp_path), lambda: write(tmp_path, MARK)):
        with pytest.raises(SettingsError, match="cannot be"):
            use()


def test_the_mark_moves_when_everything_has_held_and_else_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, mark = f"sqlite:///{tmp_path}/jitbot.db", tmp_path / "mark"
    monkeypatch.setenv("JITBOT_DATABASE_URL", url)
    monkeypatch.setenv("JITBOT_KEY_FILE", str(tmp_path / "signing.key"))
    ready(url)
    database = Database(url)
    ledger = StoreLedger(database, open_key(tmp_path / "signing.key"))

    def append() -> None:
        with ledger.begin() as entry:
            entry.record("refused", "U0BO", why="too late")

    def verify() -> str:
        done = CliRunner().invoke(app, ["audit", "verify", "--mark", str(mark)], catch_exceptions=False)
        return done.output

    append()
    assert "1 events, every signature holds" in verify()
    append()
    assert "2 events" in verify() and read(mark).count == 2
    assert "up to event 2 were verified before" in verify()
    append()
    with database.write() as connection:
        connection.execute(update(tables.events).where(tables.events.c.seq == 1).values(kind="odd"))
    with pytest.raises(Tampered, match="Event 1 does not follow"):
        verify()
    assert read(mark).count == 2
    database.close()
