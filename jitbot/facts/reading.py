"""From what an answer says to a value of the kind that a policy wants; what does not fit is unread, never bent."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from jitbot.errors import FactUnavailable, InvalidInput
from jitbot.model import FactKind
from jitbot.policy.durations import parse_duration

LONGEST_TEXT = 1_000
_WHOLE = re.compile("-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?")
_LATEST = 253_402_300_799
"""The last second of the year 9999, since 1970."""


class As(StrEnum):
    """The kinds that a policy can ask for with `as`."""

    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"
    TEXTS = "texts"
    DURATION = "duration"
    INSTANT = "instant"

    @property
    def kind(self) -> FactKind:
        return FactKind(self.value)


def as_kind(value: Any, wanted: As) -> Any:
    """Return a value of JSON as the wanted kind. Raises: FactUnavailable, saying what is there instead."""
    read = _READ[wanted](value)
    if read is None:
        raise FactUnavailable(f"the answer has {described(value)}, which is no {wanted.value}")
    return read


def told_kind(arguments: BaseModel, default: str = "") -> FactKind:
    """Return the kind that `as` tells, of validated arguments or of those that a policy wrote. Raises: ValueError."""
    told: Any = getattr(arguments, "as", None) or getattr(arguments, "read_as", None) or default
    return FactKind(told)


def described(value: Any) -> str:
    """Name a value of JSON for people, without showing much of it: it may be anything."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f"a text of {len(value)} characters" if value else "an empty text"
    if isinstance(value, int | float):
        return "a number"
    return "a list" if isinstance(value, list) else "an object"


def _integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return int(value) if _WHOLE.fullmatch(value) else None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else None
    return value if isinstance(value, int) and abs(value) < 2**63 else None


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, int):
        return value if abs(value) < 2**63 else None
    return value if isinstance(value, float) and math.isfinite(value) else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and len(value) <= LONGEST_TEXT else None


def _texts(value: Any) -> list[str] | None:
    fit = isinstance(value, list) and all(_text(each) is not None for each in value)
    return list(value) if fit else None


def _duration(value: Any) -> timedelta | None:
    """Read seconds, or a text like `1h30m`."""
    seconds = _number(value)
    if seconds is not None:
        return timedelta(seconds=seconds) if abs(seconds) <= timedelta.max.total_seconds() / 2 else None
    try:
        return parse_duration(value) if isinstance(value, str) else None
    except InvalidInput:
        return None


def _instant(value: Any) -> datetime | None:
    """Read seconds since 1970, or ISO 8601 with its zone."""
    seconds = _number(value)
    if seconds is not None:
        return datetime.fromtimestamp(seconds, UTC) if 0 <= seconds <= _LATEST else None
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
        return read.astimezone(UTC) if read is not None and read.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


_READ: Mapping[As, Callable[[Any], Any]] = {
    As.INTEGER: _integer,
    As.NUMBER: _number,
    As.BOOLEAN: _boolean,
    As.TEXT: _text,
    As.TEXTS: _texts,
    As.DURATION: _duration,
    As.INSTANT: _instant,
}
