"""Slack's rate limits: https://docs.slack.dev/apis/web-api/rate-limits."""

from __future__ import annotations

import math
from collections import deque

from jitbot.sandbox.clock import MovableClock
from jitbot.sandbox.limits import POSTS_BURST, POSTS_PER_CHANNEL_A_SECOND, RATE_WINDOW_SECONDS, TIERS


class RateLimits:
    """Counts the calls of the last minute for each method, and posts for each channel."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self.enabled = True
        self._calls: dict[str, deque[float]] = {}
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait_for(self, method: str, tier: str) -> int:
        """Count a call; return 0, or the seconds to wait when it is one too many (and is not counted)."""
        if not self.enabled:
            return 0
        now = self._clock.now()
        calls = self._calls.setdefault(method, deque())
        while calls and calls[0] <= now - RATE_WINDOW_SECONDS:
            calls.popleft()
        if len(calls) >= TIERS[tier]:
            return max(1, math.ceil(calls[0] + RATE_WINDOW_SECONDS - now))
        calls.append(now)
        return 0

    def wait_for_post(self, channel: str) -> int:
        """Count a post into a channel; return 0 or the seconds to wait."""
        if not self.enabled:
            return 0
        now = self._clock.now()
        left, at = self._buckets.get(channel, (float(POSTS_BURST), now))
        left = min(float(POSTS_BURST), left + (now - at) * POSTS_PER_CHANNEL_A_SECOND)
        if left < 1:
            self._buckets[channel] = (left, now)
            return max(1, math.ceil((1 - left) / POSTS_PER_CHANNEL_A_SECOND))
        self._buckets[channel] = (left - 1, now)
        return 0

    def forget(self) -> None:
        """Start counting anew."""
        self._calls.clear()
        self._buckets.clear()
