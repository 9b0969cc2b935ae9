"""Answers of other systems, read strictly: what is not of the shape that is documented is no answer, never nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from jitbot.model import Health, HealthState
from jitbot.outbound.exchange import Answer
from jitbot.outbound.text import visible

SAID_CHARACTERS = 300

Kind = TypeVar("Kind")
Row = Mapping[str, Any]


class NoWord(Exception):
    """Nothing was changed by this question: it was refused, it was never sent, or the answer cannot be read."""


class Refused(NoWord):
    """The system said no. `status` is how."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class NoAnswer(NoWord):
    """It was sent, and what became of it was not said: it may have happened."""


def read(document: Any, *names: str, of: type[Kind]) -> Kind:
    """Return what stands under these names, one below the other. Raises: NoWord."""
    found = document
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(found, of) or (isinstance(found, bool) and of is not bool):
        raise NoWord(f"Its answer has another shape than is documented: `{'.'.join(names)}` is no {of.__name__}.")
    return found


def part(document: Any, name: str) -> Row:
    """Return an object that may be left out, as one without anything in it. Raises: NoWord."""
    return read({name: {}} if document.get(name) is None else document, name, of=dict)


def rows(document: Any, *names: str) -> Sequence[Row]:
    """Return a list of objects. Raises: NoWord."""
    found = read({"": document}, "", *names, of=list)
    if not all(isinstance(each, Mapping) for each in found):
        raise NoWord("Its answer has another shape than is documented: not everything in a list is an object.")
    return found


def said(answer: Answer) -> str:
    """Tell in words how a system refused: the status, and its own message where there is one."""
    try:
        message = read(answer.document(), "message", of=str)
    except (ValueError, NoWord):
        message = answer.body[:SAID_CHARACTERS].decode(errors="replace")
    return f"{answer.status} {visible(' '.join(message.split()))[:SAID_CHARACTERS]}".rstrip()


def healthy_or_not(look: Callable[[], Health]) -> Health:
    """Look, where no word is neither healthy nor not."""
    try:
        return look()
    except NoWord as error:
        return Health(HealthState.UNKNOWN, str(error))
