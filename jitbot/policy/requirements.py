"""How far one rule's reviews are met, and whether they can be met at all.

Each requirement (a guardrail's or a rule's) is measured on its own, with distinct humans within it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from jitbot.model import Entry, Facts, Need, Request, Review, Reviews, Rule, Selector, UserId, Verdict
from jitbot.policy.limits import Apart
from jitbot.policy.matching import Proxies, assign_with_stand_ins, can_be_met
from jitbot.policy.persons import first_accounts, one_each, stood_for_once
from jitbot.policy.stand_ins import deputies, outsiders
from jitbot.policy.waiting import counting, falls_back, in_time, widened

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


def reviews_by(selectors: Sequence[str], facts: Facts, user: UserId) -> tuple[str, ...]:
    """Return those of the selectors by which this person may review now."""
    return tuple(selector for selector in selectors if user in facts.reviewers(selector))


def measure(
    rule: Rule, required: Reviews, request: Request, reviews: Sequence[Review], facts: Facts, apart: Apart = NOBODY
) -> Requirement:
    """Hold the approvals given so far against one rule's reviews.

    An approval counts by the selectors it satisfied when it was given: a shift that ended since does not erase it. One
    by somebody who cannot be looked up now does not count yet, since they may have been deactivated; nor does one in
    the place of somebody who cannot. Whoever was kept apart from the requester when they approved does not count, and
    nobody counts in their place.
    """
    own = outsiders(request, facts)
    approving = [
        review
        for review in reviews
        if review.verdict is Verdict.APPROVE and review.reviewer not in own
        if not apart.holds(review.reviewer, review.at)
    ]
    outside = own | set(apart.people(facts.now))
    given = {review.reviewer: frozenset(review.selectors) for review in approving}
    first = first_accounts([*given, *(user for review in approving for user in review.people)], facts)
    approvals = one_each({user: selectors for user, selectors in given.items() if user in facts.people}, first)
    proxies = stood_for_once(_proxies(approving, facts, apart), first)
    voices = _Voices(approvals, proxies, outside, deputies(outside, facts))
    ways = [tuple(widened(rule, entry, request, outside, facts) for entry in way) for way in required.alternatives]
    sources = tuple(dict.fromkeys(source for entries in ways for entry in entries for source in entry.sources))
    measured = [_needs(rule, entries, request, voices, facts) for entries in required.alternatives]
    nearest = min(measured, key=lambda needs: sum(need.missing for need in needs))
    possible = any(_possible(rule, entries, given, outside, facts) for entries in ways)
    unread = [str(source) for source in sources if str(source) in facts.unread]
    named = dict.fromkeys(user for review in approving for user in review.people)
    unread += [f"user:{user}" for user in named if user not in facts.people]
    wanted = sum(need.missing for need in nearest)
    return Requirement(rule, nearest, sources, possible, tuple(unread) if wanted else ())


@dataclass(frozen=True, slots=True)
class _Voices:
    """Who has approved, for whom besides, who never counts, and who stands in for whom now."""

    approvals: Mapping[UserId, frozenset[str]]
    proxies: Proxies
    outside: Collection[UserId]
    deputies: Mapping[UserId, UserId]


def _proxies(approving: Sequence[Review], facts: Facts, apart: Apart) -> Proxies:
    """Return for whom each approval may count instead, leaving out who is kept apart or cannot be looked up."""
    found = {
        review.reviewer: {
            each.delegator: frozenset(each.selectors)
            for each in review.on_behalf_of
            if each.delegator in facts.people
            if not apart.holds(each.delegator, review.at)
        }
        for review in approving
        if review.reviewer in facts.people
    }
    return {reviewer: stood_for for reviewer, stood_for in found.items() if stood_for}


def _everybody(sources: Sequence[Selector], outside: Collection[UserId], facts: Facts) -> dict[UserId, frozenset[str]]:
    people = {user for source in sources for user in facts.reviewers(str(source))} - set(outside)
    names = [str(source) for source in sources]
    return {user: frozenset(reviews_by(names, facts, user)) for user in sorted(people) if could_review(user, facts)}


def could_review(user: UserId, facts: Facts) -> bool:
    """Tell whether someone may be counted on: whoever was not looked up gets the benefit until they click."""
    return user not in facts.people or facts.may_review(user)


def _possible(
    rule: Rule,
    entries: Sequence[Entry],
    given: Mapping[UserId, frozenset[str]],
    outside: Collection[UserId],
    facts: Facts,
) -> bool:
    """Tell whether these entries can be met at all, by whoever may approve now or is asked later."""
    sooner_or_later = [in_time(rule, entry) for entry in entries]
    sources = [source for entry in sooner_or_later for source in entry.sources]
    people = {**given, **_everybody(sources, outside, facts), **given}
    return can_be_met(sooner_or_later, one_each(people, first_accounts(people, facts)), facts.unread)


def _needs(rule: Rule, entries: Sequence[Entry], request: Request, voices: _Voices, facts: Facts) -> tuple[Need, ...]:
    wide = [widened(rule, entry, request, voices.outside, facts) for entry in entries]
    counts = [counting(rule, entry) for entry in wide]
    filled, stood_for = assign_with_stand_ins(counts, voices.approvals, voices.proxies)
    used = facts.accounts({user for who in filled for user in who} | set(stood_for.values()))
    needs = []
    for own, entry, who in zip(entries, wide, filled, strict=True):
        named = {user for source in entry.sources for user in facts.reviewers(str(source))} - set(voices.outside)
        free = sorted(user for user in named - used if could_review(user, facts))
        asked = _with_deputies(free, used, voices, facts)
        shown = tuple(asked)[:SHOWN_CANDIDATES]
        quiet = {user for source in entry.quiet for user in facts.members.get(str(source), ())}
        unread = any(str(source) in facts.unread for source in entry.sources)
        needs.append(
            Need(
                rule=rule.name,
                sources=entry.sources,
                count=entry.count,
                approved_by=who,
                candidates=shown,
                more=max(0, len(asked) - SHOWN_CANDIDATES),
                left=tuple(sorted(user for user in named if facts.gone(user))),
                unread=unread and not falls_back(rule, own, voices.outside, facts),
                stand_ins=_pairs((*who, *shown), stood_for | asked),
                quiet=tuple(user for user in shown if asked[user] in quiet),
            )
        )
    return tuple(needs)


def _with_deputies(
    free: Sequence[UserId], used: Collection[UserId], voices: _Voices, facts: Facts
) -> dict[UserId, UserId]:
    """Return who is to be asked, each with the one they are asked for: a stand-in in the place of whoever is away."""
    asked: dict[UserId, UserId] = {}
    for user in free:
        deputy = voices.deputies.get(user, user)
        here = deputy not in used and could_review(deputy, facts)
        asked.setdefault(deputy if here else user, user)
    return asked | {user: user for user in asked if user in free and voices.deputies.get(user) is None}


def _pairs(shown: Iterable[UserId], stands_for: Mapping[UserId, UserId]) -> tuple[tuple[UserId, UserId], ...]:
    return tuple((user, stands_for[user]) for user in shown if stands_for.get(user, user) != user)
