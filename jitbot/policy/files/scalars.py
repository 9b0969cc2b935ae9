"""YAML scalars: what a plain one means, and where in the file a character of its value stands."""

import re
from collections.abc import Iterator

_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    spelling: value for value in (True, False) for spelling in (str(value), str(value).lower(), str(value).upper())
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}(?:[eE][-+]?[0-9]{1,3})?")
_BLANK = " \t\r\n"
_ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|\r\n|.)", re.DOTALL)
_BLANK_ESCAPES = frozenset("tnr \t\r\n")
"""What follows the backslash of an escape that stands for a blank, or for a line that goes on."""


def resolve(text: str) -> str | int | float | bool | None:
    """Read a plain scalar as YAML 1.2 does: `on`, `no`, `10:00`, `007` and dates stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def find(source: str, start: int, style: str | None, value: str, offset: int) -> int:
    """Return the index in `source` of the character at `offset` of a scalar's value.

    Folding, block indentation and quoting only add or remove blanks, so the n-th character that is not blank is
    the same one in the file and in the value.
    """
    before = sum(character not in _BLANK for character in value[:offset])
    behind_all = not value[offset:].strip(_BLANK)
    for index in _solid(source, start, style):
        if before == 1 and behind_all:
            return index + 1
        if before == 0:
            return index
        before -= 1
    return start


def _solid(source: str, start: int, style: str | None) -> Iterator[int]:
    """Yield the indices of a scalar's characters that are not blank; it runs on behind the scalar's end."""
    index = start
    if style in ("|", ">"):
        index = source.find("\n", start) + 1
    elif style:
        index = start + 1
    while index < len(source):
        length, solid = _unit(source, index, style)
        if solid:
            yield index
        index += length


def _unit(source: str, index: int, style: str | None) -> tuple[int, bool]:
    """Measure one character of the value as it is written: its length, and whether it is not blank."""
    if style == "'" and source.startswith("''", index):
        return 2, True
    escape = _ESCAPE.match(source, index) if style == '"' else None
    if escape:
        code = escape[0][2:] if escape[0][1] in "xuU" else ""
        return len(escape[0]), chr(int(code, 16)) not in _BLANK if code else escape[0][1] not in _BLANK_ESCAPES
    return 1, source[index] not in _BLANK
