"""Look: what people may run, what would happen, and where requests stand. Nothing here changes anything."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, timedelta, tzinfo
from statistics import median
from typing import Any

from jitbot.errors import NotFound, NotPermitted, Tampered, Unavailable, UserFault
from jitbot.lifecycle import HOLDING
from jitbot.model import Action, Delegation, Halts, Outcome, ReasonRule, Request, RequestId, Review, State, UserId
from jitbot.policy.break_glass import named
from jitbot.policy.decide import eligible, standing_in
from jitbot.policy.requirements import satisfied
from jitbot.policy.starting import parse_instant
from jitbot.service.asking import Asking
from jitbot.service.drafting import draft, find_action, planned
from jitbot.service.ending import Ending
from jitbot.service.facts import FactsReader
from jitbot.service.owing import Owing
from jitbot.service.world import World
from jitbot.service.zones import zone_for

OPEN = (State.PENDING,)
LATELY, ENOUGH = 20, 3
"""How many of the latest answers are looked at, and how few say nothing about what is usual."""
YET_TO_COME = "not typed yet"
"""Stands for the reason of a break-glass that is still being typed, so that its terms can be looked at before."""
NAME = re.compile(r"(?:jit-)?([0-9]{1,15})", re.IGNORECASE)


class Queries:
    """The use cases that only read."""

    def __init__(self, world: World, facts: FactsReader, asking: Asking, ending: Ending, owing: Owing) -> None:
        self._world = world
        self._facts = facts
        self._asking = asking
        self._ending = ending
        self._owing = owing

    def offered(self, user: UserId) -> Sequence[Action]:
        """Return the actions this person may ask for, by title. Raises: Unavailable while policies are broken."""
        policy = self._world.book.for_new()
        facts = self._facts.for_asking(policy, user)
        if not facts.may_ask(user):
            return []
        allowed = (
            action
            for action in policy.actions.values()
            if any(who.kind == "user" and who.name == user for who in action.requesters)
            or satisfied([str(who) for who in action.requesters], facts, user)
        )
        return sorted(allowed, key=lambda action: action.title)

    def action(self, name: str) -> Action:
        """Return an action by its name. Raises: NotFound, Unavailable."""
        return find_action(self._world.book.for_new(), name)

    def check(self, action: Action, body: Mapping[str, Any], user: UserId) -> None:
        """See whether what was typed can be taken; no network. Raises: InvalidInput with the wrong fields."""
        self._draft(action, body, user)

    def preview(self, user: UserId, action: Action, body: Mapping[str, Any]) -> Request:
        """Return what this would become now, with plan and decision; advice only. Raises: UserFault, RunnerError."""
        unexplained = replace(action, reason=ReasonRule(required=False))  # the reason is typed last
        reason = body.get("reason") or (YET_TO_COME if body.get("break_glass") else "")
        zone = zone_for(self._world.directory, user, body)
        drafted = self._draft(unexplained, {**body, "reason": reason}, user, zone)
        seen = planned(drafted, self._asking.plan(drafted))
        decision = self._asking.decision(self._world.book.for_new(), seen, ())
        self._world.halts.follow()
        return replace(seen, decision=decision, halted=self._world.halts.clearance(seen, ()).why_not)

    def may_break_glass(self, user: UserId, action: Action) -> bool:
        """Tell whether break-glass is open to this person for an action, whatever else they may owe or ask wrongly."""
        selectors = {str(each) for terms in action.break_glass for each in (*terms.who, *terms.within)}
        if not selectors:
            return False
        facts = self._facts.for_selectors(self._world.book.policy, selectors, [user])
        return facts.may_review(user) and any(named(terms, facts, user) for terms in action.break_glass)

    def owed(self, user: UserId, limit: int = 20) -> Sequence[Request]:
        """Return the requests whose review after break-glass this person may give, the longest due first."""
        return self._owing.waits_for(user)[:limit]

    def instant(self, text: str, user: UserId) -> str:
        """Return a start that was typed by somebody as one with its offset; what is none stays as it is."""
        try:
            zone = zone_for(self._world.directory, user, {"at": text})
            return parse_instant(text, self._world.ledger.now(), zone or UTC).isoformat()
        except UserFault:
            return text

    def usual_wait(self, request: Request) -> timedelta | None:
        """Return how long requests that the same rule asks people about usually wait for an answer, if that is known.

        Raises: StoreUnavailable.
        """
        decision = request.decision
        if decision is None or decision.outcome is not Outcome.REVIEW:
            return None
        waits = [each.total_seconds() for each in self._world.ledger.waits(request.action, decision.rule, LATELY)]
        return timedelta(seconds=median(waits)) if len(waits) >= ENOUGH else None

    def find(self, text: str) -> RequestId:
        """Read a request's name as people type it: `JIT-12`, `jit-12` or `12`. Raises: NotFound."""
        match = NAME.fullmatch(text.strip())
        if match is None:
            raise NotFound(f"“{text.strip()[:40]}” is not a request. Requests are called like JIT-12.")
        return RequestId(int(match.group(1)))

    def visible(self, user: UserId, request_id: RequestId) -> Request:
        """Return a request to somebody who may see it. Raises: NotFound, NotPermitted."""
        request = self._world.ledger.get(request_id)
        if user in (request.requester, request.beneficiary) or self._ending.may_end(user, request):
            return request
        raise NotPermitted(f"{request.name} is not yours to see: only who asked for it and who may approve it can.")

    def status(self, user: UserId, request_id: RequestId) -> tuple[Request, Sequence[Review]]:
        """Return a request with its reviews to somebody who may see it. Raises: NotFound, NotPermitted."""
        request = self.visible(user, request_id)
        return request, self._world.ledger.reviews(request)

    def card(self, request_id: RequestId) -> tuple[Request, Sequence[Review]]:
        """Return what a card shows; for drawing, so nobody is asked whether they may. Raises: NotFound."""
        request = self._world.ledger.get(request_id)
        return request, self._world.ledger.reviews(request)

    def has_output(self, request: Request, *, own: bool) -> bool:
        """Tell whether runs have said more than one message of a thread holds; or found anything, for one's `own`."""
        if request.started_at is None:
            return False
        return any(each.long or (own and each.results) for each in self._world.outputs.of(request.id))

    def mine(self, user: UserId, limit: int = 10) -> Sequence[Request]:
        """Return a person's own requests, newest first."""
        return self._world.ledger.find(requester=user, limit=limit)

    def pending(self, user: UserId, limit: int = 20) -> Sequence[Request]:
        """Return the requests that wait for this person's review, newest first."""
        waiting = self._world.ledger.find(states=OPEN, limit=200)
        return [request for request in waiting if self._waits_for(user, request)][:limit]

    def delegations(self, user: UserId) -> Sequence[Delegation]:
        """Return who stands in for this person, and for whom they do. Raises: Unavailable."""
        try:
            return self._world.delegations.of(user, self._world.ledger.now())
        except Tampered as error:
            raise Unavailable("Delegations do not count now: their signed record does not hold.") from error

    def halts(self) -> Halts:
        """Return which halts stand now. Raises: StoreUnavailable."""
        return self._world.halts.follow()

    def held(self, user: UserId) -> Sequence[Request]:
        """Return what a person's requests hold or do just now."""
        return self._world.ledger.find(states=sorted(HOLDING), requester=user)

    def may_end(self, user: UserId, request: Request) -> bool:
        """Tell whether this person may drop or settle a request as an approver. Raises: Unavailable."""
        return self._ending.may_end(user, request)

    def _waits_for(self, user: UserId, request: Request) -> bool:
        reviews = self._world.ledger.reviews(request)
        if any(review.reviewer == user for review in reviews):
            return False
        policy = self._world.book.policy
        facts = self._facts.read(policy, request.action, [request.requester, user])
        decision = self._asking.decision(policy, request, reviews)
        return bool(
            eligible(policy, request, decision, facts, user) or standing_in(policy, request, decision, facts, user)
        )

    def _draft(self, action: Action, body: Mapping[str, Any], user: UserId, zone: tzinfo | None = None) -> Request:
        world = self._world
        return draft(action, world.catalog, requester=user, team="", body=body, now=world.ledger.now(), zone=zone)
