"""Private keys in PEM (RFC 7468), also where a log shows them line by line.

From the line that begins a key until the one that ends it, whatever looks like a key's text is hidden, wherever it
stands in its line; other lines that come between are shown. A key that never ends is forgotten after `MOST_LINES`.
"""

import re
from collections.abc import Callable

from jitbot.outbound.redaction.patterns import HIDDEN

MOST_LINES = 400
"""A key of 16384 bits has about 200 lines of 64 characters."""

_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(r"[A-Za-z0-9+/=]{16,}|^[ +\-]?[A-Za-z0-9+/=]+\s*$")


class PrivateKeys:
    """Hides the private keys in lines that come one after the other."""

    def __init__(self) -> None:
        self._left = 0

    def hide(self, line: str) -> str:
        """Return one line without what belongs to a private key."""
        shown, rest = ("", line) if self._left else self._before_a_key(line)
        while self._left:
            end = _END.search(rest)
            if end is None:
                self._left -= 1
                return shown + _hidden(rest)
            self._left = 0
            body, rest = rest[: end.start()], rest[end.end() :]
            shown += _hidden(body) + HIDDEN
            more, rest = self._before_a_key(rest)
            shown += more
        return shown + rest

    def _before_a_key(self, text: str) -> tuple[str, str]:
        """Return what may be shown up to where a key begins, and what comes after that."""
        begin = _BEGIN.search(text)
        if begin is None:
            return text, ""
        self._left = MOST_LINES
        return text[: begin.start()] + HIDDEN, text[begin.end() :]


def _hidden(inside: str) -> str:
    return _BODY.sub(HIDDEN, _BEGIN.sub(HIDDEN, inside))


def hide_private_keys(text: str) -> str:
    """Return a whole text without private keys."""
    if "PRIVATE KEY" not in text:
        return text
    keys = PrivateKeys()
    return "\n".join(keys.hide(line) for line in text.split("\n"))


def line_by_line(redact: Callable[[str], str]) -> Callable[[str], str]:
    """Return what redacts lines of one log in their order, so that a key over several lines is hidden too."""
    keys = PrivateKeys()
    return lambda line: redact("\n".join(keys.hide(part) for part in line.split("\n")))
