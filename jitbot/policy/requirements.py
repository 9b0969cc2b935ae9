"""How far one rule's reviews are met, and whether they can be met at all.

Each requirement (a guardrail's or a rule's) is measured on its own, with distinct humans within it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jitbot.model import Entry, Facts, Need, Request, Review, Reviews, Rule, Selector, UserId, Verdict
from jitbot.policy.limits import Apart
from jitbot.policy.matching import assign, can_be_met

SHOWN_CANDIDATES = 20
"""How many candidates a decision names; a group of thousands is not written into every record."""

NOBODY = Apart()


@dataclass(frozen=True, slots=True)
class Requirement:
    """One rule's reviews, measured against the alternative that is nearest to being met."""

    rule: Rule
    needs: tuple[Need, ...]
    sources: tuple[Selector, ...]
    possible: bool
    unread: tuple[str, ...]

    @property
    def missing(self) -> int:
        """How many approvals are still wanted."""
        return sum(need.missing for need in self.needs)

    @property
    def wanted(self) -> str:
        """What is asked for, in words."""
        entries = (f"{need.count} of {' or '.join(source.name for source in need.sources)}" for need in self.needs)
        return " and ".join(entries)


def satisfied(selectors: Sequence[str], facts: Facts, user: UserId) -> tuple[str, ...]:
    """Return those of the selectors that name this person now."""
    return tuple(selector for selector in selectors if user in facts.members.get(selector, ()))


def measure(
    rule: Rule, required: Reviews, request: Request, reviews: Sequence[Review], facts: Facts, apart: Apart = NOBODY
) -> Requirement:
    """Hold the approvals given so far against one rule's reviews.

    An approval counts by the selectors it satisfied when it was given: a shift that ended since does not erase it. One
    by somebody who cannot be looked up now does not count yet, since they may have been deactivated. Whoever was kept
    apart from the requester when they approved does not count either.
    """
    own = {request.requester, request.beneficiary}
    given = {
        review.reviewer: frozenset(review.selectors)
        for review in reviews
        if review.verdict is Verdict.APPROVE and review.reviewer not in own
        if not apart.holds(review.reviewer, review.at)
    }
    outside = own | set(apart.people(facts.now))
    approvals = {user: selectors for user, selectors in given.items() if user in facts.people}
    sources = tuple(
        dict.fromkeys(source for entries in required.alternatives for entry in entries for source in entry.sources)
    )
    everybody = _everybody(sources, outside, facts) | given
    measured = [_needs(rule, entries, approvals, outside, facts) for entries in required.alternatives]
    nearest = min(measured, key=lambda needs: sum(need.missing for need in needs))
    possible = any(can_be_met(entries, everybody, facts.unread) for entries in required.alternatives)
    unread = [str(source) for source in sources if str(source) in facts.unread]
    unread += [f"user:{user}" for user in given if user not in approvals]
    wanted = sum(need.missing for need in nearest)
    return Requirement(rule, nearest, sources, possible, tuple(unread) if wanted else ())


def _everybody(sources: Sequence[Selector], outside: set[UserId], facts: Facts) -> dict[UserId, frozenset[str]]:
    people = {user for source in sources for user in facts.members.get(str(source), ())} - outside
    names = [str(source) for source in sources]
    return {user: frozenset(satisfied(names, facts, user)) for user in sorted(people) if could_review(user, facts)}


def could_review(user: UserId, facts: Facts) -> bool:
    """Tell whether someone may be counted on: whoever was not looked up gets the benefit until they click."""
    return user not in facts.people or facts.may_review(user)


def _needs(
    rule: Rule, entries: Sequence[Entry], approvals: dict[UserId, frozenset[str]], outside: set[UserId], facts: Facts
) -> tuple[Need, ...]:
    filled = assign(entries, approvals)
    used = {user for who in filled for user in who}
    needs = []
    for entry, who in zip(entries, filled, strict=True):
        named = {user for source in entry.sources for user in facts.members.get(str(source), ())} - outside
        left = sorted(user for user in named if facts.gone(user))
        free = sorted(user for user in named - used if could_review(user, facts))
        needs.append(
            Need(
                rule=rule.name,
                sources=entry.sources,
                count=entry.count,
                approved_by=who,
                candidates=tuple(free[:SHOWN_CANDIDATES]),
                more=max(0, len(free) - SHOWN_CANDIDATES),
                left=tuple(left),
                unread=any(str(source) in facts.unread for source in entry.sources),
            )
        )
    return tuple(needs)
