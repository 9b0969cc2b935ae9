"""Membership for a time, seen from a second session: usable while it lasts, refused the moment after."""

import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.errors import AdminShutdown, InsufficientPrivilege
from pydantic import ValidationError

from jitbot.errors import NotGranted, RunnerRefused
from jitbot.model import HealthState
from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.postgres.role import PostgresRole
from tests.postgres import PASSWORD, SECRETS, APostgres


class Granting:
    """A runner with a login and a role made for one test."""

    def __init__(self, server: APostgres, login: str = "", role: str = "", **more) -> None:
        self.server, self.runner = server, PostgresRole(server.site)
        self.login, self.role = login or server.login(), role or server.role()
        self.inputs = self.runner.Inputs.model_validate(server.inputs(role=self.role, login=self.login, **more))

    def plan(self):
        return self.runner.plan(self.inputs)

    def start(self, run):
        return self.runner.start(self.inputs, run)

    def undo(self, run, receipt=None):
        self.runner.undo(self.inputs, receipt, run)

    def state(self):
        return self.runner.check(self.inputs, None).state

    def is_usable(self) -> bool:
        with self.server.session(self.login) as session:
            try:
                return self.server.answer(session, self.role) == 42
            except InsufficientPrivilege:
                return False


@pytest.fixture
def granting(server: APostgres) -> Granting:
    return Granting(server)


def test_a_role_is_usable_while_it_is_granted_and_refused_at_once_afterwards(granting, run) -> None:
    assert not granting.is_usable()
    receipt = granting.start(run)
    assert granting.is_usable()
    granting.undo(run, receipt)
    assert not granting.is_usable()
    assert run.lines == [
        f"{granting.login} is in {granting.role}, by way of {granting.inputs.mark}",
        f"{granting.login} is no longer in {granting.role}; sessions ended: 0",
    ]


def test_sessions_are_ended_also_after_set_role_and_also_when_they_began_before(granting, run) -> None:
    server, old = granting.server, granting.server.session(granting.login)
    receipt = granting.start(run)
    new, another = server.session(granting.login), server.session(server.login())
    with old, new, another:
        assert server.answer(old, granting.role, as_role=granting.role) == 42, "it counts for open sessions too"
        assert server.answer(new, granting.role) == 42
        granting.undo(run, receipt)
        for session in (old, new):
            with pytest.raises(AdminShutdown):
                session.execute("SELECT 1")
        assert another.execute("SELECT 1").fetchone() == (1,)
    assert "sessions ended: 2" in run.lines[-1]


def test_a_transaction_that_was_begun_with_the_role_comes_to_nothing(granting, run) -> None:
    server = granting.server
    server.admin("GRANT INSERT ON {} TO {}", f"t {granting.role}", granting.role)
    receipt = granting.start(run)
    with server.connect(granting.login, PASSWORD, autocommit=False) as session:
        session.execute(sql.SQL("INSERT INTO {} VALUES (7)").format(sql.Identifier(f"t {granting.role}")))
        granting.undo(run, receipt)
        with pytest.raises(AdminShutdown):
            session.execute("SELECT 1")
    with server.connect() as admin:
        assert server.answer(admin, granting.role) == 42


def test_a_transaction_that_was_prepared_is_told_since_jitbot_cannot_end_it(granting, run) -> None:
    granting.start(run)
    with granting.server.session(granting.login) as session:
        session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(granting.role)))
        session.execute("BEGIN")
        session.execute("PREPARE TRANSACTION 'for later'")
        granting.undo(run)
    assert run.lines[-1].endswith("can end: for later in postgres")
    with granting.server.connect() as admin:
        admin.execute("ROLLBACK PREPARED 'for later'")


def test_a_second_undo_ends_no_session_that_began_after_the_first(granting, run) -> None:
    receipt = granting.start(run)
    granting.undo(run, receipt)
    with granting.server.session(granting.login) as session:
        granting.undo(run, receipt)
        assert session.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("known", [True, False], ids=["with a receipt", "without a receipt"])
