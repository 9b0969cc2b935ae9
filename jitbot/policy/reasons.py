"""The nodes of the tree of reasons: what a rule saw, how its quota stands, whom it asks, and whom it will ask later."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from jitbot.model import Facts, Mark, Need, Outcome, Reason, Request, Rule, Tested, Truth
from jitbot.policy.durations import format_duration
from jitbot.policy.limits import Spent
from jitbot.policy.requirements import Requirement
from jitbot.policy.waiting import opened


def of_rule(rule: Rule, tested: Tested, facts: Facts) -> Reason:
    """Show a rule with the values that its condition saw, or why they could not be read."""
    seen = ", ".join(f"{name} is {literal(value)}{_about(name, facts)}" for name, value in tested.seen.items())
    if tested.truth is Truth.FALSE:
        return Reason(Mark.NO, rule.name, seen, rule.where)
    if tested.truth is Truth.ERROR:
        missing = ", ".join(f"{name} could not be read{_why(name, facts)}" for name in tested.missing)
        detail = f"could not be told: {missing or tested.error}"
        return Reason(Mark.ERROR, rule.name, detail, rule.where)
    mark = Mark.DENIED if rule.outcome is Outcome.DENY else Mark.YES
    return Reason(mark, rule.name, seen, rule.where)


def with_quota(reason: Reason, quota: Spent) -> Reason:
    """Say how the quota of a rule stands that would match."""
    if not quota.words or reason.mark is not Mark.YES:
        return reason
    mark = Mark.ERROR if quota.unread else Mark.NO if quota.used_up else Mark.YES
    return replace(reason, mark=mark, detail=", ".join(part for part in (reason.detail, quota.words) if part))


def _about(name: str, facts: Facts) -> str:
    """Say what a value does not say itself, and how old it is where it was read from memory."""
    age = facts.ages.get(name)
    note = f" ({facts.notes[name]})" if name in facts.notes else ""
    return f"{note} ({age.total_seconds():.0f} s old)" if age is not None else note


def _why(name: str, facts: Facts) -> str:
    return f" ({facts.unread[name]})" if name in facts.unread else ""


def literal(value: Any) -> str:
    """Write a value of a condition as conditions have it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(literal(each) for each in value) + "]"
    return repr(value) if isinstance(value, str) else str(value)


def with_needs(
    reasons: Sequence[Reason], measured: Sequence[Requirement], request: Request, facts: Facts
) -> tuple[Reason, ...]:
    """Hang each requirement's needs below the rule that asked for it, and who is asked besides as time passes."""
    below = {(each.rule.name, each.rule.where): each for each in measured}

    def grown(reason: Reason) -> Reason:
        children = tuple(grown(child) for child in reason.children)
        each = below.get((reason.label, reason.where))
        if each is not None and reason.mark in (Mark.YES, Mark.ERROR):
            children = (*(_need_shown(need) for need in each.needs), *_tiers_shown(each, request, facts))
            mark = Mark.OPEN if each.missing and reason.mark is Mark.YES else reason.mark
            return Reason(mark, reason.label, reason.detail, reason.where, children)
        return Reason(reason.mark, reason.label, reason.detail, reason.where, children)

    return tuple(grown(reason) for reason in reasons)


def _tiers_shown(each: Requirement, request: Request, facts: Facts) -> list[Reason]:
    tiers = each.rule.waiting.escalate
    open_now = opened(tiers, request, facts.now)
    shown = []
    for tier in tiers if each.missing else open_now:
        label = "or one of " + " or ".join(str(source) for source in tier.to)
        after = format_duration(tier.after)
        if tier in open_now:
            shown.append(Reason(Mark.YES, label, f"asked also, since it has waited for {after}"))
        else:
            shown.append(Reason(Mark.UNTRIED, label, f"asked also once it has waited for {after}"))
    return shown


def _need_shown(need: Need) -> Reason:
    label = f"{need.count} of " + " or ".join(str(source) for source in need.sources)
    stands_for = dict(need.stand_ins)
    people = ", ".join(
        f"<@{user}> for <@{stands_for[user]}>" if user in stands_for else f"<@{user}>"
        for user in need.approved_by or need.candidates
    )
    if need.unread and need.missing:
        return Reason(Mark.ERROR, label, "who that is could not be read just now")
    return Reason(Mark.OPEN if need.missing else Mark.YES, label, people)
