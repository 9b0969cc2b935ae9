"""JSON as text: where a key stands, and how it is put, so that every other character stays."""

import json
import re
from collections.abc import Iterator, Sequence
from json.decoder import scanstring  # type: ignore[attr-defined]  # the decoder's own reader of strings
from typing import Any

from jitbot.runners.config_file.format import Key, NotEditable, Step
from jitbot.runners.config_file.splice import Member, Span, dropped, inserted

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class Json:
    """See `Format`."""

    def readings(self, text: str) -> Sequence[Any]:
        try:
            return [json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)]
        except RecursionError as error:
            raise NotEditable("it is nested too deeply") from error

    def source(self, text: str, key: Key) -> str | None:
        found = _find(text, key)
        return None if found is None else text[found.start : found.end]

    def put(self, text: str, key: Key, source: str) -> str:
        found = _find(text, key)
        if found is not None:
            return found.replaced(text, source)
        opening = _parent(text, key)
        return inserted(text, opening, list(_members(text, opening)), json.dumps(key[-1], ensure_ascii=False), source)

    def drop(self, text: str, key: Key) -> str:
        members = list(_members(text, _parent(text, key)))
        return dropped(text, members, next(each for each in members if each.name == key[-1]))

    def render(self, value: Any, like: str | None) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _parent(text: str, key: Key) -> int:
    found = _find(text, key[:-1])
    assert found is not None  # noqa: S101 - whoever asks has seen that it is there
    return found.start


def _find(text: str, key: Key) -> Span | None:
    here = _value(text, _skip(text, 0))
    for step in key:
        child = _child(text, here.start, step)
        if child is None:
            return None
        here = child
    return here


def _child(text: str, at: int, step: Step) -> Span | None:
    if isinstance(step, int):
        return next((span for number, span in enumerate(_items(text, at)) if number == step), None)
    return next((each.value for each in _members(text, at) if each.name == step), None)


def _members(text: str, at: int) -> Iterator[Member]:
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, end = scanstring(text, at + 1, True)
        value = _value(text, _skip(text, _skip(text, end) + 1))
        yield Member(name, Span(at, end), value)
        at = _after(text, value)


def _items(text: str, at: int) -> Iterator[Span]:
    at = _skip(text, at + 1)
    while text[at] != "]":
        value = _value(text, at)
        yield value
        at = _after(text, value)


def _value(text: str, at: int) -> Span:
    return Span(at, _DECODER.raw_decode(text, at)[1])


def _after(text: str, value: Span) -> int:
    at = _skip(text, value.end)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotEditable("a key is there twice")
    return found


def _no_number(name: str) -> Any:
    raise NotEditable(f"{name} is no JSON")
