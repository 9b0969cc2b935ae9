"""Chase: remind those who have not answered, ask more people as time passes, and let lapse what nobody reviewed.

All of it is one look at a request that is due: what has been said is in the row, in one transaction with the message,
so that missed looks and restarts only delay, and nothing is said twice.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from jitbot.explain import either, length
from jitbot.lifecycle import Event
from jitbot.model import Decision, Facts, Outcome, Outgoing, Policy, Request, Selector, State, Tier, Topic, UserId
from jitbot.policy.decide import decide
from jitbot.policy.waiting import next_look, reminder_due, untold
from jitbot.ports import Entry
from jitbot.service.asking import AGAIN, POLICY, Asking
from jitbot.service.claims import mine
from jitbot.service.counting import counted
from jitbot.service.owing import Owing
from jitbot.service.reviewing import Reviewing
from jitbot.service.telling import tell
from jitbot.service.world import World

CLOCK = "clock"
MOST_PINGED = 20
"""So many people are pinged in one message at most."""


class Chasing:
    """The use cases of the clock while people are waited for. Every request handed in is claimed."""

    def __init__(self, world: World, asking: Asking, reviewing: Reviewing, owing: Owing) -> None:
        self._world = world
        self._asking = asking
        self._reviewing = reviewing
        self._owing = owing

    def waits(self, request: Request) -> None:
        """Do what is due for a waiting request. Raises: Conflict."""
        world = self._world
        if request.lapses_at is not None and world.ledger.now() >= request.lapses_at:
            return self._lapse(request)
        policy = world.book.policy
        if world.book.ends_only or request.action not in policy.actions:
            return self._later(request)
        facts = self._asking.facts(policy, request, world.ledger.reviews(request))
        with world.ledger.begin() as entry:
            moved = self._look(entry, mine(entry, request), policy, facts)
        world.queue.messages()
        if moved.state is State.APPROVED:
            world.queue.request(moved.id)
        return None

    def overdue(self) -> None:
        """Remind of the reviews after break-glass that wait too long. Raises: StoreUnavailable."""
        self._owing.remind()

    def _look(self, entry: Entry, now: Request, policy: Policy, facts: Facts) -> Request:
        decision = decide(policy, now, entry.reviews(now), counted(entry, policy, now, facts))
        tiers = untold(decision.waiting.escalate, now, facts.now)
        if decision.outcome is Outcome.ALLOW:
            return self._reviewing.apply(entry, now, decision, POLICY, policy)
        unread = any(str(source) in facts.unread for tier in tiers for source in tier.to)
        if unread or (decision.unread and not _can_approve(decision)):  # of a refusal too: then nobody can
            return entry.amend(now, "waits", CLOCK, due_at=entry.now + AGAIN, owner="", lease_until=None)
        if decision.outcome is Outcome.DENY:
            return self._reviewing.apply(entry, now, decision, POLICY, policy)
        return self._chase(entry, now, decision, tiers, facts, policy.digest)

    def _chase(
        self, entry: Entry, now: Request, decision: Decision, tiers: tuple[Tier, ...], facts: Facts, digest: str
    ) -> Request:
        changes: dict[str, Any] = {"decision": decision, "policy_digest": digest}
        if tiers:
            changes["escalated_at"] = facts.now
        remind = reminder_due(decision.waiting, now, facts.now)
        if remind:
            changes |= {"reminded_at": facts.now, "reminders": now.reminders + 1}
        due_at = next_look(decision.waiting, replace(now, **changes))
        kind = "escalated" if tiers else "reminded" if remind else "looked"
        moved = entry.amend(now, kind, CLOCK, due_at=due_at, owner="", lease_until=None, **changes)
        tell(entry, moved)
        people = _can_approve(decision)
        if not remind:
            stands_for = {user: other for need in decision.needs for user, other in need.stand_ins}
            people = [user for user in people if _new(stands_for.get(user, user), tiers, decision, facts)]
        if people:
            text = _words(moved, tiers, people, facts.now)
            entry.say(Outgoing(f"call:{moved.id}:{moved.version}", Topic.CALL, moved.id, text))
        return moved

    def _lapse(self, request: Request) -> None:
        """End a request that nobody reviewed in time, unless a click from before is still being worked on."""
        with self._world.ledger.begin() as entry:
            now = mine(entry, request)
            if entry.waiting(request.id):
                return
            tell(
                entry,
                entry.move(now, Event.LAPSE, CLOCK, outcome="nobody answered in time"),
                "lapsed: nobody answered.",
            )
        self._world.queue.messages()

    def _later(self, request: Request) -> None:
        """Wait for policies that can be read, and know the action."""
        with self._world.ledger.begin() as entry:
            now = mine(entry, request)
            soon = min(at for at in (entry.now + AGAIN, now.lapses_at) if at is not None)
            entry.amend(now, "waits", CLOCK, due_at=soon, owner="", lease_until=None)


def _can_approve(decision: Decision) -> list[UserId]:
    """Return who can still approve, but for those who are not to be pinged."""
    waits = [need for need in decision.needs if need.missing > 0]
    return list(dict.fromkeys(user for need in waits for user in need.candidates if user not in need.quiet))


def _new(user: UserId, tiers: tuple[Tier, ...], decision: Decision, facts: Facts) -> bool:
    """Tell whether somebody is asked only since one of these tiers has opened."""
    added = {str(source) for tier in tiers for source in tier.to}
    before = {str(source) for source in decision.sources} - added
    named = {selector for selector in added | before if user in facts.members.get(selector, ())}
    return bool(named) and named <= added


def _named(source: Selector) -> str:
    return f"<@{source.name}>" if source.kind == "user" else source.name


def _words(request: Request, tiers: tuple[Tier, ...], people: list[UserId], now: datetime) -> str:
    waited = length(now - (request.waits_since or request.created_at))
    also = either([_named(source) for tier in tiers for source in tier.to], "and")
    asked = f" Asked also from now on: {also}." if also else ""
    pings = " ".join(f"<@{user}>" for user in people[:MOST_PINGED])
    return f"{request.name} has waited for approval for {waited}.{asked} {pings} please look."
