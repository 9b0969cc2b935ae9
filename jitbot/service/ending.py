"""End by hand: withdraw what waits, drop what is held, settle what is unsure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jitbot.errors import NotPermitted, Settled, Unavailable
from jitbot.lifecycle import Event
from jitbot.model import Answer, Delivery, Request, State, UndoCause, UserId
from jitbot.policy.decide import eligible, standing_in
from jitbot.policy.requirements import reviews_by, satisfied
from jitbot.policy.stand_ins import outsiders
from jitbot.ports import Entry
from jitbot.service.asking import Asking
from jitbot.service.facts import FactsReader
from jitbot.service.reviewing import too_late
from jitbot.service.settling import Settling
from jitbot.service.telling import tell
from jitbot.service.warranting import as_long, lasting
from jitbot.service.world import World


class Ending:
    """The use cases of requesters and approvers after asking."""

    def __init__(self, world: World, facts: FactsReader, asking: Asking, settling: Settling) -> None:
        self._world = world
        self._facts = facts
        self._asking = asking
        self._settling = settling

    def withdraw(self, delivery: Delivery) -> Answer:
        """Take back a request that has not started. Raises: NotPermitted, Settled."""
        request = self._get(delivery)
        if delivery.user != request.requester:
            raise NotPermitted(f"Only who asked can withdraw {request.name}.")
        with self._world.ledger.begin() as entry:
            now = entry.get(request.id)
            if now.state not in (State.DECIDING, State.PENDING, State.APPROVED):
                hint = f" Drop it instead: /jit drop {now.name}" if now.state is State.ACTIVE else ""
                raise Settled(f"{now.name} cannot be withdrawn any more: it is {_word(now)}.{hint}")
            tell(entry, entry.move(now, Event.WITHDRAW, delivery.user))
            entry.settle(delivery.key)
        self._world.queue.messages()
        return Answer(f"{request.name} is withdrawn.", request.id)

    def drop(self, delivery: Delivery) -> Answer:
        """End a grant before its time, stop what runs, or roll back what is watched.

        By the requester, an approver, or whom guardrails let end everything. Raises: NotPermitted, Settled.
        """
        request = self._get(delivery)
        own = self._own(delivery.user, request, "end it")
        event, cause = (Event.DROP, UndoCause.DROP) if own else (Event.REVOKE, UndoCause.REVOCATION)
        said: dict[str, Any] = {}
        with self._world.ledger.begin() as entry:
            now = entry.get(request.id)
            if now.state is State.UNDOING:
                raise Settled(f"{now.name} is being ended already.")
            if now.state is State.RUNNING:
                return self._stop(entry, now, delivery)
            if now.state is State.VERIFYING:
                event, cause, said = Event.STOP, UndoCause.STOP, {"outcome": "rolled back by hand"}
                if not now.undoable:
                    raise Settled(f"{now.name} cannot be taken back: its plan says so.")
            elif now.state is not State.ACTIVE:
                waits = now.state in (State.DECIDING, State.PENDING, State.APPROVED)
                hint = f" Withdraw it instead: /jit withdraw {now.name}" if waits and own else ""
                raise Settled(f"{now.name} holds nothing: it is {_word(now)}.{hint}")
            tell(entry, entry.move(now, event, delivery.user, undo_cause=cause, due_at=entry.now, **said))
            entry.settle(delivery.key)
        self._world.queue.messages()
        self._world.queue.request(request.id)
        return Answer(f"{request.name} is being ended.", request.id)

    def _stop(self, entry: Entry, now: Request, delivery: Delivery) -> Answer:
        """Write down that a run is to end early; its runner looks there. Raises: Settled."""
        if not now.snapshot.stoppable:
            raise Settled(f"{now.name} is running, and its runner cannot be stopped. Wait until it has ended.")
        if now.stopped_by is not None:
            raise Settled(f"{now.name} is being stopped already.")
        tell(entry, entry.amend(now, "stopping", delivery.user, stopped_by=delivery.user, due_at=entry.now))
        entry.settle(delivery.key)
        return Answer(f"{now.name} is being stopped.", now.id)

    def settle(self, delivery: Delivery) -> Answer:
        """Say whether an unsure run happened; by an eligible person, never the requester. Raises: UserFault."""
        request = self._get(delivery)
        if delivery.user in (request.requester, request.beneficiary):
            raise NotPermitted("Who asked cannot settle this. Somebody who may approve it has to.")
        if not self._may_approve(delivery.user, request):
            raise NotPermitted(f"Only who may approve {request.name} can settle it.")
        sure = lasting(self._world, request)
        with self._world.ledger.begin() as entry:
            now = as_long(entry.get(request.id), sure)
            if now.state is not State.UNSURE:
                raise Settled(too_late(now) if now.ended_at else f"{now.name} is settled: it is {_word(now)}.")
            if delivery.body.get("happened"):
                self._settling.did_happen(entry, now, delivery.user)
            else:
                self._settling.did_not_happen(entry, now, delivery.user)
            entry.settle(delivery.key)
        self._world.queue.messages()
        self._world.queue.request(request.id)
        return Answer("", request.id)

    def look(self, delivery: Delivery) -> Answer:
        """Have an unsure result checked now; by who asked too, since it is the check that settles it then.

        Raises: NotPermitted, Settled.
        """
        world, request = self._world, self._get(delivery)
        self._own(delivery.user, request, "have it looked at")
        with world.ledger.begin() as entry:
            now = entry.get(request.id)
            if now.state is not State.UNSURE:
                raise Settled(too_late(now) if now.ended_at else f"{now.name} is settled: it is {_word(now)}.")
            entry.record("looked_at", delivery.user, now.id)
            entry.amend(now, "waits", delivery.user, due_at=entry.now)
            entry.settle(delivery.key)
        claimed = world.ledger.claim(request.id, world.name, world.lease)
        if claimed is None or claimed.state is not State.UNSURE:
            return Answer(f"{request.name} is being looked at just now. Its card will say what was found.", request.id)
        self._settling.unsure(claimed)
        return _found(world.ledger.get(request.id))

    def _own(self, user: UserId, request: Request, doing: str) -> bool:
        """Tell whether it is somebody's own request. Raises: NotPermitted, unless they may end it all the same."""
        own = user in (request.requester, request.beneficiary)
        if not own and not self.may_end(user, request):
            raise NotPermitted(_only(request, doing, [each.name for each in self._world.book.policy.may_end]))
        return own

    def may_end(self, user: UserId, request: Request) -> bool:
        """Tell whether this person reviewed the request, may review it now, or may end everything. Raises: Unavailable.

        Ending loosens nothing, so whoever is only kept apart from the requester may do it.
        """
        return self._may_approve(user, request, kept_apart=False) or self._may_end_everything(user)

    def _may_end_everything(self, user: UserId) -> bool:
        """Tell whether guardrails let this person end whatever anybody holds; they may approve nothing by that."""
        policy = self._world.book.policy
        selectors = [str(each) for each in policy.may_end]
        if not selectors:
            return False
        facts = self._facts.for_selectors(policy, selectors, [user])
        if facts.may_review(user) and satisfied(selectors, facts, user):
            return True
        if any(selector in facts.unread for selector in selectors):
            raise Unavailable("Whether you may end this could not be looked up just now. Try again in a minute.")
        return False

    def _may_approve(self, user: UserId, request: Request, *, kept_apart: bool = True) -> bool:
        reviews = self._world.ledger.reviews(request)
        policy = self._world.book.policy
        own = (request.requester, request.beneficiary)
        facts = self._facts.read(policy, request.action, [user], asked_by=own)
        if user not in facts.people or facts.behind is None:
            raise Unavailable("Who you are could not be looked up just now. Try again in a minute.")
        if not facts.may_review(user) or user in outsiders(request, facts):
            return False
        if any(review.reviewer == user and (review.selectors or review.on_behalf_of) for review in reviews):
            return True
        if request.obligation is not None and reviews_by(request.obligation.reviewers, facts, user):
            return True
        decision = self._asking.decision(policy, request, reviews)
        asked = decision if kept_apart else replace(decision, apart=())
        return bool(eligible(policy, request, asked, facts, user) or standing_in(policy, request, asked, facts, user))

    def _get(self, delivery: Delivery) -> Request:
        assert delivery.request is not None  # noqa: S101 - these deliveries carry one
        return self._world.ledger.get(delivery.request)


def _only(request: Request, doing: str, others: Sequence[str]) -> str:
    if not others:
        return f"Only who asked for {request.name}, or who may approve it, can {doing}."
    return f"Only who asked for {request.name}, who may approve it, or {' or '.join(others)} can {doing}."


def _found(request: Request) -> Answer:
    """Say what a look has found."""
    if request.state is not State.UNSURE:
        return Answer(f"{request.name} is settled by the check: it is {_word(request)}.", request.id)
    said = request.checked.health.detail.rstrip(". ") if request.checked else ""
    words = f"The check cannot tell: {said}." if said else "The check cannot tell."
    then = "Look at the target yourself, or have somebody who may approve it say which it was."
    return Answer(f"{words} {then}", request.id)


def _word(request: Request) -> str:
    return request.state.value.replace("_", " ")
