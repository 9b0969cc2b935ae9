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

    A source that hangs holds one thread for each of its questions, however often they are asked; and each source has
    threads of its own, so that it keeps nobody else waiting.
    """

    def __init__(self, now: Callable[[], datetime], workers: int = 6) -> None:
        self._now = now
        self._workers = workers
        self._threads: dict[str, ThreadPoolExecutor] = {}
        self._turn = threading.Lock()
        self._kept: dict[Key, Reading] = {}
        self._asked: dict[Key, Future[Reading]] = {}

    def close(self) -> None:
        """Let go of the threads."""
        with self._turn:
            for threads in self._threads.values():
                threads.shutdown(wait=False, cancel_futures=True)

    def ask(
        self, name: str, source: FactSource, values: Mapping[str, Any], arguments: Any, *, fresh: bool = False
    ) -> Future[Reading]:
        """Return what is known lately enough, or will be; `fresh`: what is read now. Failures are not remembered."""
        key = (name, json.dumps(values, sort_keys=True, default=str))
        now = self._now()
        with self._turn:
            known = self._kept.get(key)
            if not fresh and known is not None and timedelta(0) <= now - known.at < source.keep:
                return done(known)
            if key not in self._asked:
                self._asked[key] = self._of(name).submit(self._read, key, source, arguments, now)
            return self._asked[key]

    def _of(self, name: str) -> ThreadPoolExecutor:
        if name not in self._threads:
            self._threads[name] = ThreadPoolExecutor(self._workers, thread_name_prefix=f"facts {name}")
        return self._threads[name]

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


def done(reading: Reading) -> Future[Reading]:
    """Return an answer that is there already."""
    future: Future[Reading] = Future()
    future.set_result(reading)
    return future
