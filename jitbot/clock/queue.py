"""The in-process work queue: threads that are woken for one item each.

Nothing here must survive a crash: what is due is a query, and the sweep finds it again. The same item is never worked
on by two threads of this process at once; a wake-up that comes meanwhile is kept for after.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from jitbot.model import RequestId

log = logging.getLogger(__name__)

Item = tuple[str, str | int]


@dataclass(slots=True)
class _Waiting:
    """What waits, in order and once each; and what is in hand."""

    items: deque[Item] = field(default_factory=deque)
    known: set[Item] = field(default_factory=set)
    in_hand: set[Item] = field(default_factory=set)
    again: set[Item] = field(default_factory=set)


class WorkQueue:
    """Implements `ports.Queue` with a fixed number of threads."""

    def __init__(self, workers: int = 16) -> None:
        self._workers = workers
        self._waiting = _Waiting()
        self._changed = threading.Condition()
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._do: dict[str, Callable[[str | int], None]] = {}
        self._tell_notifier: Callable[[], None] = lambda: None

    def start(
        self,
        *,
        request: Callable[[RequestId], None],
        delivery: Callable[[str], None],
        messages: Callable[[], None],
    ) -> None:
        """Begin to work; the callables do the work, `messages` only wakes the notifier."""
        self._do = {
            "request": lambda key: request(RequestId(int(key))),
            "delivery": lambda key: delivery(str(key)),
        }
        self._tell_notifier = messages
        for number in range(self._workers):
            thread = threading.Thread(target=self._work, name=f"worker-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, timeout: float = 10.0) -> None:
        """Stop taking new items and wait for those in hand, `timeout` seconds at most."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout)

    def request(self, request: RequestId) -> None:
        """Have a request looked at soon."""
        self._put(("request", request))

    def delivery(self, key: str) -> None:
        """Have a delivery worked on soon."""
        self._put(("delivery", key))

    def messages(self) -> None:
        """Have the outbox looked at soon."""
        self._tell_notifier()

    def depth(self) -> int:
        """Return how many items wait."""
        with self._changed:
            return len(self._waiting.items)

    def idle(self) -> bool:
        """Tell whether nothing waits and nothing is in hand."""
        with self._changed:
            return not self._waiting.items and not self._waiting.in_hand

    def _put(self, item: Item) -> None:
        with self._changed:
            waiting = self._waiting
            if item in waiting.in_hand:
                waiting.again.add(item)
            elif item not in waiting.known:
                waiting.known.add(item)
                waiting.items.append(item)
                self._changed.notify()

    def _work(self) -> None:
        while (item := self._next()) is not None:
            try:
                self._do[item[0]](item[1])
            except Exception:
                log.exception("working on %s %s failed; the sweep will find it again", *item)
            finally:
                self._finished(item)

    def _next(self) -> Item | None:
        with self._changed:
            while not self._waiting.items and not self._stopping:
                self._changed.wait()
            if self._stopping:
                return None
            item = self._waiting.items.popleft()
            self._waiting.known.discard(item)
            self._waiting.in_hand.add(item)
            return item

    def _finished(self, item: Item) -> None:
        with self._changed:
            self._waiting.in_hand.discard(item)
            if item in self._waiting.again:
                self._waiting.again.discard(item)
                self._waiting.known.add(item)
                self._waiting.items.append(item)
                self._changed.notify()
