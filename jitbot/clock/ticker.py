"""Ticks, by APScheduler with its memory store: interval jobs that call the sweep, nothing else.

Its stored one-shot jobs are never used: one that was missed by a second is deleted without having run.
"""

from collections.abc import Callable
from datetime import timedelta

from apscheduler.schedulers.background import BackgroundScheduler


class Ticker:
    """Calls functions at intervals until it is stopped; the same one never twice at once."""

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    def every(self, interval: timedelta, call: Callable[[], object]) -> None:
        """Call a function every so often."""
        self._scheduler.add_job(call, "interval", seconds=interval.total_seconds())

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop, and wait for the call in hand."""
        self._scheduler.shutdown(wait=True)
