"""Decide a made-up request as the bot would: drafted, planned, its facts read, and decided by the one `decide`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from jitbot.errors import InvalidInput
from jitbot.model import Decision, Outcome, Plan, Policy, ReasonRule, Request, Review, State, UserId, Verdict
from jitbot.policy.decide import decide, eligible, standing_in
from jitbot.ports import Catalog, Sources
from jitbot.service.drafting import draft, find_action, planned
from jitbot.workbench.scene import Scene, read_facts, staged

ANY_REASON = "not looked at"
"""Stands for the reason that break-glass wants of everybody, where it is not said."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A checked policy set, and the runners and sources of facts by which it was checked."""

    policy: Policy
    catalog: Catalog
    sources: Sources


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for. Without a `reason`, the action's wishes about reasons are not looked at.

    `targets`, `undoable` and `changes` are what the plan would say; without `targets` all of it is unread. `waited` is
    how long people have been waited for when it is reviewed.
    """

    action: str
    requester: UserId
    params: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    ttl: str = ""
    source: str = "slack"
    targets: int | None = None
    undoable: bool = True
    changes: bool = False
    starts_at: str = ""
    break_glass: bool = False
    waited: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it: a decision, or `fault` says why it would not be taken in at all.

    `refused` are those whose reviews would not be counted.
    """

    decision: Decision | None
    fault: str = ""
    refused: tuple[UserId, ...] = ()


def rehearse(bench: Bench, scene: Scene, asked: Asked, reviews: Sequence[tuple[UserId, Verdict]] = ()) -> Rehearsal:
    """Ask, wait, then review in this order, all in one moment. Nothing is run and nobody is called."""
    try:
        request = _drafted(bench, scene, asked)
    except InvalidInput as error:
        return Rehearsal(None, str(error))
    policy = staged(bench.policy, scene)
    people = [asked.requester, *(user for user, _ in reviews)]
    facts = read_facts(policy, request, people, scene, bench.sources)
    decision = decide(policy, request, (), facts)
    counted: list[Review] = []
    refused: list[UserId] = []
    pending = replace(request, state=State.PENDING, waits_since=scene.at - (asked.waited or timedelta(0)))
    if decision.outcome is Outcome.REVIEW:
        decision = decide(policy, pending, (), facts)
    for user, verdict in reviews:
        over = decision.outcome is Outcome.DENY
        selectors = () if over else eligible(policy, pending, decision, facts, user)
        stood_for = () if over else standing_in(policy, pending, decision, facts, user)
        if not selectors and not stood_for:
            refused.append(user)
            continue
        counted.append(Review(user, "", verdict, scene.at, pending.revision, selectors, on_behalf_of=stood_for))
        decision = decide(policy, pending, counted, facts)
    return Rehearsal(decision, refused=tuple(refused))


def _drafted(bench: Bench, scene: Scene, asked: Asked) -> Request:
    action = find_action(bench.policy, asked.action)
    if asked.reason is None:
        action = replace(action, reason=ReasonRule(required=False))
    body = {
        "params": asked.params,
        "reason": (ANY_REASON if asked.break_glass else "") if asked.reason is None else asked.reason,
        "ttl": asked.ttl,
        "source": asked.source,
        "at": asked.starts_at,
        "break_glass": asked.break_glass,
    }
    drafted = draft(action, bench.catalog, requester=asked.requester, team="", body=body, now=scene.at)
    if asked.targets is None:
        return drafted
    return planned(drafted, Plan("", "", "changes" if asked.changes else "", asked.undoable, asked.targets))
