"""Writes policies for tests: only the lines that matter, and a `»` where the fault is expected."""

import re
from collections.abc import Callable, Mapping
from textwrap import dedent, indent
from typing import Any

import pytest

from jitbot.errors import InvalidInput, PolicyError
from jitbot.model import Action, Policy
from jitbot.policy.files.load import load
from tests.fake_sources import FakeSource, FakeSources

MARK = "»"
PEOPLE = """
groups:
  engineering: [U1ANN, U2BOB, carl@example.com]
  leads: ["@pay-leads"]
"""
DEFAULTS = {
    "runner": "runner: demo",
    "requesters": "requesters: [group:engineering]",
    "rules": "rules: [{allow: true}]",
}


class Runners:
    """A catalog with one runner that takes anything and one that looks closely."""

    def names(self) -> list[str]:
        return ["demo", "picky"]

    def inputs(self, name: str, values: Mapping[str, Any]) -> object:
        faults = self._faults(values) if name == "picky" else {}
        if faults:
            raise InvalidInput("; ".join(faults.values()), {} if "together" in values else faults)
        return values

    def _faults(self, values: Mapping[str, Any]) -> dict[str, str]:
        if "explode" in values:
            raise RuntimeError("boom")
        faults = {}
        if "size" not in values:
            faults["size"] = "Field required"
        elif not isinstance(values["size"], int) or not 1 <= values["size"] <= 9:
            faults["size"] = "must be a number from 1 to 9"
        for index, word in enumerate(values.get("words", [])):
            if len(word) > 5:
                faults[f"words.{index}"] = "is longer than 5 letters"
        return faults


def action_text(body: str, name: str = "restart") -> str:
    """Write a team's file with one action; what `body` leaves out is filled in."""
    body = dedent(body).strip("\n")
    given = set(re.findall(rf"^{MARK}?([a-z_]+)(?={MARK}?:)", body, re.MULTILINE))
    lines = [body, *(line for key, line in DEFAULTS.items() if key not in given)]
    own = indent("\n".join(lines), "    ")
    return f"team: payments\nchannel: '#pay'\nactions:\n  {name}:\n{own}\n"


def unmarked(text: str) -> tuple[str, str]:
    """Take the mark out and return its `line:column`."""
    before, after = text.split(MARK)
    return before + after, f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


@pytest.fixture
def load_files() -> Callable[[Mapping[str, str]], Policy]:
    return lambda files: load({"people.yml": PEOPLE, **files}, Runners(), FakeSources(FakeSource()))


@pytest.fixture
def load_action() -> Callable[..., Action]:
    """Load one action from its keys."""

    def loaded(body: str) -> Action:
        return load(
            {"people.yml": PEOPLE, "payments.yml": action_text(body)}, Runners(), FakeSources(FakeSource())
        ).actions["restart"]

    return loaded


@pytest.fixture
def faults() -> Callable[..., list[str]]:
    """Load files and return the lines of the error."""

    def found(files: Mapping[str, str]) -> list[str]:
        with pytest.raises(PolicyError) as caught:
            load({"people.yml": PEOPLE, **files}, Runners(), FakeSources(FakeSource()))
        return str(caught.value).split("\n")

    return found


@pytest.fixture
def fault_in(faults: Callable[..., list[str]]) -> Callable[..., str]:
    """Load a file with a mark and return the only fault, which must stand at the mark."""

    def found(text: str, name: str = "payments.yml", **others: str) -> str:
        text, position = unmarked(text)
        lines = faults({name: text, **{f"{other}.yml": content for other, content in others.items()}})
        assert len(lines) == 1, lines
        start = f"{name}:{position}: "
        assert lines[0].startswith(start), (lines[0], start)
        return lines[0].removeprefix(start)

    return found


@pytest.fixture
def fault(fault_in: Callable[..., str]) -> Callable[[str], str]:
    """Load one action with a mark in its keys and return the only fault, which must stand at the mark."""
    return lambda body: fault_in(action_text(body))
