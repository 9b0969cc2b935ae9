"""JSON pointers (RFC 6901): `/items/0/name`."""

from typing import Any


def look_up(document: Any, pointer: str) -> Any:
    """Return the value a pointer names. Raises: LookupError when there is none."""
    value = document
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[_index(key)]
        elif isinstance(value, dict):
            value = value[key]
        else:
            raise LookupError(pointer)  # noqa: TRY004 - to the caller it is one thing: not there
    return value


def _index(key: str) -> int:
    if not (key.isascii() and key.isdigit()) or (key != "0" and key.startswith("0")):
        raise LookupError(key)
    return int(key)
