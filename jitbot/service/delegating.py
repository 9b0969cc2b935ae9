"""Delegate: have a colleague review in one's place for a while, and end that.

One stand-in at a time, 14 days at most, one hop. Both people have to be full members of the workspace; what the
stand-in may then review is looked up at each click, like everything else.
"""

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
        world = self._world
        away = self._member(delivery.user, "You")
        zone = zone_of(away.zone)
        ends_at, note = _asked(delivery, zone)
        to = UserId(str(delivery.body.get("to", "")))
        if to == delivery.user:
            raise InvalidInput("You cannot stand in for yourself. Name a colleague.")
        stand_in = self._member(to, "They")
        when = said(ends_at, zone)
        with world.ledger.begin() as entry:
            other = next((each for each in entry.delegations(away.id) if each.delegator == away.id), None)
            if other is None:
                made = entry.delegate(_new(delivery, to, entry.now, ends_at, note))
                because = f" They say: “{note}”." if note else ""
                told = f"{away.name} has asked you to review in their place until {when}.{because}"
                notify(entry, to, f"delegated:{made.id}", f"{told} Give it back with /jit delegate end.")
                entry.settle(delivery.key)
        if other is not None:
            until = said(other.ends_at, zone)
            raise Settled(
                f"{self._called(other.delegate)} stands in for you until {until} already, and there can be one only. "
                "End that first: /jit delegate end"
            )
        world.queue.messages()
        return Answer(
            f"{stand_in.name} reviews in your place until {when}, for everything but what one of you two asks for."
            f"{self._further(stand_in)} End it with /jit delegate end."
        )

    def end(self, delivery: Delivery) -> Answer:
        """End what somebody has delegated; where they have not, what was delegated to them. Raises: UserFault.

        `with` names one of the others, where there are several.
        """
        user, other = delivery.user, delivery.body.get("with")
        name = self._called(user)
        with self._world.ledger.begin() as entry:
            found = [each for each in entry.delegations(user) if other in (None, each.delegator, each.delegate)]
            chosen = [each for each in found if each.delegator == user] or found
            for each in chosen:
                _end(entry, each, user, name)
            if chosen:
                entry.settle(delivery.key)
        if not chosen:
            raise Settled("There is nothing to end: nobody stands in for you so, and you for nobody.")
        self._world.queue.messages()
        ended = " and ".join(f"{self._called(each.delegate)} for {self._called(each.delegator)}" for each in chosen)
        return Answer(f"Ended: {ended}. From now on it counts no more; reviews given before stand.")

    def _member(self, user: UserId, who: str) -> Person:
        """Return a full member of the workspace. Raises: NotPermitted, InvalidInput, Unavailable."""
        try:
            person = self._world.directory.person(user)
        except NotFound:
            raise InvalidInput(f"There is nobody with the id {shown(user, 40)} here. Name a colleague by @.") from None
        except DirectoryUnavailable as error:
            raise Unavailable("Who that is could not be looked up just now. Try again in a minute.") from error
        if user in self._world.book.policy.accounts:
            raise NotPermitted(f"{who} cannot take part: {person.name} is no person's account. Only people stand in.")
        if person.standing is not Standing.MEMBER:
            why = _NO_STAND_INS[person.standing]
            raise NotPermitted(f"{who} cannot take part: {person.name} {why}. Only full members review or stand in.")
        return person

    def _further(self, delegate: Person) -> str:
        """Say that it goes no further, where the stand-in is away too."""
        try:
            known = self._world.delegations.of(delegate.id, self._world.ledger.now())
        except Tampered:
            return " But the signed record does not hold just now, so no delegation counts until my operators mend it."
        if not any(each.delegator == delegate.id for each in known):
            return ""
        return f" {delegate.name} has a stand-in too, who does not stand in for you."

    def _called(self, user: UserId) -> str:
        try:
            return self._world.directory.person(user).name
        except (NotFound, DirectoryUnavailable):
            return user


def _new(delivery: Delivery, to: UserId, now: datetime, ends_at: datetime, note: str) -> Delegation:
    return Delegation(
        id=DelegationId(0),
        delegator=delivery.user,
        delegate=to,
        team=delivery.team,
        created_at=now,
        ends_at=ends_at,
        note=note,
    )


def _end(entry: Entry, delegation: Delegation, by: UserId, name: str) -> None:
    entry.end_delegation(delegation, by)
    other = delegation.delegate if by == delegation.delegator else delegation.delegator
    whose = "your standing in for them" if by == delegation.delegator else "their standing in for you"
    notify(entry, other, f"delegation_ended:{delegation.id}", f"{name} has ended {whose}.")


def _asked(delivery: Delivery, zone: ZoneInfo) -> tuple[datetime, str]:
    """Read until when, and the note behind it. Raises: InvalidInput."""
    now = delivery.received_at
    ends_at, rest = parse_end(str(delivery.body.get("text", "")), now, zone)
    note = rest.strip().strip("\"“”„'").strip()
    if ends_at <= now:
        raise InvalidInput(f"{said(ends_at, zone)} is over already. {HOW}")
    if ends_at - now > LONGEST:
        most = said(now + LONGEST, zone)
        raise InvalidInput(
            f"{said(ends_at, zone)} is too far away: 14 days are the most, so until {most}. "
            "For longer, have the groups in the policy changed."
        )
    if len(note) > LONGEST_NOTE:
        raise InvalidInput(f"The note is too long: {len(note)} characters, and {LONGEST_NOTE} are the most.")
    try:
        refuse_unprintable(note)
    except InvalidInput as error:
        raise InvalidInput(f"The note {error}") from None
    return ends_at, note


def said(at: datetime, zone: ZoneInfo) -> str:
    """Say an instant so that nobody can misread it: in the person's own zone, and in UTC."""
    local = at.astimezone(zone)
    here = f"{local:%a %d %b %Y %H:%M} ({zone.key})"
    return here if zone.key == "UTC" else f"{here}, that is {at:%Y-%m-%d %H:%M} UTC"
