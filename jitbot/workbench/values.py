"""Values of facts as people write them, in cases and on the command line, turned into what conditions see."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from jitbot.errors import InvalidInput
from jitbot.model import FactKind
from jitbot.policy.durations import parse_duration
from jitbot.policy.wording import shown, written

LARGEST = 2**63 - 1
"""Whole numbers of conditions have 64 bits."""


def parse_instant(text: str) -> datetime:
    """Read a point in time with its offset, as UTC. Raises: InvalidInput."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise InvalidInput(f"{shown(text)} is not a point in time with its offset, such as 2026-12-24T23:00:00+01:00.")
    return found.astimezone(UTC)


def parse_length(text: str) -> timedelta:
    """Read a length of time, such as 30d. Raises: InvalidInput."""
    return parse_duration(text)


def fact_value(kind: FactKind, value: Any) -> Any:
    """Return what a condition sees of a fact of this kind. Raises: InvalidInput."""
    if kind in _WORDS and not _FITS[kind](value):
        raise InvalidInput(f"this fact is {_WORDS[kind]}, not {written(value)}.")
    if kind is FactKind.INSTANT:
        return parse_instant(str(value))
    if kind is FactKind.DURATION:
        return parse_duration(str(value))
    return value


def fact_from_text(kind: FactKind, text: str) -> Any:
    """Read a fact's value from the command line: a list has commas between its texts. Raises: InvalidInput."""
    read = _FROM_TEXT.get(kind)
    try:
        return fact_value(kind, read(text) if read else text)
    except (ValueError, KeyError):
        raise InvalidInput(f"this fact is {_WORDS[kind]}, not {shown(text)}.") from None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


_WORDS: Mapping[FactKind, str] = {
    FactKind.INTEGER: "a whole number",
    FactKind.NUMBER: "a number",
    FactKind.BOOLEAN: "true or false",
    FactKind.TEXT: "a text",
    FactKind.TEXTS: "a list of texts",
    FactKind.DURATION: "a duration, such as 30m",
    FactKind.INSTANT: "a point in time",
}
_FITS: Mapping[FactKind, Callable[[Any], bool]] = {
    FactKind.INTEGER: lambda value: _number(value) and isinstance(value, int),
    FactKind.NUMBER: _number,
    FactKind.BOOLEAN: lambda value: isinstance(value, bool),
    FactKind.TEXT: lambda value: isinstance(value, str),
    FactKind.TEXTS: _texts,
    FactKind.DURATION: lambda value: isinstance(value, str),
    FactKind.INSTANT: lambda value: isinstance(value, str),
}
_FROM_TEXT: Mapping[FactKind, Callable[[str], Any]] = {
    FactKind.INTEGER: int,
    FactKind.NUMBER: float,
    FactKind.BOOLEAN: lambda text: {"true": True, "false": False}[text],
    FactKind.TEXTS: lambda text: [part.strip() for part in text.split(",") if part.strip()],
}