def test_who_was_in_the_role_before_stays_in_it_with_open_sessions(granting, run, known) -> None:
    granting.server.admin("GRANT {} TO {}", granting.role, granting.login)
    plan = granting.plan()
    assert "already" in plan.summary
    assert "as before" in plan.diff
    with granting.server.session(granting.login) as session:
        receipt = granting.start(run)
        granting.undo(run, receipt if known else None)
        assert granting.server.answer(session, granting.role) == 42
    assert granting.is_usable()


def test_who_is_put_into_the_role_by_somebody_else_meanwhile_stays_in_it(granting, run) -> None:
    granting.start(run)
    granting.server.admin("GRANT {} TO {}", granting.role, granting.login)
    granting.undo(run)
    assert granting.is_usable()


def test_who_is_in_the_role_by_way_of_another_stays_in_it(granting, run) -> None:
    group = granting.server.role()
    granting.server.admin("GRANT {} TO {}", granting.role, group)
    granting.server.admin("GRANT {} TO {}", group, granting.login)
    assert "already" in granting.plan().summary
    granting.start(run)
    granting.undo(run)
    assert granting.is_usable()


def test_an_undo_that_was_cut_off_in_the_middle_is_finished_by_the_next(granting, run, monkeypatch) -> None:
    receipt = granting.start(run)
    with granting.server.session(granting.login) as session:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("jitbot.runners.postgres.roles.end_sessions", _killed)
            granting.undo(run, receipt)
        assert not granting.is_usable()
        granting.undo(run, receipt)
        with pytest.raises(AdminShutdown):
            session.execute("SELECT 1")
    assert granting.state() is HealthState.ABSENT


def _killed(*_):
    raise KeyboardInterrupt


def test_a_start_that_was_cut_off_before_the_end_left_nothing(granting, run, monkeypatch) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("psycopg.Connection.commit", _killed)
        granting.start(run)
    assert not granting.is_usable()
    assert granting.state() is HealthState.ABSENT


def test_nobody_can_keep_a_membership_by_granting_something_to_its_role(granting, run) -> None:
    """Such a role cannot be dropped; without members it gives nothing."""
    server, mark = granting.server, granting.inputs.mark
    with server.session(granting.login) as session:
        granting.start(run)
        session.execute("CREATE TEMP TABLE mine (a int)")
        session.execute(sql.SQL("GRANT SELECT ON mine TO {}").format(sql.Identifier(mark)))
        server.admin("CREATE TABLE {} ()", f"kept by {mark}")
        server.admin("GRANT SELECT ON {} TO {}", f"kept by {mark}", mark)
        granting.undo(run)
    assert not granting.is_usable()
    assert granting.state() is HealthState.ABSENT
    assert "stays, without members" in run.lines[-1]
    with server.session(granting.login) as session:
        granting.undo(run)
        assert session.execute("SELECT 1").fetchone() == (1,)
    granting.start(run)
    assert granting.is_usable()
    granting.undo(run)
    assert not granting.is_usable()
    server.admin("DROP TABLE {}", f"kept by {mark}")
    server.admin("DROP ROLE {}", mark)


def test_it_is_unhealthy_when_somebody_took_it_back(granting, run) -> None:
    granting.start(run)
    assert granting.state() is HealthState.HEALTHY
    granting.server.admin("REVOKE {} FROM {} GRANTED BY jitbot", granting.inputs.mark, granting.login)
    assert granting.state() is HealthState.UNHEALTHY
    granting.undo(run)


@pytest.mark.parametrize("which", ["login", "role"])
def test_a_role_that_was_dropped_meanwhile_does_not_keep_the_grant(granting, run, which) -> None:
    granting.start(run)
    if which == "role":
        granting.server.admin("DROP OWNED BY {}", granting.role)
    granting.server.admin("DROP ROLE {}", getattr(granting, which))
    assert granting.state() is HealthState.UNHEALTHY
    granting.undo(run)
    assert granting.state() is HealthState.ABSENT


