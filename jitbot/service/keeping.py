"""Keep no longer than was promised: output is deleted some time after the end of its request."""

from datetime import datetime, timedelta

from jitbot.service.world import World

EVERY = timedelta(minutes=1)
AT_ONCE = 10
"""So many outputs are deleted in one transaction; each is a mebibyte at most."""


class Keeping:
    """Called with every sweep; looks once a minute, and at every sweep as long as there is more."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._next: datetime | None = None

    def tick(self) -> None:
        """Delete what is old enough. Raises: StoreUnavailable."""
        now = self._world.ledger.now()
        if self._next is not None and now < self._next:
            return
        deleted = self._world.outputs.forget(now - self._world.keep_output, AT_ONCE)
        self._next = now if deleted == AT_ONCE else now + EVERY
