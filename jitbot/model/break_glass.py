"""Break-glass: who may run something at once without approvals, and what they owe for it."""

from dataclasses import dataclass
from datetime import timedelta

from jitbot.model.people import Selector, UserId


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """One grant of the guardrails, as an action has it; an action can only have narrowed it.

    Who breaks the glass must be named by `who` and, where it is not empty, by `within` too: the action's own selectors.
    `tell` are channels. `bar_when_overdue` refuses it to whoever has a review overdue from the last time.
    """

    who: tuple[Selector, ...]
    max: timedelta
    review_within: timedelta
    tell: tuple[str, ...]
    bar_when_overdue: bool = True
    within: tuple[Selector, ...] = ()
    applies_to: tuple[str, ...] = ()
    where: str = ""

    def covers(self, action: str) -> bool:
        """Tell whether this grant speaks of that action."""
        return not self.applies_to or action in self.applies_to


@dataclass(frozen=True, slots=True)
class Owed:
    """What a decision to break the glass carries: the review that is owed, by whom, and who is told.

    `longest` is how long it may last in all. `skipped` are those whom the rules would have asked; `reviewers` are
    selectors.
    """

    review_within: timedelta
    reviewers: tuple[str, ...]
    tell: tuple[str, ...] = ()
    skipped: tuple[UserId, ...] = ()
    longest: timedelta | None = None
