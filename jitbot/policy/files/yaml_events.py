"""Reads one YAML file strictly, event by event, and remembers where everything stands.

Size, depth and number of nodes are bounded before anything is built (PyYAML's own loader crashes on deep nesting and
hangs on merge keys). Refused: duplicate keys, anchors, aliases, merge keys, tags, a second document.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from jitbot.policy.files.issues import Issues, Place
from jitbot.policy.files.scalars import find, resolve
from jitbot.policy.wording import shown

MOST_BYTES = 1 << 20
MOST_NODES = 100_000
MOST_DEPTH = 32

Path = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|\r(?!\n)"
)
_HALF_QUOTED = re.compile(r""":\s+(?:'[^']*'|"[^"]*")\s*[^\s,}\]#]""")


@dataclass
class Document:
    """A file's value, with the events that its keys and values came from by their path."""

    name: str
    text: str
    value: Any = None
    keys: dict[Path, yaml.NodeEvent] = field(default_factory=dict)
    values: dict[Path, yaml.NodeEvent] = field(default_factory=dict)

    def at(self, path: Path) -> Place:
        """Return where the value at a path stands, or the nearest thing around it."""
        return self._nearest(self.values, path)

    def key(self, path: Path) -> Place:
        """Return where a key stands; an item of a list has none, so its value."""
        return self._nearest(self.keys if path in self.keys else self.values, path)

    def inside(self, path: Path, offset: int) -> Place:
        """Return where the character at `offset` of the text at `path` stands."""
        event = self.values[path]
        style = getattr(event, "style", None)
        return self.place(find(self.text, _start(event).index, style, self.get(path), offset))

    def place(self, index: int) -> Place:
        """Return the place of the character at an index of the file."""
        return Place(self.name, self.text.count("\n", 0, index) + 1, index - self.text.rfind("\n", 0, index))

    def place_of(self, event: yaml.Event) -> Place:
        """Return where an event begins."""
        start = _start(event)
        return Place(self.name, start.line + 1, start.column + 1)

    def get(self, path: Path) -> Any:
        """Return the value at a path that exists."""
        value = self.value
        for step in path:
            value = value[step]
        return value

    def _nearest(self, events: dict[Path, yaml.NodeEvent], path: Path) -> Place:
        while path and path not in events:
            path = path[:-1]
        return self.place_of(events[path]) if path in events else Place(self.name)


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
        issues.add(*_explained(document, error))
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


def _explained(document: Document, error: yaml.MarkedYAMLError) -> tuple[Place, str]:
    mark: Any = error.problem_mark  # the parser always knows where it stopped
    message = f"this is not valid YAML: {error.problem}"
    if error.context and error.context_mark:
        message += f", {error.context} that began on line {error.context_mark.line + 1}"
    if "cannot start any token" in message:
        message += "; indent with spaces, never tabs, and put text that begins with @, % or ` in quotes"
    line = document.text.split("\n")[mark.line : mark.line + 1]  # none where the file ends with a line end
    if line and _HALF_QUOTED.search(line[0]):
        message += "; text that begins with a quote must end with it: put the whole of it in double quotes"
    return Place(document.name, mark.line + 1, mark.column + 1), message + "."


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
        if isinstance(event, yaml.NodeEvent):
            self._node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._stack.pop()
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._hopeless(event, "one file holds one document; take out the `---`.")

    def _node(self, event: yaml.NodeEvent) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise self._hopeless(event, f"more than {MOST_NODES} values in one file; split it into several files.")
        if event.anchor is not None or getattr(event, "tag", None) is not None:
            self._refuse_cleverness(event)
        frame = self._stack[-1] if self._stack else None
        if frame and frame.key is None and isinstance(frame.container, dict):
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
        elif event.anchor is not None:
            self._note(event, f"anchors are not allowed; take out `&{event.anchor}`.")
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._note(event, f"tags are not allowed; take out the `!` tag ({shown(tag)}).")

    def _key(self, frame: _Frame, event: yaml.NodeEvent) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            raise self._hopeless(event, "a key must be text, not a list, a mapping or an alias.")
        key, path = event.value, (*frame.path, event.value)
        if key == "<<":
            self._note(event, "merge keys (`<<`) are not allowed; write the keys out.")
        elif key in frame.container:
            first = self._document.place_of(self._document.keys[path]).line
            self._note(event, f"the key {shown(key)} is here twice; the first is on line {first}.")
        frame.key = key
        self._document.keys[path] = event

    def _collection(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._stack) >= MOST_DEPTH:
            raise self._hopeless(event, f"nested deeper than {MOST_DEPTH} levels.")
        container: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append(_Frame(container, self._put(container, event)))

    def _put(self, value: Any, event: yaml.NodeEvent) -> Path:
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
        self._document.values[path] = event
        return path

    def _note(self, event: yaml.Event, message: str) -> None:
        self._issues.add(self._document.place_of(event), message)

    def _hopeless(self, event: yaml.Event, message: str) -> _Hopeless:
        return _Hopeless(self._document.place_of(event), message)


def _start(event: yaml.Event) -> Any:
    """Return an event's mark, which only events made by hand do without; its lines and columns count from zero."""
    return event.start_mark
