"""What a start did to a file, small enough for a receipt, and the note beside the file that says the same."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jitbot.errors import RunnerUnsure
from jitbot.runners.config_file.document import Entry
from jitbot.runners.config_file.format import NotEditable

MOST_CHARACTERS = 6_000
"""A receipt is kept for years, and 16 KiB are all that is kept of it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What stood at the key; and the one stretch of text that is another one, between two whole files."""

    was: Entry
    before: str
    """The SHA-256 of the file before, as `after` of the one after."""
    after: str
    at: int
    old: str
    new: str

    @classmethod
    def between(cls, old: str, new: str, was: Entry) -> "Change":
        """Return what makes one text into another. Raises: NotEditable where that is too long to be kept."""
        at = _alike(old, new)
        same = _alike(old[at:][::-1], new[at:][::-1])
        stretches = old[at : len(old) - same], new[at : len(new) - same]
        if sum(map(len, (*stretches, was.source))) > MOST_CHARACTERS:
            raise NotEditable("what stands there is too long to be kept for the undo: name a finer key")
        return cls(was, _digest(old), _digest(new), at, *stretches)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "Change":
        """Return it as it was kept. Raises: RunnerUnsure where it is not what was kept."""
        fields = {name: value for name, value in data.items() if name != "seal"}
        try:
            was = Entry(**fields.pop("was"))
            change = cls(was=was, **fields)
        except (TypeError, ValueError, KeyError) as error:
            raise RunnerUnsure("What was kept for the undo cannot be read: restore the file by hand.") from error
        if change.kept()["seal"] != data.get("seal"):  # a secret that was taken out of it, for example
            raise RunnerUnsure("What was kept for the undo is not whole any more: restore the file by hand.")
        return change

    def kept(self) -> dict[str, Any]:
        """Return it as JSON; its seal shows whether anything was taken out of it."""
        was = {"there": self.was.there, "value": self.was.value, "source": self.was.source}
        data = {
            "was": was,
            "before": self.before,
            "after": self.after,
            "at": self.at,
            "old": self.old,
            "new": self.new,
        }
        return {**data, "seal": _digest(json.dumps(data, sort_keys=True))}

    def reverted(self, text: str) -> str:
        """Return the very text before, from the very text after."""
        return text[: self.at] + self.old + text[self.at + len(self.new) :]


@dataclass(frozen=True, slots=True)
class Note:
    """A change that is under way or holds, kept beside its file until it is undone: whose, and what it was."""

    key: str
    grant: bool
    """Whether it belongs to a grant, which always ends by an undo."""
    change: Change

    @classmethod
    def read(cls, data: bytes) -> "Note":
        """Return a note. Raises: RunnerUnsure."""
        try:
            told = json.loads(data)
            return cls(told["key"], told["grant"], Change.read(told["change"]))
        except (ValueError, LookupError, TypeError) as error:
            raise RunnerUnsure("The note beside the file cannot be read: look at it, and restore by hand.") from error

    def written(self) -> bytes:
        return json.dumps({"key": self.key, "grant": self.grant, "change": self.change.kept()}).encode()

    def belongs(self, key: str) -> bool:
        """Tell whether a run may undo by it: its own, or one that joined the grant it belongs to."""
        return self.grant or self.key == key


def _alike(one: str, other: str) -> int:
    """Return how many characters two texts have in common from their beginning."""
    return len(os.path.commonprefix([one, other]))  # noqa: RUF071 - characters are what is meant


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
