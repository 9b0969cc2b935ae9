"""The local Slack's own clock: it runs with the real one and can be moved forward.

Timers fire by this clock, on the event loop: moving the clock fires what has become due.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable


class MovableClock:
    """Unix seconds, plus whatever was added by `forward`."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._last_micro = 0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._alarm: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return time.time() + self._ahead

    def next_ts(self) -> str:
        """Return a `ts` that no other message of this workspace has, later than all before."""
        micro = max(int(self.now() * 1_000_000), self._last_micro + 1)
        self._last_micro = micro
        return f"{micro // 1_000_000}.{micro % 1_000_000:06d}"

    def forward(self, seconds: float) -> None:
        """Move the clock and fire the timers that are now due."""
        self._ahead += seconds
        self._fire()

    def reset(self) -> None:
        """Go back to the real time and forget all timers."""
        self._ahead = 0.0
        self._due.clear()
        self._arm()

    def call_at(self, when: float, callback: Callable[[], None]) -> None:
        """Call back on the event loop once this clock shows that time, at once when it already does."""
        heapq.heappush(self._due, (when, next(self._order), callback))
        self._fire()

    def _fire(self) -> None:
        now = self.now()
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()
        self._arm()

    def _arm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._due:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(max(0.0, self._due[0][0] - self.now()), self._fire)

    def stop(self) -> None:
        """Cancel the pending timer, before the event loop ends."""
        self._due.clear()
        self._arm()
