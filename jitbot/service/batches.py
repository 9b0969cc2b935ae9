"""The lines of one run that its thread shows: in batches, since Slack takes few messages, and not without end."""

BATCH_SECONDS = 15.0
"""Output goes to the thread at most so often, unless a batch is full."""
BATCH_CHARACTERS = 2_500
"""What one message of a thread holds."""
MOST_CHARACTERS = 16_000
"""How much of one run's output the thread shows."""
LINE_CHARACTERS = 1_000


class Batches:
    """Takes lines and gives them back in batches. Instants are seconds of any clock that only goes forward."""

    def __init__(self, now: float) -> None:
        self.newest = ""
        """The last line, whether the thread shows it or not."""
        self._taken_at = now
        self._lines: list[str] = []
        self._waiting = 0
        self._said = 0
        self._number = 0

    def add(self, line: str) -> None:
        """Take one line."""
        self.newest = line = _cut(line)
        before, self._said = self._said, self._said + len(line) + 1
        if before >= MOST_CHARACTERS:
            return
        self._lines.append(line)
        self._waiting += len(line) + 1
        if self._said >= MOST_CHARACTERS:
            self._lines.append("… more output is not shown here; press Output on the card for all that is kept")

    @property
    def full(self) -> bool:
        """Tell whether a batch should be said at once."""
        return self._waiting >= BATCH_CHARACTERS

    @property
    def long(self) -> bool:
        """Tell whether there is more than one message of a thread holds."""
        return self._said > BATCH_CHARACTERS

    def take(self, now: float, *, last: bool = False) -> tuple[int, str] | None:
        """Return the next batch with its number once it is due, at the latest when it is the last."""
        if not self._lines or not (last or self.full or now - self._taken_at >= BATCH_SECONDS):
            return None
        batch, self._lines, self._waiting = self._lines, [], 0
        self._number += 1
        self._taken_at = now
        return self._number, "\n".join(batch)

    def put_back(self, batch: tuple[int, str]) -> None:
        """Take a batch back that could not be said."""
        self._lines.insert(0, batch[1])
        self._waiting += len(batch[1]) + 1


def _cut(line: str) -> str:
    if len(line) <= LINE_CHARACTERS:
        return line
    return f"{line[:LINE_CHARACTERS]}… ({len(line) - LINE_CHARACTERS} more)"
