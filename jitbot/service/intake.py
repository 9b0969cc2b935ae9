"""Take it in, acknowledge, then work: every delivery that changes something is on disk before it is acknowledged.

A repeated delivery falls on its key. What a crash left undone is found by the sweep and worked on; who asked is then
told by direct message, since the way to answer directly died with the process.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from jitbot.errors import (
    Conflict,
    InNewerHands,
    InvalidInput,
    NotFound,
    StoreUnavailable,
    StoreUnsure,
    Tampered,
    UserFault,
)
from jitbot.model import Answer, Delivery, DeliveryKind, Outgoing, RequestId, Topic, UserId
from jitbot.ports import Entry
from jitbot.service.allowing import MOST_REFUSALS, Refusals
from jitbot.service.authority import WORKER
from jitbot.service.telling import notify
from jitbot.service.world import World

log = logging.getLogger(__name__)

FORGOTTEN = timedelta(seconds=10)
"""Whoever took a delivery in works on it at once, and can answer best; only after this does the sweep look at it.

Twice as long as facts are waited for, so that nobody else begins while it is worked on.
"""
TRIES = 3
"""A use case whose row was moved by somebody else is tried again so often."""
WORDS = ("reason", "comment", "text")
"""What people say in their own words: shown to many and kept for long, so that no password may be left in it."""
LAST_OF_MANY = "what else this person is refused within the minute stands only in the log"


class Intake:
    """The one door through which every change comes in."""

    def __init__(self, world: World, cases: Mapping[DeliveryKind, Callable[[Delivery], Answer]]) -> None:
        """`cases` says which use case carries out each kind of delivery."""
        self._world = world
        self._cases = cases
        self._refusals = Refusals()
        self._turn = threading.Lock()
        self._held: dict[str, tuple[Delivery, float]] = {}
        """What was taken in here and not worked on yet, and until when it is ours, by the clock of claims."""

    def take_in(
        self,
        *,
        key: str,
        kind: DeliveryKind,
        user: UserId,
        team: str,
        body: Mapping[str, Any],
        request: RequestId | None = None,
    ) -> bool:
        """Commit a delivery, without any network; False for a known one.

        Raises: InvalidInput, StoreUnavailable; StoreUnsure where the database was lost in the very moment.
        """
        for text in _texts(body):
            _refuse_unstorable(text)
        until = self._world.claims.clock() + FORGOTTEN.total_seconds()
        now = self._world.ledger.now()
        said = {name: self._world.redact(body[name]) for name in WORDS if isinstance(body.get(name), str)}
        delivery = Delivery(key, kind, user, team, {**body, **said}, now, request)
        try:
            if not self._world.inbox.put(delivery, FORGOTTEN):
                return False
        except StoreUnsure:
            log.info("it is not known whether a %s was taken in; it is put in again under its key", kind.value)
            try:
                self._world.inbox.put(delivery, FORGOTTEN)
            except StoreUnavailable as error:
                raise StoreUnsure(str(error)) from error
        self._hold(delivery, until)
        return True  # whichever of the two times it was

    def work(self, key: str, *, by_message: bool = False) -> Answer | None:
        """Carry a delivery out and say what to answer; None when it is done or in other hands.

        `by_message` has the answer sent as a direct message, where nobody waits for it any more.
        """
        delivery = self._ours(key) or self._claimed(key)
        if delivery is None:
            return None
        answer = self._carry_out(delivery)
        if by_message and answer is not None and answer.text:
            with self._world.ledger.begin() as entry:
                notify(entry, delivery.user, delivery.key, answer.text)
            self._world.queue.messages()
        return answer

    def _claimed(self, key: str) -> Delivery | None:
        """Claim what nobody works on; what none of us has taken in, or was done before, is put aside with an alarm."""
        world = self._world
        try:
            return world.inbox.get(key)
        except Tampered as error:
            forged = error
        log.error("a delivery is not worked on: %s", forged)
        try:
            with world.ledger.begin() as entry:
                entry.settle(key)
                entry.record("tampered", WORKER, None, why=str(forged))
                text = f"A CLICK WAS NOT WORKED ON: {forged} Look at the audit record before anything else."
                entry.say(Outgoing("alarm:delivery", Topic.ALARM, None, text))
        except Conflict:  # somebody else has put it aside
            return None
        world.queue.messages()
        return None

    def _hold(self, delivery: Delivery, until: float) -> None:
        """Keep what was just taken in, and forget what nobody came for, and itself where writing took that long."""
        with self._turn:
            self._held[delivery.key] = (delivery, until)
            while self._held and self._over(next(iter(self._held.values()))[1]):
                del self._held[next(iter(self._held))]

    def _ours(self, key: str) -> Delivery | None:
        """Return what was taken in here, once, as long as nobody else may have claimed it."""
        with self._turn:
            delivery, until = self._held.pop(key, (None, 0.0))
        return None if self._over(until) else delivery

    def _over(self, until: float) -> bool:
        return self._world.claims.clock() >= until

    def _carry_out(self, delivery: Delivery) -> Answer | None:
        for _ in range(TRIES):
            try:
                return self._cases[delivery.kind](delivery)
            except Conflict as conflict:
                log.info("%s is tried again: %s", delivery.kind.value, conflict)
            except InNewerHands as error:
                log.info("%s is left to it: %s", delivery.kind.value, error)
                return None
            except UserFault as fault:
                return self._refuse(delivery, fault)
        return None

    def _refuse(self, delivery: Delivery, fault: UserFault) -> Answer | None:
        """Put the refusal on record, and have the card redrawn that was clicked."""
        known = None if isinstance(fault, NotFound) else delivery.request
        decided = {} if fault.decided is None else {"decision": fault.decided}
        log.info("refused %s by %s: %s", delivery.kind.value, delivery.user, type(fault).__name__)
        try:
            with self._world.ledger.begin() as entry:
                entry.settle(delivery.key)
                self._put_on_record(entry, delivery, known, {"why": str(fault), **decided})
                if known is not None:
                    entry.say(Outgoing(f"card:{known}", Topic.CARD, known))
        except Conflict:
            return None
        except StoreUnavailable:
            log.warning("the refusal of a %s could not be recorded", delivery.kind.value)
        self._world.queue.messages()
        return Answer(str(fault), known, refused=True)

    def _put_on_record(
        self, entry: Entry, delivery: Delivery, known: RequestId | None, said: Mapping[str, object]
    ) -> None:
        """Record a refusal, unless this person was refused so much within the minute that it would flood the record."""
        number = self._refusals.note(delivery.user, entry.now)
        if number <= MOST_REFUSALS:
            last = LAST_OF_MANY if number == MOST_REFUSALS else ""
            entry.record("refused", delivery.user, known, what=delivery.kind.value, note=last, **said)


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a body, the keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts([*value, *value.values()])
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _refuse_unstorable(text: str) -> None:
    """Refuse what Postgres cannot keep in JSON (postgresql.org/docs/current/datatype-json.html), nor UTF-8 hold."""
    found = next((each for each in text if each == "\0" or "\ud800" <= each <= "\udfff"), None)
    if found is not None:
        raise InvalidInput(f"The character U+{ord(found):04X} in it cannot be kept. Take it out, and try again.")
