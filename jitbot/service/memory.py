"""What was read of other systems: believed for a while, with its age, and never asked for twice at the same time."""

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jitbot.ports import FactSource

MOST_KEPT = 10_000

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """A value, and when it was read."""

    value: Any
    at: datetime


class FactMemory:
    """Reads facts in threads of its own and remembers them; an answer that came too late is there the next time.

    A source that hangs holds one thread for each of its questions, however often they are asked.
    """

    def __init__(self, now: Callable[[], datetime], workers: int = 16) -> None:
        self._now = now
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="facts")
        self._turn = threading.Lock()
        self._kept: dict[Key, Reading] = {}
        self._asked: dict[Key, Future[Reading]] = {}

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def ask(self, name: str, source: FactSource, values: Mapping[str, Any], arguments: Any) -> Future[Reading]:
        """Return what is known lately enough, or will be; failures are not remembered."""
        key = (name, json.dumps(values, sort_keys=True, default=str))
        now = self._now()
        with self._turn:
            known = self._kept.get(key)
            if known is not None and timedelta(0) <= now - known.at < source.keep:
                return _done(known)
            if key not in self._asked:
                self._asked[key] = self._threads.submit(self._read, key, source, arguments, now)
            return self._asked[key]

    def _read(self, key: Key, source: FactSource, arguments: Any, at: datetime) -> Reading:
        try:
            reading = Reading(source.read(arguments, at), at)
            with self._turn:
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                self._kept[key] = reading
            return reading
        finally:
            with self._turn:
                self._asked.pop(key, None)


def _done(reading: Reading) -> Future[Reading]:
    future: Future[Reading] = Future()
    future.set_result(reading)
    return future
