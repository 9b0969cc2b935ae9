"""What a runner is given for one run: its key, its deadline, and somewhere to put its output."""

import logging
import threading
import time
from datetime import datetime, timedelta

from jitbot.errors import StoreUnavailable
from jitbot.model import Request
from jitbot.service.telling import lines
from jitbot.service.world import World

log = logging.getLogger(__name__)

BATCH_SECONDS = 15.0
"""Output goes to the thread at most so often; Slack takes few messages."""
BATCH_CHARACTERS = 2_500
LOOK_SECONDS = 1.0
"""How often it is looked up whether somebody wants a run to end early."""
MOST_CHARACTERS = 16_000
"""How much of one run's output the thread shows."""


class PartLog:
    """Implements `ports.Run` for one part of a run: a key and a time limit of its own, lines with its name."""

    def __init__(self, run: "RunLog", name: str, position: int, time_limit: timedelta) -> None:
        self.key = f"{run.key}-{position + 1}"
        self.deadline = min(run.deadline, run.now() + time_limit)
        self.until = run.until
        self._run = run
        self._name = name

    def log(self, line: str) -> None:
        self._run.log(f"{self._name}: {line}")

    def stopping(self) -> bool:
        return self._run.stopping()


class RunLog:
    """Implements `ports.Run`: batches lines into rows of the outbox."""

    def __init__(self, world: World, request: Request, deadline: datetime, *, stoppable: bool = False) -> None:
        """Begin; only a start is `stoppable`, since an undo has to come to its end."""
        self.key = request.run_key
        self.deadline = deadline
        self.until = request.expires_at
        self._world = world
        self._request = request
        self._turn = threading.Lock()
        self._lines: list[str] = []
        self._waiting = 0
        self._shown = 0
        self._number = 0
        self._flushed = time.monotonic()
        self._looked = time.monotonic()
        self._stopping = False
        self._stoppable = stoppable

    def now(self) -> datetime:
        """Return the present instant."""
        return self._world.ledger.now()

    def stopping(self) -> bool:
        """Look into the ledger, every second at most; what cannot be read is no wish to stop."""
        now = time.monotonic()
        with self._turn:
            if not self._stoppable or self._stopping or now - self._looked < LOOK_SECONDS:
                return self._stopping
            self._looked = now
        try:
            stopping = self._world.ledger.get(self._request.id).stopped_by is not None
        except StoreUnavailable:
            return False
        with self._turn:
            self._stopping = stopping
        return stopping

    def log(self, line: str) -> None:
        """Take one line; batches are said as they fill up or grow old."""
        with self._turn:
            if self._shown >= MOST_CHARACTERS:
                return
            self._lines.append(line)
            self._waiting += len(line) + 1
            self._shown += len(line) + 1
            if self._shown >= MOST_CHARACTERS:
                self._lines.append("… more output is not shown here")
            full = self._waiting >= BATCH_CHARACTERS or time.monotonic() - self._flushed >= BATCH_SECONDS
        if full:
            self.flush()

    def flush(self) -> None:
        """Say what has come so far."""
        with self._turn:
            batch, self._lines, self._waiting = self._lines, [], 0
            self._number += 1
            number = self._number
            self._flushed = time.monotonic()
        if not batch:
            return
        try:
            with self._world.ledger.begin() as entry:
                lines(entry, self._request, number, "\n".join(batch))
        except StoreUnavailable as error:  # lost lines are better than a lost result
            log.warning("output of %s was lost: %s", self.key, error)
        self._world.queue.messages()
