"""The in-process work queue: threads that are woken for one item each.

Nothing here must survive a crash: what is due is a query, and the sweep finds it again. A thread that is long at its
item counts as busy elsewhere: another one takes its place, and the item may be taken up again, which its claim in the
ledger keeps from being worked on twice. So a runner that hangs holds up neither others nor the end of its own run.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from jitbot.model import RequestId

log = logging.getLogger(__name__)

Item = tuple[str, str | int]

SLOW_SECONDS = 2.0
"""After so long at one item a thread is replaced."""
MOST_SLOW = 500
"""So many threads are replaced at most, and waited for when there are more."""


@dataclass(frozen=True, slots=True)
class _Hand:
    """One item in a thread's hands, and since when (monotonic seconds)."""

    item: Item
    since: float

    @property
    def slow(self) -> bool:
        return time.monotonic() - self.since >= SLOW_SECONDS


@dataclass(slots=True)
class _Waiting:
    """What waits, in order and once each; what is in hand, by thread; and what comes up again after that."""

    items: deque[Item] = field(default_factory=deque)
    known: set[Item] = field(default_factory=set)
    in_hand: dict[int, _Hand] = field(default_factory=dict)
    again: set[Item] = field(default_factory=set)


class WorkQueue:
    """Implements `ports.Queue` with a fixed number of threads, besides those that are slow."""

    def __init__(self, workers: int = 16) -> None:
        self._workers = workers
        self._waiting = _Waiting()
        self._changed = threading.Condition()
        self._stopping = False
        self._threads: dict[int, threading.Thread] = {}
        self._started = 0
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
        with self._changed:
            for _ in range(self._workers):
                self._add()

    def stop(self, timeout: float = 10.0) -> None:
        """Stop taking new items and wait for those in hand, `timeout` seconds at most for all of them together."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            threads = list(self._threads.values())
        end = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

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

    def threads(self) -> int:
        """Return how many threads there are, slow ones included."""
        with self._changed:
            return len(self._threads)

    def _put(self, item: Item) -> None:
        with self._changed:
            waiting = self._waiting
            if any(hand.item == item and not hand.slow for hand in waiting.in_hand.values()):
                waiting.again.add(item)
            elif item not in waiting.known:
                self._append(item)
            self._replace_slow()

    def _append(self, item: Item) -> None:
        self._waiting.known.add(item)
        self._waiting.items.append(item)
        self._changed.notify()

    def _replace_slow(self) -> None:
        """Have as many threads as were asked for that are not slow, while anything waits."""
        if not self._stopping and self._waiting.items and len(self._threads) < self._wanted():
            self._add()

    def _wanted(self) -> int:
        slow = sum(hand.slow for hand in self._waiting.in_hand.values())
        if slow > MOST_SLOW:
            log.error("%s pieces of work hang; look which runners do not keep to their deadlines, and restart", slow)
        return self._workers + min(slow, MOST_SLOW)

    def _add(self) -> None:
        if not self._do:
            return
        self._started += 1
        number = self._started
        self._threads[number] = threading.Thread(
            target=self._work, args=(number,), name=f"worker-{number}", daemon=True
        )
        self._threads[number].start()

    def _work(self, number: int) -> None:
        while (item := self._next(number)) is not None:
            try:
                self._do[item[0]](item[1])
            except Exception:
                log.exception("working on %s %s failed; the sweep will find it again", *item)
            finally:
                self._finished(number)

    def _next(self, number: int) -> Item | None:
        with self._changed:
            while True:
                if self._stopping or len(self._threads) > self._wanted():
                    del self._threads[number]
                    return None
                if self._waiting.items:
                    break
                self._changed.wait()
            item = self._waiting.items.popleft()
            self._waiting.known.discard(item)
            self._waiting.in_hand[number] = _Hand(item, time.monotonic())
            return item

    def _finished(self, number: int) -> None:
        with self._changed:
            item = self._waiting.in_hand.pop(number).item
            if item in self._waiting.again:
                self._waiting.again.discard(item)
                self._append(item)
