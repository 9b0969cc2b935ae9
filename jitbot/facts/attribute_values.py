"""Values of attributes out of somebody's JSON: `{name: JSON pointer}` says where each stands."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from jitbot.errors import FactUnavailable
from jitbot.outbound.pointer import look_up


def _pointer(text: str) -> str:
    if text and not text.startswith("/"):
        raise ValueError(f"{text!r} is not a JSON pointer; write it like /title or /profile/role")
    return text


Pointer = Annotated[str, AfterValidator(_pointer), Field(max_length=500)]
Pointers = dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")], Pointer]


def values_at(document: Any, pointers: Mapping[str, str]) -> dict[str, Any]:
    """Return each attribute's value; one that is not there, or null, is left out."""
    found = {name: _plain(_at(document, pointer)) for name, pointer in pointers.items()}
    return {name: value for name, value in found.items() if value is not None}


def add(found: dict[str, dict[str, Any]], who: str, values: dict[str, Any]) -> None:
    """Keep somebody's values. Raises: FactUnavailable for a second account of the same person."""
    key = who.casefold() if "@" in who else who
    if key in found:
        raise FactUnavailable(f"there are two accounts of {who}, and nobody knows which one holds")
    found[key] = values


def _at(document: Any, pointer: str) -> Any:
    try:
        return look_up(document, pointer)
    except LookupError:
        return None


def _plain(value: Any) -> Any:
    """Take SCIM's lists of `{value: …}` as lists of values (RFC 7643, section 2.4)."""
    if isinstance(value, list):
        return [each["value"] if isinstance(each, dict) and "value" in each else each for each in value]
    return value
