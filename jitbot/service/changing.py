"""Approve with changes: an approver shortens the time or puts the start off, and approves what comes of it.

The change makes a new revision with its own digest, decided anew. The approver's review goes with it; reviews given
before belong to what is no longer asked, and those people are asked again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from jitbot.errors import InvalidInput, Unavailable
from jitbot.explain import length
from jitbot.lifecycle import Event
from jitbot.model import (
    Answer,
    Decision,
    Delivery,
    Facts,
    Outcome,
    Policy,
    Request,
    RequestId,
    Review,
    State,
    UserId,
    Verdict,
)
from jitbot.policy.asking import parse_length
from jitbot.policy.decide import decide, eligible, standing_in
from jitbot.policy.starting import format_instant, parse_instant, within
from jitbot.ports import Entry
from jitbot.service.asking import POLICY, asked_again
from jitbot.service.authority import intact
from jitbot.service.counting import counted
from jitbot.service.drafting import digest
from jitbot.service.facing import face
from jitbot.service.reviewing import Reviewing, needs_nobody
from jitbot.service.telling import notify, tell
from jitbot.service.world import World

FURTHEST = timedelta(days=7)
"""How far an approver may put a start off where the action itself says nothing of planned starts."""


@dataclass(frozen=True, slots=True)
class Change:
    """A request as an approver would have it, and what is different, in words for people."""

    request: Request
    words: str


def changed(request: Request, body: Mapping[str, Any], most: timedelta, now: datetime) -> Change:
    """Read what an approver wants instead. Raises: InvalidInput, naming the field: longer, sooner, or nothing new."""
    if request.extension is not None:
        parent = request.extension.parent
        raise _fault("ttl", f"{request.name} extends {parent} to one certain end. Approve or deny it as it is.")
    ttl, starts_at = _length(request, str(body.get("ttl") or "")), _start(request, str(body.get("at") or ""), most, now)
    words = []
    if ttl is not None and request.ttl is not None and ttl != request.ttl:
        words.append(f"for {length(ttl)} instead of {length(request.ttl)}")
    if starts_at is not None and starts_at != request.starts_at:
        before = f" instead of {format_instant(request.starts_at, UTC)}" if request.starts_at else ""
        words.append(f"not before {format_instant(starts_at, UTC)}{before}")
    if not words:
        raise _fault("ttl", "Nothing is changed here. Shorten the time or put the start off, or press Approve instead.")
    other = replace(request, revision=request.revision + 1, ttl=ttl, starts_at=starts_at)
    return Change(replace(other, digest=digest(other)), ", ".join(words))


def _length(request: Request, asked: str) -> timedelta | None:
    if not asked.strip():
        return request.ttl
    if request.ttl is None:
        raise _fault("ttl", f"{request.name} is not held for a time, so there is nothing to shorten.")
    ttl = parse_length(asked.strip())
    if ttl > request.ttl:
        raise _fault("ttl", f"An approver may shorten the time, not lengthen it: {length(request.ttl)} is the most.")
    return ttl


def _start(request: Request, asked: str, most: timedelta, now: datetime) -> datetime | None:
    if not asked.strip():
        return request.starts_at
    try:
        at = parse_instant(asked, now, UTC)
        if at == request.starts_at:
            return at
        within(at, now, most)
    except InvalidInput as error:
        raise _fault("at", str(error)) from None
    if request.starts_at is not None and at < request.starts_at:
        raise _fault("at", f"An approver may put the start off, not bring it forward: {_planned(request)} was asked.")
    return at


def _planned(request: Request) -> str:
    return format_instant(request.starts_at, UTC) if request.starts_at else "at once"


def _fault(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, {field: message})


class Changing:
    """The use case of approvers who would have it shorter or later."""

    def __init__(self, world: World, reviewing: Reviewing) -> None:
        self._world = world
        self._reviewing = reviewing

    def check(self, request: RequestId, body: Mapping[str, Any]) -> None:
        """See whether a change can be taken; no network. Raises: InvalidInput with the wrong fields, NotFound."""
        seen = self._world.ledger.get(request)
        changed(seen, body, self._furthest(self._world.book.for_new(), seen), self._world.ledger.now())

    def approve(self, delivery: Delivery) -> Answer:
        """Approve with changes. Raises: UserFault; nothing is changed and nothing counted then."""
        world = self._world
        policy, seen, facts = self._reviewing.looked_at(delivery)
        change = changed(seen, delivery.body, self._furthest(policy, seen), delivery.received_at)
        if not intact(world, seen):
            raise Unavailable(f"{seen.name} is not what its record says. It cannot be decided; ask again.")
        after = self._reviewing.facts(policy, change.request, delivery)
        with world.ledger.begin() as entry:
            request = entry.get(seen.id)
            self._reviewing.see_open(request, delivery)
            moved = self._count(entry, request, change, delivery, policy, (facts, after))
            entry.settle(delivery.key)
        world.queue.messages()
        if moved.state is State.APPROVED:
            world.queue.request(moved.id)
        return Answer("", moved.id)

    def _furthest(self, policy: Policy, request: Request) -> timedelta:
        action = policy.actions.get(request.action)
        return (action.start_later if action else None) or FURTHEST

    def _count(
        self,
        entry: Entry,
        request: Request,
        change: Change,
        delivery: Delivery,
        policy: Policy,
        read: tuple[Facts, Facts],
    ) -> Request:
        """See that this person may approve what is asked, and put what they would have in its place.

        `read` are the facts for what is asked, and for what they would have.
        """
        facts = counted(entry, policy, request, read[0])
        before = decide(policy, request, entry.reviews(request), facts)
        if needs_nobody(before, request):
            return self._reviewing.apply(entry, request, before, POLICY, policy)
        selectors = eligible(policy, request, before, facts, delivery.user)
        stood_for = standing_in(policy, request, before, facts, delivery.user)
        if not selectors and not stood_for:
            raise self._reviewing.not_eligible(request, before, delivery, facts)
        other = replace(change.request, changed_by=delivery.user)
        read_again = counted(entry, policy, other, read[1])
        wanted = decide(policy, other, (), read_again)
        if wanted.outcome is Outcome.DENY:
            raise InvalidInput(f"With this change it would be refused, so nothing is changed: {wanted.summary}")
        revised = self._revise(entry, request, other, change.words, wanted, policy)
        review = Review(
            delivery.user,
            delivery.team,
            Verdict.APPROVE,
            delivery.received_at,
            revised.revision,
            selectors,
            change.words,
            stood_for,
            seen=face(revised),
        )
        entry.review(revised, review)
        decision = decide(policy, revised, entry.reviews(revised), read_again)
        moved = self._reviewing.apply(entry, revised, decision, delivery.user, policy)
        self._tell(entry, moved, change, delivery.user, entry.reviews(request))
        return moved

    def _revise(
        self, entry: Entry, request: Request, other: Request, words: str, decision: Decision, policy: Policy
    ) -> Request:
        # whoever has come to be asked as time passed stays asked: perhaps they are the one who changes it
        tiers = {"waits_since": request.waits_since, "escalated_at": request.escalated_at}
        again = asked_again(policy.actions[request.action], other, decision, entry.now, **tiers, reminded_at=entry.now)
        return entry.move(
            request,
            Event.REVISE,
            str(other.changed_by),
            words,
            revision=other.revision,
            changed_by=other.changed_by,
            ttl=other.ttl,
            starts_at=other.starts_at,
            digest=other.digest,
            decision=decision,
            policy_digest=policy.digest,
            **again,
        )

    def _tell(self, entry: Entry, moved: Request, change: Change, by: UserId, before: Sequence[Review]) -> None:
        """Say to the requester what is different, and to those who had approved that they are asked again."""
        what = f"approved with changes: {change.words}."
        tell(entry, moved, what)
        if moved.state is not State.PENDING:
            return
        for user in sorted({each.reviewer for each in before if each.verdict is Verdict.APPROVE} - {by}):
            text = f"{moved.name} {moved.snapshot.title} was {what} Your approval was for what was asked before: "
            notify(entry, user, f"changed:{moved.run_key}:{user}", f"{text}look at the card and decide again.")
