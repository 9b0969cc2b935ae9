"""What AWS said to a call, or that it said nothing: what happened then, and in which words people are told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.outbound.text import shown

_SIGNATURE = frozenset({"SignatureDoesNotMatch", "IncompleteSignature", "InvalidSignatureException"})
"""Their messages repeat what was signed, and so the session token."""
_NOT_KNOWN = frozenset({"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"})
"""Complaints with a status of 4xx that do not say that nothing happened."""
_ENCODED = " Encoded authorization failure message"
"""From here on EC2 tells what only its owner can decode: https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html"""


class NoWord(Exception):
    """AWS said nothing that could be used; the text says why."""


class Declined(NoWord):
    """AWS answered with a complaint of the kind before which nothing was done."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class NotSent(NoWord):
    """AWS was not reached: it knows nothing of this."""


class NoAnswer(NoWord):
    """A call was sent, at least in part, and what became of it is not known."""


def complaint(service: str, response: Any) -> NoWord:
    """Read the error in an answer."""
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(response.get("Error", {}).get("Code", "")) or str(status)
    words = "the secret access key does not fit" if code in _SIGNATURE else response.get("Error", {}).get("Message", "")
    text = shown(" ".join(f"AWS {service} says {code}: {words}".partition(_ENCODED)[0].split()))
    return Declined(code, text) if 400 <= status < 500 and code not in _NOT_KNOWN else NoAnswer(text)


@contextmanager
def unharmed() -> Iterator[None]:
    """Take every failure for: nothing was done. Only around what changes nothing. Raises: RunnerRefused."""
    try:
        yield
    except NoWord as error:
        raise RunnerRefused(f"{error} Nothing was done.") from error


@contextmanager
def unsure(what: str) -> Iterator[None]:
    """Take every failure for: it may have happened. Raises: RunnerUnsure, with what it is about."""
    try:
        yield
    except NoWord as error:
        raise RunnerUnsure(f"{what}: {error}") from error


def first(change: Callable[[], Any], what: str, *, erase: Callable[[], Any] | None = None) -> None:
    """Make a change that is the first one apart from a mark; `erase` that mark where AWS says that nothing was done.

    Raises: RunnerRefused when nothing is left of it, RunnerUnsure when it may have happened or the mark is still there.
    """
    try:
        change()
    except NoAnswer as error:
        raise RunnerUnsure(f"{what}: {error}") from error
    except NoWord as error:
        try:
            if erase is not None:
                erase()
        except NoWord as left:
            raise RunnerUnsure(f"{error} What jitbot noted before that is still there: {left}") from left
        raise RunnerRefused(f"{error} Nothing was done.") from error
