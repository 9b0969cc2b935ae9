"""How long one run may still ask and wait."""

import time
from collections.abc import Callable

from jitbot.ports import Run
from jitbot.runners.deadline import seconds_left

LOOK_SECONDS = 10.0
"""How long a plan or a check may take."""
_SLICE_SECONDS = 0.2
"""How soon a wish to stop is noticed."""


class Patience:
    """Counts down from when it was made; a wait ends early where somebody wants the run to end."""

    def __init__(self, seconds: float = LOOK_SECONDS, stopping: Callable[[], bool] = lambda: False) -> None:
        self.stopping = stopping
        self._until = time.monotonic() + seconds

    @classmethod
    def of(cls, run: Run) -> "Patience":
        """Return the patience of a run. Raises: RunnerRefused when its time is over."""
        return cls(seconds_left(run), run.stopping)

    @property
    def left(self) -> float:
        """Return the seconds that are left, never less than none."""
        return max(0.0, self._until - time.monotonic())

    def sleep(self, seconds: float) -> None:
        """Wait, but never beyond the end."""
        until = time.monotonic() + min(seconds, self.left)
        while (left := until - time.monotonic()) > 0 and not self.stopping():
            time.sleep(min(_SLICE_SECONDS, left))

    def heeded(self) -> None:
        """Note that the wish to stop is being followed, which takes time of its own."""
        self.stopping = lambda: False
