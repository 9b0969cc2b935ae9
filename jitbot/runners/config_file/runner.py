"""The runner `config.file`: sets one key in a YAML, JSON or TOML file, and restores what stood there."""

import difflib
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import cast

from pydantic import BaseModel

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.text import shown, visible
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.config_file.change import Change, Note
from jitbot.runners.config_file.document import Document, Entry, pointer
from jitbot.runners.config_file.inputs import FileInputs
from jitbot.runners.config_file.place import Content, Place, opened
from jitbot.runners.deadline import seconds_left

LOOK_SECONDS = 10.0
"""How long git may take for a plan."""
BUSY_SECONDS = 10.0
"""How long another run in the same folder is waited for."""


class ConfigFile:
    """See `FileInputs` for what it can be told."""

    Inputs: type[BaseModel] = FileInputs
    repeatable = False
    """A second start that is refused could not tell that nothing had happened: the first may have been done."""
    undoable = True
    stoppable = True
    """While it waits for another run in its folder; then it is done at once."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._redact: Callable[[str], str] = getattr(site, "redact", str)

    def target(self, inputs: BaseModel) -> str:
        told = cast(FileInputs, inputs)
        name = f"file:{told.folder.rstrip('/')}/{told.file}#{pointer(told.key)}"
        return name if len(name) <= 400 else f"file:{hashlib.sha256(name.encode()).hexdigest()}"

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(FileInputs, inputs)
        with _refusing(told), opened(told.folder, told.file, self._site) as place:
            text = _text(_present(place))
            was, new = self._changed(told, text)
            if told.git:
                place.checkout(LOOK_SECONDS).demand_clean()
        texts = text.split("\n"), new.split("\n")
        lines = difflib.unified_diff(*texts, told.file, told.file, n=told.context, lineterm="")
        return Plan(
            summary=f"Set {told.name} to {_said(Entry(True, told.value))} (now {_said(was)})"
            f"{', and commit it' if told.git else ''}.",
            fingerprint=digest(told, was.there, was.source),
            diff="\n".join(visible(line) for line in lines),
            undoable=True,
        )

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told, left = cast(FileInputs, inputs), seconds_left(run)
        with (
            _refusing(told),
            opened(told.folder, told.file, self._site) as place,
            place.alone(min(BUSY_SECONDS, left), run.stopping),
        ):
            content = _present(place)
            was, new = self._changed(told, _text(content))
            known = _note(place, told)
            if known is not None and known.belongs(run.key) and was.same(Entry(True, told.value)):
                change = known.change
            else:
                change = Change.between(_text(content), new, was)
                self._write(told, place, content, new.encode(), Note(run.key, run.until is not None, change), run)
        run.log(f"{told.name}: {_said(Entry(True, told.value))}")
        return Receipt(change.kept(), summary=f"{told.name} is {_said(Entry(True, told.value))}")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(FileInputs, inputs)
        try:
            with opened(told.folder, told.file, self._site) as place:
                now = Document(_text(_present(place)), told.format).entry(told.key)
                known = Change.read(receipt.data) if receipt else (note := _note(place, told)) and note.change
        except (OSError, ValueError, RunnerRefused, RunnerUnsure) as error:
            return Health(HealthState.UNKNOWN, f"{told.name} cannot be read: {_why(error)}")
        if now.same(Entry(True, told.value)):
            return Health(HealthState.HEALTHY, f"{told.name} is {_said(now)}")
        state = HealthState.UNHEALTHY if known and not now.same(known.was) else HealthState.ABSENT
        return Health(state, f"{told.name} is {_said(now)}")

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told, left = cast(FileInputs, inputs), seconds_left(run)
        change = None if receipt is None else Change.read(receipt.data)
        try:
            with (
                opened(told.folder, told.file, self._site) as place,
                place.alone(min(BUSY_SECONDS, left), run.stopping),
            ):
                place.tidy(place.name, _beside(told))
                note = _note(place, told)
                if change is None and note is not None and note.belongs(run.key):
                    change = note.change
                if change is not None and change.before != change.after:
                    self._restore(told, place, change, run)
                    return
        except FileNotFoundError as error:
            if change is not None:
                raise RunnerUnsure(f"{told.name} is not as it was: {_why(error)}. Restore it by hand.") from error
        except (OSError, ValueError) as error:
            raise RunnerUnsure(f"{told.name} may not be as it was: {_why(error)}. Look at the file.") from error
        run.log(f"{told.name}: nothing of this run is there")

    def _changed(self, told: FileInputs, text: str) -> tuple[Entry, str]:
        """Return what stands at the key and the text with what is wanted there. Raises: ValueError, RunnerRefused."""
        document = Document(text, told.format)
        was = document.entry(told.key)
        new = text if was.same(Entry(True, told.value)) else document.with_value(told.key, told.value)
        kept = json.dumps(Change.between(text, new, was).kept(), ensure_ascii=False)
        if self._redact(kept) != kept:
            raise RunnerRefused(
                f"{told.name} holds a secret, or what looks like one, which may not be on record: set it by hand."
            )
        return was, new

    def _write(self, told: FileInputs, place: Place, content: Content, data: bytes, note: Note, run: Run) -> None:
        """Write the note, then the file, then the commit; what cannot be done to its end is taken back."""
        if data == content.data:
            return
        left = seconds_left(run)
        if told.git:
            place.checkout(left / 3).demand_clean()
        place.replace(note.written(), content, _beside(told))
        try:
            place.replace(data, content)
        except OSError:
            with suppress(OSError):
                place.remove(_beside(told))
            raise
        if told.git:
            self._commit(told, place, content, run)
        if not note.grant:
            with suppress(OSError):  # it is done, whatever becomes of the note
                place.remove(_beside(told))

    def _commit(self, told: FileInputs, place: Place, content: Content, run: Run) -> None:
        """Commit the change, or have the file as it was. Raises: RunnerRefused, RunnerUnsure."""
        git = place.checkout((run.deadline.timestamp() - time.time()) / 2)
        try:
            git.commit(f"Set {pointer(told.key)} in {told.file}", run.key)
        except RunnerUnsure as failed:
            try:
                place.replace(content.data, _present(place))
                git.demand_clean()
                place.remove(_beside(told))
            except (OSError, RunnerRefused) as error:
                raise RunnerUnsure(f"{failed} And it could not be taken back: {_why(error)}.") from error
            raise RunnerRefused(f"{failed} The file is as it was.") from failed

    def _restore(self, told: FileInputs, place: Place, change: Change, run: Run) -> None:
        content, git = _present(place), place.checkout(run.deadline.timestamp() - time.time())
        data = _restored(told, content, change)
        ours = content.digest in (change.before, change.after) or not told.git or git.is_clean()
        if data != content.data:
            place.replace(data, content)
        if not ours:
            run.log(f"{told.file} has changes that nobody has committed, so it is restored and not committed")
        elif told.git:
            git.commit(f"Restore {pointer(told.key)} in {told.file}", run.key)
        place.remove(_beside(told))
        run.log(f"{told.name}: {_said(change.was)}")


@contextmanager
def _refusing(told: FileInputs) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise RunnerRefused(f"{told.name} cannot be changed: {_why(error)}. Nothing was changed.") from error


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error).rstrip(".")


def _present(place: Place) -> Content:
    content = place.read()
    if content is None:
        raise FileNotFoundError(2, "there is no such file")
    return content


def _text(content: Content) -> str:
    return content.data.decode()


def _said(entry: Entry) -> str:
    return shown(json.dumps(entry.value, ensure_ascii=False))[:200] if entry.there else "not there"


def _beside(told: FileInputs) -> str:
    """Name the note of this key, beside its file."""
    name = told.file.rpartition("/")[2]
    return f".{name}.{hashlib.sha256(pointer(told.key).encode()).hexdigest()[:12]}.jitbot"


def _note(place: Place, told: FileInputs) -> Note | None:
    found = place.read(_beside(told))
    return None if found is None else Note.read(found.data)


def _restored(told: FileInputs, content: Content, change: Change) -> bytes:
    """Return the file with what stood there before. Raises: ValueError, RunnerRefused where others have changed it."""
    text = _text(content)
    if content.digest == change.after:
        return change.reverted(text).encode()
    document = Document(text, told.format)
    now = document.entry(told.key)
    if now.same(change.was):
        return content.data
    if not now.same(Entry(True, told.value)):
        raise RunnerRefused(
            f"{told.name} was changed by somebody else: it is {_said(now)}, and was set to "
            f"{_said(Entry(True, told.value))}. It is left as it is. Set it to what it was ({_said(change.was)}) "
            f"by hand where that is right, and this undo ends."
        )
    return document.with_entry(told.key, change.was).encode()