def test_the_plan_changes_with_what_the_role_can_do(granting) -> None:
    server, seen = granting.server, [granting.plan()]
    for statement in ("ALTER ROLE {} CREATEDB", "ALTER ROLE {} BYPASSRLS", "GRANT pg_monitor TO {}"):
        server.admin(statement, granting.role)
        seen.append(granting.plan())
    server.admin("ALTER ROLE {} NOINHERIT", granting.login)
    seen.append(granting.plan())
    assert len({plan.fingerprint for plan in seen}) == len(seen)
    assert "CREATEDB, BYPASSRLS for whoever does SET ROLE" in seen[2].diff
    assert "is itself in pg_monitor, pg_read_all_settings" in seen[3].diff
    assert "must SET ROLE first" in seen[4].diff


def test_a_login_that_inherits_nothing_can_set_the_role(server, run) -> None:
    granting = Granting(server, login=server.login("NOINHERIT"))
    granting.start(run)
    assert not granting.is_usable()
    with server.session(granting.login) as session:
        assert server.answer(session, granting.role, as_role=granting.role) == 42
    granting.undo(run)


REFUSED = {
    "no such login": (lambda server: {"login": "nobody at all"}, "There is no role nobody at all"),
    "no such role": (lambda server: {"role": "no role at all"}, "There is no role no role at all"),
    "a group": (lambda server: {"login": server.role()}, "not to groups"),
    "a superuser": (lambda server: {"login": server.login("SUPERUSER")}, "is a superuser"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_granted_is_refused_before_anybody_approves(server, run, name) -> None:
    make, words = REFUSED[name]
    granting = Granting(server, **make(server))
    for step in (granting.plan, lambda: granting.start(run)):
        with pytest.raises(RunnerRefused, match=words):
            step()


LACKING = {
    "no CREATEROLE": ("ALTER ROLE {} NOCREATEROLE", "cannot make roles: ALTER ROLE"),
    "no pg_signal_backend": ("REVOKE pg_signal_backend FROM {}", "could not end sessions afterwards: GRANT pg_signal"),
    "no ADMIN OPTION": ("", "may not give .* away: GRANT"),
}


@pytest.mark.parametrize("name", LACKING)
def test_what_jitbots_own_login_lacks_is_said(server, run, name) -> None:
    if name == "no ADMIN OPTION" and server.version < 16:
        pytest.skip("before Postgres 16, CREATEROLE is enough")
    statement, words = LACKING[name]
    own = server.login("CREATEROLE")
    server.admin("GRANT pg_signal_backend TO {}", own)
    if statement:
        server.admin(statement, own)
    granting = Granting(server, user=own)
    if name != "no ADMIN OPTION":
        server.admin("GRANT {} TO {} WITH ADMIN OPTION", granting.role, own)
    for step in (granting.plan, lambda: granting.start(run)):
        with pytest.raises(RunnerRefused, match=words):
            step()


def test_somebody_else_in_the_grants_own_role_is_noticed(granting, run) -> None:
    granting.start(run)
    guest = granting.server.login()
    granting.server.admin("GRANT {} TO {}", granting.inputs.mark, guest)
    with pytest.raises(RunnerRefused, match=r"was put into jitbot's own role .*: take it out"):
        granting.start(run)
    granting.undo(run)
    with granting.server.session(guest) as session, pytest.raises(InsufficientPrivilege):
        granting.server.answer(session, granting.role)


def test_a_login_named_like_a_mark_is_refused(server) -> None:
    with pytest.raises(ValueError, match="as the roles do that jitbot makes"):
        Granting(server, login="jitbot:abc", role="x")
    with pytest.raises(ValueError, match="must be two"):
        Granting(server, login="x", role="x")


def test_the_password_is_in_no_plan_receipt_and_line(granting, run) -> None:
    told = [granting.plan(), granting.start(run), granting.runner.check(granting.inputs, None), granting.inputs]
    granting.undo(run)
    assert PASSWORD not in f"{told}{run.lines}"


def test_without_the_operators_leave_nothing_is_asked(server, run) -> None:
    for hosts in ([], ["127.0.0.1"], ["127.0.0.1:1"]):
        runner = PostgresRole(EnvironmentSite(hosts, SECRETS))
        inputs = runner.Inputs.model_validate(server.inputs(role="a", login="b"))
        with pytest.raises(NotGranted, match=f"with the port: {server.host}"):
            runner.start(inputs, run)


def test_two_holders_of_one_membership_end_with_the_last(granting, a_run) -> None:
    """The service undoes with the first one's receipt, once the last one ends."""
    first = granting.start(a_run("jit-1-1"))
    granting.start(a_run("jit-2-1"))
    assert granting.is_usable()
    granting.undo(a_run("jit-2-1"), first)
    assert not granting.is_usable()


def test_a_mark_tells_a_dba_whose_it_is(granting, run) -> None:
    granting.start(run)
    query = "SELECT shobj_description(oid, 'pg_authid')::json ->> 'jitbot' FROM pg_roles WHERE rolname = %s"
    assert granting.server.rows(query, granting.inputs.mark) == [(run.key,)]
    for comment in ("'who are you?'", "NULL"):
        granting.server.admin(f"COMMENT ON ROLE {{}} IS {comment}", granting.inputs.mark)
        assert granting.state() is HealthState.HEALTHY
    granting.undo(run)
    assert not granting.is_usable()


def test_a_role_of_postgres_itself_can_be_granted(server, run) -> None:
    server.admin("GRANT pg_read_all_data TO jitbot WITH ADMIN OPTION")
    server.admin("CREATE TABLE IF NOT EXISTS {} AS SELECT 42 AS answer", "t pg_read_all_data")
    granting = Granting(server, role="pg_read_all_data")
    granting.start(run)
    assert granting.is_usable()
    granting.undo(run)
    assert not granting.is_usable()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(word=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_any_name_that_is_taken_is_that_name(server, a_run, word) -> None:
    login = f"x{word}{uuid.uuid4().hex[:8]}"
    try:
        granting = Granting(server, login=login)
    except ValidationError:
        return
    server.admin("CREATE ROLE {} LOGIN", login)
    granting.start(a_run())
    is_in = "SELECT pg_has_role(%s::name, %s::name, 'MEMBER')"
    assert server.rows(is_in, login, granting.role) == [(True,)]
    granting.undo(a_run())
    assert server.rows(is_in, login, granting.role) == [(False,)]
    server.admin("DROP ROLE {}", login)


def test_psycopg_is_told_everything_that_it_would_take_from_the_environment(granting, run, monkeypatch) -> None:
    for name, value in {"PGHOST": "elsewhere", "PGHOSTADDR": "203.0.113.1", "PGPORT": "1", "PGUSER": "x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PGPASSWORD", "x")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=evil")
    assert granting.plan().summary


def test_it_lists_who_is_in_the_role_and_who_of_them_by_jitbot(granting, run) -> None:
    other = granting.server.login()
    granting.server.admin("GRANT {} TO {}", granting.role, other)
    before = granting.runner.privileges(granting.inputs)
    assert [(each.holder, each.ours) for each in before] == [(other, False)]
    granting.start(run)
    held = {each.holder: each for each in granting.runner.privileges(granting.inputs)}
    assert {holder: each.ours for holder, each in held.items()} == {other: False, granting.login: True}
    assert held[granting.login].target == granting.runner.target(granting.inputs)
    granting.undo(run)
    assert granting.runner.privileges(granting.inputs) == before


def test_a_role_that_is_only_called_like_a_mark_is_not_one(granting) -> None:
    """Whoever may make roles can call one so, and put somebody into it."""
    granting.server.admin("CREATE ROLE {}", "jitbot:forged")
    granting.server.admin("GRANT {} TO {}", granting.role, "jitbot:forged")
    try:
        assert [(each.holder, each.ours) for each in granting.runner.privileges(granting.inputs)] == [
            ("jitbot:forged", False)
        ]
    finally:
        granting.server.admin("DROP ROLE {}", "jitbot:forged")
