"""Review: one approver's approve or deny, looked up and counted at the click."""

from dataclasses import replace
from typing import Any

from jitbot.errors import InvalidInput, NotPermitted, RunnerError, Settled, Stale, Unavailable, UserFault
from jitbot.explain import either
from jitbot.lifecycle import TERMINAL, Event
from jitbot.model import (
    Answer,
    Decision,
    Delivery,
    DeliveryKind,
    Facts,
    Outcome,
    Policy,
    Request,
    Review,
    State,
    Verdict,
)
from jitbot.policy.decide import decide, eligible, standing_in
from jitbot.policy.waiting import next_look
from jitbot.ports import Entry
from jitbot.service.asking import POLICY, Asking, approval
from jitbot.service.authority import intact
from jitbot.service.comments import comment_of
from jitbot.service.counting import counted
from jitbot.service.drafting import definition
from jitbot.service.facing import face
from jitbot.service.facts import FactsReader
from jitbot.service.telling import tell, tell_stood_for
from jitbot.service.world import World

VERDICTS = {DeliveryKind.APPROVE: Verdict.APPROVE, DeliveryKind.DENY: Verdict.DENY}
WHY = "Say why: the requester will read it."
EDITED = (
    "This card shows something else than I had drawn, or is from before an upgrade, so your approval was not counted. "
    "What {} is about stands in the form that has just opened, and behind Details. Approve it there if it is right."
)
WORDS = {
    State.DENIED: "was denied",
    State.WITHDRAWN: "was withdrawn",
    State.LAPSED: "lapsed: nobody answered in time",
    State.MISSED: "was not started in time",
}


