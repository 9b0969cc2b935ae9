"""Halts: what may not start for now, whoever has approved it. Nothing that holds or runs ends by one.

All halts that stand are in the newest event about halts. There is no row beside it that could say otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from jitbot.model.people import UserId
from jitbot.model.request import Request, Review, Verdict

HALTS = "halts"
"""The kind of the events that say which halts stand."""

HaltId = NewType("HaltId", int)
Identity = Callable[[UserId], str]
"""Tells who a person is, whichever account they use."""


class HaltKind(StrEnum):
    """What a halt is about."""

    PERSON = "person"
    ACTION = "action"
    POOL = "pool"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Halt:
    """One halt. `of` is a user id, an action or a pool; empty for everything.

    `by` and `lift_by` are user ids, or who did it on the server. `lift_by` has said that it may be lifted, and a second
    person is waited for.
    """

    id: HaltId
    kind: HaltKind
    of: str
    by: str
    why: str
    since: datetime
    lift_by: str = ""
    lift_at: datetime | None = None

    @property
    def name(self) -> str:
        """How people call it: `H-3`."""
        return f"H-{self.id}"

    @property
    def what(self) -> str:
        """Return what is halted, in words; a person as `<@U…>`."""
        words = {
            HaltKind.PERSON: f"everything of <@{self.of}>",
            HaltKind.ALL: "everything",
        }
        return words.get(self.kind, f"{self.kind.value} {self.of}")

    @property
    def words(self) -> str:
        """Return what people are told of it on a card."""
        return f"{self.what} is halted by {called(self.by)}, {self.name}: “{self.why}”"

    def concerns(self, request: Request, reviews: Sequence[Review] = (), identity: Identity = str) -> bool:
        """Tell whether a request may not start: of a person, whatever they asked for, were to get, or approved.

        With whichever of their accounts, by their identity.
        """
        if self.kind is HaltKind.PERSON:
            approving = (each for each in reviews if each.verdict is Verdict.APPROVE)
            people = {user for each in approving for user in each.people}
            people |= {user for user in (request.requester, request.beneficiary, request.changed_by) if user}
            return self.of in people or identity(UserId(self.of)) in map(identity, people)
        own = {HaltKind.ACTION: request.action, HaltKind.POOL: request.snapshot.pool, HaltKind.ALL: self.of}
        return own[self.kind] == self.of


@dataclass(frozen=True, slots=True)
class Halts:
    """The halts that stand, as the event numbered `as_of` says; `fault` says why that cannot be told, if it cannot."""

    standing: tuple[Halt, ...] = ()
    as_of: int = 0
    newest: int = 0
    """The number of the newest halt that there ever was."""
    fault: str = ""

    @property
    def of_people(self) -> bool:
        """Tell whether one is about a person, so that it matters who approved something."""
        return any(each.kind is HaltKind.PERSON for each in self.standing)

    def stops(self, request: Request, reviews: Sequence[Review] = (), identity: Identity = str) -> str:
        """Say which halt keeps a request from starting; nothing where none does."""
        return next((each.words for each in self.standing if each.concerns(request, reviews, identity)), "")


@dataclass(frozen=True, slots=True)
class Clearance:
    """Whether a request may start: `why_not` is empty then. It holds as long as no event about halts comes later."""

    why_not: str
    as_of: int


def called(by: str) -> str:
    """Return somebody as texts name them: people by `<@U…>`, whoever did it on the server by their login."""
    return f"<@{UserId(by)}>" if by[:1] in ("U", "W") and " " not in by else by
