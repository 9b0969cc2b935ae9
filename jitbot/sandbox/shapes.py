"""A small language for saying what JSON must look like, with Slack's wording of what is wrong.

Rules are values: a table of them describes Block Kit, and `problems` walks a payload along it.
Characters are counted as Unicode code points.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Rule(Protocol):
    """Says what is wrong with a value; each problem ends with its JSON pointer."""

    def problems(self, value: Any, pointer: str) -> Iterator[str]:
        """Yield one line for each problem."""
        ...


def at(pointer: str) -> str:
    """Return a pointer the way Slack's messages end."""
    return f" [json-pointer:{pointer}]"


@dataclass(frozen=True, slots=True)
class String:
    """A string of so many characters, perhaps of a pattern or one of a few."""

    most: int = 3000
    least: int = 0
    pattern: str = ""
    choices: tuple[str, ...] = ()

    def problems(self, value: Any, pointer: str) -> Iterator[str]:
        """Yield what is wrong."""
        if not isinstance(value, str):
            yield "must provide a string" + at(pointer)
        elif len(value) < self.least:
            yield f"must be more than {self.least - 1} characters" + at(pointer)
        elif len(value) > self.most:
            yield f"must be less than {self.most + 1} characters" + at(pointer)
        elif self.choices and value not in self.choices:
            yield f"must be one of: {', '.join(self.choices)}" + at(pointer)
        elif self.pattern and not re.fullmatch(self.pattern, value):
            yield "invalid format" + at(pointer)


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def problems(self, value: Any, pointer: str) -> Iterator[str]:
        """Yield what is wrong."""
        if not isinstance(value, bool):
            yield "must provide a boolean" + at(pointer)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds."""

    least: int = 0
    most: int = 10**10

    def problems(self, value: Any, pointer: str) -> Iterator[str]:
        """Yield what is wrong."""
        if isinstance(value, bool) or not isinstance(value, int):
            yield "must provide a number" + at(pointer)
        elif not self.least <= value <= self.most:
            yield f"must be between {self.least} and {self.most}" + at(pointer)


@dataclass(frozen=True, slots=True)
class Number:
    """Any number."""

    def problems(self, value: Any, pointer: str) -> Iterator[str]:
        """Yield what is wrong."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield "must provide a number" + at(pointer)


@dataclass(frozen=True, slots=True)
class Thing:
    """An object whose inside Slack publishes no limits for."""

    nullable: bool = False

    def problems(self, value: Any, pointer: str) -> Iterator[str]:
        """Yield what is wrong."""
        if not isinstance(value, dict) and not (self.nullable and value is None):
            yield "must provide an object" + at(pointer)


@dataclass(frozen=True, slots=True)
class Listed:
    """An array of so many items, each after one rule."""

    of: Rule
    most: int
    least: int = 1

    def problems(self, value: Any, pointer: str) -> Iterator[str]:
        """Yield what is wrong."""
        if not isinstance(value, list):
            yield "must provide an array" + at(pointer)
            return
        if len(value) > self.most:
            yield f"no more than {self.most} items allowed" + at(pointer)
        elif len(value) < self.least:
            yield f"no less than {self.least} items allowed" + at(pointer)
        for number, item in enumerate(value):
            yield from self.of.problems(item, f"{pointer}/{number}")


Check = Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class Shape:
    """An object with these fields and no others; `checks` look at the whole of it."""

    fields: Mapping[str, Rule]
    required: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    def problems(self, value: Any, pointer: str) -> Iterator[str]:
        """Yield what is wrong."""
        if not isinstance(value, dict):
            yield "must provide an object" + at(pointer)
            return
        for name in self.required:
            if name not in value:
                yield f"missing required field: {name}" + at(pointer)
        sound = True
        for name, item in value.items():
            if name not in self.fields:
                yield f"invalid additional property: {name}" + at(pointer)
                continue
            for problem in self.fields[name].problems(item, f"{pointer}/{name}"):
                sound = False
                yield problem
        if sound:
            yield from self._whole(value, pointer)

    def _whole(self, value: Mapping[str, Any], pointer: str) -> Iterator[str]:
        for check in self.checks:
            problem = check(value)
            if problem:
                yield problem + at(pointer)


@dataclass(frozen=True, slots=True)
class ByType:
    """An object whose `type` says which shape it has; of a table, only the types named."""

    table: Mapping[str, Rule]
    only: tuple[str, ...] = field(default=())

    def problems(self, value: Any, pointer: str) -> Iterator[str]:
        """Yield what is wrong."""
        if not isinstance(value, dict):
            yield "must provide an object" + at(pointer)
            return
        kind = value.get("type")
        if kind is None:
            yield "missing required field: type" + at(pointer)
        elif not isinstance(kind, str) or kind not in self.table or (self.only and kind not in self.only):
            yield f"unsupported type: {kind}" + at(f"{pointer}/type")
        else:
            yield from self.table[kind].problems(value, pointer)


def either(*names: str) -> Check:
    """Demand one or more of these fields."""
    return lambda value: None if any(name in value for name in names) else f"must define one of: {', '.join(names)}"


def not_both(one: str, other: str) -> Check:
    """Refuse both of these fields together."""
    return lambda value: f"must not define both {one} and {other}" if one in value and other in value else None


def in_order(low: str, high: str) -> Check:
    """Demand that one number, perhaps written as a string, is not above another."""

    def check(value: Mapping[str, Any]) -> str | None:
        if low in value and high in value and float(value[low]) > float(value[high]):
            return f"{low} must not be greater than {high}"
        return None

    return check
