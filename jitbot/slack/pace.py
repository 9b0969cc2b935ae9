"""How often Slack may be called: our own account of its rate limits, so that a refusal is the exception.

chat.update has fifty calls a minute for the whole workspace; outcomes and decisions may use them all, progress only
what they leave over. chat.postMessage is limited by channel.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import timedelta

from jitbot.slack import limits

POST = "chat.postMessage"
UPDATE = "chat.update"

_KEPT_FREE = 4
"""Calls a minute that are never used, since clocks that differ count too, and answers of other processes."""
_FOR_PROGRESS = 30
_BURST = 3
_POSTS_A_MINUTE = 300


class Pace:
    """Tells how long to wait before a call, and notes the calls made. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._made: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._blocked: dict[str, float] = {}
        self._turn = threading.Lock()

    def wait(self, method: str, channel: str = "", *, progress: bool = False) -> timedelta:
        """Return how long to wait before a call, zero for not at all."""
        with self._turn:
            return self._ahead(method, channel, progress)

    def take(self, method: str, channel: str = "", *, progress: bool = False) -> timedelta:
        """Note a call that is about to be made and return zero, or return how long to wait first."""
        with self._turn:
            wait = self._ahead(method, channel, progress)
            if not wait:
                now = self._clock()
                self._made[method, ""].append(now)
                if method == POST:
                    self._made[method, channel].append(now)
            return wait

    def refused(self, method: str, retry_after: timedelta) -> None:
        """Note that Slack said 429: nobody calls this method before."""
        with self._turn:
            self._blocked[method] = self._clock() + retry_after.total_seconds()

    def _ahead(self, method: str, channel: str, progress: bool) -> timedelta:
        now = self._clock()
        wait = max(self._blocked.get(method, 0.0) - now, self._wait(method, channel, now, progress))
        return timedelta(seconds=max(0.0, wait))

    def _wait(self, method: str, channel: str, now: float, progress: bool) -> float:
        if method == UPDATE:
            most = _FOR_PROGRESS if progress else limits.UPDATES_A_MINUTE - _KEPT_FREE
            return self._room(("chat.update", ""), most, limits.RATE_WINDOW_SECONDS, now)
        whole = self._room((method, ""), _POSTS_A_MINUTE, limits.RATE_WINDOW_SECONDS, now)
        here = self._room((method, channel), _BURST, _BURST / limits.POSTS_PER_CHANNEL_A_SECOND, now)
        return max(whole, here)

    def _room(self, key: tuple[str, str], most: int, window: float, now: float) -> float:
        """Return how long until fewer than `most` calls lie within the window."""
        made = self._made[key]
        while made and made[0] <= now - limits.RATE_WINDOW_SECONDS:
            made.popleft()
        recent = [at for at in made if at > now - window]
        return 0.0 if len(recent) < most else recent[-most] + window - now
