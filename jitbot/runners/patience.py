"""How long one run may still ask and wait."""

import time
from collections.abc import Callable
from typing import TypeVar

from jitbot.errors import RunnerRefused
from jitbot.ports import Run
from jitbot.runners.answers import NoWord
from jitbot.runners.deadline import seconds_left

LOOK_SECONDS = 10.0
"""How long a plan or a check may take."""
_SLICE_SECONDS = 0.2
"""How soon a wish to stop is noticed."""

_Seen = TypeVar("_Seen")


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

    def demand_wanted(self) -> None:
        """See that nobody wants it to end before it began. Raises: RunnerRefused."""
        if self.stopping():
            raise RunnerRefused("Somebody wanted it to end before anything was done.")

    def heeded(self) -> None:
        """Note that the wish to stop is being followed, which takes time of its own."""
        self.stopping = lambda: False


def unrepeated(log: Callable[[str], None]) -> Callable[[str], None]:
    """Return a log that says nothing twice running, for what is looked at again and again."""
    last: str | None = None

    def tell(line: str) -> None:
        nonlocal last
        if line != last:
            last = line
            log(line)

    return tell


def seen_within(
    seconds: float, every: float, look: Callable[[], _Seen | None], log: Callable[[str], None]
) -> _Seen | None:
    """Look again and again, since what was asked for may show late; None where nothing is seen in that time."""
    waiting, tell = Patience(seconds), unrepeated(log)
    while True:
        try:
            found = look()
        except NoWord as error:
            found = None
            tell(f"nothing is to be seen, and it is looked again: {error}")
        if found is not None or not waiting.left:
            return found
        waiting.sleep(every)
