"""Ticks, by APScheduler with its memory store: interval jobs that call the sweep, nothing else.

Its stored one-shot jobs are never used: one that was missed by a second is deleted without having run. It goes by this
machine's clock, and one that is set back by an hour would keep it from ticking for that hour; so it is told.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler

LOOK_SECONDS = 1.0
"""How often the clock is compared with one that nobody can set."""
SET_BACK_SECONDS = 2.0
"""By so much a clock has to fall behind to have been set: less is how clocks are kept right."""


class Ticker:
    """Calls functions at intervals until it is stopped; the same one never twice at once."""

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._due: list[float] = []
        self._ending = threading.Event()
        self._watch = threading.Thread(target=self._watch_the_clock, name="clock-watch", daemon=True)

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
        self._watch.start()

    def stop(self) -> None:
        """Stop, and wait for the call in hand."""
        self._ending.set()
        self._watch.join()
        self._scheduler.shutdown(wait=True)

    def tick_now(self) -> None:
        """Have every job run now, and from now on at its interval."""
        now = datetime.fromtimestamp(time.time(), UTC)
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=now)

    def _watch_the_clock(self) -> None:
        ahead = time.time() - time.monotonic()
        while not self._ending.wait(LOOK_SECONDS):
            before, ahead = ahead, time.time() - time.monotonic()
            if before - ahead > SET_BACK_SECONDS:
                self.tick_now()
