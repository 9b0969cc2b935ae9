"""What a child process or a server says, made fit to be shown: in lines, capped, visible, without secrets."""

import re
from collections import deque
from collections.abc import Callable

LINE_CHARACTERS = 1_000
TOTAL_CHARACTERS = 64 * 1024
LINE_COST = 64
"""What a line counts at least, so that a flood of empty lines is one too."""
TAIL_LINES = 10

_LINE_BYTES = 20 * 1024
"""More than a receipt may have; what a line has beyond is never held in memory."""
_RECEIPT = "::receipt "
_ODD = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """Return text in which control, invisible and direction-changing characters show."""
    return _ODD.sub(_picture, text)


def shown(text: str) -> str:
    """Return one line as people see it: visible and capped."""
    text = visible(text)
    if len(text) <= LINE_CHARACTERS:
        return text
    return f"{text[:LINE_CHARACTERS]}… ({len(text) - LINE_CHARACTERS} more)"


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"\\u{code:04x}"


class Lines:
    """Takes bytes as they come and logs lines; remembers the last `::receipt ` line instead of showing it.

    Memory stays flat whatever comes: beyond the caps only a count and the last lines are kept.
    """

    def __init__(self, log: Callable[[str], None], redact: Callable[[str], str]) -> None:
        self.receipt: str | None = None
        self.last = ""
        """The last line shown, for error messages."""
        self._log = log
        self._redact = redact
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
