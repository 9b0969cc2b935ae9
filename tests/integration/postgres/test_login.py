"""A login for a time: it can be used while it lasts, and is gone afterwards with its sessions, its objects kept."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import AdminShutdown

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.runners.postgres.login import PostgresLogin
from tests.postgres import LOGIN_PASSWORD, APostgres, a_name


class Lending:
    def __init__(self, server: APostgres, **more) -> None:
        self.server, self.runner = server, PostgresLogin(server.site)
        self.login, self.role, self.heir = a_name("visitor"), server.role(), server.role()
        values = {"login": self.login, "roles": [self.role], "objects_to": self.heir}
        values["login_password"] = {"secret": "pg-login"}
        self.inputs = self.runner.Inputs.model_validate(server.inputs(**{**values, **more}))

    def plan(self):
        return self.runner.plan(self.inputs)

    def start(self, run):
        return self.runner.start(self.inputs, run)

    def undo(self, run, receipt=None):
        self.runner.undo(self.inputs, receipt, run)

    def state(self):
        return self.runner.check(self.inputs, None).state

    def session(self, password: str = LOGIN_PASSWORD, **more):
        return self.server.connect(self.login, password, **more)

    def is_there(self) -> bool:
        return bool(self.server.rows("SELECT FROM pg_roles WHERE rolname = %s", self.login))


@pytest.fixture
def lending(server):
    lending = Lending(server)
    yield lending
    assert not lending.is_there()


def test_it_is_usable_while_it_lasts_and_gone_afterwards(lending, run) -> None:
    with pytest.raises(psycopg.OperationalError):
        lending.session()
    receipt = lending.start(run)
    assert lending.state() is HealthState.HEALTHY
    session = lending.session()
    assert lending.server.answer(session, lending.role) == 42
    lending.undo(run, receipt)
    with session, pytest.raises(AdminShutdown):
        session.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        lending.session()
    assert lending.state() is HealthState.ABSENT
    lending.undo(run, receipt)
    assert run.lines[-1].endswith("nothing to take back")


def test_the_server_itself_knows_the_end(lending, run) -> None:
    run.until = datetime.now(UTC) + timedelta(seconds=1)
    lending.start(run)
    [(until,)] = lending.server.rows("SELECT rolvaliduntil FROM pg_roles WHERE rolname = %s", lending.login)
    assert until == run.until
    lending.server.rows("SELECT pg_sleep(1.2)")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        lending.session()
    lending.undo(run)


def test_who_holds_it_for_less_does_not_shorten_it_for_others(lending, a_run) -> None:
    longer, shorter = a_run("jit-1-1"), a_run("jit-2-1")
    shorter.until = longer.until - timedelta(minutes=5)
    for run in (longer, shorter):
        lending.start(run)
    [(until,)] = lending.server.rows("SELECT rolvaliduntil FROM pg_roles WHERE rolname = %s", lending.login)
    assert until == longer.until
    lending.undo(shorter)


def test_a_start_that_never_answered_is_not_found_in_the_login_that_another_holder_has(lending, a_run) -> None:
    first = a_run("jit-1-1")
    absent = lending.runner.check_by_key(lending.inputs, "jit-2-1").state
    lending.start(first)
    found = [lending.runner.check_by_key(lending.inputs, key).state for key in ("jit-1-1", "jit-2-1")]
    assert [absent, *found] == [HealthState.ABSENT, HealthState.HEALTHY, HealthState.UNKNOWN]
    lending.undo(first)


def test_what_it_owns_is_handed_over_in_every_database(lending, run) -> None:
    database = a_name("shop")
    lending.server.admin("CREATE DATABASE {}", database)
    for name in ("postgres", database):
        with lending.server.connect(dbname=name) as admin:
            admin.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(sql.Identifier(lending.role)))
    lending.start(run)
    made = sql.Identifier(f"made by {lending.login}")
    for name in ("postgres", database):
        with lending.session(dbname=name) as session:
            session.execute(sql.SQL("CREATE TABLE {} AS SELECT 7 AS a").format(made))
    lending.undo(run)
    query = "SELECT tableowner FROM pg_tables WHERE tablename = %s"
    for name in ("postgres", database):
        with lending.server.connect(dbname=name) as admin:
            assert admin.execute(query, [f"made by {lending.login}"]).fetchall() == [(lending.heir,)]
    assert f"what {lending.login} owned in {database} belongs to {lending.heir}" in run.lines
    lending.server.admin("DROP DATABASE {}", database)


def test_without_a_password_the_server_has_to_ask_for_something_else(server, run) -> None:
    lending = Lending(server, login_password=None)
    assert "password: none" in lending.plan().diff
    lending.start(run)
    for password in ("", LOGIN_PASSWORD):
        with pytest.raises(psycopg.OperationalError):
            lending.session(password)
    assert server.rows("SELECT rolpassword FROM pg_authid WHERE rolname = %s", lending.login) == [(None,)]
    lending.undo(run)


def test_the_password_is_in_no_statement_plan_receipt_and_line(lending, run) -> None:
    lending.server.admin("ALTER ROLE jitbot SET application_name TO 'jitbot'")
    told = [lending.plan(), lending.start(run), lending.runner.check(lending.inputs, None)]
    [(kept,)] = lending.server.rows("SELECT rolpassword FROM pg_authid WHERE rolname = %s", lending.login)
    assert kept.startswith("SCRAM-SHA-256$")
    assert LOGIN_PASSWORD not in f"{told}{run.lines}{kept}"
    lending.undo(run)


def test_a_login_that_was_there_before_is_never_touched(lending, run) -> None:
    lending.server.admin("CREATE ROLE {} LOGIN", lending.login)
    for step in (lending.plan, lambda: lending.start(run)):
        with pytest.raises(RunnerRefused, match="already, and jitbot did not make it"):
            step()
    lending.undo(run)
    assert lending.is_there()
    lending.server.admin("COMMENT ON ROLE {} IS 'Ann of accounting'", lending.login)
    lending.undo(run)
    assert lending.is_there()
    lending.server.admin("DROP ROLE {}", lending.login)


def test_a_login_whose_comment_was_written_over_is_left_to_a_person(lending, run) -> None:
    receipt = lending.start(run)
    lending.server.admin("COMMENT ON ROLE {} IS 'who is this?'", lending.login)
    with pytest.raises(RunnerUnsure, match="see whose it is, and drop it"):
        lending.undo(run, receipt)
    assert lending.is_there()
    lending.server.admin("DROP ROLE {}", lending.login)
    lending.undo(run, receipt)


def test_an_undo_that_was_cut_off_is_finished_by_the_next(lending, run, monkeypatch) -> None:
    lending.start(run)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("jitbot.runners.postgres.roles.end_sessions", killed)
        lending.undo(run)
    with pytest.raises(psycopg.OperationalError):
        lending.session()
    assert lending.state() is HealthState.UNHEALTHY
    lending.undo(run)


def test_what_is_no_grant_gets_no_login(lending, run) -> None:
    run.until = None
    with pytest.raises(RunnerRefused, match="for a time only"):
        lending.start(run)


def test_the_plan_says_what_the_roles_can_do(lending, run) -> None:
    first = lending.plan()
    lending.server.admin("ALTER ROLE {} CREATEDB", lending.role)
    lending.server.admin("GRANT pg_monitor TO {}", lending.role)
    second = lending.plan()
    assert f"+ {lending.login} is in {lending.role} (CREATEDB, in pg_monitor" in second.diff
    assert first.fingerprint != second.fingerprint


REFUSED = {
    "no such role": ({"roles": ["not there"]}, "There is no role not there"),
    "nobody to get its objects": ({"objects_to": "not there"}, "There is no role not there"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_made_is_refused(server, run, name) -> None:
    values, words = REFUSED[name]
    lending = Lending(server, **values)
    for step in (lending.plan, lambda: lending.start(run)):
        with pytest.raises(RunnerRefused, match=words):
            step()


def test_who_could_not_hand_over_afterwards_makes_no_login(server, run) -> None:
    heir = a_name("stranger")
    server.admin("CREATE ROLE {}", heir)
    lending = Lending(server, objects_to=heir)
    with pytest.raises(RunnerRefused, match="could not hand objects over to"):
        lending.plan()


def test_a_login_is_not_its_own_role(server) -> None:
    for values in ({"login": "a", "roles": ["a"]}, {"login": "a", "objects_to": "a"}, {"login": "jitbot"}):
        with pytest.raises(ValueError, match="must be another"):
            Lending(server, **values)


def test_an_extension_lets_its_password_be_good_for_longer(lending, a_run) -> None:
    run = a_run("jit-1-1")
    receipt = lending.start(run)
    later = a_run("jit-1-1")
    later.until = run.until + timedelta(hours=1)
    extended = lending.runner.extend(lending.inputs, receipt, later)
    [(until,)] = lending.server.rows("SELECT rolvaliduntil FROM pg_roles WHERE rolname = %s", lending.login)
    assert until == later.until
    lending.session().close()
    lending.undo(later, extended)


def test_an_extension_never_shortens_what_another_holder_has(lending, a_run) -> None:
    longer, shorter = a_run("jit-1-1"), a_run("jit-2-1")
    shorter.until = longer.until - timedelta(minutes=5)
    receipt = lending.start(longer)
    lending.runner.extend(lending.inputs, receipt, shorter)
    [(until,)] = lending.server.rows("SELECT rolvaliduntil FROM pg_roles WHERE rolname = %s", lending.login)
    assert until == longer.until
    lending.undo(longer, receipt)


def test_an_extension_without_an_end_is_refused(lending, run) -> None:
    receipt = lending.start(run)
    run.until = None
    with pytest.raises(RunnerRefused, match="until when"):
        lending.runner.extend(lending.inputs, receipt, run)
    lending.undo(run, receipt)
