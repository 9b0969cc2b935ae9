"""Sources as plugins: only allowed ones are loaded, and the guard turns whatever they do into a fact or nothing."""

import sys
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from jitbot.errors import FactUnavailable, InvalidInput, NotGranted, SettingsError
from jitbot.facts.guard import GuardedSource
from jitbot.facts.registry import FactRegistry
from jitbot.model import FactKind, Span
from jitbot.outbound.site import EnvironmentSite

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
SITE = EnvironmentSite((), {"JITBOT_SECRET_KEY": "hunter2-hunter2"})

PLUGIN = """
from datetime import timedelta
from pydantic import BaseModel

class Weather:
    class Arguments(BaseModel):
        city: str
    keep = timedelta(seconds=5)
    def __init__(self, site): self.site = site
    def kind(self, arguments): return "text"
    def read(self, arguments, at): return arguments.city

class Half:
    keep = 5
    def __init__(self, site): pass
    def kind(self, arguments): ...
"""


class Nothing(BaseModel):
    """No arguments."""


class Says:
    """A source that returns what it is given, or raises it."""

    Arguments = Nothing
    keep = timedelta(seconds=1)

    def __init__(self, kind: FactKind, value: Any) -> None:
        self._kind, self._value = kind, value

    def kind(self, arguments: BaseModel) -> FactKind:
        return self._kind

    def read(self, arguments: BaseModel, at: datetime) -> Any:
        if isinstance(self._value, BaseException):
            raise self._value
        return self._value


def read(kind: FactKind, value: Any) -> Any:
    return GuardedSource("says", Says(kind, value), SITE).read(Nothing(), NOW)


def test_secrets_are_taken_out_of_every_kind_of_answer_that_holds_text() -> None:
    token = "ghp_" + "a1" * 18
    assert read(FactKind.TEXT, f"says {token}") == "says •••"
    assert read(FactKind.TEXTS, ["plain", token]) == ["plain", "•••"]
    [span] = read(FactKind.SPANS, (Span(NOW, NOW, f"freeze {token}"),))
    assert span == Span(NOW, NOW, "freeze •••")
    people = {"ann@example.com": {"team": "pay", "password": "hunter", "keys": [token], "level": 3}}
    assert read(FactKind.ATTRIBUTES, people) == {
        "ann@example.com": {"team": "pay", "password": "•••", "keys": ["•••"], "level": 3}
    }


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def add(points: str) -> None:
        info = tmp_path / "weather_plugin-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: weather_plugin\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[jitbot.facts]\n{points}\n")
        (tmp_path / "weather_plugin.py").write_text(PLUGIN)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "weather_plugin", raising=False)

    return add


def test_an_allowed_source_is_found_by_its_entry_point(install: Callable[[str], None]) -> None:
    install("weather = weather_plugin:Weather")
    registry = FactRegistry(["weather"], SITE)
    assert registry.names() == ("weather",)
    arguments = registry.arguments("weather", {"city": "Bonn"})
    assert registry.source("weather").read(arguments, NOW) == "Bonn"
    with pytest.raises(InvalidInput, match="city: Field required"):
        registry.arguments("weather", {})


def test_what_is_no_source_stops_the_start(install: Callable[[str], None]) -> None:
    install("half = weather_plugin:Half")
    with pytest.raises(SettingsError, match=r"lacks read, keep \(a timedelta\), Arguments"):
        FactRegistry(["half"], SITE).source("half")
    with pytest.raises(SettingsError, match="allowed but not installed"):
        FactRegistry(["nowhere"], SITE)


def test_every_source_of_ours_is_an_entry_point_that_loads() -> None:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"].get("jitbot.facts", {})
    registry = FactRegistry(list(points), SITE)
    for name in points:
        assert registry.source(name).keep >= timedelta(0)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (FactKind.INTEGER, 3),
        (FactKind.NUMBER, 0.5),
        (FactKind.BOOLEAN, False),
        (FactKind.TEXT, "all well"),
        (FactKind.TEXTS, ["a", "b"]),
        (FactKind.DURATION, timedelta(minutes=3)),
        (FactKind.INSTANT, NOW),
        (FactKind.PEOPLE, frozenset({"U0BO", "cy@example.com"})),
        (FactKind.SPANS, (Span(NOW, NOW + timedelta(hours=1), "freeze"),)),
        (FactKind.ATTRIBUTES, {"U0BO": {"role": "dba"}}),
    ],
)
def test_what_fits_its_kind_comes_through(kind: FactKind, value: Any) -> None:
    assert read(kind, value) == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (FactKind.INTEGER, True),
        (FactKind.INTEGER, "3"),
        (FactKind.INTEGER, 2**63),
        (FactKind.NUMBER, float("nan")),
        (FactKind.NUMBER, float("inf")),
        (FactKind.NUMBER, None),
        (FactKind.BOOLEAN, 0),
        (FactKind.TEXT, None),
        (FactKind.TEXTS, ("a",)),
        (FactKind.TEXTS, ["a"] * 5001),
        (FactKind.DURATION, 3),
        (FactKind.INSTANT, datetime(2026, 1, 1)),
        (FactKind.PEOPLE, ["U0BO"]),
        (FactKind.PEOPLE, frozenset({1})),
        (FactKind.SPANS, (NOW,)),
        (FactKind.SPANS, (Span(NOW, datetime(2026, 12, 1)),)),
        (FactKind.SPANS, (Span(NOW, NOW - timedelta(hours=1)),)),
        (FactKind.ATTRIBUTES, {"U0BO": "dba"}),
        (FactKind.ATTRIBUTES, {7: {"role": "dba"}}),
        (FactKind.ATTRIBUTES, {f"U{number}": {} for number in range(20_001)}),
    ],
)
def test_what_does_not_fit_its_kind_is_unread(kind: FactKind, value: Any) -> None:
    with pytest.raises(FactUnavailable, match=f"says answered something that is no {kind.value}"):
        read(kind, value)


@pytest.mark.parametrize(
    ("thrown", "words"),
    [
        (RuntimeError("hunter2-hunter2"), r"says failed \(RuntimeError\)"),
        (SystemExit(1), r"says failed \(SystemExit\)"),
        (FactUnavailable("401 for hunter2-hunter2"), "says: 401 for •••"),
        (NotGranted("the secret is not set"), "says: the secret is not set"),
    ],
)
def test_whatever_a_source_throws_is_unread_and_keeps_its_secrets(thrown: BaseException, words: str) -> None:
    with pytest.raises(FactUnavailable, match=words) as caught:
        read(FactKind.INTEGER, thrown)
    assert "hunter2" not in str(caught.value)


def test_secrets_in_a_text_do_not_get_into_decisions() -> None:
    assert read(FactKind.TEXT, "token hunter2-hunter2") == "token •••"
