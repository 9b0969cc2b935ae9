"""Which warrants were used: each permits one act, however often somebody hands it in.

A worker keeps them in a file, so that neither its own death nor somebody who writes the queue makes one good twice. One
that nobody can use any more, because its time is over, is forgotten a day later: the clock may be set back by then.
"""

import threading
from datetime import datetime, timedelta

from jitbot.warrants.journal import Journal

REMEMBERED = timedelta(days=1)
"""How long a used warrant is remembered after it would have run out by itself."""
TIDY_AFTER = 1_000
"""After so many new ones those that are over are forgotten."""


class Spent:
    """Remembers warrants; without a journal, only as long as this process lives."""

    def __init__(self, journal: Journal | None = None) -> None:
        """Read what was used before. Raises: SettingsError."""
        self._journal = journal
        self._turn = threading.Lock()
        self._new = 0
        self._used: dict[str, datetime] = {}
        for record in journal.records() if journal else ():
            self._used[str(record["spent"])] = datetime.fromisoformat(str(record["over"]))

    def spend(self, key: str, over: datetime, now: datetime) -> bool:
        """Use one up; False where it was used before. `over` is when it runs out by itself. Raises: OSError."""
        with self._turn:
            if key in self._used:
                return False
            if self._journal is not None:
                self._journal.append(_record(key, over))
            self._used[key] = over
            self._new += 1
            if self._new >= TIDY_AFTER:
                self._tidy(now)
            return True

    def _tidy(self, now: datetime) -> None:
        self._new = 0
        self._used = {key: over for key, over in self._used.items() if now < over + REMEMBERED}
        if self._journal is not None:
            self._journal.rewrite(_record(key, over) for key, over in self._used.items())


def _record(key: str, over: datetime) -> dict[str, str]:
    return {"spent": key, "over": over.isoformat()}
