"""One statement, run exactly as approved: one only, bounded, its values bound, its result masked."""

import threading
import time

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jitbot.errors import RunnerRefused
from jitbot.model import HealthState
from jitbot.outbound.text import visible
from jitbot.runners.postgres import statement as module
from jitbot.runners.postgres.statement import PostgresStatement
from tests.postgres import APostgres

PEOPLE = [(1, "ann@acme.example", 7), (2, "bo@acme.example", 8), (3, "cy@acme.example", 9)]


@pytest.fixture
def people(server: APostgres):
    """Make a table that jitbot may read and write."""
    with server.connect() as admin:
        admin.execute("DROP TABLE IF EXISTS public.logins, public.people")
        admin.execute("CREATE TABLE public.people (id int PRIMARY KEY, email text, age int)")
        admin.execute("CREATE TABLE public.logins (id int REFERENCES public.people ON DELETE CASCADE)")
        admin.cursor().executemany("INSERT INTO public.people VALUES (%s, %s, %s)", PEOPLE)
        admin.execute("INSERT INTO public.logins SELECT 1 FROM generate_series(1, 10)")
        admin.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON public.people TO jitbot")
        admin.execute("ANALYZE public.people")
    return lambda: server.rows("SELECT * FROM public.people ORDER BY id")


class Telling:
    def __init__(self, server: APostgres, statement: str, **more) -> None:
        self.runner = PostgresStatement(server.site)
        values = {"statement": statement, "max_rows": 10, **more}
        self.inputs = self.runner.Inputs.model_validate(server.inputs(**values))

    def plan(self):
        return self.runner.plan(self.inputs)

    def start(self, run):
        return self.runner.start(self.inputs, run)


UPDATE = "UPDATE public.people SET age = $1 WHERE email = $2"


def test_an_update_is_planned_in_words_and_run(server, run, people) -> None:
    telling = Telling(server, UPDATE, values=["50", "bo@acme.example"], access="write")
    plan = telling.plan()
    assert plan.summary == f"Update public.people in postgres on {server.host}: about 1 rows, 10 at most."
    assert plan.diff == f"{UPDATE}\n$1: 50\n$2: bo@acme.example"
    assert people() == PEOPLE
    receipt = telling.start(run)
    assert people()[1] == (2, "bo@acme.example", 50)
    assert run.lines == ["1 rows changed"]
    assert telling.runner.check(telling.inputs, receipt).state is HealthState.HEALTHY
    assert telling.runner.check(telling.inputs, None).state is HealthState.UNKNOWN
    with pytest.raises(RunnerRefused, match="cannot be taken back"):
        telling.runner.undo(telling.inputs, receipt, run)


@pytest.mark.parametrize("value", ["x'; DELETE FROM public.people; --", "' OR '1'='1", "$1", "{}", "%s", "\\'"])
def test_values_are_bound_and_never_pasted(server, run, people, value) -> None:
    Telling(server, UPDATE, values=["50", value], access="write").start(run)
    assert people() == PEOPLE
    Telling(server, "SELECT $1::text AS said", values=[value]).start(run)
    assert run.results == [f"said = {value}"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50))
def test_a_value_comes_back_as_it_is_whatever_it_is(server, a_run, value) -> None:
    run = a_run()
    Telling(server, "SELECT $1::text AS said", values=[value]).start(run)
    assert (run.results, run.lines) == ([f"said = {visible(value)}"], ["1 rows read"])


def test_a_statement_that_only_reads_cannot_leave_to_write(server, run) -> None:
    with pytest.raises(RunnerRefused, match="read-write mode"):
        Telling(server, "SELECT set_config('transaction_read_only', 'off', true)").start(run)


MORE_THAN_ROWS = {
    "two statements": "SELECT 1; DELETE FROM public.people",
    "two that write": "DELETE FROM public.people WHERE id = 1; DELETE FROM public.people",
    "the end of the transaction": "DELETE FROM public.people; COMMIT",
    "a commit": "COMMIT",
    "a table dropped": "DROP TABLE public.people",
    "a table made": "CREATE TABLE public.more AS SELECT 1",
    "a table made by select": "SELECT 1 INTO public.more",
    "a block of code": "DO $$ BEGIN DELETE FROM public.people; END $$",
    "a table emptied": "TRUNCATE public.people",
    "rows for a program": "COPY public.people TO PROGRAM 'cat'",
    "an option that is run": "ANALYZE DELETE FROM public.people",
    "a setting": "SET statement_timeout = 0",
    "a role": "SET ROLE postgres",
    "nonsense": "PLEASE",
    "an unqualified table": "SELECT * FROM people",
}


