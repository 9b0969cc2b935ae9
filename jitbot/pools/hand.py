"""What a runner is given for one call on a worker: what it says is held until the worker's clerk writes it down."""

import threading
import time
from collections.abc import Callable, Sequence

from jitbot.errors import StoreUnavailable
from jitbot.model import Receipt
from jitbot.pools.calls import Kind, Line
from jitbot.pools.taken import Hold

WARRANT_SECONDS = 20.0
"""How long a worker waits for the service to sign for what it has taken; then it puts it back."""
SHORTEST, LONGEST = 0.02, 0.5
"""How often it looks, in seconds: often at first."""
MOST_CHARACTERS = 4_000_000
"""So much one call may say; what comes after that is counted, and left out."""


class NoneGiven(Exception):
    """The service is not there, or wants it done by another worker: nothing was begun, and nothing is answered."""


class Hand:
    """Implements `ports.Permitted` for one call; `stop` has the runner told to end early."""

    def __init__(self, hold: Hold, warrant: Callable[[Hold], str | None] = lambda hold: None) -> None:
        """`warrant` looks once for the one that the service has signed for what this worker holds."""
        self.hold = hold
        self._warrant = warrant
        self.key = hold.call.key
        self.deadline = hold.deadline
        self.until = hold.call.until
        self._turn = threading.Lock()
        self._lines: list[Line] = []
        self._room, self._left_out = MOST_CHARACTERS, 0
        self._stopping = False

    def warrant(self, deed: str, receipt: Receipt | None, worker: str) -> str:
        """Wait for the warrant, for a while. Raises: NoneGiven, where none comes; nothing was begun then."""
        end = time.monotonic() + WARRANT_SECONDS
        wait = SHORTEST
        while time.monotonic() < end:
            try:
                signed = self._warrant(self.hold)
            except StoreUnavailable:
                signed = ""
            if signed is None:
                break
            if signed:
                return signed
            time.sleep(wait)
            wait = min(wait * 1.5, LONGEST)
        raise NoneGiven(f"Nobody has signed for the call {self.hold.call.id}; it was not begun.")

    def log(self, line: str) -> None:
        self._add(Line(_storable(line)))

    def result(self, line: str) -> None:
        self._add(Line(_storable(line), result=True))

    def stopping(self) -> bool:
        """Tell whether the run is to end early; only a start can be stopped, since an undo has to come to its end."""
        return self._stopping and self.hold.call.kind is Kind.START

    def stop(self) -> None:
        self._stopping = True

    def take(self, *, last: bool = False) -> Sequence[Line]:
        """Return what has been said since it was last taken."""
        with self._turn:
            said, self._lines = self._lines, []
            if last and self._left_out:
                said.append(Line(f"{self._left_out} more lines were said, and are not kept."))
        return said

    def put_back(self, said: Sequence[Line]) -> None:
        """Take back what could not be written down just now."""
        with self._turn:
            self._lines = [*said, *self._lines]

    def _add(self, line: Line) -> None:
        with self._turn:
            self._room -= len(line.text) + 1
            if self._room < 0:
                self._left_out += 1
            else:
                self._lines.append(line)


def _storable(text: str) -> str:
    """Return a text with nothing in it that Postgres cannot keep: one such line would hold up all others."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
