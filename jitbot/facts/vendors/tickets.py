"""Tickets that a text names: found by a pattern, looked up one by one, and held against what a policy asks of them.

What a person typed decides only which ticket is looked at. A number has to have the form of the vendor's numbers before
it is sent anywhere, so nothing else of the text gets into a question.
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, cast

import re2
from pydantic import BaseModel, Field, ValidationInfo, field_validator

from jitbot.errors import FactUnavailable
from jitbot.facts.vendors.arguments import Arguments, FieldName, Pattern, Several, Words
from jitbot.model import FactKind

MOST_TICKETS = 5


class Window(Arguments):
    """The fields of a ticket that say when its work is planned."""

    start: FieldName = Field(alias="from")
    end: FieldName = Field(alias="to")


class TicketArguments(Arguments):
    """What a ticket source is told, whoever the vendor is."""

    text: str = Field(alias="in", max_length=10_000, description="The text that names the ticket: `{request.reason}`.")
    find: Pattern = Field(description="Pattern (RE2) of a ticket's number: `INC-[0-9]+`.")
    kind: Literal["boolean", "text"] = Field(
        "boolean",
        alias="as",
        description="`boolean`: whether the ticket exists and meets all that is asked below. `text`: its status.",
    )
    status: Several[Words] = Field((), description="The good statuses, one or a list: `[Approved, Implement]`.")
    fields: Mapping[FieldName, Several[Words]] = Field(
        {}, description="Other fields with the values that are good, one or a list each.", max_length=20
    )
    names: Several[Words] = Field((), description="What the ticket has to name, one or a list: `{service}`.")
    named_in: Several[FieldName] = Field(description="The fields that have to name it, one or a list.", min_length=1)
    window: Window | None = Field(
        None, description="The fields between whose instants it has to be now: `{from: start_date, to: end_date}`."
    )

    @field_validator("status", "fields", "names", "window")
    @classmethod
    def _compared(cls, value: Any, about: ValidationInfo) -> Any:
        if value and about.data.get("kind") == "text":
            raise ValueError("with `as: text` nothing is compared; take this away, or `as`")
        return value


@dataclass(frozen=True, slots=True)
class Ticket:
    """One ticket: its status as people see it, and of each field that was asked for all the words in it."""

    status: str
    fields: Mapping[str, Sequence[str]]

    def words(self, field: str) -> Sequence[str]:
        """Return the words of a field, none where it is empty. Raises: FactUnavailable where there is no such field."""
        if field not in self.fields:
            raise FactUnavailable(f"its answer has no field {field!r}: see that it exists and that we may read it")
        return self.fields[field]


Look = Callable[[str], Ticket | None]
"""Returns a ticket by its number, None where there is none. Raises: FactUnavailable for everything else."""
Moment = Callable[[str], datetime]
"""Reads an instant as the vendor writes it. Raises: FactUnavailable."""


class TicketSource:
    """What the sources of all vendors share."""

    Arguments: type[BaseModel]
    keep = timedelta(seconds=30)
    number: ClassVar[re.Pattern[str]]
    """What a number can look like; nothing else is looked up."""
    status_field: ClassVar[str]

    def kind(self, arguments: BaseModel) -> FactKind:
        return FactKind(cast(TicketArguments, arguments).kind)

    def read(self, arguments: BaseModel, at: datetime) -> bool | str:
        """Answer as asked.

        A text without a number names no ticket, and one that does not exist meets nothing: false. Each ticket that is
        named has to meet all, so that naming a good one beside a bad one helps nobody. As a text, there is no status of
        no ticket, and of several there is not one: unread.
        """
        told = cast(TicketArguments, arguments)
        numbers = self._numbers(told)
        look = self.look(told)
        if told.kind == "boolean":
            return bool(numbers) and all(self._meets(told, look(number), at) for number in numbers)
        if len(numbers) != 1:
            raise FactUnavailable("the text names more than one ticket" if numbers else "the text names no ticket")
        ticket = look(numbers[0])
        if ticket is None:
            raise FactUnavailable(f"there is no {numbers[0]}")
        return ticket.status

    @abstractmethod
    def look(self, told: Any) -> Look:
        """Return how tickets are looked up, within one deadline for all."""

    @abstractmethod
    def moment(self, written: str) -> datetime:
        """Read an instant as this vendor writes it. Raises: FactUnavailable."""

    def _numbers(self, told: TicketArguments) -> Sequence[str]:
        found = find(told.find, told.text)
        numbers = list(dict.fromkeys(each.upper() if each.isascii() else each for each in found))
        if not all(self.number.fullmatch(number) for number in numbers):
            raise FactUnavailable("`find` finds something in the text that is no number of a ticket; make it stricter")
        if len(numbers) > MOST_TICKETS:
            raise FactUnavailable(f"the text names more than {MOST_TICKETS} tickets")
        return numbers

    def _meets(self, told: TicketArguments, ticket: Ticket | None, at: datetime) -> bool:
        if ticket is None:
            return False
        wanted = [*told.fields.items(), *([(self.status_field, told.status)] if told.status else [])]
        return (
            all(_shares(ticket.words(field), values) for field, values in wanted)
            and all(any(mentions(line, name) for line in self._lines(told, ticket)) for name in told.names)
            and (told.window is None or self._within(ticket, told.window, at))
        )

    def _lines(self, told: TicketArguments, ticket: Ticket) -> Sequence[str]:
        return [line for field in told.named_in for line in ticket.words(field)]

    def _within(self, ticket: Ticket, window: Window, at: datetime) -> bool:
        """Tell whether now is in the planned window; without both of its ends nothing is planned."""
        start, end = ticket.words(window.start), ticket.words(window.end)
        return bool(start and end) and self.moment(start[0]) <= at < self.moment(end[0])


def find(pattern: str, text: str) -> Sequence[str]:
    """Return what matches, where it stands free: `INC-1` is not in `INC-12` nor in `XINC-1`."""
    found = []
    for match in re2.finditer(pattern, text):
        before, after = text[: match.start()][-1:], text[match.end() :][:1]
        if match[0] and not _of_a_word(before) and not _of_a_word(after):
            found.append(match[0])
    return found


def mentions(line: str, name: str) -> bool:
    """Tell whether a line has a name as a word of its own: `api` is not in `api-gateway`."""
    line, name = line.casefold(), name.casefold()
    start = line.find(name)
    while start >= 0:
        before, after = line[:start][-1:], line[start + len(name) :][:1]
        if not any(_of_a_word(each) or each == "-" for each in (before, after)):
            return True
        start = line.find(name, start + 1)
    return False


def _of_a_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _shares(words: Sequence[str], wanted: Sequence[str]) -> bool:
    return not {word.casefold() for word in words}.isdisjoint(value.casefold() for value in wanted)
