"""Keep no longer than was promised: output, messages, and requests with what their events say."""

import logging
from datetime import UTC, datetime, timedelta

from jitbot.errors import Conflict, Tampered
from jitbot.model import Outgoing, Topic
from jitbot.service.world import World

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=1)
AT_ONCE = 10
"""So many outputs are deleted in one transaction; each is a mebibyte at most."""
MESSAGES_AT_ONCE = 200
EVENTS_AT_ONCE = 500
"""So many events are verified and forgotten at once: half a second or so, of which others wait some milliseconds."""


class Keeping:
    """Called with every sweep; looks once a minute, and at every sweep as long as there is more.

    What the record forgets is stated in it, so that is done once a day: up to the midnight before it is old enough.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._next: datetime | None = None
        self._forgotten: datetime | None = None

    def tick(self) -> None:
        """Delete what is old enough. Raises: StoreUnavailable."""
        world, now = self._world, self._world.ledger.now()
        if self._next is not None and now < self._next:
            return
        more = world.outputs.forget(now - world.keep_output, AT_ONCE) == AT_ONCE
        more |= world.forgetting.messages(now - world.keep_messages, MESSAGES_AT_ONCE) == MESSAGES_AT_ONCE
        more |= self._forget(now)
        self._next = now if more else now + EVERY

    def _forget(self, now: datetime) -> bool:
        """Forget a stretch of the record; tell whether there may be more."""
        midnight = (now - self._world.keep_record).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if self._forgotten == midnight:
            return False
        try:
            if self._world.forgetting.record(midnight, EVENTS_AT_ONCE):
                return True
        except Conflict as conflict:
            log.info("the record: %s", conflict)
            return False
        except Tampered as error:
            text = f"What is old in the record is not deleted, since it was tampered with: {error}"
            with self._world.ledger.begin() as entry:
                entry.say(Outgoing("alarm:keeping", Topic.ALARM, None, f"{text} Run: jitbot audit verify"))
        self._forgotten = midnight
        return False
