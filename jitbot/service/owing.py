"""What is owed after break-glass: a review in time, by somebody who could have been asked before.

The obligation is a field of the request, under its signed events; the row by which it is found is only drawn out of it.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from jitbot.errors import Conflict, NotPermitted, Settled, Stale, Tampered, Unavailable
from jitbot.explain import length
from jitbot.model import Answer, Delivery, Obligation, Outgoing, Owed, Request, Topic, UserId
from jitbot.policy.requirements import reviews_by
from jitbot.policy.stand_ins import outsiders
from jitbot.ports import Entry
from jitbot.service.comments import comment_of
from jitbot.service.facts import FactsReader
from jitbot.service.world import World

log = logging.getLogger(__name__)

AT_ONCE = 100
CLOCK = "clock"
REVIEWED = "reviewed_after"


def owe(entry: Entry, started: Request, owed: Owed) -> Request:
    """Write down what is owed, in the transaction of the start, and tell everybody who was not asked."""
    obligation = Obligation(entry.now + owed.review_within, owed.reviewers, owed.tell)
    owing = entry.amend(started, "owed", started.requester, obligation=obligation)
    what = f"Break-glass: <@{owing.requester}> runs “{owing.snapshot.title}” ({owing.name}) without approval"
    within = f"A review is owed within {length(owed.review_within)}."
    entry.say(Outgoing(f"card:{owing.id}", Topic.CARD, owing.id))
    for user in owed.skipped:
        text = f"{what}. You could have been asked. {within}\n{owing.reason}"
        entry.say(Outgoing(f"notice:{owing.id}:{owing.version}:{user}", Topic.NOTICE, owing.id, text, user))
    _tell_channels(entry, owing, f"{what}: {owing.reason}\n{within}")
    return owing


def overdue(world: World) -> Callable[[UserId], tuple[int, ...] | None]:
    """Return how it is read which reviews somebody lets wait too long: from the signed record, not from rows."""

    def read(user: UserId) -> tuple[int, ...] | None:
        try:
            owing = world.trail.owing()
        except Tampered as error:
            _alarm(world, f"The record of what is owed after break-glass does not hold: {error}")
            return None
        missing = {each.id for each in owing} - set(world.ledger.owed(limit=len(owing) + AT_ONCE))
        if missing:
            names = ", ".join(f"JIT-{each}" for each in sorted(missing))
            _alarm(world, f"The review owed for {names} was taken out of the database; it is owed all the same.")
        now = world.ledger.now()
        late = (each for each in owing if each.obligation is not None and each.obligation.due_at <= now)
        return tuple(each.id for each in late if each.requester == user)

    return read


class Owing:
    """The use cases of reviews after the fact."""

    def __init__(self, world: World, facts: FactsReader) -> None:
        self._world = world
        self._facts = facts

    def review(self, delivery: Delivery) -> Answer:
        """Accept what was done, or object to it: an eligible person, never who broke the glass. Raises: UserFault."""
        assert delivery.request is not None  # noqa: S101 - these deliveries carry one
        row = self._world.ledger.get(delivery.request)
        signed = self._signed(row)
        self._open(signed, delivery)
        self._may(signed, delivery.user)
        accepted = delivery.body.get("accepted") is True
        comment = comment_of(delivery, missing="" if accepted else "Say what was wrong with it.")
        with self._world.ledger.begin() as entry:
            now = self._unmoved(entry, row)
            obligation = replace(
                self._open(signed, delivery),
                accepted=accepted,
                reviewed_by=delivery.user,
                reviewed_at=delivery.received_at,
                comment=comment,
            )
            moved = entry.amend(now, REVIEWED, delivery.user, obligation=obligation)
            _tell_result(entry, moved, obligation)
            entry.settle(delivery.key)
        self._world.queue.messages()
        return Answer("", row.id)

    def waits_for(self, user: UserId) -> Sequence[Request]:
        """Return what this person may review after the fact, the longest due first."""
        owed = [self._world.ledger.get(each) for each in self._world.ledger.owed(AT_ONCE)]
        found = []
        for request in owed:
            try:
                self._may(request, user)
            except (NotPermitted, Unavailable):
                continue
            found.append(request)
        return found

    def remind(self) -> None:
        """Say in the channels which reviews are overdue, once and then daily. Raises: StoreUnavailable."""
        for each in self._world.ledger.overdue(AT_ONCE):
            try:
                row = self._world.ledger.get(each)
                signed = self._signed(row)
                with self._world.ledger.begin() as entry:
                    self._remind(entry, self._unmoved(entry, row), signed.obligation)
            except (Conflict, Unavailable) as error:
                log.warning("JIT-%s: %s", each, error)

    def _remind(self, entry: Entry, now: Request, signed: Obligation | None) -> None:
        """Remind of one; what is drawn out of the request is put right where it was not so."""
        if signed is None or signed.look_at is None or signed.look_at > entry.now:
            entry.amend(now, "looked", CLOCK, obligation=signed)
            return
        late = entry.amend(now, "overdue", CLOCK, obligation=replace(signed, reminded_at=entry.now))
        entry.say(Outgoing(f"card:{late.id}", Topic.CARD, late.id))
        who = f"<@{late.requester}>’s break-glass {late.name} “{late.snapshot.title}”"  # noqa: RUF001 - an apostrophe
        since = length(entry.now - signed.due_at)
        text = f"Overdue for {since}: the review of {who}. Who may review it finds it by /jit pending."
        _tell_channels(entry, late, text)

    def _signed(self, row: Request) -> Request:
        """Return a request as its record says it is: what is owed is never believed of a row. Raises: Unavailable."""
        try:
            signed, _ = self._world.trail.rebuild(row.id)
        except Tampered as error:
            raise Unavailable(f"The record of {row.name} does not hold, so it cannot be reviewed: {error}") from error
        if signed.obligation != row.obligation and self._world.ledger.get(row.id).version == row.version:
            _alarm(self._world, f"What is owed for {row.name} was changed in the database; the record counts.")
        return signed

    def _unmoved(self, entry: Entry, row: Request) -> Request:
        """Lock a request. Raises: Conflict where it has moved since it was read."""
        now = entry.get(row.id)
        if now.version != row.version:
            raise Conflict(f"{row.name} has moved while its record was read.")
        return now

    def _open(self, request: Request, delivery: Delivery) -> Obligation:
        """Return what is owed, as long as it is. Raises: Settled, Stale."""
        owed = request.obligation
        if owed is None:
            raise Settled(f"{request.name} owes no review.")
        if owed.reviewed_at is not None:
            raise Settled(f"{request.name} was reviewed already. Nothing more is needed.")
        if delivery.body.get("revision") != request.revision:
            raise Stale(f"{request.name} has changed since this was drawn. Look at it again, then decide.")
        return owed

    def _may(self, request: Request, user: UserId) -> None:
        """See that this person may review it. Raises: NotPermitted, Unavailable."""
        reviewers = request.obligation.reviewers if request.obligation else ()
        own = (request.requester, request.beneficiary)
        facts = self._facts.for_selectors(self._world.book.policy, reviewers, [user], asked_by=own)
        if user in outsiders(request, facts):
            raise NotPermitted("Nobody reviews their own break-glass. Somebody else has to.")
        if facts.behind is not None and facts.may_review(user) and reviews_by(reviewers, facts, user):
            return
        if user not in facts.people or facts.behind is None or any(each in facts.unread for each in reviewers):
            raise Unavailable("Who may review this could not be read just now. Try again in a minute.")
        groups = " or ".join(each.partition(":")[2] for each in reviewers)
        raise NotPermitted(f"You can't review {request.name}. It needs one of {groups}.")


def _tell_result(entry: Entry, moved: Request, owed: Obligation) -> None:
    verdict = "accepted" if owed.accepted else "objected to"
    said = f": “{owed.comment}”" if owed.comment else "."
    text = f"Break-glass {moved.name} “{moved.snapshot.title}” was {verdict} by <@{owed.reviewed_by}>{said}"
    entry.say(Outgoing(f"card:{moved.id}", Topic.CARD, moved.id))
    entry.say(Outgoing(f"notice:{moved.id}:{moved.version}", Topic.NOTICE, moved.id, text, moved.requester))
    if not owed.accepted or owed.reminded_at is not None:
        _tell_channels(entry, moved, text)


def _tell_channels(entry: Entry, request: Request, text: str) -> None:
    for channel in request.obligation.tell if request.obligation else ():
        key = f"alarm:{request.id}:{request.version}:{channel}"
        entry.say(Outgoing(key, Topic.ALARM, request.id, text, channel))


def _alarm(world: World, text: str) -> None:
    log.error("%s", text)
    with world.ledger.begin() as entry:
        entry.record("tampered", CLOCK, why=text)
        entry.say(Outgoing("alarm:obligations", Topic.ALARM, None, f"{text} Look at the audit record."))
