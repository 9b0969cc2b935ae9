"""How long somebody still waits: what is done in a hurry is answered, or given up, by then.

Said once where somebody waits, at the edge, and heeded where waiting happens, in the store; what lies between need not
know of it. It holds for one thread and ends with its `with`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_until: ContextVar[float | None] = ContextVar("hurry", default=None)
"""An instant of `time.monotonic()`."""


@contextmanager
def hurry(seconds: float) -> Iterator[None]:
    """Have what is done in here answered or given up within so many seconds, all of it together."""
    token = _until.set(min(time.monotonic() + seconds, _until.get() or float("inf")))
    try:
        yield
    finally:
        _until.reset(token)


def in_a_hurry() -> bool:
    """Tell whether somebody waits for what this thread does."""
    return _until.get() is not None


def seconds_left(most: float) -> float:
    """Return how long may be waited here: `most`, or less where somebody waits; never below zero."""
    until = _until.get()
    return most if until is None else max(0.0, min(most, until - time.monotonic()))
