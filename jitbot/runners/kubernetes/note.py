"""The note that is kept in an object about the last change by jitbot: an annotation, written in one with the change.

So a worker that is lost has either done both or nothing, and whoever undoes finds there how it was before.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from jitbot.model import Receipt
from jitbot.ports import Run
from jitbot.runners.kubernetes.kinds import Document


@dataclass(frozen=True, slots=True)
class Note:
    """What was changed from what to what in the run with this key, and whether that has been undone since."""

    key: str
    before: Any
    after: Any
    grant: bool
    """Whether it belongs to a grant, which always ends by an undo."""
    open: bool = True
    ended: bool = False
    """Whether that run has ended well, so that a later one whose receipt was lost does not take this for its own."""

    @property
    def receipt(self) -> Mapping[str, Any]:
        return {"before": self.before, "after": self.after}

    def __str__(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


def read(found: Document, annotation: str) -> Note | None:
    """Return the note in an object; None where there is none, or where somebody wrote over it."""
    text = annotations(found).get(annotation)
    try:
        told = json.loads(text) if isinstance(text, str) else None
        return None if told is None else Note(**told)
    except (TypeError, ValueError, RecursionError):
        return None


def annotations(found: Document) -> Mapping[str, str]:
    return found["metadata"].get("annotations") or {}


def to_undo(note: Note | None, receipt: Receipt | None, run: Run) -> tuple[Any, Any] | None:
    """Return from what to what an undo has to change; None where it has been, or where this run never began."""
    if note is not None and not note.open:
        return None
    if receipt is not None:
        return receipt.data["after"], receipt.data["before"]
    if note is not None and (note.grant or note.key == run.key):
        return note.after, note.before
    return None
