"""How long one run may still wait for HAProxy and for sessions."""

import time
from collections.abc import Iterator

LOOK_SECONDS = 10.0
"""How long one exchange may take."""
EVERY_SECONDS = 0.25
"""How often is looked again."""
_LEAST_SECONDS = 0.1
_KEPT_SECONDS = 5.0
"""Kept for the answer when it is waited up to the deadline; a quarter where there is less."""


class Patience:
    """Counts down from when it was made. Never over in the middle of a change: an exchange gets a moment always."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._kept = min(_KEPT_SECONDS, seconds / 4)

    @property
    def look(self) -> float:
        """Return the seconds that the next exchange may take."""
        return max(_LEAST_SECONDS, min(LOOK_SECONDS, self._until - time.monotonic()))

    def looks(self, wait: float) -> Iterator[float]:
        """Yield the seconds for one exchange, again and again: once at least, and until the wait is over."""
        until = min(time.monotonic() + wait, self._until - self._kept)
        yield self.look
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(EVERY_SECONDS, left))
            yield self.look
