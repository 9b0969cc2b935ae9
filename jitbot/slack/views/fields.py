"""One field of a form for each parameter of an action."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jitbot.model import Parameter, ParameterType
from jitbot.slack import limits
from jitbot.slack.blocks import option, plain
from jitbot.slack.spans import Block, paragraph, rich
from jitbot.slack.text import shorten, size
from jitbot.slack.views import ids

LONG_TEXT = 300
"""Texts that may be longer than this get a box of several lines."""


def field(parameter: Parameter, typed: Any) -> Block:
    """Return the block in which a parameter is filled in; `typed` is what is known of it already."""
    if parameter.type in CHOICES and not parameter.options:
        return rich(
            paragraph([f"⚠ {shorten(parameter.label, 200)}: its policy lists no options, so none can be chosen."])
        )
    block: Block = {
        "type": "input",
        "block_id": ids.parameter_block(parameter.name),
        "label": plain(parameter.label, limits.INPUT_LABEL),
        "optional": not parameter.required or parameter.default is not None,
        "dispatch_action": parameter.type is not ParameterType.TEXT or parameter.max_length <= LONG_TEXT,
        "element": {"action_id": ids.FIELD, **_element(parameter, _known(parameter, typed))},
    }
    hint = _hint(parameter)
    return {**block, "hint": plain(hint, limits.INPUT_HINT)} if hint else block


def option_value(text: str) -> str:
    """Return how an option travels: itself, or its fingerprint where Slack's 150 characters are too few."""
    if size(text) <= limits.OPTION_VALUE and not text.startswith("#") and text.strip() == text:
        return text
    return "#" + hashlib.sha256(text.encode()).hexdigest()[:32]


def option_of(value: str, options: Sequence[str]) -> str:
    """Return the option that travelled as `value`; an unknown one as it is, to be refused by name."""
    return next((text for text in options if option_value(text) == value), value)


def found_options(parameter: Parameter, query: str) -> list[Block]:
    """Return the options that match what was typed into a search, best first, as many as Slack takes."""
    words = query.casefold().split()
    matching = [text for text in parameter.options if all(word in text.casefold() for word in words)]
    matching.sort(key=lambda text: not text.casefold().startswith(query.casefold()))
    return [option(text, option_value(text)) for text in matching[: limits.SELECT_OPTIONS]]


CHOICES = (ParameterType.CHOICE, ParameterType.MULTI_CHOICE)


def _known(parameter: Parameter, typed: Any) -> Any:
    return parameter.default if typed in (None, "", []) else typed


def _element(parameter: Parameter, value: Any) -> Block:
    return _ELEMENTS[parameter.type](parameter, value)


def _user(parameter: Parameter, value: Any) -> Block:
    user = str(value or "").removeprefix("<@").removesuffix(">").partition("|")[0]
    return {"type": "users_select", **({"initial_user": user} if user[:1] in ("U", "W") else {})}


def _duration(parameter: Parameter, value: Any) -> Block:
    return _text_box(100, value)


def _text(parameter: Parameter, value: Any) -> Block:
    return _text_box(parameter.max_length, value)


def _select(parameter: Parameter, value: Any) -> Block:
    initial = {"initial_option": option(value, option_value(value))} if value in parameter.options else {}
    if len(parameter.options) > limits.SELECT_OPTIONS:
        return {"type": "external_select", "min_query_length": 0, **_type_to_find(), **initial}
    return {"type": "static_select", "options": _all(parameter), **initial}


def _multi_select(parameter: Parameter, value: Any) -> Block:
    given = [each.strip() for each in value.split(",")] if isinstance(value, str) else list(value or ())
    chosen = [option(text, option_value(text)) for text in parameter.options if text in given]
    initial = {"initial_options": chosen[: limits.SELECT_OPTIONS]} if chosen else {}
    if len(parameter.options) > limits.SELECT_OPTIONS:
        return {"type": "multi_external_select", "min_query_length": 0, **_type_to_find(), **initial}
    return {"type": "multi_static_select", "options": _all(parameter), **initial}


def _type_to_find() -> Block:
    return {"placeholder": plain("Type to search", limits.PLACEHOLDER)}


def _all(parameter: Parameter) -> list[Block]:
    return [option(text, option_value(text)) for text in parameter.options]


def _yes_or_no(parameter: Parameter, value: Any) -> Block:
    yes, no = option("Yes", "true"), option("No", "false")
    known = {"true": yes, "false": no}.get(str(value).lower()) if value is not None else None
    return {"type": "radio_buttons", "options": [yes, no], **({"initial_option": known} if known else {})}


def _number(parameter: Parameter, value: Any) -> Block:
    bounds: Mapping[str, Any] = {
        **({"min_value": str(parameter.minimum)} if parameter.minimum is not None else {}),
        **({"max_value": str(parameter.maximum)} if parameter.maximum is not None else {}),
    }
    given = str(value) if value is not None else ""
    initial = {"initial_value": given} if _fits(given, parameter) else {}
    return {"type": "number_input", "is_decimal_allowed": False, **bounds, **initial, **_ON_ENTER}


def _fits(given: str, parameter: Parameter) -> bool:
    if not given.removeprefix("-").isdecimal() or len(given) > 19 or not given.isascii():
        return False
    low, high = parameter.minimum, parameter.maximum
    return (low is None or int(given) >= low) and (high is None or int(given) <= high)


def _text_box(most: int, value: Any) -> Block:
    most = max(1, min(most, limits.TEXT_INPUT))
    given = value if isinstance(value, str) else ""
    initial = {"initial_value": given} if given and size(given) <= most else {}
    lines = {"multiline": True} if most > LONG_TEXT else _ON_ENTER
    return {"type": "plain_text_input", "max_length": most, **initial, **lines}


_ON_ENTER: Block = {"dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]}}


def _hint(parameter: Parameter) -> str:
    hints = [parameter.hint]
    if parameter.type is ParameterType.DURATION:
        hints.append("Like 45s, 30m, 1h30m or 2d.")
    if parameter.type is ParameterType.TEXT and parameter.pattern:
        hints.append(f"Must match {parameter.pattern}.")
    return " ".join(hint for hint in hints if hint)


_ELEMENTS: Mapping[ParameterType, Callable[[Parameter, Any], Block]] = {
    ParameterType.CHOICE: _select,
    ParameterType.MULTI_CHOICE: _multi_select,
    ParameterType.BOOLEAN: _yes_or_no,
    ParameterType.INTEGER: _number,
    ParameterType.USER: _user,
    ParameterType.DURATION: _duration,
    ParameterType.TEXT: _text,
}
