"""A mark: a tag by which AWS itself remembers what a run has begun, and what was there before.

A worker may be lost before it has handed in its receipt. Tags are on the very thing that is changed, and survive
jitbot. Their values take few characters: letters, digits, spaces and `_ . : / = + - @`, 256 at most
(https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html).
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from jitbot.errors import RunnerRefused
from jitbot.model import Receipt
from jitbot.ports import Run

VALUE_CHARACTERS = 256

_OURS = "jitbot:"
_HELD = {"held": "yes"}
_FREE = {"held": "no"}
_PLAIN = re.compile(r"[A-Za-z0-9_.:/+@-]*")


@dataclass(frozen=True, slots=True)
class Mark:
    """Which run has begun it, whether that holds a grant, and what was there before."""

    key: str
    grant: bool
    before: Mapping[str, str] = field(default_factory=dict)


def named(*of: str) -> str:
    """Return the name of the tag for what these words say together."""
    return _OURS + hashlib.sha256(json.dumps(of).encode()).hexdigest()[:24]


def written(mark: Mark) -> str:
    """Return the value of the tag. Raises: RunnerRefused where a tag cannot hold it."""
    words = {"run": mark.key, "grant": str(int(mark.grant)), **mark.before}
    value = " ".join(f"{name}={_quoted(word)}" for name, word in words.items())
    if len(value) > VALUE_CHARACTERS:
        raise RunnerRefused(
            f"What was there before is too long for the {VALUE_CHARACTERS} characters of a tag, so it could not be put "
            "back: change it by hand."
        )
    return value


def read(tags: Iterable[Mapping[str, Any]], name: str) -> Mark | None:
    """Find a mark among tags, spelt as any service spells them; None where there is none, or no legible one."""
    for tag in tags:
        if tag.get("Key", tag.get("key")) == name:
            return _legible(str(tag.get("Value", tag.get("value", ""))))
    return None


def kept(known: Mark | None, run: Run, before: Mapping[str, str]) -> Mark:
    """Return what is to be remembered: what was before this run, or before the grant that this one joins."""
    if known is not None and (known.key == run.key or (known.grant and run.until is not None)):
        return known
    return Mark(run.key, run.until is not None, before)


def before(known: Mark | None, receipt: Receipt | None, run: Run) -> Mapping[str, str] | None:
    """Return what this undo has to restore; None where it has been, or where this run never began.

    The mark is erased last, so without one there is nothing left to do.
    """
    if known is None or not (known.grant or known.key == run.key):
        return None
    return receipt.data["before"] if receipt is not None else known.before


def of_grant(known: Mark | None, run: Run, *, held: bool) -> Mark:
    """Return what is to be remembered of something that is held or not: never that it was, where it is not now."""
    note = kept(known, run, _HELD if held else _FREE)
    return note if held or note.before == _FREE else Mark(run.key, run.until is not None, _FREE)


def gave(known: Mark | None, receipt: Receipt | None) -> bool | None:
    """Tell whether it was not held before, so that it has to be taken away; None where nothing says that it began.

    Mark or receipt suffices: nobody keeps what was given for a time by taking a tag away or writing over it.
    """
    said = [known.before] if known is not None else []
    said += [receipt.data["before"]] if receipt is not None else []
    return _FREE in said if said else None


def holds(known: Mark | None) -> bool:
    """Tell whether it is held by a grant alone, and so ends with the last of them."""
    return known is not None and known.grant and known.before == _FREE


def _quoted(word: str) -> str:
    return quote(word, safe="/:+").replace("~", "%7E").replace("%", "@")


def _legible(value: str) -> Mark | None:
    words = dict(part.partition("=")[::2] for part in value.split(" "))
    if not all(_PLAIN.fullmatch(word) for word in words.values()) or not {"run", "grant"} <= set(words):
        return None
    plain = {name: unquote(word.replace("@", "%")) for name, word in words.items()}
    return Mark(plain.pop("run"), plain.pop("grant") == "1", plain)
