"""What a child process or a server says, made fit to be shown: in lines, capped, visible, without secrets."""

from collections import deque
from collections.abc import Callable

from jitbot.outbound.redaction.private_keys import line_by_line
from jitbot.outbound.text import shown

TOTAL_CHARACTERS = 64 * 1024
LINE_COST = 64
"""What a line counts at least, so that a flood of empty lines is one too."""
TAIL_LINES = 10

_LINE_BYTES = 20 * 1024
"""More than a receipt may have; what a line has beyond is never held in memory."""
_RECEIPT = "::receipt "


class Lines:
    """Takes bytes as they come and logs lines; remembers the last `::receipt ` line instead of showing it.

    Memory stays flat whatever comes: beyond the caps only a count and the last lines are kept.
    """

    def __init__(self, log: Callable[[str], None], redact: Callable[[str], str]) -> None:
        self.receipt: str | None = None
        self.last = ""
        """The last line shown, for error messages."""
        self._log = log
        self._redact = line_by_line(redact)
        self._line = bytearray()
        self._left = TOTAL_CHARACTERS
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._held_back = 0

    def feed(self, chunk: bytes) -> None:
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            self._take(part)
            self._end()
        self._take(rest)

    def close(self) -> None:
        """End the last line, and show how the output ended if it was too long."""
        self._end()
        unseen = self._held_back - len(self._tail)
        if unseen:
            self._log(f"… {unseen} lines are not shown; the last {len(self._tail)} follow")
        for line in self._tail:
            self._log(line)

    def _take(self, part: bytes) -> None:
        self._line += part[: _LINE_BYTES - len(self._line)]

    def _end(self) -> None:
        line = self._line.decode(errors="replace").rstrip("\r")
        self._line.clear()
        if line.startswith(_RECEIPT):
            self.receipt = line.removeprefix(_RECEIPT)
        elif line.strip():
            self._show(shown(self._redact(line)))

    def _show(self, line: str) -> None:
        self.last = line
        cost = max(len(line), LINE_COST)
        if not self._held_back and cost <= self._left:
            self._left -= cost
            self._log(line)
            return
        if not self._held_back:
            self._log("… the output goes on; only how it ends will be shown")
        self._held_back += 1
        self._tail.append(line)
