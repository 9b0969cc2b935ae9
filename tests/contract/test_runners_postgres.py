"""The published contract suite, passed by the Postgres runners against real servers of three versions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from jitbot.ports import Runner
from jitbot.runners.postgres.parameter import PostgresParameter
from jitbot.runners.postgres.role import PostgresRole
from jitbot.testing import RunnerContract
from tests.postgres import APostgres, server

__all__ = ["server"]

MEMBERS = """
SELECT r.rolname, m.rolname FROM pg_auth_members a
JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member ORDER BY 1, 2
"""
SET = """
SELECT 'file', name, setting FROM pg_file_settings WHERE sourcefile LIKE '%%auto.conf'
UNION ALL SELECT setdatabase::text, setrole::text, setconfig::text FROM pg_db_role_setting ORDER BY 1, 2, 3
"""


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
