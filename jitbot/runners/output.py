"""What a child process or a server says, made fit to be kept: in lines, visible, without secrets."""

from collections.abc import Callable

from jitbot.outbound.redaction.private_keys import line_by_line
from jitbot.outbound.text import KEPT_CHARACTERS, shown

_LINE_BYTES = 20 * 1024
"""More than a receipt may have; what a line has beyond is never held in memory."""
_RECEIPT = "::receipt "


class Lines:
    """Takes bytes as they come and logs lines; remembers the last `::receipt ` line instead of showing it.

    It holds one line at a time; how much of all that is kept and shown is decided where it is logged.
    """

    def __init__(self, log: Callable[[str], None], redact: Callable[[str], str]) -> None:
        self.receipt: str | None = None
        self.last = ""
        """The last line shown, for error messages."""
        self._log = log
        self._redact = line_by_line(redact)
        self._line = bytearray()

    def feed(self, chunk: bytes) -> None:
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            self._take(part)
            self._end()
        self._take(rest)

    def close(self) -> None:
        """End the last line."""
        self._end()

    def _take(self, part: bytes) -> None:
        self._line += part[: _LINE_BYTES - len(self._line)]

    def _end(self) -> None:
        line = self._line.decode(errors="replace").rstrip("\r")
        self._line.clear()
        if line.startswith(_RECEIPT):
            self.receipt = line.removeprefix(_RECEIPT)
        elif line.strip():
            line = self._redact(line)
            self.last = shown(line)
            self._log(shown(line, KEPT_CHARACTERS))
