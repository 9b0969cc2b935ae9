"""What the Postgres runners can be told, whatever anybody types."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jitbot.runners.postgres import places
from jitbot.runners.postgres.backend import BackendInputs
from jitbot.runners.postgres.login import LoginInputs
from jitbot.runners.postgres.parameter import ParameterInputs
from jitbot.runners.postgres.role import RoleInputs
from jitbot.runners.postgres.server import NAME_BYTES, Server
from jitbot.runners.postgres.statement import StatementInputs

SERVER = {"host": "db.example.com", "user": "jitbot"}
PARAMETER = {**SERVER, "parameter": "work_mem", "value": "64MB"}
BACKEND = {**SERVER, "pid": 7, "backend_start": "2026-11-25 14:00:01.25+00", "how": "cancel", "login": "ann"}
LOGIN = {**SERVER, "login": "visitor", "roles": ["reader"], "objects_to": "owner"}
STATEMENT = {**SERVER, "statement": "SELECT $1", "max_rows": 1}


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"host": "a,b"}, "host", "must be one host's name"),
        ({"host": "/var/run/postgresql"}, "host", "must be one host's name"),
        ({"host": "@abstract"}, "host", "must be one host's name"),
        ({"host": "db.example.com dbname=x"}, "host", "must be one host's name"),
        ({"host": "db.example.com:5432"}, "host", "must be one host's name"),
        ({"host": "postgresql://x"}, "host", "must be one host's name"),
        ({"host": ""}, "host", "must be one host's name"),
        ({"host": "-x"}, "host", "must be one host's name"),
        ({"port": 0}, "port", "greater than or equal to 1"),
        ({"port": 65_536}, "port", "less than or equal to 65535"),
        ({"user": ""}, "user", "at least 1 character"),
        ({"user": "ä" * 32}, "user", "longer than the 63 bytes"),
        ({"user": "a\0b"}, "user", "cannot be seen"),
        ({"user": "a\u202eb"}, "user", "cannot be seen"),
        ({"user": "a\nb"}, "user", "cannot be seen"),
        ({"user": "a\tb"}, "user", "cannot be seen"),
        ({"database": "\ud800"}, "database", ""),
        ({"password": "hunter2"}, "password", ""),
        ({"tls": "prefer"}, "tls", "Input should be"),
        ({"authority": "certs/ca.pem"}, "authority", "must be a full path"),
        ({"secrets": {"secret": "pg"}}, "secrets", "Extra inputs"),
    ],
)
def test_a_wrong_server_is_told_field_by_field(values, field, words) -> None:
    with pytest.raises(ValidationError) as caught:
        Server.model_validate(SERVER | values)
    detail = caught.value.errors()[0]
    assert detail["loc"][0] == field
    assert words in detail["msg"]


@pytest.mark.parametrize("host", ["db", "db.example.com", "db_1.internal", "10.0.0.7", "[::1]"])
def test_hosts(host) -> None:
    assert Server.model_validate(SERVER | {"host": host}).address == f"{host}:5432"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"parameter": "work_mem; DROP"}, "must be the name of a parameter"),
        ({"parameter": "a.b.c"}, "must be the name of a parameter"),
        ({"parameter": ""}, "must be the name of a parameter"),
        ({"parameter": "archive_command"}, "programs are run"),
        ({"parameter": "SHARED_preload_libraries"}, "programs are run"),
        ({"parameter": "archive_library"}, "programs are run"),
        ({"parameter": "dynamic_library_path"}, "programs are run"),
        ({"parameter": "extension_control_path"}, "programs are run"),
        ({"parameter": "jit_provider"}, "programs are run"),
        ({"parameter": "ssl_key_file"}, "programs are run"),
        ({"parameter": "krb_server_keyfile"}, "programs are run"),
        ({"parameter": "log_filename"}, "programs are run"),
        ({"parameter": "hba_file"}, "programs are run"),
        ({"parameter": "data_directory"}, "programs are run"),
        ({"parameter": "primary_conninfo"}, "programs are run"),
        ({"value": "64\0MB"}, "cannot be seen"),
        ({"value": "x" * 1001}, "at most 1000"),
        ({"parameter": "search_path", "value": '"a'}, "must be a list of names"),
        ({"parameter": "search_path", "value": "a,,b"}, "must be a list of names"),
        ({"parameter": "search_path", "value": "a b"}, "must be a list of names"),
        ({"parameter": "search_path", "value": "a, "}, "must be a list of names"),
        ({"login": "a\tb"}, "cannot be seen"),
    ],
)
def test_a_wrong_parameter_is_refused(values, words) -> None:
    with pytest.raises(ValidationError, match=words):
        ParameterInputs.model_validate(PARAMETER | values)


@pytest.mark.parametrize("name", ["work_mem", "search_path", "TimeZone", "auto_explain.log_min_duration"])
def test_ordinary_parameters_can_be_named(name) -> None:
    assert ParameterInputs.model_validate(PARAMETER | {"parameter": name, "value": "x"}).parameter == name


def test_a_number_becomes_its_text() -> None:
    assert ParameterInputs.model_validate(PARAMETER | {"value": 64}).value == "64"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "the whole server"),
        ({"login": "ann"}, "the login ann"),
        ({"in_database": "ann"}, "the database ann"),
        ({"login": "ann", "in_database": "shop"}, "the login ann in the database shop"),
    ],
)
def test_places_are_told_in_words_and_have_marks_of_their_own(more, words) -> None:
    told = ParameterInputs.model_validate(PARAMETER | more)
    assert str(told.place) == words
    others = [{}, {"login": "ann"}, {"in_database": "ann"}, {"login": "ann", "in_database": "shop"}]
    marks = [ParameterInputs.model_validate(PARAMETER | other).mark for other in others]
    assert marks.count(told.mark) == 1


def test_marks_do_not_run_into_each_other() -> None:
    def mark(role: str, login: str) -> str:
        return RoleInputs.model_validate({**SERVER, "role": role, "login": login}).mark

    assert len({mark("a", "bc"), mark("ab", "c"), mark('a", "b', "c"), mark("bc", "a")}) == 4
    assert len(mark("a", "b")) <= NAME_BYTES


@given(st.text())
def test_a_name_is_taken_as_it_is_or_not_at_all(name: str) -> None:
    try:
        told = RoleInputs.model_validate({**SERVER, "role": name, "login": "ann_of_the_test"})
    except ValidationError:
        return
    assert told.role == name
    assert 0 < len(name.encode()) <= NAME_BYTES
    assert RoleInputs.model_validate(json.loads(json.dumps(told.model_dump(mode="json")))) == told


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_what_is_quoted_is_split_into_what_it_was(items: list[str]) -> None:
    quoted = [f'"{item.replace(chr(34), chr(34) * 2)}"' for item in items]
    assert list(places.split(", ".join(quoted))) == items
    assert list(places.split(",".join(quoted))) == items


@given(st.text())
def test_splitting_ends_in_a_list_or_a_refusal(value: str) -> None:
    try:
        items = places.split(value)
    except ValueError:
        return
    assert len(items) <= value.count(",") + 1


@pytest.mark.parametrize(
    ("model", "values", "words"),
    [
        (BackendInputs, BACKEND | {"pid": 0}, "greater than or equal to 1"),
        (BackendInputs, BACKEND | {"pid": "7; DROP"}, "valid integer"),
        (BackendInputs, BACKEND | {"backend_start": "2026-11-25 14:00:01.25"}, "timezone"),
        (BackendInputs, BACKEND | {"backend_start": "now"}, "valid datetime"),
        (BackendInputs, BACKEND | {"how": "kill"}, "Input should be"),
        (LoginInputs, LOGIN | {"login": "reader"}, "must be another"),
        (LoginInputs, LOGIN | {"login_password": "hunter2"}, "login_password"),
        (LoginInputs, LOGIN | {"connections": 0}, "greater than or equal to 1"),
        (LoginInputs, LOGIN | {"roles": ["a\0"]}, "cannot be seen"),
        (StatementInputs, STATEMENT | {"max_rows": -1}, "greater than or equal to 0"),
        (StatementInputs, STATEMENT | {"values": ["a\0b"]}, "no text of Postgres"),
        (StatementInputs, STATEMENT | {"values": ["\ud800"]}, "values"),
        (StatementInputs, STATEMENT | {"mask": [""]}, "at least 1 character"),
        (StatementInputs, STATEMENT | {"sql": "SELECT 1"}, "Extra inputs"),
    ],
)
def test_other_wrong_inputs_are_refused(model, values, words) -> None:
    with pytest.raises(ValidationError, match=words):
        model.model_validate(values)


@pytest.mark.parametrize(
    ("model", "values"), [(BackendInputs, BACKEND), (LoginInputs, LOGIN), (StatementInputs, STATEMENT)]
)
def test_inputs_survive_being_kept(model, values) -> None:
    told = model.model_validate(values)
    assert model.model_validate(json.loads(json.dumps(told.model_dump(mode="json")))) == told


@pytest.mark.parametrize("zone", ["+00", "+00:00", "Z", "-05", "+05:30"])
def test_instants_are_taken_as_postgres_prints_them(zone) -> None:
    told = BackendInputs.model_validate(BACKEND | {"backend_start": f"2026-11-25 14:00:01.123456{zone}"})
    assert told.backend_start.microsecond == 123_456
    assert told.backend_start.utcoffset() is not None
