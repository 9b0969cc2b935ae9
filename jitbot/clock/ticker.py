"""Ticks, by APScheduler with its memory store: interval jobs that call the sweep, nothing else.

Its stored one-shot jobs are never used: one that was missed by a second is deleted without having run.
"""

import time
from collections.abc import Callable
from datetime import timedelta

from apscheduler.schedulers.background import BackgroundScheduler


class Ticker:
    """Calls functions at intervals until it is stopped; the same one never twice at once."""

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._due: list[float] = []

    def every(self, interval: timedelta, call: Callable[[], object]) -> None:
        """Call a function every so often."""
        number = len(self._due)
        self._due.append(time.monotonic() + interval.total_seconds())

        def beat() -> None:
            try:
                call()
            finally:
                self._due[number] = time.monotonic() + interval.total_seconds()

        self._scheduler.add_job(beat, "interval", seconds=interval.total_seconds())

    def late(self) -> timedelta:
        """Return by how much the call is late that is latest: a clock that stands still says nothing by itself."""
        now = time.monotonic()
        return timedelta(seconds=max(0.0, *(now - due for due in self._due), 0.0))

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop, and wait for the call in hand."""
        self._scheduler.shutdown(wait=True)
