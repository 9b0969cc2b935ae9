"""Nothing in the inputs of `haproxy.server` can end its command and begin another."""

import re

import pytest
from hypothesis import given
from pydantic import ValidationError

from jitbot.runners.haproxy.inputs import ServerInputs
from jitbot.runners.haproxy.runtime import Note, Runtime, Settled
from tests.hostile import values

GOOD = {"socket": "/run/haproxy/admin.sock", "backend": "web", "server": "a", "to": "drain"}
HOSTILE = [
    "a;disable server web/b",
    "a\ndisable server web/b",
    "a\n",
    "a\\;b",
    "a b",
    "-a",
    "#1",
    "a/b",
    "a'",
    "<<",
    "",
    "ä",
    "a\x00",
    "x" * 201,
    None,
    ["a"],
]


class ALink:
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def ask(self, line: str, seconds: float) -> str:
        self.lines.append(line)
        return ""


def test_good_inputs_are_taken() -> None:
    told = ServerInputs.model_validate({**GOOD, "server": "web-1.eu_west:80", "weight": 256})
    assert (told.name, told.weight, told.min_healthy) == ("web/web-1.eu_west:80", 256, 1)


@pytest.mark.parametrize("field", ["backend", "server"])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_name_is_refused(field: str, hostile: object) -> None:
    with pytest.raises(ValidationError):
        ServerInputs.model_validate({**GOOD, field: hostile})


@given(values(), values())
def test_no_name_that_is_taken_makes_a_second_command(backend: str, server: str) -> None:
    try:
        told = ServerInputs.model_validate({**GOOD, "backend": backend, "server": server})
    except ValidationError:
        return
    link = ALink()
    runtime = Runtime(link, told.name)  # type: ignore[arg-type]  # all that it needs of a link
    runtime.set_state("drain", 1)
    runtime.set_weight(7, 1)
    assert link.lines == [f"set server {backend}/{server} state drain", f"set server {backend}/{server} weight 7"]
    assert all(re.fullmatch("[A-Za-z0-9_.:/ -]+", line) for line in link.lines)


@given(values().filter(bool))
def test_no_key_of_a_run_makes_a_second_command_in_a_note(key: str) -> None:
    link = ALink()
    note = Note(key.encode(errors="ignore").decode(), Settled("ready", 100), grant=True)
    Runtime(link, "web/a").keep(note, 1)  # type: ignore[arg-type]  # all that it needs of a link
    [line] = link.lines
    assert re.fullmatch(r"experimental-mode on;set var proc\.jitbot_[0-9a-f]+ str\([a-z0-9:]+\)", line)


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": "stop"},
        {"to": "ready;disable server web/b"},
        {"to": None},
        {"weight": 257},
        {"weight": -1},
        {"weight": "50%"},
        {"weight": True},
        {"min_healthy": -1},
        {"min_healthy": "0"},
        {"wait": 3601},
        {"host": "lb.example.com:9999"},
        {"socket": None},
        {"socket": "admin.sock"},
        {"socket": None, "host": "lb.example.com"},
        {"socket": None, "host": "user@lb.example.com:9999"},
        {"socket": None, "host": "lb.example.com:9999\n"},
        {"socket": None, "host": "LB.example.com:9999"},
        {"tow": "drain"},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ServerInputs.model_validate({**GOOD, **wrong})
