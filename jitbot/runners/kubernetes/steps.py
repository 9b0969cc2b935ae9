"""How one value of an object is changed and changed back: with a note in the same write, and never over somebody else.

Each change names the version of the object that it was decided on, so the API server refuses it if anybody was faster.
"""

from dataclasses import replace
from typing import Any, NoReturn

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Receipt
from jitbot.ports import Run
from jitbot.runners.kubernetes import note as notes
from jitbot.runners.kubernetes.api import Api, is_conflict
from jitbot.runners.kubernetes.change import Change, Subject
from jitbot.runners.kubernetes.kinds import Document
from jitbot.runners.kubernetes.note import Note
from jitbot.runners.kubernetes.pace import Pace, unharmed
from jitbot.runners.kubernetes.wire import NoAnswer, NoWord

TRIES = 10
"""How often a change is decided anew because somebody, as a rule a controller, was faster."""


class Steps:
    """The steps of one change of one object."""

    def __init__(self, api: Api, subject: Subject, change: Change) -> None:
        self._api = api
        self._subject = subject
        self._change = change
        self._pace = Pace(api)

    def found(self) -> Document:
        """Return the object. Raises: NoWord, RunnerRefused where there is none."""
        found = self.look()
        if found is None:
            raise RunnerRefused(f"There is no {self._subject.words}: correct its name, namespace or server.")
        return found

    def look(self) -> Document | None:
        return self._api.get(self._subject.kind, self._subject.name, self._subject.namespace)

    def note(self, found: Document) -> Note | None:
        return notes.read(found, self._change.annotation)

    def plan(self, found: Document) -> tuple[Any, Any]:
        """Return from what to what it would change, rehearsed. Raises: NoWord, RunnerRefused."""
        now, known = self._change.state(found), self.note(found)
        if known is not None and known.open and self._joins(known, now):
            return known.before, now
        goal = self._change.goal(found, now)
        self._write(found, goal, Note("plan", now, goal, grant=False), rehearse=True)
        return now, goal

    def begin(self, run: Run) -> Note:
        """Change it, or find that this run has; return the note. Raises: RunnerRefused, RunnerUnsure."""
        if run.stopping():
            raise RunnerRefused("It was stopped before it began; nothing was done.")
        for _ in range(TRIES):
            found, note = unharmed(lambda: self._decided(run))
            if note == self.note(found):
                return note
            if self._begun(found, note):
                run.log(f"{self._subject.words}: {self._change.shown(note.before)} -> {self._change.shown(note.after)}")
                return note
        raise RunnerRefused(f"{self._subject.words} is changed by others all the time; nothing was changed by this.")

    def finish(self, note: Note, run: Run) -> str:
        """Wait until Kubernetes has done it; return how it is. Raises: RunnerRefused when put back, RunnerUnsure."""
        words = ""
        for _ in self._pace.looks(run, f"{self._subject.words} was changed before"):
            try:
                found = self.found()
                now, progress = self._change.state(found), self._change.progress(found)
            except (NoWord, RunnerRefused) as error:
                words = str(error)
                continue
            if now != note.after:
                raise RunnerUnsure(f"{self._subject.words} was changed by somebody else: {self._change.shown(now)}.")
            if progress.words != words:
                words = progress.words
                run.log(f"{self._subject.words}: {words}")
            if progress.done:
                return words
            if progress.failed:
                self._put_back(note, run, words)
        raise RunnerUnsure(f"{self._subject.words} was changed, and was not done when the time was over: {words}.")

    def end(self, note: Note, run: Run) -> None:
        """Write into the note that its run has ended well; where that cannot be, it is only told."""
        try:
            for _ in range(TRIES):
                found = self.look()
                if note.ended or found is None or self.note(found) != note:
                    return
                if self._written(found, note, ended=True):
                    return self._await_controller(run)
        except NoWord as error:
            run.log(f"{self._subject.words}: that this run has ended could not be noted. {error}")

    def undo(self, receipt: Receipt | None, run: Run) -> None:
        """Change it back, unless somebody else has changed it since. Raises: RunnerRefused, RunnerUnsure."""
        try:
            if not any(self._undone(receipt, run) for _ in range(TRIES)):
                raise RunnerUnsure(f"{self._subject.words} is changed by others all the time, and not as it was.")
        except NoWord as error:
            raise RunnerUnsure(f"{self._subject.words} may not be as it was: {error}") from error

    def check(self, receipt: Receipt | None) -> Health:
        """Look at what was done, by the receipt or else by the note. Raises: NoWord."""
        found = self.look()
        if found is None:
            return Health(HealthState.ABSENT, f"there is no {self._subject.words}")
        now, known = self._change.state(found), self.note(found)
        words = f"{self._subject.words}: {self._change.shown(now)}"
        if known is not None and not known.open:
            return Health(HealthState.ABSENT, words)
        if receipt is None and (known is None or self._change.wanted not in (None, known.after)):
            return Health(HealthState.ABSENT, words)  # the note of this run would say so
        if receipt is None and known is not None and known.ended and self._change.wanted is None:
            return Health(HealthState.UNKNOWN, f"{words}; the last change by jitbot was in its run {known.key}")
        before, made = _told(receipt, known)
        if now != made:
            return Health(HealthState.ABSENT if now == before else HealthState.UNHEALTHY, words)
        progress = self._change.progress(found)
        return Health(HealthState.HEALTHY if progress.done else HealthState.UNHEALTHY, f"{words}; {progress.words}")

    def _decided(self, run: Run) -> tuple[Document, Note]:
        """Return the object and this run's note: the one that is there, or the one to be written with the change."""
        found = self.found()
        now, known = self._change.state(found), self.note(found)
        joins = run.until is not None and known is not None and self._joins(known, now)
        if known is not None and known.open and (known.key == run.key or joins):
            return found, known
        return found, Note(run.key, now, self._change.goal(found, now), grant=run.until is not None)

    def _joins(self, known: Note, now: Any) -> bool:
        """Tell whether what is asked is held by another grant already; for something else, the service refuses."""
        return known.grant and known.after == now and self._change.wanted in (None, now)

    def _begun(self, found: Document, note: Note) -> bool:
        """Write the change; False where somebody was faster. Raises: RunnerRefused, RunnerUnsure."""
        try:
            self._write(found, note.after, note)
        except NoAnswer as error:
            raise RunnerUnsure(f"{self._subject.words} may have been changed: {error}") from error
        except NoWord as error:
            if is_conflict(error):
                return False
            raise RunnerRefused(f"Nothing was changed. {error}") from error
        return True

    def _await_controller(self, run: Run) -> None:
        """Wait until it is done again: the controller of a deployment looks at annotations too. Raises: NoWord."""
        for _ in self._pace.looks(run, f"{self._subject.words} was changed before"):
            found = self.look()
            if found is None or self._change.progress(found).done:
                return

    def _undone(self, receipt: Receipt | None, run: Run) -> bool:
        """Try once; False where somebody was faster. Raises: NoWord, RunnerRefused."""
        found = self.look()
        known = self.note(found) if found is not None else None
        change = notes.to_undo(known, receipt, run)
        if found is None or change is None:
            run.log(f"{self._subject.words}: nothing of this run is there")
            return True
        made, before = change
        now = self._change.state(found)
        if now not in (made, before) and not self._change.yields:
            raise RunnerRefused(
                f"{self._subject.words} was changed by somebody else: {self._change.shown(now)}. It is left as it is. "
                f"Make it {self._change.shown(before)} by hand where that is right, and this undo ends."
            )
        note = known or Note(run.key, before, made, grant=False)
        if not self._written(found, note, value=before if now == made else now, open=False):
            return False
        if now in (made, before):
            run.log(f"{self._subject.words}: {self._change.shown(now)} -> {self._change.shown(before)}")
        else:
            run.log(f"{self._subject.words} was changed by somebody else since, and is left: {self._change.shown(now)}")
        return True

    def _written(self, found: Document, note: Note, **changes: Any) -> bool:
        """Write a changed note, and a value where one is given; False where somebody was faster. Raises: NoWord."""
        value = changes.pop("value", self._change.state(found))
        try:
            self._write(found, value, replace(note, **changes))
        except NoWord as error:
            if is_conflict(error):
                return False
            raise
        return True

    def _write(self, found: Document, value: Any, note: Note, *, rehearse: bool = False) -> None:
        patch = {} if value == self._change.state(found) else self._change.patch(found, value)
        # A rehearsal is about what may be done at all: whoever is faster now does no harm.
        version = {} if rehearse else {"resourceVersion": found["metadata"]["resourceVersion"]}
        body = {**patch, "metadata": {**version, "annotations": {self._change.annotation: str(note)}}}
        self._api.patch(self._subject.kind, self._subject.name, self._subject.namespace, body, rehearse=rehearse)

    def _put_back(self, note: Note, run: Run, words: str) -> NoReturn:
        """Have it as it was before a rollout that came to nothing. Raises: RunnerRefused, RunnerUnsure."""
        self.undo(Receipt(note.receipt), run)
        raise RunnerRefused(f"The rollout of {self._subject.words} failed ({words}), and was taken back.")


def _told(receipt: Receipt | None, known: Note | None) -> tuple[Any, Any]:
    """Return what was before and what was made, by the receipt or else by the note."""
    if receipt is not None:
        return receipt.data["before"], receipt.data["after"]
    return (known.before, known.after) if known is not None else (None, None)
