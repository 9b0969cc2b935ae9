"""`jitbot policy replay`: decide past requests again, by changed policies and what was known at the time.

Groups that the changed files list person by person are taken from these files: they are part of the change. Everything
else is as it was recorded, and what is not on record is unread. So a change that looks at something new may come out as
"cannot be told", and never as a guess.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jitbot.errors import InvalidInput
from jitbot.model import Decision, Facts, Outcome, Policy, Request, Review, State
from jitbot.policy.decide import decide, mentioned
from jitbot.policy.requirements import satisfied
from jitbot.policy.waiting import FALLBACK
from jitbot.service.drafting import draft
from jitbot.workbench.history import Past
from jitbot.workbench.recalled import recall
from jitbot.workbench.rehearsal import Bench


@dataclass(frozen=True, slots=True)
class Change:
    """One past request that would be decided otherwise. `lacking` names what is not on record: it cannot be told."""

    request: Request
    old: str
    new: str
    old_rule: str
    new_rule: str
    reviewed: bool = False
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of all of them. `not_replayed` says of requests, by name, why they could not be decided again."""

    number: int
    changes: Sequence[Change]
    unsure: Sequence[Change]
    not_replayed: Mapping[str, str]


def replay(past: Sequence[Past], bench: Bench) -> Replayed:
    """Decide past requests again by the bench's policies."""
    found: list[Change] = []
    skipped: dict[str, str] = {}
    for each in past:
        first, last = each.first, each.last
        if first is None or first.decision is None:
            skipped[each.name] = each.why
        elif first.decision.known is None:
            by_policy = first.decision.tree.children
            why = (
                "its decision does not say what was known" if by_policy else "it was refused before policies were asked"
            )
            skipped[each.name] = why
        else:
            change = _again(first, (), bench)
            if change is None and last is not None:
                change = _again(last, each.reviews, bench)
            found += [change] if change else []
    return Replayed(
        number=len(past) - len(skipped),
        changes=[change for change in found if not change.lacking],
        unsure=[change for change in found if change.lacking],
        not_replayed=skipped,
    )


def _again(request: Request, reviews: Sequence[Review], bench: Bench) -> Change | None:
    """Decide one request again, without reviews or with those it had; None where it comes to the same."""
    old = request.decision
    assert old is not None  # noqa: S101 - requests without a decision were sorted out
    known = old.known
    if known is None:
        return None
    try:
        asked = _asked(request, bench, deciding=not reviews)
    except InvalidInput as error:
        return Change(request, _said(old), f"refused as typed: {error}", old.rule, "", bool(reviews))
    facts = recall(bench.policy, asked, known, reviews)
    new = decide(bench.policy, asked, _counted(reviews, bench.policy, request.action, facts), facts)
    if _effect(new) == _effect(old):
        return None
    lacking = tuple(name for name in new.unread if name not in old.unread)
    return Change(request, _said(old), _said(new), old.rule, new.rule, bool(reviews), lacking)


def _asked(request: Request, bench: Bench, *, deciding: bool) -> Request:
    """Ask for the same under the changed definition. Raises: InvalidInput where it would not be taken in."""
    action = bench.policy.actions.get(request.action)
    if action is None:
        return request
    body: dict[str, Any] = {
        "params": request.params,
        "reason": request.reason,
        "ttl": request.ttl,
        "source": request.source,
        "break_glass": request.break_glass,
    }
    if request.starts_at is not None:
        body["at"] = request.starts_at.isoformat()
    drafted = draft(
        action, bench.catalog, requester=request.requester, team=request.team, body=body, now=request.created_at
    )
    return replace(
        drafted,
        id=request.id,
        state=State.DECIDING if deciding else State.PENDING,
        extension=request.extension,
        waits_since=request.waits_since,
        snapshot=replace(drafted.snapshot, plan=request.snapshot.plan),
    )


def _counted(reviews: Sequence[Review], policy: Policy, action: str, facts: Facts) -> list[Review]:
    """Let each review count for what its reviewer was then, or is by the changed files."""
    selectors = mentioned(policy, action)

    def again(review: Review) -> Review:
        stood_for = (
            replace(each, selectors=satisfied(selectors, facts, each.delegator)) for each in review.on_behalf_of
        )
        fell_back = (each for each in review.selectors if each.startswith(f"{FALLBACK}:"))
        own = (*satisfied(selectors, facts, review.reviewer), *fell_back)
        return replace(review, selectors=own, on_behalf_of=tuple(each for each in stood_for if each.selectors))

    return [again(review) for review in reviews]


def _effect(decision: Decision) -> tuple[Any, ...]:
    """Return what a decision means for people; by which rule it came is not part of it."""
    if decision.outcome is not Outcome.REVIEW:
        return (decision.outcome,)
    needs = sorted((need.count, need.missing, sorted(map(str, need.sources))) for need in decision.needs)
    return decision.outcome, needs


def _said(decision: Decision) -> str:
    if decision.outcome is Outcome.DENY:
        return f"refused: {decision.summary}"
    if decision.outcome is Outcome.ALLOW:
        return "approved" if decision.needs else "runs at once"
    open_needs = [need for need in decision.needs if need.missing]
    return "asks " + " and ".join(
        f"{need.missing} of {' or '.join(source.name for source in need.sources)}" for need in open_needs
    )
