"""Reads one YAML file strictly, event by event, and remembers where everything stands.

Size, depth and number of nodes are bounded before anything is built (PyYAML's own loader crashes on deep nesting and
hangs on merge keys). Refused: duplicate keys, anchors, aliases, merge keys, tags, a second document.
"""

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from jitbot.policy.issues import Issues, Place
from jitbot.policy.scalars import find, resolve
from jitbot.policy.wording import shown

MOST_BYTES = 1 << 20
MOST_NODES = 100_000
MOST_DEPTH = 32

Path = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|\r(?!\n)"
)


class Mark(NamedTuple):
    """Where a key or value begins; `start` counts characters from the beginning of the file."""

    line: int
    column: int
    start: int
    style: str | None = None


@dataclass
class Document:
    """A file's value, with the marks of its keys and values by their path."""

    name: str
    text: str
    value: Any = None
    keys: dict[Path, Mark] = field(default_factory=dict)
    values: dict[Path, Mark] = field(default_factory=dict)

    def at(self, path: Path) -> Place:
        """Return where the value at a path stands, or the nearest thing around it."""
        return self._nearest(self.values, path)

    def key(self, path: Path) -> Place:
        """Return where a key stands; an item of a list has none, so its value."""
        return self._nearest(self.keys if path in self.keys else self.values, path)

    def inside(self, path: Path, offset: int) -> Place:
        """Return where the character at `offset` of the text at `path` stands."""
        mark = self.values[path]
        return self.place(find(self.text, mark.start, mark.style, self.get(path), offset))

    def place(self, index: int) -> Place:
        """Return the place of the character at an index of the file."""
        return Place(self.name, self.text.count("\n", 0, index) + 1, index - self.text.rfind("\n", 0, index))

    def get(self, path: Path) -> Any:
        """Return the value at a path that exists."""
        value = self.value
        for step in path:
            value = value[step]
        return value

    def _nearest(self, marks: dict[Path, Mark], path: Path) -> Place:
        while path and path not in marks:
            path = path[:-1]
        mark = marks.get(path, Mark(1, 1, 0))
        return Place(self.name, mark.line, mark.column)


def parse(name: str, text: str, issues: Issues) -> Document | None:
    """Read one file; None when `issues` got what is wrong with it."""
    document = Document(name, text)
    before = len(issues)
    fault = _unfit(document)
    if fault:
        issues.add(*fault)
        return None
    builder = _Builder(document, issues)
    try:
        for event in yaml.parse(text, _LOADER):
            builder.take(event)
    except _Hopeless as error:
        issues.add(error.place, str(error))
    except yaml.MarkedYAMLError as error:
        issues.add(*_explained(name, error))
    return document if len(issues) == before else None


def _unfit(document: Document) -> tuple[Place, str] | None:
    """Tell what keeps a text from being looked at at all."""
    if len(document.text.encode(errors="replace")) > MOST_BYTES:
        return Place(document.name), f"the file is larger than {MOST_BYTES // 1024} KiB; split it into several files."
    odd = _UNPRINTABLE.search(document.text)
    if odd:
        place = document.place(odd.start())
        return place, f"the character U+{ord(odd[0]):04X} is not allowed here; take it out, or write it as an escape."
    return None


def _explained(name: str, error: yaml.MarkedYAMLError) -> tuple[Place, str]:
    mark = error.problem_mark or error.context_mark
    message = f"this is not valid YAML: {error.problem}"
    if error.context and error.context_mark:
        message += f", {error.context} that began on line {error.context_mark.line + 1}"
    if "cannot start any token" in message:
        message += "; indent with spaces, never tabs, and put text that begins with @, %, ` or a tab in quotes"
    return Place(name, mark.line + 1, mark.column + 1) if mark else Place(name), message + "."


class _Hopeless(Exception):
    """Reading on would make no sense."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


@dataclass
class _Frame:
    """A mapping or list that is being read; `key` waits for its value."""

    container: dict[str, Any] | list[Any]
    path: Path
    key: str | None = None


class _Builder:
    """Builds a document's value from events."""

    def __init__(self, document: Document, issues: Issues) -> None:
        self._document = document
        self._issues = issues
        self._stack: list[_Frame] = []
        self._nodes = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Take in the next event."""
        match event:
            case yaml.ScalarEvent() | yaml.MappingStartEvent() | yaml.SequenceStartEvent() | yaml.AliasEvent():
                self._node(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._stack.pop()
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise self._hopeless(event, "one file holds one document; take out the `---`.")
            case _:
                pass

    def _node(self, event: yaml.NodeEvent) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise self._hopeless(event, f"more than {MOST_NODES} values in one file; split it into several files.")
        self._refuse_cleverness(event)
        frame = self._stack[-1] if self._stack else None
        if frame and isinstance(frame.container, dict) and frame.key is None:
            self._key(frame, event)
        elif isinstance(event, yaml.ScalarEvent):
            self._put(resolve(event.value) if event.implicit[0] else event.value, event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._collection(event)
        else:
            self._put(None, event)

    def _refuse_cleverness(self, event: yaml.NodeEvent) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._note(event, f"aliases are not allowed; write out what `*{event.anchor}` stands for.")
        elif event.anchor:
            self._note(event, f"anchors are not allowed; take out `&{event.anchor}`.")
        tag = getattr(event, "tag", None)
        if tag:
            self._note(event, f"tags are not allowed; take out the `!` tag ({shown(tag)}).")

    def _key(self, frame: _Frame, event: yaml.NodeEvent) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            raise self._hopeless(event, "a key must be text, not a list, a mapping or an alias.")
        key, path = event.value, (*frame.path, event.value)
        if key == "<<":
            self._note(event, "merge keys (`<<`) are not allowed; write the keys out.")
        elif key in frame.container:
            first = self._document.keys[path].line
            self._note(event, f"the key {shown(key)} is here twice; the first is on line {first}.")
        frame.key = key
        self._document.keys[path] = _mark(event)

    def _collection(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._stack) >= MOST_DEPTH:
            raise self._hopeless(event, f"nested deeper than {MOST_DEPTH} levels.")
        container: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append(_Frame(container, self._put(container, event)))

    def _put(self, value: Any, event: yaml.Event) -> Path:
        """Put a value where it belongs and return its path."""
        path: Path = ()
        if not self._stack:
            self._document.value = value
        else:
            frame = self._stack[-1]
            if isinstance(frame.container, list):
                path = (*frame.path, len(frame.container))
                frame.container.append(value)
            else:
                path = (*frame.path, frame.key or "")
                frame.container[frame.key or ""] = value
                frame.key = None
        self._document.values[path] = _mark(event)
        return path

    def _note(self, event: yaml.Event, message: str) -> None:
        self._issues.add(self._place(event), message)

    def _hopeless(self, event: yaml.Event, message: str) -> _Hopeless:
        return _Hopeless(self._place(event), message)

    def _place(self, event: yaml.Event) -> Place:
        mark = _mark(event)
        return Place(self._document.name, mark.line, mark.column)


def _mark(event: yaml.Event) -> Mark:
    start: Any = event.start_mark  # None only for events that are made by hand
    return Mark(start.line + 1, start.column + 1, start.index, getattr(event, "style", None))
