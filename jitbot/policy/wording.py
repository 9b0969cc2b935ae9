"""Small pieces of sentences that every message about policies is made of."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from itertools import islice
from typing import Any

from jitbot.policy.lookalikes import foreign, named

COMPARED = 500
"""So many words are compared with a misspelt one; comparing is slow, and there may be thousands."""


def shown(text: str, limit: int = 60) -> str:
    """Quote what somebody typed, on one line and not too much of it; a letter that only looks Latin is named."""
    quoted = repr(text if len(text) <= limit else text[: limit - 1] + "…")
    letter = foreign(text)
    return f"{quoted} ({named(letter)})" if letter else quoted


def written(value: Any) -> str:
    """Show a value as it would be written in YAML; a list or a mapping only by its kind."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return shown(value) if isinstance(value, str) else str(value)


def did_you_mean(word: str, allowed: Iterable[str], closeness: float = 0.6) -> str:
    """Return ` Did you mean …?` when one of the allowed words is close (1 is equal), else nothing."""
    alike = (other for other in allowed if abs(len(other) - len(word)) <= 5)
    close = get_close_matches(word, list(islice(alike, COMPARED)), n=1, cutoff=closeness)
    return f" Did you mean {close[0]}?" if close else ""


def listed(words: Collection[str], conjunction: str = "or", most: int = 12) -> str:
    """List words for a sentence: `a, b or c`; a long list is cut, visibly."""
    first = list(words)[:most]
    if len(words) > most:
        return f"{', '.join(first)} … ({len(words)} in all)"
    if len(first) < 2:
        return "".join(first) or "nothing"
    return f"{', '.join(first[:-1])} {conjunction} {first[-1]}"
