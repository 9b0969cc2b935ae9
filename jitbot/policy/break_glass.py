"""Break-glass: whether this person may run this at once, decided before the rules and without them.

Only guardrails grant it. What cannot be read never opens anything.
"""

from dataclasses import dataclass

from jitbot.model import Action, BreakGlass, Facts, Mark, Reason, Request, Selector, UserId
from jitbot.policy.durations import format_duration
from jitbot.policy.requirements import reviews_by

LABEL = "break-glass"
OVERDUE = "overdue reviews"
"""The name under which it is recorded that nobody could tell which reviews somebody owes."""


@dataclass(frozen=True, slots=True)
class Glass:
    """What break-glass came to: its node of the tree, and the terms when it is open to this person."""

    reason: Reason
    terms: BreakGlass | None = None
    unread: tuple[str, ...] = ()


def break_glass(action: Action, request: Request, facts: Facts) -> Glass:
    """Tell whether the glass may be broken for this request now, and on which terms."""
    open_to = [terms for terms in action.break_glass if named(terms, facts, request.requester)]
    if not open_to:
        return _not_open(action, facts)
    terms = open_to[0]
    if not request.reason.strip():
        return _no("Break-glass needs a reason. Say what is happening.", terms.where)
    if request.ttl is not None and request.ttl > terms.max:
        most, asked = format_duration(terms.max), format_duration(request.ttl)
        return _no(f"Break-glass lasts {most} at most, not {asked}. Ask for less, as in for={most}.", terms.where)
    if terms.bar_when_overdue and facts.overdue is None:
        detail = "Which reviews you owe could not be read just now. Try again in a minute."
        return Glass(Reason(Mark.ERROR, LABEL, detail, terms.where), unread=(OVERDUE,))
    if terms.bar_when_overdue and facts.overdue:
        names = ", ".join(f"JIT-{each}" for each in facts.overdue)
        return _no(f"The review of your last break-glass is overdue: {names}. Have it reviewed first.", terms.where)
    who = " or ".join(str(each) for each in terms.who)
    within = format_duration(terms.review_within)
    return Glass(Reason(Mark.YES, LABEL, f"granted to {who}; a review is owed within {within}", terms.where), terms)


def _not_open(action: Action, facts: Facts) -> Glass:
    if not action.break_glass:
        return _no(f"Nobody may break the glass for {action.name}: guardrails do not grant it.", action.where)
    where = action.break_glass[0].where
    asked = [each for terms in action.break_glass for each in (*terms.who, *terms.within)]
    unread = tuple(dict.fromkeys(str(each) for each in asked if str(each) in facts.unread))
    if unread:
        detail = "Who may break the glass could not be read just now. Try again in a minute."
        return Glass(Reason(Mark.ERROR, LABEL, detail, where), unread=unread)
    names = " or ".join(dict.fromkeys(each.name for terms in action.break_glass for each in terms.within or terms.who))
    return _no(f"Only {names} may break the glass for {action.name}. Ask without it, and people decide.", where)


def named(terms: BreakGlass, facts: Facts, user: UserId) -> bool:
    """Tell whether these terms name somebody: the guardrails', and the action's own where it has some."""
    return _among(terms.who, facts, user) and (not terms.within or _among(terms.within, facts, user))


def _among(who: tuple[Selector, ...], facts: Facts, user: UserId) -> bool:
    return bool(reviews_by([str(each) for each in who], facts, user))


def _no(detail: str, where: str) -> Glass:
    return Glass(Reason(Mark.NO, LABEL, detail, where))
