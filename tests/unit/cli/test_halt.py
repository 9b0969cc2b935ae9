"""`jitbot halt`: stopping and lifting on the server."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import update
from typer.testing import CliRunner

from jitbot.cli.app import app
from jitbot.errors import JitbotError, Settled, Unavailable
from jitbot.model import HALTS, State
from jitbot.settings import variable
from jitbot.store import tables
from tests import halting
from tests.halting import a_while, lift
from tests.town import ANN, CY, Town

Type = Callable[..., Result]


@pytest.fixture
def town(sqlite_url: str, tmp_path: Path) -> Iterator[Town]:
    town = halting.watched(Town(sqlite_url, tmp_path))
    yield town
    town.close()


@pytest.fixture
def typed(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    monkeypatch.setenv(variable("database_url"), town.url)
    monkeypatch.setenv(variable("key_file"), str(tmp_path / "signing.key"))
    return lambda *words: CliRunner().invoke(app, ["halt", *words])


def test_what_is_halted_on_the_server_does_not_start_until_it_is_lifted_there(town: Town, typed: Type) -> None:
    assert typed("set", "action", "restart", "--reason", "bad build").output == "H-1: action restart is halted.\n"
    request = town.ask(ANN, "restart", service="api", env="staging")
    assert town.state(request) is State.APPROVED
    assert "on the server, H-1: “bad build”" in town.see(request).halted
    assert typed("lift", "H-1", "--reason", "good build").output == "H-1 is lifted: action restart may start again.\n"
    a_while(town)
    assert town.state(request) is State.SUCCEEDED
    [told] = town.said("alarm")
    assert told.endswith("on the server: “good build”. Action restart may start again.")
    events = [event.body for event in town.trail.events(limit=1000) if event.kind == HALTS]
    assert [(each["by"], each["what"], bool(each["login"])) for each in events] == [
        ("operator", "halted", True),
        ("operator", "lifted", True),
    ]
    town.trail.verify()


def test_what_is_halted_is_printed(town: Town, typed: Type) -> None:
    assert typed("list").output == "Nothing is halted.\n"
    typed("set", "person", "U0BO", "--reason", "stolen laptop")
    town.world.halts.follow()
    lift(town, CY)
    said = typed("list").output
    assert said.startswith("H-1  everything of <@U0BO>, since ")
    assert ": stolen laptop\n     U0CY wants it lifted, since " in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["set", "all"], "Say why"),
        (["set", "action", "--reason", "x"], "Name what is halted"),
        (["set", "all", "restart", "--reason", "x"], "Name what is halted"),
        (["set", "person", "ann", "--reason", "x"], "is no Slack user id"),
        (["lift", "H-1"], "Say why"),
        (["lift", "H-1", "--reason", "x"], "is no halt"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(typed: Type, words: list[str], said: str) -> None:
    result = typed(*words)
    assert isinstance(result.exception, JitbotError)
    assert said in str(result.exception)


def test_the_same_is_not_halted_twice(typed: Type) -> None:
    typed("set", "all", "--reason", "x")
    assert isinstance(typed("set", "all", "--reason", "y").exception, Settled)


def test_where_the_record_does_not_hold_nothing_is_set_lifted_or_said_to_be_free(town: Town, typed: Type) -> None:
    typed("set", "all", "--reason", "x")
    with town.database.write() as connection:
        connection.execute(update(tables.chain).values(halted=0))
    for words in (["list"], ["set", "pool", "eu", "--reason", "x"]):
        result = typed(*words)
        assert isinstance(result.exception, Unavailable)
        assert "Which halts stand cannot be told" in str(result.exception)
