"""What Slack's own clients check before they let a form be submitted."""

from __future__ import annotations

import re
from typing import Any

from jitbot.sandbox.values import Json, Typed, current

_EMPTY: tuple[Any, ...] = (None, "", [])


def input_errors(blocks: list[Json], typed: Typed) -> dict[str, str]:
    """Return by `block_id` what a person must correct before the app hears of the form."""
    errors: dict[str, str] = {}
    for block in blocks:
        if block["type"] == "input":
            wrong = _wrong(block, current(block["element"], block, typed))
            if wrong:
                errors[block["block_id"]] = wrong
    return errors


def _wrong(block: Json, value: Any) -> str | None:
    if value in _EMPTY:
        return None if block.get("optional") else "Please complete this required field."
    element = block["element"]
    check = _CHECKS.get(element["type"])
    found: str | None = check(element, value) if check else None
    return found


def _text(element: Json, value: Any) -> str | None:
    length = len(str(value))
    if length < element.get("min_length", 0):
        return f"Please enter at least {element['min_length']} characters."
    if length > element.get("max_length", 3000):
        return f"Please enter at most {element.get('max_length', 3000)} characters."
    return None


def _number(element: Json, value: Any) -> str | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return "Please enter a number."
    if not element.get("is_decimal_allowed") and not number.is_integer():
        return "Please enter a whole number."
    if "min_value" in element and number < float(element["min_value"]):
        return f"Please enter a number of at least {element['min_value']}."
    if "max_value" in element and number > float(element["max_value"]):
        return f"Please enter a number of at most {element['max_value']}."
    return None


def _email(_element: Json, value: Any) -> str | None:
    return None if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", str(value)) else "Please enter a valid email address."


def _url(_element: Json, value: Any) -> str | None:
    return None if re.match(r"https?://\S+$", str(value)) else "Please enter a valid URL."


def _count(element: Json, value: Any) -> str | None:
    most = element.get("max_selected_items")
    return f"Please choose at most {most}." if most and len(value) > most else None


_CHECKS = {
    "plain_text_input": _text,
    "number_input": _number,
    "email_text_input": _email,
    "url_text_input": _url,
    "multi_static_select": _count,
    "multi_external_select": _count,
    "multi_users_select": _count,
    "multi_conversations_select": _count,
    "multi_channels_select": _count,
}
