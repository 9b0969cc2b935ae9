"""Delegate: have a colleague review in one's place for a while, and end that.

One stand-in at a time, 14 days at most, one hop. Both people have to be full members of the workspace; what the
stand-in may then review is looked up at each click, like everything else.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from jitbot.errors import DirectoryUnavailable, InvalidInput, NotFound, NotPermitted, Settled, Tampered, Unavailable
from jitbot.model import Answer, Delegation, DelegationId, Delivery, Person, Standing, UserId
from jitbot.policy.parameters import refuse_unprintable
from jitbot.policy.wording import shown
from jitbot.ports import Entry
from jitbot.service.moments import HOW, parse_end, zone_of
from jitbot.service.telling import notify
from jitbot.service.world import World

LONGEST = timedelta(days=14)
"""A stand-in for longer is a change of the groups in the policy, which somebody should look at."""
LONGEST_NOTE = 200

_NO_STAND_INS = {
    Standing.GUEST: "is a guest here",
    Standing.STRANGER: "is from another organisation",
    Standing.BOT: "is a bot",
    Standing.DEACTIVATED: "has left",
}


class Delegating:
    """The use cases of those who are away, and of those who stand in."""

    def __init__(self, world: World) -> None:
        self._world = world

    def delegate(self, delivery: Delivery) -> Answer:
        """Make somebody a stand-in. Raises: UserFault, with nothing changed."""
        world, now = self._world, delivery.received_at
        delegator = self._member(delivery.user, "You")
        zone = zone_of(delegator.zone)
        ends_at, note = _asked(delivery, now, zone)
        to = UserId(str(delivery.body.get("to", "")))
        if to == delivery.user:
            raise InvalidInput("You cannot stand in for yourself. Name a colleague.")
        self._member(to, f"<@{to}>")
        with world.ledger.begin() as entry:
            _refuse_second(entry.delegations(delivery.user), delivery.user)
            made = entry.delegate(
                Delegation(
                    id=DelegationId(0),
                    delegator=delivery.user,
                    delegate=to,
                    team=delivery.team,
                    created_at=entry.now,
                    ends_at=ends_at,
                    note=note,
                )
            )
            because = f" They say: “{note}”." if note else ""
            when = _said(ends_at, zone)
            told = f"<@{delivery.user}> has asked you to review in their place until {when}.{because}"
            notify(entry, to, f"delegated:{made.id}", f"{told} Give it back with /jit delegate end.")
            entry.settle(delivery.key)
        world.queue.messages()
        further = self._further(to)
        return Answer(
            f"<@{to}> reviews in your place until {when}. What you asked for, and what they ask for, stays out of it."
            f"{further} End it with /jit delegate end."
        )

    def end(self, delivery: Delivery) -> Answer:
        """End what somebody has delegated, or one named delegation by or to them. Raises: UserFault."""
        user = delivery.user
        wanted = delivery.body.get("delegation")
        with self._world.ledger.begin() as entry:
            found = [each for each in entry.delegations(user) if wanted in (None, each.id)]
            chosen = [each for each in found if each.delegator == user or wanted is not None] or found
            if not chosen:
                raise Settled("Nobody stands in for you, and you for nobody, so there is nothing to end.")
            for each in chosen:
                self._end(entry, each, user)
            entry.settle(delivery.key)
        self._world.queue.messages()
        ended = [f"<@{each.delegate}> for <@{each.delegator}>" for each in chosen]
        return Answer(f"Ended: {', '.join(ended)}. It counts no more from now on; reviews given before stand.")

    def _end(self, entry: Entry, delegation: Delegation, by: UserId) -> None:
        entry.end_delegation(delegation, by)
        other = delegation.delegate if by == delegation.delegator else delegation.delegator
        whose = "your standing in for them" if by == delegation.delegator else "their standing in for you"
        notify(entry, other, f"delegation_ended:{delegation.id}", f"<@{by}> has ended {whose}.")

    def _member(self, user: UserId, who: str) -> Person:
        """Return a full member of the workspace. Raises: NotPermitted, InvalidInput, Unavailable."""
        try:
            person = self._world.directory.person(user)
        except NotFound:
            raise InvalidInput(f"There is nobody with the id {shown(user, 40)} here. Name a colleague by @.") from None
        except DirectoryUnavailable as error:
            raise Unavailable("Who that is could not be looked up just now. Try again in a minute.") from error
        if person.standing is not Standing.MEMBER:
            why = _NO_STAND_INS[person.standing]
            raise NotPermitted(f"{who} cannot take part: {person.name} {why}. Only full members review, or stand in.")
        return person

    def _further(self, delegate: UserId) -> str:
        """Say that it goes no further, where the stand-in is away too."""
        try:
            known = self._world.delegations.of(delegate, self._world.ledger.now())
        except Tampered:
            return ""
        if not any(each.delegator == delegate for each in known):
            return ""
        return f" <@{delegate}> has a stand-in too, who does not stand in for you."


def _asked(delivery: Delivery, now: datetime, zone: ZoneInfo) -> tuple[datetime, str]:
    """Read until when, and the note behind it. Raises: InvalidInput."""
    ends_at, rest = parse_end(str(delivery.body.get("text", "")), now, zone)
    note = rest.strip().strip("\"“”„'").strip()
    if ends_at <= now:
        raise InvalidInput(f"{_said(ends_at, zone)} is over already. {HOW}")
    if ends_at - now > LONGEST:
        most = _said(now + LONGEST, zone)
        raise InvalidInput(
            f"{_said(ends_at, zone)} is too far away: 14 days are the most, so until {most}. "
            "For longer, have the groups in the policy changed."
        )
    if len(note) > LONGEST_NOTE:
        raise InvalidInput(f"The note is too long: {len(note)} characters, and {LONGEST_NOTE} are the most.")
    try:
        refuse_unprintable(note)
    except InvalidInput as error:
        raise InvalidInput(f"The note {error}") from None
    return ends_at, note


def _refuse_second(standing: Sequence[Delegation], user: UserId) -> None:
    """Refuse a second stand-in for the same person: nobody could say who counts. Raises: Settled."""
    own = next((each for each in standing if each.delegator == user), None)
    if own is not None:
        raise Settled(
            f"<@{own.delegate}> stands in for you until {own.ends_at:%Y-%m-%d %H:%M} UTC already. "
            "End that first: /jit delegate end"
        )


def _said(at: datetime, zone: ZoneInfo) -> str:
    """Say an instant so that nobody can misread it: in the person's own zone, and in UTC."""
    local = at.astimezone(zone)
    here = f"{local:%a %d %b %Y %H:%M} ({zone.key})"
    return here if zone.key == "UTC" else f"{here}, that is {at:%Y-%m-%d %H:%M} UTC"
