"""Paths into JSON: RFC 9535, and bounded."""

from typing import Any

import pytest

from jitbot.errors import FactUnavailable
from jitbot.facts import json_path
from jitbot.facts.json_path import found, parsed

STORE = {"a": [{"b": 1}, {"b": 2, "c": ["x", "y"]}], "n": None}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("$", [STORE]),
        ("$.a[0].b", [1]),
        ("$['a'][-1]['b']", [2]),
        ("$..b", [1, 2]),
        ("$.a[?@.c[0] == 'x'].b", [2]),
        ("$.a[?length(@.c) == 2].b", [2]),
        ("$.a[?count(@.c[*]) > 1].b", [2]),
        ("$.n", [None]),
        ("$.lost", []),
        ("$.a[9]", []),
        ("$.a[1].c[?search(@, '^x')]", ["x"]),
        ("$.a[1].c[?match(@, '(')]", []),
        ("$.a[?match(@.b, '1')]", []),
    ],
)
def test_a_path_finds_what_it_names(path: str, values: list[Any]) -> None:
    assert found(path, STORE) == values


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("a.b", "looks like"),
        ("$.a[", "unexpected end"),
        ("$.a | $.b", "is no JSONPath"),
        ("$.a.~", "is no JSONPath"),
        ("$..a..b", r"more than one `\.\.`"),
        ("$.a[?$.n]", "step by step below `@`"),
        ("$.a[?@..b]", "step by step below `@`"),
        ("$.a[?@['b','b']]", "step by step below `@`"),
        ("$.a[?@[?@.b]]", "step by step below `@`"),
        ("$.a[?@.b == 1 && !(@..c)]", "step by step below `@`"),
        ("$.a[?count(@..c) > 1]", "step by step below `@`"),
        ("$" + "[?@" * 200 + "]" * 200, "is no JSONPath|step by step"),
    ],
)
def test_a_path_that_is_none_or_could_take_long_is_refused(path: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parsed(path)


def test_a_pattern_never_backtracks() -> None:
    assert found("$[?match(@, '(a+)+b')]", ["a" * 50_000]) == []


def test_an_answer_with_too_much_in_it_is_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_path, "MOST_NODES", 100)
    doubling = "$" + "['a','a']" * 40 + ".b"
    nested: dict[str, Any] = {}
    for _ in range(40):
        nested = {"a": nested}
    with pytest.raises(FactUnavailable, match="matches too much"):
        found(doubling, nested)


def test_an_answer_that_is_nested_too_deeply_is_unread() -> None:
    nested: list[Any] = []
    for _ in range(500):
        nested = [nested]
    with pytest.raises(FactUnavailable, match="too deeply"):
        found("$..a", nested)


@pytest.mark.parametrize("answer", [None, 3, "[1]", True])
def test_an_answer_that_is_no_document_is_unread(answer: Any) -> None:
    with pytest.raises(FactUnavailable, match="neither an object nor a list"):
        found("$[0]", answer)
