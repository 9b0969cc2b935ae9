"""How long and how often a run looks at what it has begun."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.ports import Run
from jitbot.runners.kubernetes.api import Api
from jitbot.runners.kubernetes.wire import NoWord

_KEPT_SECONDS = 2.0
"""Kept of the time for the last words, so that they are ours and not a time-out's; a quarter where there is less."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0

_Seen = TypeVar("_Seen")


class Pace:
    """Looks again and again, at first often, until the time of the API is over."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._last_moment = min(_KEPT_SECONDS, api.left / 4)

    @property
    def is_over(self) -> bool:
        return self._api.left <= self._last_moment

    def looks(self, run: Run, begun: str) -> Iterator[None]:
        """Yield once at least. Raises: RunnerUnsure where the run is to be stopped, saying what was begun."""
        pause = _FIRST_PAUSE
        yield
        while not self.is_over:
            if run.stopping():
                raise RunnerUnsure(f"It was stopped by hand; {begun}.")
            time.sleep(max(0.0, min(pause, self._api.left - self._last_moment)))
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            yield


def unharmed(look: Callable[[], _Seen]) -> _Seen:
    """Do what leaves the cluster as it is. Raises: RunnerRefused."""
    try:
        return look()
    except NoWord as error:
        raise RunnerRefused(f"Nothing was changed. {error}") from error
