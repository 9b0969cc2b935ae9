"""Changes in braces, as JSON and YAML's flow style write them: `{"a": 1, "b": 2}`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_COLON = re.compile(r"\s*:\s*")
_SPACE_BEFORE = re.compile(r"\s*$")


@dataclass(frozen=True, slots=True)
class Span:
    """Where something stands, in characters."""

    start: int
    end: int

    def replaced(self, text: str, by: str) -> str:
        """Return the text with something else here."""
        return text[: self.start] + by + text[self.end :]


@dataclass(frozen=True, slots=True)
class Member:
    """A key and its value."""

    name: str
    key: Span
    value: Span


def inserted(text: str, opening: int, members: Sequence[Member], key: str, value: str) -> str:
    """Return the text with one more member in the braces that open there, written like its neighbours."""
    if not members:
        return Span(opening + 1, opening + 1).replaced(text, f"{key}: {value}")
    last = members[-1]
    between = text[last.key.end : last.value.start]
    colon = between if _COLON.fullmatch(between) else ": "
    space = _SPACE_BEFORE.search(text[: last.key.start])
    before = space[0] if space else ""
    if len(members) == 1 and not before and colon.endswith(" "):
        before = " "
    return Span(last.value.end, last.value.end).replaced(text, f",{before}{key}{colon}{value}")


def dropped(text: str, members: Sequence[Member], which: Member) -> str:
    """Return the text without a member and its comma."""
    at = members.index(which)
    if at > 0:
        return Span(members[at - 1].value.end, which.value.end).replaced(text, "")
    end = members[1].key.start if len(members) > 1 else which.value.end
    return Span(which.key.start, end).replaced(text, "")
