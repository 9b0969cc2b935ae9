"""The queue in front of SQLite's one writer.

Writers that meet there back off at random and starve each other (2.1 s at worst with eight threads); this one keeps
them in order.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from jitbot.errors import StoreUnavailable


class FairLock:
    """A lock that is handed over in the order in which it was asked for, to whoever is urgent first.

    Urgent is what somebody is waiting for in front of a screen, an acknowledgement; it is a single small insert.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._urgent: deque[threading.Lock] = deque()
        self._others: deque[threading.Lock] = deque()

    @contextmanager
    def turn(self, *, urgent: bool = False, timeout: float = -1) -> Iterator[None]:
        """Hold the lock. Raises: StoreUnavailable, after so many seconds; a negative number waits for ever."""
        self._take(self._urgent if urgent else self._others, timeout)
        try:
            yield
        finally:
            self._hand_over()

    def _take(self, queue: deque[threading.Lock], timeout: float) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            mine = threading.Lock()
            mine.acquire()
            queue.append(mine)
        if mine.acquire(timeout=timeout):
            return
        with self._guard:
            if mine in queue:
                queue.remove(mine)
                raise StoreUnavailable("Those who write before this one take too long.")
        # handed over in this very instant: it is ours

    def _hand_over(self) -> None:
        with self._guard:
            queue = self._urgent or self._others
            if queue:
                queue.popleft().release()
            else:
                self._held = False
