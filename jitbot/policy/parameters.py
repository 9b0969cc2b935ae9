"""What people fill in, read into typed values: from a one-liner, a form or the API alike.

Values are kept in one canonical, JSON-friendly form: text, whole numbers, true and false, lists in the order of their
options, durations as text like `1h30m`.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import re2

from jitbot.errors import InvalidInput
from jitbot.model import Action, Parameter, ParameterType
from jitbot.policy.durations import format_duration, parse_duration
from jitbot.policy.wording import did_you_mean, listed, shown

LARGEST = 10**18 - 1
"""Whole numbers stay within 64 bits, which is what conditions count with."""

_INTEGER = re.compile("[-+]?[0-9]{1,18}")
_USER = re.compile(r"<@([UW][A-Z0-9_]{1,30})(?:\|[^<>]*)?>|([UW][A-Z0-9_]{1,30})")


def parse_parameters(action: Action, raw: Mapping[str, object]) -> dict[str, Any]:
    """Read the values of an action's parameters, defaults filled in.

    Nothing, None and an empty text or list all mean "not given". Raises: InvalidInput with a message for each field.
    """
    known = [parameter.name for parameter in action.parameters]
    faults = {name: _unknown(action, name, known) for name in raw if name not in known}
    values = {}
    for parameter in action.parameters:
        try:
            values[parameter.name] = _value(parameter, raw.get(parameter.name))
        except InvalidInput as error:
            faults[parameter.name] = f"{parameter.name} {error}"
    if faults:
        raise InvalidInput(" ".join(faults.values()), faults)
    return values


def parse_value(parameter: Parameter, raw: object) -> Any:
    """Read one value that was given. Raises: InvalidInput; its message goes on from the parameter's name."""
    return _READERS[parameter.type](parameter, raw)


def refuse_unprintable(text: str) -> None:
    """Refuse control characters, which hide text on cards; lines and tabs may stay. Raises: InvalidInput."""
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t":
            raise InvalidInput(f"must not contain the control character U+{ord(character):04X}.")


def _value(parameter: Parameter, raw: object) -> Any:
    if raw is not None and raw not in ("", []):
        return parse_value(parameter, raw)
    if parameter.default is None:
        raise InvalidInput(f"is needed.{_choices(parameter)}")
    return list(parameter.default) if isinstance(parameter.default, list) else parameter.default


def _choices(parameter: Parameter) -> str:
    return f" It can be {listed(parameter.options)}." if parameter.options else ""


def _unknown(action: Action, name: str, known: list[str]) -> str:
    takes = f"it takes {listed(known, 'and')}" if known else "it takes none"
    return f"{shown(name)} is not a parameter of {action.name}; {takes}.{did_you_mean(name, known)}"


def _text(parameter: Parameter, raw: object) -> str:
    if not isinstance(raw, str):
        raise InvalidInput("must be text.")
    refuse_unprintable(raw)
    if len(raw) > parameter.max_length:
        raise InvalidInput(f"is too long: {len(raw)} characters, and {parameter.max_length} are the most.")
    if parameter.pattern is not None and not re2.fullmatch(parameter.pattern, raw):
        raise InvalidInput(f"must match {parameter.pattern}, and {shown(raw)} does not.")
    return raw


def _choice(parameter: Parameter, raw: object) -> str:
    if isinstance(raw, str) and raw in parameter.options:
        return raw
    if not isinstance(raw, str):
        raise InvalidInput(f"can be {listed(parameter.options)}, as text.")
    guess = did_you_mean(raw, parameter.options)
    raise InvalidInput(f"can be {listed(parameter.options)}, not {shown(raw)}.{guess}")


def _choices_made(parameter: Parameter, raw: object) -> list[str]:
    items = [item.strip() for item in raw.split(",")] if isinstance(raw, str) else raw
    if not isinstance(items, list | tuple):
        raise InvalidInput(f"takes one or more of {listed(parameter.options)}, with commas between them.")
    chosen = {_choice(parameter, item) for item in items}
    return [option for option in parameter.options if option in chosen]


def _integer(parameter: Parameter, raw: object) -> int:
    if isinstance(raw, str) and _INTEGER.fullmatch(raw):
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or abs(raw) > LARGEST:
        raise InvalidInput("must be a whole number, such as 3.")
    _within(parameter, raw, str)
    return raw


def _boolean(parameter: Parameter, raw: object) -> bool:
    if isinstance(raw, str):
        raw = {"true": True, "false": False}.get(raw.lower())
    if not isinstance(raw, bool):
        raise InvalidInput("can be true or false.")
    return raw


def _duration(parameter: Parameter, raw: object) -> str:
    if not isinstance(raw, str):
        raise InvalidInput("must be a duration, such as 30m.")
    try:
        length = parse_duration(raw)
    except InvalidInput as error:
        raise InvalidInput(f"cannot be taken: {error}") from None
    _within(parameter, int(length.total_seconds()), _in_words)
    return format_duration(length)


def _in_words(seconds: int) -> str:
    return format_duration(timedelta(seconds=seconds))


def _within(parameter: Parameter, number: int, words: Callable[[int], str]) -> None:
    if parameter.minimum is not None and number < parameter.minimum:
        raise InvalidInput(f"must be {words(parameter.minimum)} or more, not {words(number)}.")
    if parameter.maximum is not None and number > parameter.maximum:
        raise InvalidInput(f"must be {words(parameter.maximum)} or less, not {words(number)}.")


def _user(parameter: Parameter, raw: object) -> str:
    match = _USER.fullmatch(raw) if isinstance(raw, str) else None
    if match is None:
        raise InvalidInput("must be a person: type @ and pick them, or give their Slack id.")
    return str(match[1] or match[2])


_READERS: dict[ParameterType, Callable[[Parameter, object], Any]] = {
    ParameterType.CHOICE: _choice,
    ParameterType.MULTI_CHOICE: _choices_made,
    ParameterType.TEXT: _text,
    ParameterType.INTEGER: _integer,
    ParameterType.BOOLEAN: _boolean,
    ParameterType.DURATION: _duration,
    ParameterType.USER: _user,
}
