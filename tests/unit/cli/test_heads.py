"""`jitbot audit head`, `verify --head`, `keys`, and what `jitbot doctor` says of where heads go."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from jitbot.audit import read_heads
from jitbot.cli.app import app
from jitbot.cli.doctor_heads import heads as examine
from jitbot.cli.finding import Finding
from jitbot.compose import open_store
from jitbot.errors import JitbotError, SettingsError, Tampered
from jitbot.model import Arrival
from jitbot.settings import Settings
from jitbot.store import tables
from jitbot.store.backup import back_up
from tests.contract.howto import ROOT
from tests.town import ANN, Town


@pytest.fixture
def town(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.setenv("JITBOT_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("JITBOT_KEY_FILE", str(tmp_path / "signing.key"))
    monkeypatch.setenv("COLUMNS", "200")
    return Town(sqlite_url, tmp_path)


def audit(*words: str) -> str:
    done = CliRunner().invoke(app, ["audit", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def failed(*words: str) -> JitbotError:
    error = CliRunner().invoke(app, ["audit", *words]).exception
    assert isinstance(error, JitbotError), error
    return error


def ask(town: Town) -> None:
    town.ask(ANN, "restart", service="api", env="prod")


def keep(place: Path) -> None:
    """Keep a head, as an auditor does by hand."""
    with place.open("a") as file:
        file.write(audit("head"))


def test_a_record_is_verified_by_heads_that_an_auditor_has_kept(town: Town, tmp_path: Path) -> None:
    ask(town)
    keep(tmp_path / "heads.jsonl")
    ask(town)
    keep(tmp_path / "heads.jsonl")
    said = audit("verify", "--head", str(tmp_path / "heads.jsonl"))
    assert "every signature holds" in said
    assert "Heads that fit: 2, from " in said
    assert "the longest time without one was 0 minutes" in said


def test_the_auditors_own_key_and_a_folder_of_heads_do_for_a_backup_on_another_machine(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(town)
    (tmp_path / "auditor.pem").write_text(audit("keys", "--pem"))
    (tmp_path / "heads" / "2026").mkdir(parents=True)
    keep(tmp_path / "heads" / "2026" / "1.json")
    back_up(town.url, tmp_path / "backup")
    ask(town)
    keep(tmp_path / "late.jsonl")
    monkeypatch.setenv("JITBOT_DATABASE_URL", f"sqlite:///{tmp_path}/backup")
    monkeypatch.setenv("JITBOT_KEY_FILE", str(tmp_path / "nowhere" / "signing.key"))
    key = ("--key", str(tmp_path / "auditor.pem"))
    assert "Heads that fit: 1," in audit("verify", *key, "--head", str(tmp_path / "heads"))
    error = failed("verify", *key, "--head", str(tmp_path / "heads"), "--head", str(tmp_path / "late.jsonl"))
    assert isinstance(error, Tampered)
    assert "The record ends before the head of" in str(error)
    assert not (tmp_path / "nowhere").exists()


def test_where_a_head_does_not_fit_the_mark_stays(town: Town, tmp_path: Path) -> None:
    ask(town)
    keep(tmp_path / "heads.jsonl")
    audit("verify", "--mark", str(tmp_path / "mark"))
    before = (tmp_path / "mark").read_text()
    ask(town)
    line = (tmp_path / "heads.jsonl").read_text()
    (tmp_path / "heads.jsonl").write_text(line.replace('"count":', '"count":1'))
    error = failed("verify", "--mark", str(tmp_path / "mark"), "--head", str(tmp_path / "heads.jsonl"))
    assert "head of" in str(error)
    assert (tmp_path / "mark").read_text() == before


@pytest.mark.parametrize("text", ["", "\n"])
def test_a_file_without_heads_verifies_nothing_and_says_so(town: Town, tmp_path: Path, text: str) -> None:
    (tmp_path / "heads.jsonl").write_text(text)
    assert isinstance(failed("verify", "--head", str(tmp_path / "heads.jsonl")), SettingsError)
    assert "cannot be read" in str(failed("verify", "--head", str(tmp_path / "nowhere")))


def test_keys_are_listed_prepared_and_rotated(town: Town, tmp_path: Path) -> None:
    ask(town)
    count = town.trail.count()
    assert "1 on, now" in audit("keys")
    assert "does not sign yet" in audit("rotate-key", "--prepare")
    assert "none yet" in audit("keys")
    assert audit("keys", "--pem").count("BEGIN PUBLIC KEY") == 2
    said = " ".join(audit("rotate-key").split())
    assert "signs from now on" in said
    assert "move it to where you keep secrets" in said
    listed = audit("keys")
    assert f"1 to {count + 1}" in listed
    assert f"{count + 2} on, now" in listed
    assert "signs from the next event on" in audit("show")
    ask(town)
    keep(tmp_path / "heads.jsonl")
    audit("verify", "--head", str(tmp_path / "heads.jsonl"))


def test_the_how_to_on_keys_can_be_done_as_written(town: Town) -> None:
    page = (ROOT / "docs/howto/rotate-the-signing-key.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).splitlines()
    assert len(lines) == 6
    for line in lines:
        assert line.startswith("jitbot audit ")
        audit(*line.split()[2:])


def test_what_was_deleted_is_said_in_the_record(town: Town) -> None:
    ask(town)
    town.forward(days=500)
    town.settle()
    town.forward(days=500)
    town.settle()
    told = audit("show", "JIT-1")
    assert "(deleted: the keeping time had passed)" in told
    assert '"deleted": true' in audit("show", "JIT-1", "--json")
    assert "bodies up to event" in audit("show")


def looked_at(settings: Settings) -> list[Finding]:
    store = open_store(settings)
    try:
        return list(examine(settings, store))
    finally:
        store.database.close()


def test_doctor_says_that_heads_go_nowhere(town: Town) -> None:
    (found,) = looked_at(Settings())
    assert (found.good, "are sent nowhere" in found.said) == (True, True)


def test_doctor_tells_of_each_sink_when_a_head_last_arrived(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "heads.yml"
    file.write_text("".join(f"{name}: {{kind: file, path: /x}}\n" for name in ("good", "late", "new", "never", "bad")))
    settings = Settings(heads_file=file, policies=tmp_path / "policies")
    with town.ledger.begin() as entry:
        for name, count, minutes, error in (("good", 7, 20, ""), ("late", 7, 26, "it is full"), ("new", 0, 5, "")):
            entry.arrival(name)
            entry.arrived(Arrival(name, count, entry.now - timedelta(minutes=minutes), error))
        entry.arrival("bad")
        entry.arrived(Arrival("bad", 0, entry.now, "it is full"))
    found = {each.subject.removeprefix("heads to "): each for each in looked_at(settings)}
    assert {name: each.good for name, each in found.items()} == {
        "good": True,
        "late": False,
        "new": True,
        "never": True,
        "bad": False,
    }
    assert found["good"].said.endswith("UTC, with event 7")
    assert "because it is full" in found["late"].said
    file.write_text("good: {kind: fax}")
    assert [each.good for each in looked_at(settings)] == [False]


def test_doctor_names_a_body_that_is_missing(town: Town, tmp_path: Path) -> None:
    ask(town)
    with town.database.write() as connection:
        connection.execute(update(tables.events).where(tables.events.c.seq == 1).values(body=None, salt=None))
    assert "Event 1: its body is gone" in str(failed("verify"))
    assert list(read_heads([audit("head")], "here"))


def test_a_backup_from_before_a_rotation_is_restored_with_the_key_file_of_that_time(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = town.ask(ANN, "tune", value=3)
    back_up(town.url, tmp_path / "backup")
    audit("rotate-key")
    keep(tmp_path / "heads.jsonl")
    town.close()
    monkeypatch.setenv("JITBOT_DATABASE_URL", f"sqlite:///{tmp_path}/new.db")
    restore = CliRunner().invoke(app, ["db", "restore", str(tmp_path / "backup")])
    assert "for a backup from before that, take the one of that time" in str(restore.exception)
    (retired,) = tmp_path.glob("signing.key.*")
    monkeypatch.setenv("JITBOT_KEY_FILE", str(retired))
    restored = CliRunner().invoke(app, ["db", "restored"])
    assert restored.exit_code == 0, restored.output
    assert held.name in restored.output
    audit("rotate-key")
    audit("verify")
    assert "with a key that did not sign then" in str(failed("verify", "--head", str(tmp_path / "heads.jsonl")))
