"""Hostile names and values on a real server: refused, or that very name or value, and nothing besides."""

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from pydantic import ValidationError

from jitbot.errors import JitbotError
from jitbot.runners.postgres.backend import PostgresBackend
from jitbot.runners.postgres.login import PostgresLogin
from jitbot.runners.postgres.parameter import PostgresParameter
from jitbot.runners.postgres.role import PostgresRole
from jitbot.runners.postgres.statement import PostgresStatement
from jitbot.testing.runners import ContractRun
from tests.hostile import values
from tests.postgres import APostgres

pytestmark = pytest.mark.long
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
EVERYTHING = """
SELECT 'role', rolname, rolsuper::text, rolcanlogin::text FROM pg_roles
UNION ALL SELECT 'member', roleid::regrole::text, member::regrole::text, '' FROM pg_auth_members
UNION ALL SELECT 'setting', setdatabase::text, setrole::regrole::text, setconfig::text FROM pg_db_role_setting
UNION ALL SELECT 'table', relname, relowner::regrole::text, relacl::text FROM pg_class WHERE relkind = 'r'
ORDER BY 1, 2, 3, 4
"""
"""What a name that is more than a name would change."""


@pytest.fixture
def everything(server: APostgres) -> Any:
    return lambda: server.rows(EVERYTHING)


@pytest.fixture
def canary(server: APostgres) -> Iterator[str]:
    """Give a role that is called like what the hostile values would drop, and a table of that name."""
    server.admin("CREATE ROLE canary")
    server.admin("CREATE TABLE canary AS SELECT 1 AS id")
    yield "canary"
    server.admin("DROP TABLE canary")
    server.admin("DROP ROLE canary")


def _done(runner: Any, inputs: dict[str, Any]) -> Any:
    """Start, and return what undoes it; None where it is refused."""
    try:
        told = runner.Inputs.model_validate(inputs)
        runner.plan(told)
        receipt = runner.start(told, ContractRun())
    except (ValidationError, JitbotError):
        return None
    return lambda: runner.undo(told, receipt, ContractRun())


@FEW
@given(name=values())
def test_a_login_has_the_very_name_or_is_not_made(server: APostgres, canary: str, everything: Any, name: str) -> None:
    before, name = everything(), f"{name[:40]}{uuid.uuid4().hex[:8]}"
    role = {"roles": [], "objects_to": "jitbot"}
    undo = _done(PostgresLogin(server.site), server.inputs(login=name, **role))
    made = {row[1] for row in everything() if row not in before and row[0] == "role"}
    if undo is None:
        assert made == set()
    else:
        assert {each for each in made if not each.startswith("jitbot:")} == {name}
        undo()
    assert everything() == before


@FEW
@given(name=values(storable=True))
def test_a_role_is_given_to_the_very_login(server: APostgres, canary: str, everything: Any, name: str) -> None:
    name, role = f"{name[:40]}{uuid.uuid4().hex[:8]}", server.role()
    server.admin("CREATE ROLE {} LOGIN", name)
    before = everything()
    undo = _done(PostgresRole(server.site), server.inputs(login=name, role=role))
    if undo is not None:
        assert server.rows("SELECT pg_has_role(%s::name, %s::name, 'MEMBER')", name, role) == [(True,)]
        undo()
    assert everything() == before
    server.admin("DROP ROLE {}", name)


@FEW
@given(parameter=st.sampled_from(["application_name", "search_path", "work_mem", "TimeZone"]), value=values())
def test_a_parameter_has_the_very_value_or_stays(
    server: APostgres, canary: str, everything: Any, parameter: str, value: str
) -> None:
    login = server.login()
    if server.version >= 16:
        server.admin("GRANT {} TO jitbot WITH ADMIN OPTION", login)
    before = everything()
    undo = _done(PostgresParameter(server.site), server.inputs(parameter=parameter, value=value, login=login))
    if undo is not None:
        with server.session(login) as session:
            row = session.execute(sql.SQL("SHOW {}").format(sql.Identifier(parameter))).fetchone()
        if parameter == "application_name":
            assert row == (_as_kept(value, server.version),)
        undo()
    assert everything() == before
    server.admin("DROP ROLE {}", login)


def _as_kept(name: str, version: int) -> str:
    """Return a name of an application as Postgres keeps it: in ASCII, and 63 bytes of it."""
    odd = "?" if version < 16 else "\\x{:02x}"
    return "".join(chr(byte) if 32 <= byte < 127 else odd.format(byte) for byte in name.encode())[:63]


@FEW
@given(name=values())
def test_hostile_names_of_parameters_and_databases_change_nothing(
    server: APostgres, canary: str, everything: Any, name: str
) -> None:
    before = everything()
    for more in ({"parameter": name, "value": "1"}, {"parameter": "work_mem", "value": "8MB", "in_database": name}):
        assert _done(PostgresParameter(server.site), server.inputs(**more)) is None
    for more in ({"database": name}, {"user": name}):
        ways = {"statement": "SELECT 1", "max_rows": 1, **more}
        assert _done(PostgresStatement(server.site), {**server.inputs(), **ways}) is None
    assert everything() == before


@FEW
@given(value=values(), other=values(storable=True))
def test_a_statement_takes_values_as_values(server: APostgres, canary: str, value: str, other: str) -> None:
    statement = "UPDATE public.canary SET id = 2 WHERE $1::text = $2::text"
    server.admin("GRANT SELECT, UPDATE ON canary TO jitbot")
    undo = _done(
        PostgresStatement(server.site),
        server.inputs(statement=statement, values=[value, other], access="write", max_rows=1),
    )
    assert server.rows("SELECT id FROM canary") == [(2,)] if undo is not None and value == other else [(1,)]


@FEW
@given(login=values())
def test_no_name_has_another_backend_ended(server: APostgres, login: str) -> None:
    with server.connect() as session:
        pid = session.info.backend_pid
        [(begun,)] = server.rows("SELECT backend_start::text FROM pg_stat_activity WHERE pid = %s", pid)
        inputs = server.inputs(pid=pid, backend_start=begun, how="terminate", login=login)
        assert _done(PostgresBackend(server.site), inputs) is None
        assert session.execute("SELECT 1").fetchone() == (1,)


@FEW
@given(statement=values())
def test_a_hostile_statement_is_none(server: APostgres, canary: str, everything: Any, statement: str) -> None:
    before = everything()
    for text in (statement, f"SELECT 1 {statement}", f"SELECT '{statement}'", f'SELECT 1 AS "{statement}"'):
        ways = {"statement": text, "max_rows": 1, "show_rows": 0}
        _done(PostgresStatement(server.site), server.inputs(**ways))
        _done(PostgresStatement(server.site), server.inputs(**ways, access="write"))
    assert everything() == before
    with pytest.raises(psycopg.Error):
        server.admin("CREATE ROLE canary")
