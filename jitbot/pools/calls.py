"""What crosses to a pool and comes back: calls on a runner, and answers, as plain JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from jitbot.audit import canonical
from jitbot.model import Health, Plan, Privilege, Receipt

ANSWER = "answer"
"""The purpose for which a worker signs what came of a call."""


class Kind(StrEnum):
    """What a runner is asked to do. START, UNDO, EXTEND and RELEASE need a warrant; all others only look."""

    PLAN = "plan"
    START = "start"
    CHECK = "check"
    CHECK_BY_KEY = "check_by_key"
    UNDO = "undo"
    EXTEND = "extend"
    PRIVILEGES = "privileges"
    RELEASE = "release"


class CallState(StrEnum):
    """Where a call stands. A worker that was lost may still answer; until it does, nobody knows."""

    WAITING = "waiting"
    TAKEN = "taken"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
    LOST = "lost"


class Word(StrEnum):
    """What an answer comes to: the runner's three results, unsure where it may happen yet, and not permitted."""

    DONE = "done"
    REFUSED = "refused"
    UNSURE = "unsure"
    CUT_OFF = "cut off"
    BARRED = "barred"


_KINDS: Mapping[Kind, TypeAdapter[Any]] = {
    Kind.PLAN: TypeAdapter(Plan),
    Kind.START: TypeAdapter(Receipt),
    Kind.CHECK: TypeAdapter(Health),
    Kind.CHECK_BY_KEY: TypeAdapter(Health),
    Kind.UNDO: TypeAdapter(None),
    Kind.EXTEND: TypeAdapter(Receipt),
    Kind.PRIVILEGES: TypeAdapter(list[Privilege] | None),
    Kind.RELEASE: TypeAdapter(None),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call. The same `id` is the same call: asked for twice, it is carried out once.

    `deadline` is given to the run, and nobody begins it after that; a look has none. `addressed` is the key of the one
    worker that may take it.
    """

    id: str
    kind: Kind
    runner: str
    inputs: Mapping[str, Any]
    receipt: Mapping[str, Any] | None
    key: str
    deadline: datetime | None = None
    until: datetime | None = None
    addressed: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that a run has said."""

    text: str
    result: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker says came of a call: a value of the call's kind where it was done, else words."""

    word: Word
    value: Any = None
    said: str = ""


def written(kind: Kind, answer: Answer) -> dict[str, Any]:
    """Return an answer as it is kept."""
    value = _KINDS[kind].dump_python(answer.value, mode="json") if answer.word is Word.DONE else answer.said
    return {answer.word.value: value}


def read(kind: Kind, kept: Any) -> Answer:
    """Read an answer. Raises: ValueError where it is none: what workers write is a claim, and may be anything."""
    if not isinstance(kept, dict) or len(kept) != 1:
        raise ValueError("an answer has one word")
    [(word, value)] = kept.items()
    if Word(word) is Word.DONE:
        return Answer(Word.DONE, _KINDS[kind].validate_python(value))
    return Answer(Word(word), said=str(value))


def signed_text(call: str, attempt: int, kept: Any) -> str:
    """Return what a worker signs of an answer: to which attempt at which call it is one, and all that it says."""
    return canonical({"answer": kept, "attempt": attempt, "call": call})