class Reviewing:
    """The use cases of approvers."""

    def __init__(self, world: World, facts: FactsReader, asking: Asking) -> None:
        self._world = world
        self._facts = facts
        self._asking = asking

    def review(self, delivery: Delivery) -> Answer:
        """Count one review. Raises: UserFault; nothing is counted then."""
        world = self._world
        policy, seen, facts = self.looked_at(delivery)
        with world.ledger.begin() as entry:
            request = entry.get(seen.id)
            self.see_open(request, delivery)
            moved = self._count(entry, request, delivery, policy, facts)
            entry.settle(delivery.key)
        world.queue.messages()
        if moved.state is State.APPROVED:
            world.queue.request(moved.id)
        return Answer("", moved.id)

    def looked_at(self, delivery: Delivery) -> tuple[Policy, Request, Facts]:
        """Return what a click is decided by, read before its transaction. Raises: UserFault."""
        assert delivery.request is not None  # noqa: S101 - deliveries of reviews carry one
        world = self._world
        seen = world.ledger.get(delivery.request)
        self.see_open(seen, delivery)
        policy = world.book.for_new()
        self._unchanged(seen, policy)
        return policy, seen, self.facts(policy, seen, delivery)

    def facts(self, policy: Policy, request: Request, delivery: Delivery) -> Facts:
        """Return what is known now of whoever clicked, whoever reviewed before, and the rest."""
        reviews = self._world.ledger.reviews(request)
        people = [delivery.user, *(user for each in reviews for user in each.people)]
        return self._facts.read(policy, request.action, people, request)

    def see_open(self, request: Request, delivery: Delivery) -> None:
        """See that this click can still count. Raises: Settled, Stale."""
        deny = delivery.kind is DeliveryKind.DENY
        if request.state is State.APPROVED and not deny:
            raise Settled(f"{request.name} is approved already. Nothing more is needed.")
        if request.state not in (State.PENDING, State.APPROVED):
            raise Settled(too_late(request))
        if request.lapses_at is not None and delivery.received_at >= request.lapses_at and not request.approved_at:
            raise Settled(f"{request.name} {WORDS[State.LAPSED]}. Ask again if it is still needed.")
        if delivery.body.get("edited"):
            raise Stale(EDITED.format(request.name))
        other = not deny and delivery.body.get("seen") not in (None, face(request))
        if other or delivery.body.get("revision") != request.revision:
            raise Stale(f"{request.name} has changed since this was drawn. Look at it again, then decide.")

    def _unchanged(self, request: Request, policy: Policy) -> None:
        """Make a new revision where the action's definition has changed since. Raises: Stale, Unavailable."""
        action = policy.actions.get(request.action)
        if action is None or definition(action) == request.snapshot.definition:
            return  # the plan is taken again just before the run; taking it at every click would keep people waiting
        try:
            revision = self._asking.revised(request, policy)
        except (InvalidInput, RunnerError) as error:
            raise Unavailable(f"{request.name} cannot be planned now: {error}") from error
        if revision is None or not intact(self._world, request):  # none: a digest of another definition than the row's
            raise Unavailable(f"{request.name} is not what its record says. It cannot be decided; ask again.")
        self._asking.revise(request, revision, policy)
        raise Stale(f"{request.name} has changed since it was asked: look at it again, then decide.")

    def _count(self, entry: Entry, request: Request, delivery: Delivery, policy: Policy, read: Facts) -> Request:
        facts = counted(entry, policy, request, read)
        reviews = entry.reviews(request)
        before = decide(policy, request, reviews, facts)
        if needs_nobody(before, request):
            return self.apply(entry, request, before, POLICY, policy)
        verdict = VERDICTS[delivery.kind]
        asked = before if verdict is Verdict.APPROVE else replace(before, apart=())  # a denial loosens nothing
        selectors = eligible(policy, request, asked, facts, delivery.user)
        stood_for = standing_in(policy, request, asked, facts, delivery.user)
        if not selectors and not stood_for:
            raise self.not_eligible(request, asked, delivery, facts)
        comment = comment_of(delivery, missing=WHY if verdict is Verdict.DENY else "")
        if any((each.reviewer, each.verdict) == (delivery.user, verdict) for each in reviews):
            return request
        review = Review(
            reviewer=delivery.user,
            team=delivery.team,
            verdict=verdict,
            at=delivery.received_at,
            revision=request.revision,
            selectors=selectors,
            comment=comment,
            on_behalf_of=stood_for,
            seen=str(delivery.body.get("seen") or ""),
        )
        entry.review(request, review)
        others = [each for each in reviews if each.reviewer != review.reviewer]
        decision = decide(policy, request, [*others, review], facts)
        tell_stood_for(entry, request, review, decision, facts.people[delivery.user].name)
        return self.apply(entry, request, decision, delivery.user, policy)

    def apply(
        self, entry: Entry, request: Request, decision: Decision, by: str, policy: Policy, note: str = ""
    ) -> Request:
        """Carry out what a new decision on a waiting request says; `note` tells why it was decided without a click."""
        changes: dict[str, Any] = {"decision": decision, "policy_digest": policy.digest}
        if decision.outcome is Outcome.DENY:
            moved = entry.move(request, Event.DENY, by, note, outcome=decision.summary, **changes)
            tell(entry, moved, f"{note or 'denied'}: {decision.summary}")
        elif decision.outcome is Outcome.ALLOW:
            changes |= approval(policy.actions[request.action], request, decision, entry.now)
            moved = entry.move(request, Event.APPROVE, by, note, **changes)
            tell(entry, moved, note and f"{note}, and nobody else has to approve it.")
        else:
            changes["due_at"] = next_look(decision.waiting, request)
            moved = entry.amend(request, "redecided" if note else "counted", by, note, **changes)
            others = note and not asks_alike(decision, request.decision)
            tell(entry, moved, f"{note}; it asks for other approvals now, as its card says." if others else "")
        return moved

    def not_eligible(self, request: Request, decision: Decision, delivery: Delivery, facts: Facts) -> UserFault:
        """Return what to say to somebody whose review does not count, with the decision that says so."""
        fault = self._why_not(request, decision, delivery, facts)
        fault.decided = decision
        return fault

    def _why_not(self, request: Request, decision: Decision, delivery: Delivery, facts: Facts) -> UserFault:
        if delivery.user in (request.requester, request.beneficiary):
            return NotPermitted("Nobody reviews their own request. Somebody else has to decide this one.")
        if delivery.user in decision.apart:
            return NotPermitted(
                f"You can't approve {request.name}: whoever asked for it approved a request of yours lately, and "
                "you may not approve each other in turn. Somebody else has to; the card says who can."
            )
        if decision.unread:
            return Unavailable("Who may review this could not be read just now. Try again in a minute.")
        if any(delivery.user in facts.young.get(str(source), ()) for source in decision.sources):
            return NotPermitted(
                f"You can't review {request.name} yet: you joined the group that may less than a day ago. Ask somebody "
                "who has been in it for longer."
            )
        groups = either([source.name for source in decision.sources])
        needs = f" It needs {groups}." if groups else ""
        return NotPermitted(f"You can't review {request.name}.{needs} Ask one of them.")


def asks_alike(one: Decision, other: Decision | None) -> bool:
    """Tell whether people see the same of two decisions: who is asked, and by which rule."""
    return other is not None and all(
        getattr(one, name) == getattr(other, name) for name in ("outcome", "rule", "needs", "sources")
    )


def needs_nobody(decision: Decision, request: Request) -> bool:
    """Tell whether the policies of today decide this by themselves: they were edited since it was asked."""
    if decision.outcome is Outcome.ALLOW:
        return request.state is State.PENDING
    return decision.outcome is Outcome.DENY and not decision.unread


def too_late(request: Request) -> str:
    """Say what became of a request that somebody clicked on too late."""
    if request.state in WORDS:
        because = f" (“{request.outcome}”)" if request.state is State.DENIED and request.outcome else ""
        return f"Too late: {request.name} {WORDS[request.state]}{because}."
    if request.state in TERMINAL:
        return f"Too late: {request.name} has ended ({request.state.value.replace('_', ' ')})."
    if request.state is State.DECIDING:
        return f"{request.name} is still being decided. Try again in a moment."
    return f"Too late: {request.name} is {request.state.value.replace('_', ' ')} already."
