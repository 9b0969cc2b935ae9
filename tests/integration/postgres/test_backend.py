"""One backend is cancelled or ended, and never the one that has got its pid or its session's next query since."""

import threading

import pytest
from psycopg.errors import AdminShutdown, QueryCanceled

from jitbot.errors import RunnerRefused
from jitbot.model import HealthState, Receipt
from jitbot.runners.postgres.backend import PostgresBackend
from tests.postgres import PASSWORD, APostgres

START = "SELECT backend_start::text FROM pg_stat_activity WHERE pid = %s"


class Busy:
    """A session that is in the middle of a long query."""

    def __init__(self, server: APostgres, query: str = "SELECT pg_sleep(60)") -> None:
        self.server, self.login = server, server.login()
        self.session = server.session(self.login)
        self.pid = self.session.info.backend_pid
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._work, args=[query])
        self.thread.start()
        while not server.rows("SELECT FROM pg_stat_activity WHERE pid = %s AND state = 'active'", self.pid):
            self.thread.join(0.02)

    def _work(self, query: str) -> None:
        try:
            self.session.execute(query)
        except (QueryCanceled, AdminShutdown) as error:
            self.error = error

    def inputs(self, **more):
        [(start,)] = self.server.rows(START, self.pid)
        values = {"pid": self.pid, "backend_start": start, "how": "cancel", "login": self.login}
        return PostgresBackend.Inputs.model_validate(self.server.inputs(**{**values, **more}))

    def end(self) -> None:
        self.server.rows("SELECT pg_terminate_backend(%s)", self.pid)
        self.thread.join(10)
        self.session.close()


@pytest.fixture
def busy(server):
    busy = Busy(server)
    yield busy
    busy.end()


@pytest.fixture
def runner(server) -> PostgresBackend:
    return PostgresBackend(server.site)


def test_a_query_is_cancelled_and_its_session_goes_on(busy, runner, run) -> None:
    inputs = busy.inputs()
    receipt = runner.start(inputs, run)
    busy.thread.join(10)
    assert isinstance(busy.error, QueryCanceled)
    assert busy.session.execute("SELECT 1").fetchone() == (1,)
    assert runner.check(inputs, receipt).state is HealthState.HEALTHY
    assert runner.check(inputs, None).state is HealthState.UNKNOWN
    assert run.lines == [f"backend {busy.pid} was told to cancel"]


def test_a_session_is_ended_and_gone_when_start_returns(busy, runner, run) -> None:
    inputs = busy.inputs(how="terminate")
    assert runner.check(inputs, None).state is HealthState.ABSENT
    receipt = runner.start(inputs, run)
    assert busy.server.rows("SELECT FROM pg_stat_activity WHERE pid = %s", busy.pid) == []
    busy.thread.join(10)
    assert isinstance(busy.error, AdminShutdown)
    assert runner.check(inputs, receipt).state is runner.check(inputs, None).state is HealthState.HEALTHY
    with pytest.raises(RunnerRefused, match="There is no backend"):
        runner.start(inputs, run)


@pytest.mark.parametrize("how", ["cancel", "terminate"])
@pytest.mark.parametrize("what", ["another beginning", "another login", "another pid"])
def test_another_backend_is_never_hit(busy, runner, run, how, what) -> None:
    """A pid that is used again belongs to a backend of another beginning."""
    more = {
        "another beginning": {"backend_start": "2026-11-25 14:00:00.5+00"},
        "another login": {"login": "postgres"},
        "another pid": {"pid": 999_999},
    }[what]
    inputs = busy.inputs(how=how, **more)
    for step in (lambda: runner.plan(inputs), lambda: runner.start(inputs, run)):
        with pytest.raises(RunnerRefused, match=r"There is no backend|, not of postgres"):
            step()
    assert busy.thread.is_alive()


def test_the_plan_shows_who_does_what_and_changes_with_the_query(busy, runner, run) -> None:
    inputs = busy.inputs()
    plan = runner.plan(inputs)
    assert plan.summary == f"Cancel what backend {busy.pid} of {busy.login} on {busy.server.host} does."
    assert plan.diff.startswith("  in postgres, 127.0.0.1\n")
    assert plan.diff.endswith(": SELECT pg_sleep(60)")
    assert runner.plan(inputs).fingerprint == plan.fingerprint
    runner.start(inputs, run)
    busy.thread.join(10)
    with pytest.raises(RunnerRefused, match="runs nothing that could be cancelled: it is idle"):
        runner.plan(inputs)
    busy.session.execute("SELECT 2")
    ending = busy.inputs(how="terminate")
    first = runner.plan(ending)
    busy.session.execute("SELECT 3")
    assert runner.plan(ending).fingerprint != first.fingerprint


def test_a_query_that_goes_on_is_unhealthy(busy, runner) -> None:
    inputs = busy.inputs()
    [(since,)] = busy.server.rows("SELECT query_start::text FROM pg_stat_activity WHERE pid = %s", busy.pid)
    assert runner.check(inputs, Receipt({"query_start": since})).state is HealthState.UNHEALTHY


def test_a_superusers_backend_is_left_alone_by_who_is_none(server, runner, run) -> None:
    with server.connect() as admin:
        pid = admin.info.backend_pid
        [(start,)] = server.rows(START, pid)
        values = server.inputs(pid=pid, backend_start=start, how="terminate", login="postgres")
        with pytest.raises(RunnerRefused, match="nothing was done"):
            runner.start(runner.Inputs.model_validate(values), run)
        assert admin.execute("SELECT 1").fetchone() == (1,)


def test_what_is_done_cannot_be_taken_back(busy, runner, run) -> None:
    with pytest.raises(RunnerRefused, match="cannot be taken back"):
        runner.undo(busy.inputs(), None, run)
    assert (runner.repeatable, runner.undoable) == (False, False)


def test_a_login_that_may_not_see_queries_says_what_it_lacks(busy, run) -> None:
    own = busy.server.login()
    runner = PostgresBackend(busy.server.site)
    with pytest.raises(RunnerRefused, match="GRANT pg_read_all_stats TO"):
        runner.plan(busy.inputs(user=own))


def test_secrets_in_no_word(busy, runner) -> None:
    assert PASSWORD not in str(runner.plan(busy.inputs()))
