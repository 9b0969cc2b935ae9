"""What a format of configuration files can do: read, find the text of one key, put it and drop it."""

from collections.abc import Sequence
from typing import Any, Protocol

Step = str | int
"""The name of a key, or a place in a list from 0."""
Key = Sequence[Step]


class NotEditable(ValueError):
    """A text, or a key of it, that cannot be changed here; the message says why."""


class Format(Protocol):
    """Works on text, so that all of it but one key stays. Raises from all: ValueError for what it cannot do.

    Whoever calls `put` and `drop` has seen that all of the key but its last step is there, and reads the result again.
    """

    def readings(self, text: str) -> Sequence[Any]:
        """Return what is in a text, in each way in which programs read it."""

    def source(self, text: str, key: Key) -> str | None:
        """Return the value of a key as it is written; None where it cannot be found."""

    def put(self, text: str, key: Key, source: str) -> str:
        """Return the text with this written as the value of a key, which is new or not."""

    def drop(self, text: str, key: Key) -> str:
        """Return the text without a key."""

    def render(self, value: Any, like: str | None) -> str:
        """Return a value as it is written, where that goes like the one before."""
