"""What one process keeps out of text: every secret that it has ever known, and whatever looks like a credential."""

import json
from base64 import b64encode
from collections.abc import Iterator
from threading import Lock
from urllib.parse import quote, quote_plus

from jitbot.outbound.redaction.patterns import HIDDEN, hide_patterns
from jitbot.outbound.redaction.private_keys import hide_private_keys

SHORTEST_SECRET = 6
"""Shorter values would be replaced all over innocent text, and are no secrets."""


class Redactor:
    """Hides secrets. A value stays hidden for as long as the process lives, also when there is a newer one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: set[str] = set()
        self._forms: tuple[str, ...] = ()

    def hide(self, value: str) -> None:
        """Keep this value out of text from now on; one too short to be told from innocent text is not hidden."""
        with self._lock:
            if value not in self._values:
                self._values.add(value)
                self._forms = tuple(sorted({*self._forms, *_forms(value)}, key=len, reverse=True))

    def redact(self, text: str) -> str:
        """Return the text with every secret replaced by `•••`, in whatever form it is written."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, HIDDEN)
        return hide_patterns(hide_private_keys(text))


def _forms(value: str) -> Iterator[str]:
    """Yield what a secret looks like in text: itself, its lines, and how URLs, JSON and headers write it."""
    for part in {value, *value.splitlines()}:
        if len(part) >= SHORTEST_SECRET:
            raw = _bytes(part)
            yield part
            yield quote(raw, safe="")
            yield quote_plus(raw)
            yield json.dumps(part)[1:-1]
            yield json.dumps(part, ensure_ascii=False)[1:-1]
            yield b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    """Return the bytes of a value: those that the environment could not decode, or half characters out of JSON."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")
