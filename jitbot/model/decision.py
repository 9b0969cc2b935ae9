"""A decision: a tree of reasons with the values seen, the same wherever it is shown.

Form, card, `/jit why`, command line and record all print this one tree (`explain`).
"""

from dataclasses import dataclass
from enum import StrEnum

from jitbot.model.people import Selector, UserId
from jitbot.model.rules import Outcome


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

    @property
    def missing(self) -> int:
        """How many approvals this entry still wants."""
        return self.count - len(self.approved_by)


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
    needs: tuple[Need, ...] = ()
    sources: tuple[Selector, ...] = ()
    unread: tuple[str, ...] = ()
    denied_by: UserId | None = None
    apart: tuple[UserId, ...] = ()
    """Who may not approve this though a source names them: the requester approved something of theirs lately."""
