"""The log of jitbot itself: whatever is written there passes the redactor last, tracebacks included."""

import logging
import sys
import threading
from collections.abc import Callable, Iterable

log = logging.getLogger(__name__)


class RedactingFormatter(logging.Formatter):
    """Formats a record as another formatter does, then takes the secrets out of all of it."""

    def __init__(self, inner: logging.Formatter, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._inner = inner
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(self._inner.format(record))


def redact_logs(handlers: Iterable[logging.Handler], redact: Callable[[str], str]) -> None:
    """Have these handlers write nothing that was not redacted, and crashes be written by the log alone.

    Python itself writes a crash to the same stream, beside the log and as it is.
    """
    sys.excepthook = lambda kind, error, trace: log.critical("jitbot crashes", exc_info=error)
    threading.excepthook = lambda crash: log.error("A thread crashes", exc_info=crash.exc_value)
    for handler in handlers:
        handler.setFormatter(RedactingFormatter(handler.formatter or logging.Formatter(), redact))
