"""Turns: what one process at a time does for all of them, and another one goes on with when that one is gone.

The turn is a row with an end, kept by whoever has it. A process that was stopped finds by its own clock that its turn
may be over, before it does something in it.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from jitbot.elapsed import seconds
from jitbot.errors import Conflict, StoreUnavailable
from jitbot.ports import Turns

log = logging.getLogger(__name__)

KEEP = timedelta(seconds=1)
"""How often a turn is kept, or asked for."""
LENGTH = timedelta(seconds=5)
"""So long the others wait for one that has died."""


class Turn:
    """One process's part in one turn."""

    def __init__(self, turns: Turns | None, name: str, owner: str, clock: Callable[[], float] = seconds) -> None:
        """Without `turns` there is no other process, and it is always ours."""
        self._turns = turns
        self._name, self._owner = name, owner
        self._clock = clock
        self._until = float("inf") if turns is None else 0.0
        self._number = 1
        self._begun = 0

    def keep(self) -> None:
        """Take the turn, or keep it; what the database does not answer, our own clock ends."""
        if self._turns is None:
            return
        asked, held = self._clock(), self.held()
        try:
            ours = self._turns.take(self._name, self._owner, LENGTH)
        except StoreUnavailable as error:
            log.warning("the turn of the %s could not be kept: %s", self._name, error)
            return
        if ours and not held:
            self._number += 1
            log.info("this process is the %s now", self._name)
        self._until = asked + LENGTH.total_seconds() if ours else 0.0

    def held(self) -> bool:
        """Tell whether it is ours for certain."""
        return self._clock() < self._until

    def begin(self) -> bool:
        """Begin something in the present turn; True where that is another turn than the last time."""
        self._begun, before = self._number, self._begun
        return self._begun != before

    def assure(self) -> None:
        """See that the turn in which something was begun still goes on, just before it is done. Raises: Conflict."""
        if not self.held() or self._begun != self._number:
            raise Conflict(f"another process is the {self._name} by now")

    def give_up(self) -> None:
        """Let another process go on at once."""
        if self._turns is None or not self.held():
            return
        self._until = 0.0
        try:
            self._turns.leave(self._name, self._owner)
        except StoreUnavailable:
            log.info("the turn of the %s ends by itself", self._name)
