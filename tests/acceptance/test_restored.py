"""A backup put back: what is over ends, nothing runs by itself that may have run since, and people are told."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from jitbot.compose import go_through_backup
from jitbot.errors import NotFound, SettingsError, StoreUnavailable, Tampered
from jitbot.model import Copy, DeliveryKind, HealthState, Request, Stage, State
from jitbot.store import backup, tables
from jitbot.store.backup import back_up, put_back
from jitbot.store.put_back import SKIPPED
from jitbot.store.upgrade import ready
from tests.acceptance.backups import Lost, own_databases, with_postgres_programs
from tests.acceptance.killing import Killed
from tests.acceptance.test_extending_killed import Target
from tests.acceptance.test_killed import WATCHED
from tests.acceptance.test_many_targets import POLICY as MANY
from tests.town import ANN, BO, CY, PEOPLE, Town


@pytest.fixture
def lost(database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lost]:
    """Give a town on each of the two databases; on Postgres with databases of its own."""
    if database_url.startswith("sqlite"):
        lost = Lost(database_url, f"sqlite:///{tmp_path}/after/jitbot.db", tmp_path)
        yield lost
        lost.town.close()
        return
    with_postgres_programs(request.getfixturevalue("monkeypatch"))
    with own_databases(request.getfixturevalue("postgres_server"), 2) as (live, target):
        lost = Lost(live, target, tmp_path)
        yield lost
        lost.town.close()


@pytest.fixture
def lost_file(sqlite_url: str, tmp_path: Path) -> Iterator[Lost]:
    lost = Lost(sqlite_url, f"sqlite:///{tmp_path}/after/jitbot.db", tmp_path)
    yield lost
    lost.town.close()


def approved_only(town: Town, user: Any, request: Request) -> None:
    """Have somebody approve, with the worker not come to it yet."""
    key = town.take_in(DeliveryKind.APPROVE, user, request.id, revision=request.revision)
    town.service.intake.work(key)
    town.queue.items.clear()


@contextmanager
def dying(town: Town) -> Iterator[None]:
    """Have a start die in the middle."""
    town.runner.on_start = lambda inputs, run: (_ for _ in ()).throw(Killed())
    with pytest.raises(Killed):
        yield
    town.runner.on_start = lambda inputs, run: None
    town.queue.items.clear()


def test_what_was_approved_ran_after_the_backup_and_does_not_run_again(lost: Lost) -> None:
    town = lost.town
    waiting = town.ask(ANN, "restart", service="worker", env="prod")
    approved = town.ask(ANN, "restart", service="api", env="prod")
    approved_only(town, BO, approved)
    lost.back_up()
    town.settle()
    town.approve(BO, waiting)
    assert len(town.runner.started) == 2
    late = town.ask(ANN, "tune", value=3)

    town, found, through = lost.come_back()
    assert [each.id for each in through.closed] == [waiting.id, approved.id]
    town.settle()
    town.forward(minutes=20)
    town.settle()
    assert len(town.runner.started) == 3, "those of before the loss, and no other"
    for request in (approved, waiting):
        assert town.state(request) is State.DENIED
        assert f"put back as it was at {found.newest:%Y-%m-%d}" in town.see(request).outcome
    assert "denied" in town.approve(BO, waiting).text
    assert town.ledger.find(limit=1)[0].id < late.id
    assert sum("is closed: jitbot's database was put back" in each for each in town.said("notice")) == 2
    assert town.trail.verify() > found.events
    again = town.ask(ANN, "restart", service="api", env="staging")
    assert again.id > late.id, "no number that a lost request had"
    assert again.id == approved.id + SKIPPED + 1
    assert town.state(again) is State.SUCCEEDED


def test_a_grant_that_ended_meanwhile_is_undone_once_more_and_one_that_is_held_ends_on_time(lost: Lost) -> None:
    town = lost.town
    held = town.ask(ANN, "tune", value=200)
    town.outbox.keep(Copy(held.id, "#payments-oncall", "C1", "1.1", version=town.see(held).version))
    lost.back_up()
    town.drop(ANN, held)
    town.outbox.keep(Copy(held.id, "#payments-oncall", "C1", "1.1", version=town.see(held).version))
    assert town.runner.world == {"prod/work_mem": 100}

    town, _, through = lost.come_back()
    assert [each.id for each in through.going_on] == [held.id]
    [copy] = town.outbox.copies(held.id)
    assert copy.version < town.see(held).version, "what Slack shows may be newer than the record"
    assert f"card:{held.id}" in [each.key for each in town.outbox.claim(100, town.world.lease)]
    town.settle()
    assert town.state(held) is State.ACTIVE
    town.forward(minutes=31)
    town.settle()
    assert town.state(held) is State.EXPIRED
    assert town.runner.world == {"prod/work_mem": 100}
    assert len(town.runner.started) == 1


def test_the_card_of_what_is_to_be_reviewed_is_drawn_anew_too(lost_file: Lost) -> None:
    town = lost_file.town
    request = town.ask(ANN, "restart", service="api", env="staging")
    with town.database.write() as connection:
        row = {"request": request.id, "person": ANN, "due_at": request.created_at, "look_at": None}
        connection.execute(tables.obligations.insert().values(**row, reviewed_at=None))
    town.outbox.keep(Copy(request.id, "#payments-oncall", "C1", "1.1", version=town.see(request).version + 1))
    for message in town.outbox.claim(100, town.world.lease):
        town.outbox.done(message)
    lost_file.back_up()
    town, _, _ = lost_file.come_back()
    assert [each.key for each in town.outbox.claim(100, town.world.lease)] == [f"card:{request.id}"]
    assert town.outbox.copies(request.id)[0].version < town.see(request).version


@pytest.mark.parametrize("happened", [True, False], ids=["it had happened", "it had not"])
def test_what_was_running_is_unsure_and_settled_by_the_check_though_it_could_be_repeated(
    lost_file: Lost, happened: bool
) -> None:
    town = lost_file.town
    town.runner.repeatable = True
    town.restart()
    with dying(town):
        town.ask(ANN, "restart", service="api", env="staging")
    request = town.ledger.find()[0]
    assert request.state is State.RUNNING
    lost_file.back_up()

    town, _, through = lost_file.come_back()
    assert [each.id for each in through.unsure] == [request.id]
    town.runner.health = HealthState.HEALTHY if happened else HealthState.ABSENT
    town.forward(minutes=10)
    town.settle()
    assert town.state(request) is (State.SUCCEEDED if happened else State.FAILED)
    assert town.runner.started == []
    assert any("running when the backup was made" in each for each in town.said("alarm"))


def test_of_many_targets_those_that_had_not_begun_may_have_been_changed_since(lost_file: Lost) -> None:
    town = lost_file.town
    town.files = {"web.yml": MANY.replace("FOR_EACH", "for_each: hosts"), "people.yml": PEOPLE}
    town.restart()
    request = town.ask(ANN, "tune", hosts=["web1", "web2", "web3"])

    def die_at_the_second(inputs: Any, run: Any) -> None:
        if inputs.what == "web2":
            raise Killed

    town.runner.on_start = die_at_the_second
    with pytest.raises(Killed):
        town.approve(BO, request)
    town.runner.on_start = lambda inputs, run: None
    assert [each.stage for each in town.see(request).progress] == [Stage.DONE, Stage.BEGUN, Stage.WAITING]
    lost_file.back_up()
    town, _, _ = lost_file.come_back()
    assert town.state(request) is State.UNSURE
    assert [each.stage for each in town.see(request).progress] == [Stage.DONE, Stage.UNSURE, Stage.UNSURE]
    town.runner.health = HealthState.HEALTHY
    town.settle()
    assert town.state(request) is State.SUCCEEDED
    assert len(town.runner.started) == 1


def test_an_extension_that_was_being_applied_is_given_up_and_its_grant_ends_as_before(lost_file: Lost) -> None:
    town = lost_file.town
    target = Target(town)
    grant = town.ask(ANN, "tune", value=200)

    def die() -> None:
        raise Killed

    target.death = die
    with pytest.raises(Killed):
        town.extend(ANN, grant)
    lost_file.back_up()
    target.death = lambda: None
    town, _, through = lost_file.come_back()
    [extension] = through.unsure
    assert extension.state is State.FAILED
    assert f"JIT-{grant.id} ends as before" in extension.outcome
    town.forward(minutes=31)
    town.settle()
    assert town.state(grant) is State.EXPIRED


@pytest.mark.parametrize("timebox", [False, True], ids=["a change", "a grant"])
def test_what_was_watched_is_left_alone_and_said_not_to_be_verified(lost_file: Lost, timebox: bool) -> None:
    town = lost_file.town
    text = WATCHED["payments.yml"]
    changed = text.replace("    facts:", "    timebox: {default: 30m, max: 1h}\n    facts:") if timebox else text
    town.files = {"people.yml": PEOPLE, "payments.yml": changed}
    town.restart()
    town.facts.values.update(firing=0)
    request = town.ask(ANN, "restart")
    assert town.state(request) is State.VERIFYING
    lost_file.back_up()
    town, _, through = lost_file.come_back()
    assert [each.id for each in through.unwatched] == [request.id]
    town.facts.values.update(firing=5)
    town.forward(minutes=2)
    town.settle()
    now = town.see(request)
    assert now.state is (State.ACTIVE if timebox else State.SUCCEEDED)
    assert "not verified: it was being watched" in now.outcome
    assert town.runner.undone == []
    if timebox:
        town.forward(minutes=31)
        town.settle()
        assert town.state(request) is State.EXPIRED


def test_what_was_taken_in_begins_nothing_and_ends_what_it_was_to_end(lost_file: Lost) -> None:
    town = lost_file.town
    held = town.ask(ANN, "tune", value=200)
    waiting = town.ask(ANN, "restart", service="api", env="prod")
    body = {"action": "restart", "params": {"service": "worker", "env": "staging"}, "reason": "INC-1"}
    town.take_in(DeliveryKind.ASK, CY, **body)
    town.take_in(DeliveryKind.DROP, ANN, held.id)
    town.take_in(DeliveryKind.APPROVE, BO, waiting.id, revision=waiting.revision)
    lost_file.back_up()
    town.forward(seconds=10)
    town.settle()
    assert len(town.runner.started) == 3
    town, found, through = lost_file.come_back()
    assert len(found.deliveries) == 3
    assert [each.kind for each in through.set_aside] == [DeliveryKind.ASK]
    town.settle()
    assert town.state(held) is State.REVOKED
    assert town.state(waiting) is State.DENIED
    assert len(town.runner.started) == 3
    assert len(town.ledger.find()) == 2
    told = [each for each in town.outbox.claim(100, town.world.lease) if each.to == CY]
    assert [each for each in told if "was not carried out now" in each.text]
    [event] = [each for each in town.trail.events(limit=1000) if each.kind == "set_aside"]
    assert (event.body["what"], event.body["user"]) == ("ask", CY)


def test_it_may_be_gone_through_again_after_it_was_interrupted(
    lost_file: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = lost_file.town
    town.ask(ANN, "restart", service="api", env="prod")
    held = town.ask(ANN, "tune", value=200)
    lost_file.back_up()
    town.close()
    put_back(lost_file.target, lost_file.file)
    with pytest.raises(SettingsError, match="jitbot db restored"):
        ready(lost_file.target)
    monkeypatch.setattr("jitbot.compose.unmark", lambda url: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        go_through_backup(lost_file.settings)
    with pytest.raises(SettingsError, match="jitbot db restored"):
        ready(lost_file.target)
    monkeypatch.undo()
    _, through = go_through_backup(lost_file.settings)
    assert not through.closed
    assert [each.id for each in through.going_on] == [held.id]
    ready(lost_file.target)


def test_an_empty_record_can_be_restored(lost_file: Lost) -> None:
    back_up(lost_file.town.url, lost_file.file)
    with closing(sqlite3.connect(lost_file.file)) as connection, connection:
        for table in ("events", "chain", "policy_sets"):
            connection.execute(f"DELETE FROM {table}")
    town, found, through = lost_file.come_back()
    assert (found.events, found.newest, list(through.closed)) == (0, None, [])
    assert town.ask(ANN, "restart", service="api", env="staging").id == SKIPPED + 1


def test_no_number_of_a_request_that_was_forgotten_before_the_backup_is_given_again(lost_file: Lost) -> None:
    town = lost_file.town
    with town.database.write() as connection:
        connection.execute(text(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('requests', {3 * SKIPPED})"))
    old = town.ask(ANN, "restart", service="api", env="staging")
    town.forward(days=401)
    town.settle()
    with pytest.raises(NotFound, match="is deleted"):
        town.see(old)
    lost_file.back_up()
    town, _, _ = lost_file.come_back()
    assert town.ask(ANN, "restart", service="api", env="staging").id == old.id + SKIPPED + 1


def test_without_the_key_nothing_is_gone_through_and_no_new_key_is_made(lost_file: Lost) -> None:
    lost_file.back_up()
    lost_file.town.close()
    put_back(lost_file.target, lost_file.file)
    key = lost_file.settings.key_file
    kept = key.read_bytes()
    key.unlink()
    with pytest.raises(SettingsError, match="There is no signing key"):
        go_through_backup(lost_file.settings)
    assert not key.exists()
    key.write_bytes(kept)
    key.chmod(0o600)
    go_through_backup(lost_file.settings)


def test_a_backup_whose_record_was_bent_stays_unusable(lost_file: Lost) -> None:
    lost_file.town.ask(ANN, "restart", service="api", env="staging")
    lost_file.back_up()
    with closing(sqlite3.connect(lost_file.file)) as connection, connection:
        connection.execute("UPDATE events SET body = replace(body, 'staging', 'prod')")
    lost_file.town.close()
    put_back(lost_file.target, lost_file.file)
    with pytest.raises(Tampered):
        go_through_backup(lost_file.settings)
    with pytest.raises(SettingsError, match="put back from a backup"):
        ready(lost_file.target)


def test_a_backup_is_its_owners_alone_and_never_replaces_a_file(lost: Lost) -> None:
    lost.back_up()
    assert stat.S_IMODE(lost.file.stat().st_mode) == 0o600
    before = lost.file.read_bytes()
    with pytest.raises(SettingsError, match="there already"):
        lost.back_up()
    assert lost.file.read_bytes() == before
    assert [each.name for each in lost.file.parent.glob(".*")] == []


def test_two_backups_into_one_file_at_once_leave_one_of_them_whole(
    lost_file: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def somebody_else(half: Path) -> None:
        lost_file.file.write_text("theirs")

    monkeypatch.setattr(backup, "_sync", somebody_else)
    with pytest.raises(SettingsError, match="there already"):
        lost_file.back_up()
    assert lost_file.file.read_text() == "theirs"


def test_a_backup_is_never_put_over_anything(lost: Lost) -> None:
    lost.back_up()
    with pytest.raises(SettingsError, match=r"there is a database already|is not empty"):
        put_back(lost.town.url, lost.file)
    lost.come_back()
    with pytest.raises(SettingsError, match=r"there is a database already|is not empty"):
        put_back(lost.target, lost.file)


@pytest.mark.parametrize("left", ["-wal", "-shm", "-journal"])
def test_what_a_killed_bot_has_left_beside_its_file_keeps_a_backup_out(lost_file: Lost, left: str) -> None:
    lost_file.back_up()
    beside = Path(f"{lost_file.target.removeprefix('sqlite:///')}{left}")
    beside.parent.mkdir()
    beside.write_bytes(b"a log of another database")
    with pytest.raises(SettingsError, match=f"jitbot.db{left}: there is a database already"):
        put_back(lost_file.target, lost_file.file)


def test_a_backup_copied_into_place_by_hand_is_not_started_on(lost_file: Lost) -> None:
    lost_file.back_up()
    with pytest.raises(SettingsError, match="Run: jitbot db restored"):
        ready(f"sqlite:///{lost_file.file}")


def test_nothing_is_gone_through_while_a_jitbot_works_there(lost: Lost) -> None:
    with pytest.raises(SettingsError, match="is working on"):
        go_through_backup(lost.settings.model_copy(update={"database_url": lost.town.url}))
    lost.town.ask(ANN, "restart", service="api", env="staging")


def test_what_is_no_backup_is_refused(lost: Lost, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("nothing of the kind")
    with pytest.raises(SettingsError, match="is no backup of"):
        put_back(lost.target, other)
    with pytest.raises(SettingsError, match=r"cannot be read: No such file"):
        put_back(lost.target, tmp_path / "no-such-file")


def test_a_damaged_file_is_refused_and_leaves_nothing(lost: Lost) -> None:
    lost.back_up()
    lost.file.write_bytes(lost.file.read_bytes()[:300])
    with pytest.raises((SettingsError, StoreUnavailable), match=r"is damaged|pg_restore has failed"):
        put_back(lost.target, lost.file)
    if lost.target.startswith("sqlite"):
        assert not Path(lost.target.removeprefix("sqlite:///")).exists()


@pytest.mark.postgres
def test_without_postgres_programs_it_says_what_to_install(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="apt-get install postgresql-client"):
        back_up(postgres_url, tmp_path / "b")
    assert list(tmp_path.glob("*b*")) == []


@pytest.mark.postgres
def test_a_password_is_no_argument_of_a_program(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "pg_dump"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\nenv > {tmp_path}/environment\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    back_up(postgres_url.replace("postgres@", "postgres:s3cret@"), tmp_path / "b")
    assert "s3cret" not in (tmp_path / "arguments").read_text()
    assert "PGPASSWORD=s3cret" in (tmp_path / "environment").read_text()


def test_a_database_that_is_not_there_cannot_be_backed_up(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="There is no database"):
        back_up(f"sqlite:///{tmp_path}/none.db", tmp_path / "b")
    (tmp_path / "text.db").write_text("text " * 1000)
    with pytest.raises(StoreUnavailable, match="cannot be backed up"):
        back_up(f"sqlite:///{tmp_path}/text.db", tmp_path / "b")
    with pytest.raises(SettingsError, match="cannot be written: No such file"):
        back_up(f"sqlite:///{tmp_path}/text.db", tmp_path / "no" / "b")
