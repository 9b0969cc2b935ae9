"""Claims: what a worker was handed, it may write about and act on only as long as nobody else has claimed it.

What it writes is held back by the fence in the database. An act has no fence: just before it, this machine's own clock
says whether the process was stopped for longer than its lease lasts, so that what it held is in other hands by now.
"""

import threading
from collections.abc import Callable, Iterable

from jitbot.elapsed import seconds
from jitbot.errors import Conflict
from jitbot.model import Request, RequestId
from jitbot.ports import Entry


def mine(entry: Entry, request: Request, locked: Iterable[Request] = ()) -> Request:
    """Lock a request that we have claimed, unless it is among those that are. Raises: Conflict in other hands."""
    now = next((each for each in locked if each.id == request.id), None) or entry.get(request.id)
    if (now.fence, now.state) != (request.fence, request.state):
        raise Conflict(f"{request.name} is in other hands.")
    return now


class Claims:
    """What this process holds, and until when by its own clock, which is never later than by the database's."""

    def __init__(self, clock: Callable[[], float] = seconds) -> None:
        self.clock = clock
        self._until: dict[tuple[RequestId, int], float] = {}
        self._turn = threading.Lock()

    def keep(self, request: Request, until: float) -> None:
        """Note a claim; `until` is counted from before the database was asked."""
        with self._turn:
            self._until[request.id, request.fence] = until

    def longer(self, request: Request, until: float) -> None:
        """Note that a claim was renewed, unless its work has ended meanwhile."""
        with self._turn:
            if (request.id, request.fence) in self._until:
                self._until[request.id, request.fence] = until

    def let_go(self, request: Request) -> None:
        """Forget a claim that is over, or was lost."""
        with self._turn:
            self._until.pop((request.id, request.fence), None)

    def hold(self, request: Request) -> bool:
        """Tell whether a claim is ours for certain."""
        with self._turn:
            return self.clock() < self._until.get((request.id, request.fence), 0.0)
