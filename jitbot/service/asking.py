"""Ask and decide: take a request in, plan it, read the facts, and let policy say what happens."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from jitbot.errors import Conflict, InvalidInput, PoolUnavailable, RunnerError, RunnerRefused
from jitbot.lifecycle import Event
from jitbot.model import (
    Action,
    Answer,
    Decision,
    Delivery,
    Facts,
    Mark,
    Outcome,
    Plan,
    Policy,
    Reason,
    Request,
    Review,
    State,
    UserId,
)
from jitbot.policy.decide import decide
from jitbot.policy.starting import format_instant
from jitbot.policy.waiting import next_look
from jitbot.ports import Entry
from jitbot.service.allowing import see_room
from jitbot.service.authority import WORKER, intact
from jitbot.service.claims import mine
from jitbot.service.counting import counted
from jitbot.service.drafting import definition, draft, find_action, for_whom, planned, still_defined, take
from jitbot.service.facts import FactsReader
from jitbot.service.parts import named, whole_plan
from jitbot.service.telling import tell, tell_beneficiary
from jitbot.service.world import World
from jitbot.service.zones import zone_for

POLICY = "policy"
"""Who causes a move that follows from the rules alone."""
AGAIN = timedelta(seconds=15)
"""When what has to wait (facts unread, policies broken) is tried again."""

PLANS_AT_ONCE = 8
"""So many parts of one request are planned at the same time."""


class Asking:
    """The use cases before anybody is asked."""

    def __init__(self, world: World, facts: FactsReader) -> None:
        self._world = world
        self._facts = facts

    def ask(self, delivery: Delivery) -> Answer:
        """Take a request in and decide it. Raises: UserFault, with nothing taken in."""
        world = self._world
        action = find_action(world.book.for_new(), str(delivery.body.get("action", "")))
        zone = zone_for(world.directory, delivery.user, delivery.body)
        drafted = draft(
            action,
            world.catalog,
            requester=delivery.user,
            team=delivery.team,
            body=delivery.body,
            now=delivery.received_at,
            zone=zone,
        )
        answer = self.take_in(delivery, drafted)
        if drafted.starts_at is None or answer.text:
            return answer
        planned = format_instant(drafted.starts_at, zone or UTC)
        return replace(answer, text=f"JIT-{answer.request} is to start at {planned}, not before.")

    def take_in(self, delivery: Delivery, drafted: Request) -> Answer:
        """Write a new request down, and decide it. Raises: Unavailable for who has asked for too much already."""
        world = self._world
        with world.ledger.begin() as entry:
            see_room(entry, world.allowance, delivery.user)
            claimed = replace(drafted, owner=world.name, lease_until=entry.now + world.lease)
            request = entry.add(claimed, by=delivery.user)
            entry.settle(delivery.key)
        try:
            return self._decide(request)
        except Conflict:  # it took so long that somebody else has decided it
            return Answer(request=request.id)

    def decided(self, request: Request) -> Answer:
        """Decide a request that has been taken in; the claim on it is ours. Raises: Conflict."""
        if not intact(self._world, request):
            return Answer(f"{request.name} is not what its record says. Ask again.", request.id, refused=True)
        return self._decide(request)

    def _decide(self, request: Request) -> Answer:
        """Decide what is known to be as it was asked: just written by us, or compared with its record."""
        if self._world.book.ends_only:
            return self._later(request)
        policy = self._world.book.policy
        try:
            seen = planned(request, self.plan(request))
        except (RunnerError, InvalidInput) as error:
            unplanned = refused(f"It cannot be planned: {error}")
            return self._settle(request, policy, lambda entry: unplanned)
        if seen.ttl is not None and (seen.snapshot.plan is None or not seen.snapshot.plan.undoable):
            endless = refused("This cannot be undone, so it cannot be held for a time.")
            return self._settle(seen, policy, lambda entry: endless)
        facts = self.facts(policy, seen, ())

        def conclude(entry: Entry) -> Decision:
            now = counted(entry, policy, seen, facts)
            return held(entry.holders(*seen.snapshot.targets), seen) or decide(policy, seen, (), now)

        return self._settle(seen, policy, conclude)

    def plan(self, request: Request) -> Plan:
        """Ask the runner what would happen; an extension has its plan from the start. Raises: RunnerError."""
        if request.extension is not None and request.snapshot.plan is not None:
            return request.snapshot.plan
        if request.snapshot.parts:
            return whole_plan(request.snapshot, self._part_plans(request))
        runner, inputs = self._world.runner(request)
        return runner.plan(inputs)

    def _part_plans(self, request: Request) -> Sequence[Plan]:
        """Ask for the plan of each part, several at the same time. Raises: RunnerRefused, naming the part."""

        def one(position: int) -> Plan:
            runner, inputs = self._world.runner(request, position)
            try:
                return runner.plan(inputs)
            except RunnerError as error:
                kind = PoolUnavailable if isinstance(error, PoolUnavailable) else RunnerRefused
                raise kind(f"{named(request, [position])}: {error}") from error

        with ThreadPoolExecutor(PLANS_AT_ONCE, thread_name_prefix="plan") as pool:
            return list(pool.map(one, range(len(request.snapshot.parts))))

    def facts(self, policy: Policy, request: Request, reviews: Sequence[Review]) -> Facts:
        """Read the facts by which a request can be decided, but for what is counted in the ledger."""
        people: list[UserId] = [request.requester, *(user for review in reviews for user in review.people)]
        return self._facts.read(policy, request.action, people, request)

    def decision(self, policy: Policy, request: Request, reviews: Sequence[Review]) -> Decision:
        """Read the facts and decide, as advice: what is counted may have changed when it counts."""
        facts = self.facts(policy, request, reviews)
        return decide(policy, request, reviews, counted(self._world.ledger, policy, request, facts))

    def revised(self, request: Request, policy: Policy) -> Request | None:
        """Return the next revision where the definition or the plan has changed since; None where all is as approved.

        Raises: InvalidInput where the parameters do not fit any more, RunnerError where it cannot be planned.
        """
        action = find_action(policy, request.action)
        snapshot = request.snapshot
        if request.extension is not None:
            still_defined(request.snapshot, action)  # an extension has no next revision
        if definition(action) != snapshot.definition:
            snapshot = take(action, self._world.catalog, request.params)
            request = replace(request, beneficiary=for_whom(action, request.params, request.requester))
        seen = planned(replace(request, snapshot=snapshot), self.plan(replace(request, snapshot=snapshot)))
        return None if seen.digest == request.digest else replace(seen, revision=request.revision + 1)

    def revise(self, request: Request, revision: Request, policy: Policy) -> Request:
        """Put a new revision in the place of a waiting or approved one: decided anew, without the old reviews."""
        facts = self.facts(policy, revision, ())
        with self._world.ledger.begin() as entry:
            now = entry.get(request.id)
            if now.state not in BACK or now.revision != request.revision:
                raise Conflict(f"{request.name} has moved on.")
            decision = decide(policy, revision, (), counted(entry, policy, revision, facts))
            changes: dict[str, Any] = {
                "revision": now.revision + 1,
                "beneficiary": revision.beneficiary,
                "changed_by": None,
                "snapshot": revision.snapshot,
                "digest": revision.digest,
                "decision": decision,
                "policy_digest": policy.digest,
            }
            action = policy.actions[request.action]
            if decision.outcome is Outcome.DENY:
                moved = entry.move(now, Event.DENY, POLICY, outcome=decision.summary, **changes)
            elif decision.outcome is Outcome.REVIEW:
                changes |= asked_again(action, now, decision, entry.now)
                moved = entry.move(now, BACK[now.state], POLICY, "what would run has changed", **changes)
            elif now.state is State.APPROVED:
                changes |= taken(action, decision) | {"due_at": entry.now, "owner": "", "lease_until": None}
                moved = entry.amend(now, "revised", POLICY, **changes)
            else:
                moved = entry.move(now, Event.APPROVE, POLICY, **changes, **approval(action, now, decision, entry.now))
            tell(entry, moved, "what would run has changed since it was asked; it is decided anew.")
        self._world.queue.messages()
        if moved.state is State.APPROVED:
            self._world.queue.request(moved.id)
        return moved

    def _later(self, request: Request) -> Answer:
        """Wait for policies that can be read."""
        with self._world.ledger.begin() as entry:
            now = mine(entry, request)
            entry.amend(now, "waits", POLICY, due_at=entry.now + AGAIN, owner="", lease_until=None)
        return Answer(request=request.id)

    def _settle(self, request: Request, policy: Policy, conclude: Callable[[Entry], Decision]) -> Answer:
        world = self._world
        action = policy.actions.get(request.action)
        with world.ledger.begin() as entry:
            now = mine(entry, request)
            decision = conclude(entry)
            changes: dict[str, Any] = {
                "snapshot": request.snapshot,
                "digest": request.digest,
                "decision": decision,
                "policy_digest": policy.digest,
                "outcome": decision.summary if decision.outcome is Outcome.DENY else "",
            }
            if decision.outcome is Outcome.ALLOW and action is not None:
                changes |= approval(action, now, decision, entry.now)
            if decision.outcome is not Outcome.DENY and action is not None:
                changes |= {"lapses_at": lapse(action, now, decision, entry.now)}
            if decision.outcome is Outcome.REVIEW and action is not None:
                changes |= began_to_wait(action, now, decision, entry.now)
            moved = entry.move(now, MOVES[decision.outcome], POLICY, **changes)
            tell(entry, moved)
            if decision.outcome is not Outcome.DENY:
                tell_beneficiary(entry, moved, "was asked for you.")
        world.queue.messages()
        if decision.outcome is Outcome.ALLOW:
            world.queue.request(moved.id)
        refused = decision.outcome is Outcome.DENY
        return Answer(decision.summary if refused else "", moved.id, refused)


BACK = {State.PENDING: Event.REVISE, State.APPROVED: Event.ASK}
MOVES = {Outcome.ALLOW: Event.ALLOW, Outcome.REVIEW: Event.ASK, Outcome.DENY: Event.DENY}


def approval(action: Action, request: Request, decision: Decision, now: datetime) -> dict[str, Any]:
    """Return what changes with an approval, by whoever: it starts now, or when it is planned to."""
    begins = request.starts_at or now
    start_by = begins + action.start_within
    if request.extension is not None:
        start_by = min(start_by, request.extension.since)
    times = {"approved_at": now, "start_by": start_by, "due_at": max(now, begins)}
    return times | taken(action, decision)


def taken(action: Action, decision: Decision) -> dict[str, Any]:
    """Return the place that is taken of the deciding rule's quota, where it has one."""
    rule = next((each for each in action.rules if each.name == decision.rule), None)
    return {"quota": rule.name} if rule is not None and rule.quota is not None else {}


