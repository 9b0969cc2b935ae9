"""Wake-ups between processes: words that one rings and the others hear. Losing one only costs time."""

from collections.abc import Callable

from jitbot.model import RequestId
from jitbot.ports import Queue

REQUEST, DELIVERY, MESSAGES = "request", "delivery", "messages"


class Hints:
    """Implements `ports.Queue` where others do the work: they are told of it."""

    def __init__(self, ring: Callable[[str], None], messages: Callable[[], None]) -> None:
        """`messages` wakes whoever says what is to be said."""
        self._ring = ring
        self._messages = messages

    def request(self, request: RequestId) -> None:
        """Have a request looked at soon."""
        self._ring(f"{REQUEST} {request}")

    def delivery(self, key: str) -> None:
        """Have a delivery worked on soon."""
        self._ring(f"{DELIVERY} {key}")

    def messages(self) -> None:
        """Have the outbox looked at soon."""
        self._messages()


def pass_on(word: str, queue: Queue) -> None:
    """Put what another process has rung for into our own queue; a word that is not known here is left alone."""
    kind, _, which = word.partition(" ")
    if kind == REQUEST and which.isdecimal():
        queue.request(RequestId(int(which)))
    elif kind == DELIVERY:
        queue.delivery(which)
