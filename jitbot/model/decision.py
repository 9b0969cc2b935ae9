"""A decision: a tree of reasons with the values seen, the same wherever it is shown.

Form, card, `/jit why`, command line and record all print this one tree (`explain`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from jitbot.model.break_glass import Owed
from jitbot.model.facts import Span
from jitbot.model.limits import Counting, Tally
from jitbot.model.people import Kind, Selector, Standing, UserId
from jitbot.model.rules import Outcome, Waiting


class Mark(StrEnum):
    """What became of one node of the tree."""

    YES = "yes"  # it holds, or is met
    NO = "no"  # it does not hold: skipped
    OPEN = "open"  # still waiting for people
    ERROR = "error"  # could not be told: the stricter outcome counts
    DENIED = "denied"  # this is what ended it
    UNTRIED = "untried"  # an earlier rule had decided already


@dataclass(frozen=True, slots=True)
class Reason:
    """One node: what was asked (`label`), what was seen (`detail`), and where it is written."""

    mark: Mark
    label: str
    detail: str = ""
    where: str = ""
    children: tuple["Reason", ...] = ()


@dataclass(frozen=True, slots=True)
class Need:
    """One entry of a review requirement: so many of these people, and how far that is."""

    rule: str
    sources: tuple[Selector, ...]
    count: int
    approved_by: tuple[UserId, ...] = ()
    candidates: tuple[UserId, ...] = ()
    """Some who could still approve for this entry, requester and beneficiary left out; `more` counts the rest."""
    more: int = 0
    left: tuple[UserId, ...] = ()
    """Who is named by a source and has left the workspace."""
    unread: bool = False
    """True when the members of a source could not be read just now."""
    stand_ins: tuple[tuple[UserId, UserId], ...] = ()
    """Of those who approved or could: who does so in whose place."""
    quiet: tuple[UserId, ...] = ()
    """Those of the candidates who are not pinged."""

    @property
    def missing(self) -> int:
        """How many approvals this entry still wants."""
        return self.count - len(self.approved_by)


@dataclass(frozen=True, slots=True)
class Known:
    """What was known when it was decided, so that other rules can be tried on it later. What is not here was not read.

    `belongs` and `others` are the selectors that named the requester and those that did not. `members` says who the
    selectors of reviewers named, as many as a decision names at most. `values` are facts by dotted name, plain as in
    JSON (lengths of time in seconds, instants as text), and `asked` how each was asked for.
    """

    at: datetime
    kind: Kind | None = None
    standing: Standing | None = None
    belongs: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    members: Mapping[str, tuple[UserId, ...]] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, str] = field(default_factory=dict)
    tally: Tally | None = None
    counting: Counting = field(default_factory=Counting)
    """What was counted in the ledger, and what was to be counted."""
    overdue: tuple[int, ...] | None = None
    """Which reviews after break-glass the requester let wait too long; None where that was not read."""
    frozen: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    """What the calendars of freezes said of that very instant, by the freeze's name."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What policy concludes, and why.

    `summary` is one sentence for people. `sources` are the selectors whose members may review now. `unread`
    names the facts that a condition or a requirement really needed and did not get.
    """

    outcome: Outcome
    rule: str
    summary: str
    tree: Reason
    where: str = ""
    known: Known | None = field(default=None, kw_only=True)
    needs: tuple[Need, ...] = ()
    sources: tuple[Selector, ...] = ()
    unread: tuple[str, ...] = ()
    denied_by: UserId | None = None
    apart: tuple[UserId, ...] = ()
    """Who may not approve this though a source names them: the requester approved something of theirs lately."""
    waiting: Waiting = field(default_factory=Waiting)
    """How its reviews are waited for: what the rules that ask for them say, taken together."""
    owes: Owed | None = None
    """The review that is owed afterwards: only where the glass is broken."""