@pytest.mark.parametrize("access", ["read", "write"])
@pytest.mark.parametrize("name", MORE_THAN_ROWS)
def test_what_is_not_one_statement_over_rows_is_refused(server, run, people, name, access) -> None:
    telling = Telling(server, MORE_THAN_ROWS[name], access=access)
    with pytest.raises(RunnerRefused):
        telling.start(run)
    if name not in {"a table made", "a table made by select"} or access == "write":
        with pytest.raises(RunnerRefused):
            telling.plan()
    assert people() == PEOPLE
    assert server.rows("SELECT to_regclass('public.more')") == [(None,)]


def test_who_only_reads_changes_nothing(server, run, people) -> None:
    writing = ["DELETE FROM public.people", "WITH gone AS (DELETE FROM public.people RETURNING id) SELECT * FROM gone"]
    for statement in writing:
        telling = Telling(server, statement)
        for step in (telling.plan, lambda telling=telling: telling.start(run)):
            with pytest.raises(RunnerRefused, match="changes rows, and this action only reads"):
                step()
    with pytest.raises(RunnerRefused, match="changes no rows of a table"):
        Telling(server, "SELECT 1", access="write").plan()
    assert people() == PEOPLE


TOO_MUCH = {
    "plainly": ("DELETE FROM public.people", 2, "It touched 13 rows"),
    "by a cascade": ("DELETE FROM public.people WHERE id = 1", 5, "It touched 11 rows"),
    "nested": ("WITH gone AS (DELETE FROM public.people RETURNING id) SELECT count(*) FROM gone", 2, "It touched 13"),
    "with an answer": ("UPDATE public.people SET age = 0 RETURNING id", 2, "It touched 3 rows"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_touches_more_rows_than_allowed_is_rolled_back(server, run, people, name) -> None:
    statement, most, words = TOO_MUCH[name]
    with pytest.raises(RunnerRefused, match=words):
        Telling(server, statement, access="write", max_rows=most).start(run)
    assert people() == PEOPLE
    assert server.rows("SELECT count(*) FROM public.logins") == [(10,)]
    assert (run.results, run.lines) == ([], [])
    Telling(server, statement, access="write", max_rows=13).start(run)
    assert people() != PEOPLE


def test_an_answer_is_capped(server, run, people) -> None:
    telling = Telling(server, "SELECT generate_series(1, 1000000000)")
    begun = time.monotonic()
    with pytest.raises(RunnerRefused, match="more than the 10 rows that are allowed"):
        telling.start(run)
    assert (run.results, run.lines) == ([], [])
    assert time.monotonic() - begun < 20
    Telling(server, "SELECT id FROM public.people ORDER BY id", show_rows=2).start(run)
    assert (run.results, run.lines) == (["id = 1", "id = 2"], ["3 rows read"])


MASKED = {
    "as it is called": ("SELECT id, email FROM public.people WHERE id = 1", "id = 1 | email = •••"),
    "under another name": ("SELECT id AS a, email AS b FROM public.people WHERE id = 1", "a = 1 | b = •••"),
    "computed": ("SELECT upper(email), age + 1 AS x FROM public.people WHERE id = 1", "upper = ••• | x = •••"),
    "as a whole row": ("SELECT p FROM public.people p WHERE id = 1", "p = •••"),
    "through another query": ("SELECT q.e FROM (SELECT email AS e FROM public.people WHERE id = 1) q", "e = •••"),
    "in a union": ("SELECT email FROM public.people WHERE id = 1 UNION SELECT 'x' WHERE false", "email = •••"),
}


@pytest.mark.parametrize("name", MASKED)
def test_masked_columns_are_not_shown_whatever_they_are_called(server, run, people, name) -> None:
    statement, line = MASKED[name]
    telling = Telling(server, statement, mask=["email"])
    assert "not shown: email, and what is computed" in telling.plan().diff
    telling.start(run)
    assert run.results[0] == line
    assert "acme" not in f"{run.results}{run.lines}"


def test_masks_hold_for_what_a_change_answers(server, run, people) -> None:
    statement = "UPDATE public.people SET age = 1 WHERE id = 1 RETURNING age, email AS x"
    Telling(server, statement, access="write", mask=["email"]).start(run)
    assert (run.results, run.lines) == (["age = 1 | x = •••"], ["1 rows changed"])


@pytest.mark.parametrize(
    "statement", ["SELECT email::int FROM public.people", "UPDATE public.people SET age = email::int"]
)
def test_masked_values_are_not_told_by_errors_either(server, run, people, statement) -> None:
    access = "write" if statement.startswith("UPDATE") else "read"
    with pytest.raises(RunnerRefused, match="InvalidTextRepresentation, SQLSTATE 22P02") as caught:
        Telling(server, statement, mask=["email"], access=access).start(run)
    assert "acme" not in f"{caught.value!r}{run.lines}{run.results}"
    with pytest.raises(RunnerRefused, match="ann@acme"):
        Telling(server, statement, access=access).start(run)


def test_without_masks_everything_is_shown(server, run, people) -> None:
    Telling(server, "SELECT lower(email) AS e, NULL AS n FROM public.people WHERE id = 1").start(run)
    assert run.results[0] == "e = ann@acme.example | n = null"


def test_what_takes_too_long_is_rolled_back(server, run, people) -> None:
    slow = "UPDATE public.people SET age = 0 FROM (SELECT pg_sleep(30)) s"
    begun = time.monotonic()
    with pytest.raises(RunnerRefused, match="nothing was changed: canceling statement due to statement timeout"):
        Telling(server, slow, access="write", seconds=1).start(run)
    assert time.monotonic() - begun < 10
    assert people() == PEOPLE


def test_the_plan_changes_with_statement_and_values(server, people) -> None:
    statements = [(UPDATE, ["1", "a"]), (UPDATE, ["1", "b"]), (UPDATE.replace("age", "id"), ["1", "a"])]
    plans = [Telling(server, told, values=values, access="write").plan() for told, values in statements]
    assert len({plan.fingerprint for plan in plans}) == 3
    server.admin("ANALYZE public.people")
    assert Telling(server, UPDATE, values=["1", "a"], access="write").plan().fingerprint == plans[0].fingerprint


@pytest.mark.parametrize("statement", ["SELECT 1 \u202e", "SELECT '\0'", "SELECT 1\u200b", "", "x" * 10_001])
def test_what_cannot_be_read_cannot_be_approved(server, statement) -> None:
    with pytest.raises(ValueError):
        Telling(server, statement)


def test_a_missing_value_is_refused(server, run, people) -> None:
    with pytest.raises(RunnerRefused):
        Telling(server, UPDATE, values=["1"], access="write").plan()


# Stopped by hand

SLOW = "UPDATE public.people SET age = $1 WHERE (SELECT true FROM pg_sleep(20))"


def _busy(server: APostgres) -> bool:
    """Tell whether jitbot's statement runs; asked by whoever presses Stop."""
    query = "SELECT 1 FROM pg_stat_activity WHERE usename = 'jitbot' AND state = 'active' AND query LIKE 'UPDATE%%'"
    return bool(server.rows(query))


def test_a_statement_that_somebody_stops_is_cancelled_and_rolled_back(server, run, people, monkeypatch) -> None:
    monkeypatch.setattr(run, "stopping", lambda: _busy(server))
    began = time.monotonic()
    with pytest.raises(RunnerRefused, match="stopped by hand: the statement was cancelled, and its transaction rolled"):
        Telling(server, SLOW, values=["50"], access="write").start(run)
    assert time.monotonic() - began < 10
    assert people() == PEOPLE
    assert not _busy(server)


def test_a_statement_that_waits_for_others_is_stopped_too_and_quotes_nothing(server, run, people, monkeypatch) -> None:
    waits = "SELECT 1 FROM pg_stat_activity WHERE usename = 'jitbot' AND wait_event_type = 'Lock'"
    monkeypatch.setattr(run, "stopping", lambda: bool(server.rows(waits)))
    with server.connect(autocommit=False) as admin:
        admin.execute("LOCK TABLE public.people")
        with pytest.raises(RunnerRefused, match="stopped by hand"):
            Telling(server, UPDATE, values=["50", "bo@acme.example"], access="write", mask=["email"]).start(run)
        admin.rollback()
    assert people() == PEOPLE


def test_what_is_stopped_when_it_is_done_is_not_committed(server, run, people, monkeypatch) -> None:
    """The commit comes last, and nobody who has pressed Stop may find it done."""
    telling = Telling(server, UPDATE, values=["50", "bo@acme.example"], access="write")
    done = threading.Event()
    write = module._write

    def slowly(*words):
        found = write(*words)
        done.set()
        told.wait(10)
        return found

    told = threading.Event()

    def stopping() -> bool:
        if done.is_set():
            told.set()
        return done.is_set()

    monkeypatch.setattr(module, "_write", slowly)
    monkeypatch.setattr(run, "stopping", stopping)
    with pytest.raises(RunnerRefused, match="stopped by hand"):
        telling.start(run)
    assert people() == PEOPLE


def test_a_server_that_hears_no_cancel_is_left_by_cutting_the_line(server, run, people, monkeypatch) -> None:
    def deaf(self, *, timeout=0) -> None:
        raise psycopg.OperationalError("no cancel gets through")

    monkeypatch.setattr(psycopg.Connection, "cancel_safe", deaf)
    monkeypatch.setattr(run, "stopping", lambda: _busy(server))
    began = time.monotonic()
    with pytest.raises(RunnerRefused, match="stopped by hand"):
        Telling(server, SLOW, values=["50"], access="write").start(run)
    assert time.monotonic() - began < 10
    server.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'jitbot'")
    assert people() == PEOPLE
