"""The database's clock, asked for once in a while; in between this machine says how much time has gone by."""

from collections.abc import Callable
from datetime import datetime, timedelta

from jitbot.elapsed import seconds

ASKED_AGAIN_SECONDS = 1.0
"""After so long the database is asked again; a clock that was set, or another server after a failover, is seen then."""
PROMPT_SECONDS = 0.1
"""An answer that took longer is not gone on from: nobody knows how old it was when it arrived."""


class FarClock:
    """Remembers what a clock elsewhere showed. Safe for several threads."""

    def __init__(self, elapsed: Callable[[], float] = seconds) -> None:
        self._elapsed = elapsed
        self._known: tuple[datetime, float] | None = None
        """What it showed, and when that was by our own count."""

    def now(self, ask: Callable[[], datetime]) -> datetime:
        """Return what it shows by now, `ask` where it was not asked lately."""
        known, at = self._known, self._elapsed()
        if known is not None and 0 <= at - known[1] < ASKED_AGAIN_SECONDS:
            return known[0] + timedelta(seconds=at - known[1])
        shown, after = ask(), self._elapsed()
        self._known = (shown, after) if after - at < PROMPT_SECONDS else None
        return shown
