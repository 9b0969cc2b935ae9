"""Write down what is known only here, for as long as it takes: what a runner came to, or that a message was said.

While the database is away the result waits in the memory of the process that has it. Its claim may run out meanwhile.
Then others may go on as if the worker had been lost, and what is written at last is a late result, as any other.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from tenacity import (
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_when_event_set,
    wait_random_exponential,
)

from jitbot.errors import StoreRefused, StoreUnavailable
from jitbot.model import Request, RequestId

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0
"""Short: as soon as the database is back, others may take the request for lost."""

T = TypeVar("T")


class Results:
    """Keeps the results that could not be written yet. Safe for several threads."""

    def __init__(self) -> None:
        self._given_up = threading.Event()
        self._turn = threading.Lock()
        self._kept: Counter[RequestId] = Counter()

    def write(self, request: Request, write: Callable[[], T]) -> T:
        """Have a result written; `write` is one transaction, which has to stand being called again.

        Raises: what `write` raises, but for StoreUnavailable, which means that this process has to end.
        """
        with self._keeping(request):
            return until_written(write, f"the result of {request.name}", self._given_up)

    def write_later(self, write: Callable[[], object], what: str) -> None:
        """Have something written that nobody waits for, in a thread of its own."""

        def writing() -> None:
            with suppress(StoreUnavailable):  # which is logged
                until_written(write, what, self._given_up)

        threading.Thread(target=writing, name=what, daemon=True).start()

    def waits(self, request: RequestId) -> bool:
        """Tell whether a result of this request is known here and not written yet."""
        with self._turn:
            return request in self._kept

    def give_up(self) -> None:
        """Have every writing end, since the process does."""
        self._given_up.set()

    @contextmanager
    def _keeping(self, request: Request) -> Iterator[None]:
        with self._turn:
            self._kept[request.id] += 1
        try:
            yield
        finally:
            with self._turn:
                self._kept[request.id] -= 1
                if not self._kept[request.id]:
                    del self._kept[request.id]


def until_written(write: Callable[[], T], what: str, given_up: threading.Event) -> T:
    """Call `write` until the database takes it, or we have to give up. Raises: what the last call raised."""
    try:
        return write()  # nearly always; a retry that is never needed takes as long as a statement or two
    except StoreUnavailable as error:
        if not passes(error) or given_up.is_set():
            _lost(what, error)
            raise
    log.warning("%s is kept in memory until the database is back", what)
    retrying = Retrying(
        retry=retry_if_exception(passes),
        wait=wait_random_exponential(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS),
        stop=stop_when_event_set(given_up),
        sleep=sleep_using_event(given_up),
        reraise=True,
    )
    given_up.wait(FIRST_WAIT_SECONDS)
    try:
        written = retrying(write)
    except StoreUnavailable as error:
        _lost(what, error)
        raise
    log.info("%s is written at last", what)
    return written


def _lost(what: str, error: StoreUnavailable) -> None:
    log.warning("%s could not be written, and is lost with this process: %s", what, error)


def passes(error: BaseException) -> bool:
    """Tell whether it helps to try again."""
    return isinstance(error, StoreUnavailable) and not isinstance(error, StoreRefused)
