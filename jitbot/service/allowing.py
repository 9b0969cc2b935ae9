"""How much one person may do, whatever the actions are: so much asked for, and so many refusals put on record.

Somebody who asks without end, or a script that has their account, takes places from nobody else: neither in front of
approvers, nor in the record.
"""

from collections import Counter
from datetime import datetime, timedelta
from threading import Lock

from jitbot.errors import Unavailable
from jitbot.model import Allowance, UserId
from jitbot.ports import Entry

MINUTE = timedelta(minutes=1)
MOST_REFUSALS = 30
"""So many refusals of one person are put on record within a minute, by each process; all are in its log."""


def see_room(entry: Entry, allowance: Allowance, user: UserId) -> None:
    """See that a person may ask for one thing more. Raises: Unavailable."""
    if allowance == Allowance():
        return
    asked = entry.asked(user, entry.now - MINUTE, allowance.a_minute)
    if 0 < allowance.a_minute <= asked.lately:
        raise Unavailable(
            f"You have asked {allowance.a_minute} times within a minute, and nobody may do so more often. "
            "Nothing was taken in; try again in a minute."
        )
    if 0 < allowance.open <= asked.open:
        raise Unavailable(
            f"{asked.open} of your requests wait for a decision or their start, and nobody may have more. "
            "Withdraw what is not needed any more (/jit mine lists yours), then ask again."
        )


class Refusals:
    """Counts what people were refused within the present minute."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._since: datetime | None = None
        self._counts: Counter[UserId] = Counter()

    def note(self, user: UserId, now: datetime) -> int:
        """Count one more, and return which it is."""
        with self._turn:
            if self._since is None or not self._since <= now < self._since + MINUTE:
                self._since, self._counts = now, Counter()
            self._counts[user] += 1
            return self._counts[user]
