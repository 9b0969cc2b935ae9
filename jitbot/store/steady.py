"""A clock that does not go back, whatever happens to the one it follows.

A clock that is set forward is followed at once: what is held ends early, never late. One that is set back is not
followed back, or what is due now would not be due for as long, and the claims of a worker that died would stand for as
long. It goes on instead, at nine tenths of its pace, until the other has caught up; so nothing is held for longer than
by a ninth of its time. A process that is started in the meantime begins where the record ends.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

log = logging.getLogger(__name__)

PACE = 0.9
MOST_AHEAD = timedelta(days=1)
"""What the record says of a later instant was written by a clock that was wrong then, and is not believed."""
SET_BACK = timedelta(seconds=5)
"""By so much a clock has to fall behind before it is said: below it is what two threads see of one clock."""


class SteadyClock:
    """Follows the instants that are read of another clock. Safe for several threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._turn = threading.Lock()
        self._shown: datetime | None = None
        self._at = 0.0
        self._behind = False

    def follow(self, read: datetime) -> datetime:
        """Return the present instant, given what the other clock shows."""
        with self._turn:
            at, shown = self._monotonic(), read
            least = PACE * (at - self._at)
            if self._shown is not None and (read - self._shown).total_seconds() < least:
                shown = self._shown + timedelta(seconds=least)
            self._say(shown - read)
            self._shown, self._at = shown, at
        return shown

    def reckoned(self) -> datetime | None:
        """Return the present instant by what was read last, without reading; None where nothing was."""
        with self._turn:
            if self._shown is None:
                return None
            return self._shown + timedelta(seconds=self._monotonic() - self._at)

    def _say(self, ahead: timedelta) -> None:
        behind = ahead > SET_BACK
        if behind and not self._behind:
            log.error(
                "the clock was set back by %.0f s; time goes on slowly here until it catches up", ahead.total_seconds()
            )
        self._behind = behind
