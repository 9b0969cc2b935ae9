"""One configuration file as text, and one key of it: what stands there, and the text with something else there.

Every new text is read again: it must hold what the old one held, and differ in this key alone.
"""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jitbot.runners.config_file.format import Format, Key, NotEditable
from jitbot.runners.config_file.json_text import Json
from jitbot.runners.config_file.toml_text import Toml
from jitbot.runners.config_file.yaml_text import Yaml

FORMATS: dict[str, Format] = {".yml": Yaml(), ".yaml": Yaml(), ".json": Json(), ".toml": Toml()}
MOST_VALUES = 200_000


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at a key: its value, plain, and how it is written; nothing where the key is absent."""

    there: bool
    value: Any = None
    source: str = ""

    def same(self, other: "Entry") -> bool:
        """Tell whether two are the same to a program that reads them: `1` is not `true`, and not `1.0`."""
        mine, theirs = (json.dumps(each.value, sort_keys=True) for each in (self, other))
        return (self.there, mine) == (other.there, theirs)


class Document:
    """A text in one format. Raises from all: ValueError, saying what cannot be done."""

    def __init__(self, text: str, format: Format) -> None:
        if text.startswith("\ufeff"):
            raise NotEditable("it begins with a byte order mark: save it without one")
        self._text = text
        self._format = format
        self._readings = self._read(text)

    def entry(self, key: Key) -> Entry:
        """Return what stands at a key."""
        parent, last = _parent(self._readings[0], key), key[-1]
        if isinstance(last, int) is not isinstance(parent, list):
            raise NotEditable(f"{pointer(key[:-1])} is {'a list' if isinstance(parent, list) else 'no list'}")
        if isinstance(last, int) and last >= len(parent):
            raise NotEditable(f"the list at {pointer(key[:-1])} has no place {last}")
        if isinstance(last, str) and last not in parent:
            return Entry(False)
        source = self._format.source(self._text, key)
        if source is None:
            raise NotEditable(f"{pointer(key)} is there, but not as text that could be changed: change it by hand")
        return Entry(True, parent[last], source)

    def with_value(self, key: Key, value: Any) -> str:
        """Return the text with another value at a key."""
        now = self.entry(key)
        text = self._format.put(self._text, key, self._format.render(value, now.source if now.there else None))
        return self._seen(text, key, [value] * len(self._readings))

    def with_entry(self, key: Key, entry: Entry) -> str:
        """Return the text with something at a key that stood there before, or without the key."""
        if not entry.there:
            return self._seen(self._format.drop(self._text, key), key, [])
        text = self._format.put(self._text, key, entry.source)
        others = [_parent(reading, key)[key[-1]] for reading in self._read(text)[1:]]
        return self._seen(text, key, [entry.value, *others])

    def _seen(self, text: str, key: Key, values: Sequence[Any]) -> str:
        """See that a new text holds what the old one held, but at the key these values, by reading, or nothing."""
        wanted = copy.deepcopy(self._readings)
        for number, reading in enumerate(wanted):
            parent = _parent(reading, key)
            if values:
                parent[key[-1]] = values[number]
            else:
                del parent[key[-1]]
        if json.dumps(self._read(text), sort_keys=True) != json.dumps(wanted, sort_keys=True):
            raise NotEditable("more than this key would change by the way the file is written: change it by hand")
        return text

    def _read(self, text: str) -> list[Any]:
        return [_plain(reading, [MOST_VALUES]) for reading in self._format.readings(text)]


def pointer(key: Key) -> str:
    """Write a key as people read it: `/services/0/name`."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in key) or "/"


def _parent(reading: Any, key: Key) -> Any:
    """Return what holds a key, or would hold it."""
    here: Any = reading
    for number, step in enumerate(key[:-1]):
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            here = None
        if not isinstance(here, dict | list):
            raise NotEditable(f"there is nothing at {pointer(key[: number + 1])} that could hold it")
    if not isinstance(here, dict | list):
        raise NotEditable("it holds no keys")
    return here


def _plain(value: Any, left: list[int]) -> Any:
    """Return a copy in which nothing is shared and everything is JSON; what JSON has no word for is marked.

    `left` counts down, since a text with aliases may be short and stand for very much.
    """
    left[0] -= 1
    if left[0] < 0:
        raise NotEditable(f"it holds more than {MOST_VALUES} values")
    if isinstance(value, dict):
        return {key if isinstance(key, str) else f"\0{key!r}": _plain(each, left) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each, left) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return f"\0{value!r}"
