"""Waiting for reviews: who may approve besides as time passes, on whom it falls back, and when to look again.

Everything follows from the request and the instant of the facts, so that deciding stays pure and a restart only delays.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from jitbot.model import Entry, Facts, Request, Rule, Selector, Tier, UserId, Waiting

FALLBACK = "fallback"
"""The kind of the marks that reviews carry of those on whom it fell back."""
MOST_REMINDERS = 6
"""So many reminders for one request at most: whoever has not answered by then will not answer the next one either."""


def together(rules: Iterable[Rule]) -> Waiting:
    """Return how reviews are waited for where several rules ask for them: the sooner of each."""
    waitings = [rule.waiting for rule in rules]
    reminds = [each.remind_after for each in waitings if each.remind_after is not None]
    lapses = [each.lapse_after for each in waitings if each.lapse_after is not None]
    tiers = {tier: None for each in waitings for tier in each.escalate}
    return Waiting(
        min(reminds, default=None),
        min(lapses, default=None),
        tuple(sorted(tiers, key=lambda tier: tier.after)),
    )


def opened(tiers: Sequence[Tier], request: Request, now: datetime) -> tuple[Tier, ...]:
    """Return the tiers whose time has passed; none of a request that has not begun to wait."""
    since = request.waits_since
    return tuple(tier for tier in tiers if since is not None and since + tier.after <= now)


def untold(tiers: Sequence[Tier], request: Request, now: datetime) -> tuple[Tier, ...]:
    """Return the tiers that have opened since people were told the last time."""
    told = opened(tiers, request, request.escalated_at) if request.escalated_at else ()
    return tuple(tier for tier in opened(tiers, request, now) if tier not in told)


def reminder_due(waiting: Waiting, request: Request, now: datetime) -> bool:
    """Tell whether those who can still approve are to be reminded now."""
    at = _next_reminder(waiting, request)
    return at is not None and at <= now


def next_look(waiting: Waiting, request: Request) -> datetime | None:
    """Return when a waiting request has to be looked at next: to remind, to ask more people, or to let it lapse."""
    since = request.waits_since
    told = request.escalated_at or since
    tiers = [since + tier.after for tier in waiting.escalate if since and told and since + tier.after > told]
    looks = [*tiers, _next_reminder(waiting, request), request.lapses_at]
    return min((at for at in looks if at is not None), default=None)


def _next_reminder(waiting: Waiting, request: Request) -> datetime | None:
    last = request.reminded_at or request.waits_since
    if waiting.remind_after is None or last is None or request.reminders >= MOST_REMINDERS:
        return None
    return last + waiting.remind_after


def widened(rule: Rule, entry: Entry, request: Request, outside: Collection[UserId], facts: Facts) -> Entry:
    """Return an entry with everybody who may approve for it now: quiet ones, later tiers, and the fallback."""
    later = [source for tier in opened(rule.waiting.escalate, request, facts.now) for source in tier.to]
    instead = rule.waiting.fallback if falls_back(rule, entry, outside, facts) else ()
    return _with(entry, *entry.quiet, *later, *instead)


def in_time(rule: Rule, entry: Entry) -> Entry:
    """Return an entry with everybody who will be asked sooner or later, if it waits that long."""
    return _with(entry, *(source for tier in rule.waiting.escalate for source in tier.to))


def counting(rule: Rule, entry: Entry) -> Entry:
    """Return an entry with the marks of approvals that were given while the fallback counted: these go on to count."""
    return _with(entry, *(mark(rule, source) for source in rule.waiting.fallback))


def mark(rule: Rule, source: Selector) -> Selector:
    """Return what a review notes of somebody on whom it fell back; unlike the selector, it counts nowhere else."""
    return Selector(FALLBACK, f"{rule.name}/{source}")


def marks(rules: Iterable[Rule], outside: Collection[UserId], facts: Facts, user: UserId) -> tuple[str, ...]:
    """Return the marks of everything that falls back on this person now."""
    found = {
        str(mark(rule, source)): None
        for rule in rules
        for entry in _entries(rule)
        if falls_back(rule, entry, outside, facts)
        for source in rule.waiting.fallback
        if user in facts.reviewers(str(source))
    }
    return tuple(found)


def falls_back(rule: Rule, entry: Entry, outside: Collection[UserId], facts: Facts) -> bool:
    """Tell whether the fallback counts: no source of the entry that could be read names anybody who could approve.

    `outside` are those who can never review this request, whatever names them.
    """
    if not rule.waiting.fallback:
        return False
    named = {user for source in (*entry.sources, *entry.quiet) for user in facts.reviewers(str(source))}
    return not any(user not in facts.people or facts.may_review(user) for user in named.difference(outside))


def selectors(rule: Rule) -> set[str]:
    """Return every selector (as text) that this rule could ask to review, now or later."""
    if rule.reviews is None:
        return set()
    own = {source for entry in _entries(rule) for source in (*entry.sources, *entry.quiet)}
    later = {source for tier in rule.waiting.escalate for source in tier.to}
    return {str(source) for source in own | later | set(rule.waiting.fallback)}


def _entries(rule: Rule) -> list[Entry]:
    return [entry for entries in rule.reviews.alternatives for entry in entries] if rule.reviews else []


def _with(entry: Entry, *sources: Selector) -> Entry:
    return replace(entry, sources=tuple(dict.fromkeys([*entry.sources, *sources])))
