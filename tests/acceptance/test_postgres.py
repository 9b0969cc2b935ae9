"""A role and a login in a real Postgres, through the whole service: usable in the timebox, refused one second after."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest
from psycopg.errors import AdminShutdown, InsufficientPrivilege

from jitbot.model import Request, State
from jitbot.runners.registry import Registry
from tests.postgres import LOGIN_PASSWORD, APostgres, server
from tests.town import ANN, BO, CY, Town

__all__ = ["server"]

POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  db-role:
    title: A role in the database
    runner: postgres.role
    with: {{{way}, role: acceptance_role, login: "{{login}}"}}
    parameters:
      login: {{type: text}}
    requesters: [group:engineering]
    timebox: {{default: 30m, max: 4h}}
    rules: [{{name: one on call, review: [{{from: [group:oncall], count: 1}}]}}]
  db-login:
    title: A login for a visitor
    runner: postgres.login
    with:
      {{{way}, login: "{{login}}", roles: [], objects_to: acceptance_role, login_password: {{secret: pg-login}}}}
    parameters:
      login: {{type: text}}
    requesters: [group:engineering]
    timebox: {{default: 30m, max: 4h}}
    rules: [{{name: free, allow: true}}]
"""


class Database:
    """A town whose runners administer a real server, and a login there."""

    def __init__(self, town: Town, server: APostgres) -> None:
        self.town, self.server, self.login = town, server, server.login()

    def ask(self) -> Request:
        return self.town.ask(ANN, "db-role", login=self.login)

    def is_usable(self) -> bool:
        with self.server.session(self.login) as session:
            try:
                session.execute("SELECT FROM acceptance_table")
            except InsufficientPrivilege:
                return False
            return True

    def wait(self, **length: float) -> None:
        self.town.forward(**length)
        self.town.settle()


@pytest.fixture
def database(make_town: Callable[[], Town], server: APostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    way = ", ".join(f"{name}: {value}" for name, value in server.inputs(password="{secret: pg}").items())
    registry = Registry(["postgres.role", "postgres.login"], server.site)
    monkeypatch.setattr("tests.town.OneRunner", lambda runner: registry)
    with server.connect() as admin:
        admin.execute("CREATE ROLE acceptance_role")
        admin.execute("GRANT acceptance_role TO jitbot WITH ADMIN OPTION")
        admin.execute("CREATE TABLE acceptance_table ()")
        admin.execute("GRANT SELECT ON acceptance_table TO acceptance_role")
    monkeypatch.setattr("tests.town.POLICY", POLICY.format(way=way))
    town = make_town()
    assert town.book.fault == ""
    yield Database(town, server)
    town.close()
    with server.connect() as admin:
        admin.execute("DROP TABLE acceptance_table")
        admin.execute("DROP ROLE acceptance_role")
    assert server.marks() == []


def test_a_role_is_usable_during_its_timebox_and_refused_one_second_after(database: Database) -> None:
    request = database.ask()
    assert not database.is_usable(), "nobody has approved it"
    database.town.approve(BO, request)
    assert database.town.state(request) is State.ACTIVE
    assert database.is_usable()
    database.wait(minutes=29, seconds=30)
    assert database.is_usable()
    with database.server.session(database.login) as session:
        database.wait(seconds=31)
        assert database.town.state(request) is State.EXPIRED
        with pytest.raises(AdminShutdown):
            session.execute("SELECT FROM acceptance_table")
    assert not database.is_usable()


def test_a_receipt_that_was_lost_with_its_worker_does_not_keep_the_role(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is killed after the commit: nobody knows of the grant but the server itself."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    request = database.ask()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("jitbot.runners.guard.Guarded._kept", killed)
        database.town.approve(BO, request)
    assert database.is_usable()
    assert database.town.see(request).receipt is None
    database.town.restart()
    database.wait(hours=5)
    assert database.town.state(request) is State.EXPIRED
    assert not database.is_usable()


def test_what_changed_between_approval_and_run_is_not_what_was_approved(database: Database) -> None:
    request = database.ask()
    database.server.admin("ALTER ROLE {} CREATEDB", "acceptance_role")
    database.town.approve(BO, request)
    assert database.town.state(request) is not State.ACTIVE
    assert not database.is_usable()


def test_two_holders_of_a_role_end_with_the_later_one(database: Database) -> None:
    short, long = database.ask(), database.town.ask(BO, "db-role", login=database.login, ttl="2h")
    database.town.approve(BO, short)
    database.town.approve(CY, long)
    database.wait(minutes=31)
    assert (database.town.state(short), database.town.state(long)) == (State.EXPIRED, State.ACTIVE)
    assert database.is_usable()
    database.wait(hours=2)
    assert database.town.state(long) is State.EXPIRED
    assert not database.is_usable()


def test_a_login_has_the_end_of_its_timebox(database: Database) -> None:
    request = database.town.ask(ANN, "db-login", login="acceptance visitor")
    database.server.connect("acceptance visitor", LOGIN_PASSWORD).close()
    query = "SELECT rolvaliduntil FROM pg_roles WHERE rolname = 'acceptance visitor'"
    [(until,)] = database.server.rows(query)
    ends = database.town.see(request).expires_at
    assert ends is not None
    assert timedelta(0) <= until - ends <= timedelta(minutes=5), "the latest end that this grant can have"
    database.wait(minutes=30, seconds=1)
    assert database.town.state(request) is State.EXPIRED
    with pytest.raises(psycopg.OperationalError):
        database.server.connect("acceptance visitor", LOGIN_PASSWORD)
