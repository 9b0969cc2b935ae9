"""The published contract suite, passed by the Postgres runners against real servers of three versions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from jitbot.ports import Runner
from jitbot.runners.postgres.backend import PostgresBackend
from jitbot.runners.postgres.login import PostgresLogin
from jitbot.runners.postgres.parameter import PostgresParameter
from jitbot.runners.postgres.role import PostgresRole
from jitbot.runners.postgres.statement import PostgresStatement
from jitbot.testing import RunnerContract
from tests.postgres import APostgres, a_name, server

__all__ = ["server"]

MEMBERS = """
SELECT r.rolname, m.rolname FROM pg_auth_members a
JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member ORDER BY 1, 2
"""
SET = """
SELECT 'file', name, setting FROM pg_file_settings WHERE sourcefile LIKE '%%auto.conf'
UNION ALL SELECT setdatabase::text, setrole::text, setconfig::text FROM pg_db_role_setting ORDER BY 1, 2, 3
"""
LOGINS = "SELECT rolname, rolcanlogin FROM pg_roles ORDER BY 1"


class TestRole(RunnerContract):
    @pytest.fixture
    def runner(self, server: APostgres) -> Runner:
        return PostgresRole(server.site)

    @pytest.fixture
    def inputs(self, server: APostgres) -> Mapping[str, Any]:
        return server.inputs(role=server.role(), login=server.login())

    @pytest.fixture
    def broken_inputs(self, inputs: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [
            {**inputs, "role": "not there"},
            {**inputs, "login": inputs["role"]},
            {**inputs, "logn": "ann"},
            {**inputs, "password": {"secret": "pg-wrong"}},
            {**inputs, "host": "elsewhere.example.com"},
            {**inputs, "host": "127.0.0.1,elsewhere.example.com"},
        ]

    @pytest.fixture
    def effect(self, server: APostgres) -> Callable[[], Any]:
        return lambda: (server.rows(MEMBERS), server.marks())


class TestParameterOfALogin(RunnerContract):
    @pytest.fixture
    def runner(self, server: APostgres) -> Runner:
        return PostgresParameter(server.site)

    @pytest.fixture
    def inputs(self, server: APostgres) -> Mapping[str, Any]:
        login = server.login()
        if server.version >= 16:
            server.admin("GRANT {} TO jitbot WITH ADMIN OPTION", login)
        return server.inputs(parameter="work_mem", value="64MB", login=login)

    @pytest.fixture
    def broken_inputs(self, inputs: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [
            {**inputs, "parameter": "archive_command"},
            {**inputs, "parameter": "not_there"},
            {**inputs, "parameter": "fsync", "value": "off"},
            {**inputs, "login": "not there"},
            {**inputs, "in_database": "not there"},
            {**inputs, "password": {"secret": "not-set"}},
        ]

    @pytest.fixture
    def effect(self, server: APostgres) -> Callable[[], Any]:
        return lambda: (server.rows(SET), server.marks())


class TestParameterOfAServer(TestParameterOfALogin):
    @pytest.fixture
    def inputs(self, server: APostgres, runner: Runner) -> Iterator[Mapping[str, Any]]:
        server.admin("GRANT ALTER SYSTEM ON PARAMETER work_mem TO jitbot")
        server.admin("ALTER SYSTEM SET work_mem TO '7MB'")
        inputs = server.inputs(parameter="work_mem", value="64MB")
        yield inputs
        server.admin("ALTER SYSTEM RESET work_mem")
        server.admin("DROP ROLE IF EXISTS {}", runner.Inputs.model_validate(inputs).mark)

    @pytest.fixture
    def broken_inputs(self, inputs: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [
            {**inputs, "parameter": "max_connections", "value": "60"},
            {**inputs, "parameter": "fsync", "value": "off"},
            {**inputs, "parameter": "block_size", "value": "1"},
        ]


class TestLogin(RunnerContract):
    @pytest.fixture
    def runner(self, server: APostgres) -> Runner:
        return PostgresLogin(server.site)

    @pytest.fixture
    def inputs(self, server: APostgres) -> Mapping[str, Any]:
        secret = {"secret": "pg-login"}
        more = {"login": a_name("visitor"), "roles": [server.role()], "objects_to": server.role()}
        return server.inputs(**more, login_password=secret)

    @pytest.fixture
    def broken_inputs(self, inputs: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [
            {**inputs, "login": "postgres"},
            {**inputs, "login": inputs["objects_to"]},
            {**inputs, "login": "jitbot:x"},
            {**inputs, "roles": ["not there"]},
            {**inputs, "objects_to": "not there"},
            {**inputs, "connections": 0},
            {**inputs, "password": {"secret": "not-set"}},
        ]

    @pytest.fixture
    def effect(self, server: APostgres) -> Callable[[], Any]:
        return lambda: (server.rows(LOGINS), server.rows(MEMBERS))


class TestBackend(RunnerContract):
    @pytest.fixture
    def runner(self, server: APostgres) -> Runner:
        return PostgresBackend(server.site)

    @pytest.fixture
    def inputs(self, server: APostgres) -> Iterator[Mapping[str, Any]]:
        login = server.login()
        with server.session(login) as session:
            pid = session.info.backend_pid
            [(begun,)] = server.rows("SELECT backend_start::text FROM pg_stat_activity WHERE pid = %s", pid)
            yield server.inputs(pid=pid, backend_start=begun, how="terminate", login=login)

    @pytest.fixture
    def broken_inputs(self, inputs: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [
            {**inputs, "pid": 0},
            {**inputs, "pid": 999_999},
            {**inputs, "backend_start": "2026-11-25 14:00:00"},
            {**inputs, "backend_start": "2026-11-25 14:00:00+00"},
            {**inputs, "login": "postgres"},
            {**inputs, "how": "cancel"},
        ]

    @pytest.fixture
    def effect(self, server: APostgres, inputs: Mapping[str, Any]) -> Callable[[], Any]:
        return lambda: server.rows("SELECT pid FROM pg_stat_activity WHERE pid = %s", inputs["pid"])


class TestStatement(RunnerContract):
    @pytest.fixture
    def runner(self, server: APostgres) -> Runner:
        return PostgresStatement(server.site)

    @pytest.fixture
    def table(self, server: APostgres) -> str:
        name = a_name("orders")
        server.admin("CREATE TABLE {} AS SELECT 1 AS id, 0 AS state", name)
        server.admin("GRANT SELECT, UPDATE ON {} TO jitbot", name)
        return '"' + name.replace('"', '""') + '"'

    @pytest.fixture
    def inputs(self, server: APostgres, table: str) -> Mapping[str, Any]:
        statement = f"UPDATE public.{table} SET state = $1 WHERE id = $2"
        return server.inputs(statement=statement, values=[5, 1], access="write", max_rows=1)

    @pytest.fixture
    def broken_inputs(self, inputs: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [
            {**inputs, "statement": f"{inputs['statement']}; {inputs['statement']}"},
            {**inputs, "values": [5]},
            {**inputs, "access": "read"},
            {**inputs, "access": "all"},
            {**inputs, "statement": "TRUNCATE pg_class", "values": []},
        ]

    @pytest.fixture
    def effect(self, server: APostgres, table: str) -> Callable[[], Any]:
        return lambda: server.rows(f"SELECT * FROM public.{table}")
