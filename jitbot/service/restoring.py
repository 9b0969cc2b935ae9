"""Go through a database that was put back from a backup: nothing that may have run since starts by itself.

What the backup says of something unfinished was true when it was made. Since then it may have been approved, run, ended
or taken back, and nobody has a record of that. So what had not started is closed, what was running is unsure, and what
was watched is watched no longer; people are told, and ask or look again. What is held ends on time (decision 0031).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from jitbot.lifecycle import Event
from jitbot.model import Delivery, DeliveryKind, Outgoing, Request, Stage, State, Topic
from jitbot.ports import Entry, Ledger
from jitbot.service.parts import of_stage, with_stage
from jitbot.service.telling import alarm, announce_end, notify, tell

OPERATOR = "operator"
"""Who causes all of this: whoever runs the command."""
NOT_STARTED = (State.DECIDING, State.PENDING, State.APPROVED)
BEGINS = frozenset({DeliveryKind.ASK, DeliveryKind.EXTEND, DeliveryKind.DELEGATE})
"""The deliveries that would begin something anew; all others find what they are about closed, or only end it."""
ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class GoneThrough:
    """What was found unfinished, by what became of it."""

    closed: Sequence[Request]
    unsure: Sequence[Request]
    unwatched: Sequence[Request]
    going_on: Sequence[Request]
    set_aside: Sequence[Delivery]


class Restoring:
    """The use case of an operator who has put a backup back, while no jitbot runs."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def go_through(self, events: int, newest: datetime | None, deliveries: Sequence[Delivery]) -> GoneThrough:
        """Bring everything unfinished to where nothing starts by itself. May be done again after it was interrupted."""
        since = f"{newest:%Y-%m-%d %H:%M} UTC" if newest else "nothing was in it"
        with self._ledger.begin() as entry:
            entry.record("restored", OPERATOR, events=events, newest=newest.isoformat() if newest else None)
        begin = [each for each in deliveries if each.kind in BEGINS]
        for delivery in begin:
            self._set_aside(delivery)
        closed = self._each(NOT_STARTED, lambda entry, now: _close(entry, now, since))
        going_on = self._each((State.ACTIVE, State.UNDOING, State.UNSURE), _draw)
        unsure = self._each([State.RUNNING], lambda entry, now: _lose(entry, now, since))
        unwatched = self._each([State.VERIFYING], lambda entry, now: _unwatch(entry, now, since))
        with self._ledger.begin() as entry:
            for request in self._ledger.owed(ALL):
                _draw(entry, entry.get(request))
        return GoneThrough(closed, unsure, unwatched, going_on, begin)

    def _each(self, states: Sequence[State], do: Callable[[Entry, Request], Request]) -> Sequence[Request]:
        """Do something with each request that is in one of these states now, oldest first."""
        done = []
        for request in reversed(self._ledger.find(states=states, limit=ALL)):
            with self._ledger.begin() as entry:
                done.append(do(entry, entry.get(request.id)))
        return done

    def _set_aside(self, delivery: Delivery) -> None:
        with self._ledger.begin() as entry:
            entry.settle(delivery.key)
            entry.record("set_aside", OPERATOR, delivery.request, what=delivery.kind.value, user=delivery.user)
            text = (
                "What you asked for was taken in just before jitbot's database was put back from a backup, and was "
                "not carried out now. It may have been then: look, and ask again if you still need it."
            )
            notify(entry, delivery.user, delivery.key, text)


def _close(entry: Entry, now: Request, since: str) -> Request:
    outcome = (
        f"jitbot's database was put back as it was at {since}. This may have been decided and run since; look, and ask "
        "again if it is still needed."
    )
    closed = entry.move(now, Event.DENY, OPERATOR, outcome=outcome)
    tell(entry, closed, f"is closed: {outcome}")
    return closed


def _lose(entry: Entry, now: Request, since: str) -> Request:
    """Say that nobody knows; of many targets, of those neither that had not begun by then. An extension is given up."""
    why = f"it was running when the backup was made, at {since}"
    if now.extension is not None:
        failed = entry.move(now, Event.REFUSE, OPERATOR, outcome=f"{why}; {now.extension.parent} ends as before.")
        tell(entry, failed, f"was not applied: {failed.outcome}")
        return failed
    open_parts = of_stage(now, Stage.WAITING, Stage.BEGUN)
    progress = with_stage(now, open_parts, Stage.UNSURE) if open_parts else now.progress
    lost = entry.move(now, Event.LOSE, OPERATOR, outcome=why, progress=progress, due_at=entry.now)
    tell(entry, lost, f"we don't know what came of it: {why}")
    alarm(entry, lost, f"unsure: {why}")
    return lost


def _unwatch(entry: Entry, now: Request, since: str) -> Request:
    """Watch it no longer: what is unhealthy by now can have other causes, and an undo would undo more than it did."""
    said = f"not verified: it was being watched when the backup was made, at {since}"
    outcome = "; ".join(each for each in (now.outcome.rstrip(". "), said) if each)
    event = Event.SUCCEED if now.ttl is None else Event.GRANT
    moved = entry.move(now, event, OPERATOR, outcome=outcome, due_at=now.expires_at)
    tell(entry, moved, said)
    alarm(entry, moved, said)
    if now.ttl is not None:
        announce_end(entry, moved)
    return moved


def _draw(entry: Entry, now: Request) -> Request:
    """Have its card drawn: what Slack shows may be older than the record, or newer."""
    entry.say(Outgoing(f"card:{now.id}", Topic.CARD, now.id))
    return now
