"""Limits, held against what the ledger has counted: quotas, caps on grants, cool-down, and people kept apart.

What was not counted is unread: a quota then lets nobody through, and a limit refuses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jitbot.model import Action, Facts, Holder, Limits, Mark, Reason, Request, Rule, State, Tally, UserId
from jitbot.policy.durations import format_duration

COUNTS = "counts"
"""What is named as unread where the ledger was not counted."""

_ONE = {"1d": "day", "1h": "hour", "1m": "minute"}


@dataclass(frozen=True, slots=True)
class Spent:
    """How a rule's quota stands: whether it lets nobody through now, and in words."""

    used_up: bool = False
    words: str = ""
    unread: bool = False


def spent(rule: Rule, request: Request, facts: Facts) -> Spent:
    """Tell how the quota of a rule stands for this request; one that has its place already keeps it."""
    quota = rule.quota
    if quota is None:
        return Spent()
    if request.quota == rule.name:
        return Spent(words=f"has its place of {quota.at_most} in the {_last(quota.per)}")
    used = None if facts.tally is None else facts.tally.used.get(rule.name)
    if used is None:
        return Spent(True, "how often it was used could not be counted", unread=True)
    words = f"used {used} of {quota.at_most} in the {_last(quota.per)}"
    return Spent(used >= quota.at_most, words)


def exceeded(action: Action, request: Request, facts: Facts) -> Reason | None:
    """Return why the action's limits refuse this request now, None where they do not.

    They are judged when it is asked and when it is to start: what is waited for may be free by then.
    """
    limits = action.limits
    planned = request.starts_at is not None and facts.now < request.starts_at
    if limits is None or planned or request.state not in (State.DECIDING, State.APPROVED):
        return None
    if request.extension is not None:
        return None  # the grant that it extends has its place, and nothing is started
    if facts.tally is None:
        return Reason(Mark.ERROR, "limits", "What is held just now could not be counted. Try again.", action.where)
    refusal = _held(action, limits, request, facts.tally) or _cooling(limits, facts.tally, facts.now)
    return Reason(Mark.DENIED, "limits", refusal, action.where) if refusal else None


@dataclass(frozen=True, slots=True)
class Apart:
    """Who may not approve, since the requester approved something of theirs lately; nobody by default."""

    within: timedelta = timedelta(0)
    approvals: Mapping[UserId, tuple[datetime, ...]] = field(default_factory=dict)

    def holds(self, user: UserId, at: datetime) -> bool:
        """Tell whether this person's approval does not count if it is given at that instant."""
        return any(at - self.within < approved <= at for approved in self.approvals.get(user, ()))

    def people(self, at: datetime) -> tuple[UserId, ...]:
        """Return everybody whose approval would not count."""
        return tuple(sorted(user for user in self.approvals if self.holds(user, at)))


def of_people(facts: Facts) -> Mapping[UserId, tuple[datetime, ...]]:
    """Return when the requester approved something of whom, by all accounts of these people that are known."""
    approvals = facts.tally.approvals if facts.tally else {}
    return {user: at for one, at in approvals.items() for user in sorted(facts.accounts([one]))}


def kept_apart(within: timedelta, facts: Facts) -> str:
    """Say who may not approve, and why."""
    people = Apart(within, of_people(facts)).people(facts.now)
    if not people:
        return "" if facts.tally else "could not be counted"
    named = ", ".join(f"<@{user}>" for user in people)
    return f"not by {named}: the requester approved something of theirs in the {_last(within)}"


def _last(per: timedelta) -> str:
    words = format_duration(per)
    return f"last {_ONE.get(words, words)}"


def _held(action: Action, limits: Limits, request: Request, tally: Tally) -> str:
    own = [each for each in tally.holders if _same_person(each, request)]
    if limits.held_by_one is not None and len(own) >= limits.held_by_one:
        return f"One person may hold {limits.held_by_one} at a time: {_named(own)}. Drop that first, or wait."
    if limits.held is not None and len(tally.holders) >= limits.held:
        held = _named(tally.holders)
        often = "only once" if limits.held == 1 else f"{limits.held} times"
        return f"{action.title} may be held {often} at the same time: {held}. Ask again when one has ended."
    return ""


def _same_person(holder: Holder, request: Request) -> bool:
    return holder.requester == request.requester or holder.beneficiary == request.beneficiary


def _named(holders: "tuple[Holder, ...] | list[Holder]") -> str:
    """Name who holds what, as many as people read."""
    shown = [f"<@{each.beneficiary}> holds {each.name}{_until(each)}" for each in holders[:5]]
    more = [f"and {len(holders) - 5} more"] if len(holders) > 5 else []
    return ", ".join([*shown, *more])


def _until(holder: Holder) -> str:
    return f" until {holder.until:%Y-%m-%d %H:%M} UTC" if holder.until else ""


def _cooling(limits: Limits, tally: Tally, now: datetime) -> str:
    if limits.cool_down is None or tally.failure is None:
        return ""
    over = tally.failure.at + limits.cool_down
    if now >= over:
        return ""
    wait = f"{format_duration(limits.cool_down)} have to pass before the next try: until {over:%Y-%m-%d %H:%M:%S} UTC"
    return f"{tally.failure.name} failed on this target. {wait}. Look at why it failed meanwhile."