def lapse(action: Action, request: Request, decision: Decision, now: datetime) -> datetime:
    """Return until when reviews are waited for: never beyond the time by which it would have to start."""
    waited = now + (decision.waiting.lapse_after or action.lapse_after)
    if request.extension is not None:
        return min(waited, request.extension.since)
    return waited if request.starts_at is None else min(waited, request.starts_at + action.start_within)


def asked_again(action: Action, request: Request, decision: Decision, now: datetime, **kept: Any) -> dict[str, Any]:
    """Return what changes where people have to look once more: they have the whole time again, save what is `kept`."""
    return {"approved_at": None, "start_by": None, **began_to_wait(action, request, decision, now, **kept)}


def began_to_wait(action: Action, request: Request, decision: Decision, now: datetime, **kept: Any) -> dict[str, Any]:
    """Return what changes where people are asked: the time of reminders, escalations and the lapse begins."""
    waits: dict[str, Any] = {
        "waits_since": now,
        "escalated_at": None,
        "reminded_at": None,
        "reminders": 0,
        "lapses_at": lapse(action, request, decision, now),
        **kept,
    }
    return waits | {"due_at": next_look(decision.waiting, replace(request, **waits))}


def not_allowed(entry: Entry, request: Request, decision: Decision, policy: Policy) -> None:
    """Follow the last decision, just before the run, where it does not allow it: wait, refuse, or ask people again."""
    decided: dict[str, Any] = {"decision": decision, "policy_digest": policy.digest}
    if decision.unread:
        entry.amend(request, "waits", WORKER, due_at=entry.now + AGAIN, owner="", lease_until=None)
    elif decision.outcome is Outcome.DENY:
        denied = entry.move(request, Event.DENY, WORKER, outcome=decision.summary, **decided)
        tell(entry, denied, f"refused: {decision.summary}")
    else:
        again = asked_again(policy.actions[request.action], request, decision, entry.now)
        tell(entry, entry.move(request, Event.ASK, POLICY, **decided, **again), "needs approval again.")


def refused(summary: str) -> Decision:
    """Return a denial that no rule of a policy made."""
    return Decision(Outcome.DENY, "", summary, Reason(Mark.DENIED, "REFUSED", summary))


def held(holders: Sequence[Request], request: Request) -> Decision | None:
    """Refuse a target that one of those who hold it holds with other inputs, or without a receipt, naming them.

    Without the first one's receipt, whoever came second would give back what the first one has made of it (ADR 0012).
    """
    own = {request.id, request.extension.of if request.extension else request.id}
    for holder in holders:
        alone = request.snapshot.parts or holder.snapshot.parts  # what has many targets shares none of them
        if holder.id in own or holder.ttl is None:
            continue
        if alone:
            how = ""
        elif dict(holder.snapshot.inputs) != dict(request.snapshot.inputs):
            how = ", with other values"
        elif holder.state is State.ACTIVE and holder.receipt is None:
            how = ", and its start never answered, so only its own end knows what was there before"
        else:
            continue
        return refused(f"{holder.name} holds this now{how}. Ask again when it has ended.")
    return None
