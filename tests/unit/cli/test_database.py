"""`jitbot db` says what it has done, what is lost, and what to do next."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from jitbot.cli.app import app
from jitbot.errors import JitbotError, SettingsError, Tampered
from jitbot.model import DeliveryKind
from jitbot.store.keys import open_key
from jitbot.store.upgrade import ready
from tests.town import ANN, BO, Town


@pytest.fixture
def town(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.setenv("JITBOT_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("JITBOT_KEY_FILE", str(tmp_path / "signing.key"))
    return Town(sqlite_url, tmp_path)


def db(*words: str) -> Result:
    return CliRunner().invoke(app, ["db", *words])


def failed(*words: str) -> JitbotError:
    error = db(*words).exception
    assert isinstance(error, JitbotError)
    return error


def test_a_backup_is_made_and_restored_and_what_that_comes_to_is_told(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(12):
        town.ask(ANN, "restart", service="api", env="prod")
    held = town.ask(BO, "tune", value=3)
    town.take_in(DeliveryKind.ASK, BO, action="tune", params={"value": 4}, reason="INC-3")
    made = db("backup", str(tmp_path / "b"))
    assert made.exit_code == 0
    assert "signing.key) is not in it" in made.output
    count, newest = town.trail.verify(), town.trail.events(limit=1000)[-1].at
    town.close()
    assert "move all of" in str(failed("restore", str(tmp_path / "b")))

    monkeypatch.setenv("JITBOT_DATABASE_URL", f"sqlite:///{tmp_path}/new.db")
    told = db("restore", str(tmp_path / "b"))
    assert told.exit_code == 0, told.output
    said = " ".join(told.output.split())
    for wanted in (
        f"The record holds: {count} events",
        f"The newest event is of {newest:%Y-%m-%d %H:%M:%S} UTC",
        "Closed, since it may have run later (people ask again): JIT-1, JIT-2,",
        "JIT-10 and 2 more.",
        f"Goes on as it was, and ends on time: {held.name}.",
        "Taken in, and not carried out: 1.",
        "jitbot grants reconcile",
    ):
        assert wanted in said
    assert "Unsure" not in said
    assert "--by-other-means" in str(failed("restored"))
    key = tmp_path / "signing.key"
    kept = key.read_bytes()
    key.write_bytes(b"not a key")
    assert "is not an unencrypted PEM" in str(failed("restored", "--by-other-means"))
    with pytest.raises(SettingsError, match="put back from a backup"):
        ready(f"sqlite:///{tmp_path}/new.db")
    key.write_bytes(kept)
    assert "Goes on as it was" in db("restored").output


def test_with_another_key_it_says_what_to_do_and_can_be_gone_on_with(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db("backup", str(tmp_path / "b"))
    town.close()
    monkeypatch.setenv("JITBOT_DATABASE_URL", f"sqlite:///{tmp_path}/new.db")
    open_key(tmp_path / "other.key")
    monkeypatch.setenv("JITBOT_KEY_FILE", str(tmp_path / "other.key"))
    error = failed("restore", str(tmp_path / "b"))
    assert isinstance(error, Tampered)
    assert "other.key the key that it was signed with? Then go on with: jitbot db restored" in str(error)
    monkeypatch.setenv("JITBOT_KEY_FILE", str(tmp_path / "signing.key"))
    assert db("restored").exit_code == 0


def test_an_upgrade_of_what_is_upgraded_disturbs_no_bot_and_any_other_is_refused(town: Town) -> None:
    assert "newest schema" in db("upgrade").output
    with town.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    error = failed("upgrade")
    assert isinstance(error, SettingsError)
    assert "is working on" in str(error)
    town.close()
