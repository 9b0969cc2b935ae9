"""The stores in their order: the first that has a name answers, and one that cannot tell is never passed over.

Otherwise whoever cuts jitbot off from a store could have it use what another one still holds, an older password for
example. For the same reason nothing is used longer than `KEEP_SECONDS` without its store being asked again.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from jitbot.errors import NotGranted, SecretUnavailable
from jitbot.outbound.redaction.redactor import SHORTEST_SECRET, Redactor
from jitbot.ports import SecretStore

KEEP_SECONDS = 10.0
"""How long a value is used before its store is asked again: so soon a rotation is noticed."""
MOST_CHARACTERS = 64 * 1024

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Secret:
    """A value and the store that it came from."""

    value: str
    store: str
    read_at: float
    """By the monotonic clock, in seconds."""


class Secrets:
    """Reads secrets from the stores, by their order; every value is hidden from text before anybody gets it."""

    def __init__(
        self,
        stores: Mapping[str, SecretStore],
        redactor: Redactor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stores = dict(stores)
        self._redactor = redactor
        self._clock = clock
        self._lock = Lock()
        self._kept: dict[str, Secret] = {}

    def stores(self) -> Sequence[str]:
        """Return the names of the stores in the order in which they are asked."""
        return tuple(self._stores)

    def read(self, name: str) -> Secret:
        """Return a secret that was read from its store within the last seconds. Raises: NotGranted."""
        if not NAME.fullmatch(name):
            raise NotGranted(f"{name[:80]!r} is no name of a secret: use letters, digits, - and _.")
        asked_at = self._clock()
        kept = self._kept.get(name)
        if kept is not None and 0 <= asked_at - kept.read_at < KEEP_SECONDS:
            return kept
        secret = self._asked(name, asked_at)
        with self._lock:
            kept = self._kept.get(name)
            if kept is None or kept.read_at <= secret.read_at:  # a slow answer is no newer for having come later
                self._kept[name] = secret
        return secret

    def redact(self, text: str) -> str:
        """Return the text without any secret that was ever read, and without what looks like a credential."""
        return self._redactor.redact(text)

    def _asked(self, name: str, asked_at: float) -> Secret:
        missing = []
        for store, each in self._stores.items():
            try:
                value = _read(store, each, name)
            except SecretUnavailable:
                raise
            except NotGranted as error:
                missing.append(str(error))
                continue
            self._redactor.hide(value)
            return Secret(_fit(name, store, value), store, asked_at)
        raise NotGranted(f"The secret {name!r} is not set: {_listed(missing)}.")


def _read(store: str, reader: SecretStore, name: str) -> str:
    """Ask one store; what a plugin throws besides its two errors means that it cannot tell."""
    try:
        value = reader.read(name)
    except NotGranted:
        raise
    except (Exception, SystemExit) as error:
        raise SecretUnavailable(
            f"The secret {name!r} cannot be read: the store {store!r} failed ({type(error).__name__}). "
            "Look into jitbot's log and at the store."
        ) from error
    if not isinstance(value, str):
        raise SecretUnavailable(f"The secret {name!r} cannot be read: the store {store!r} answered no text.")
    return value


def _fit(name: str, store: str, value: str) -> str:
    if len(value) < SHORTEST_SECRET:
        raise NotGranted(
            f"The secret {name!r} (from {store}) is too short to be kept out of logs: "
            f"use {SHORTEST_SECRET} characters or more."
        )
    if len(value) > MOST_CHARACTERS:
        raise NotGranted(f"The secret {name!r} (from {store}) is longer than {MOST_CHARACTERS} characters.")
    return value


def _listed(missing: Sequence[str]) -> str:
    return ", or ".join(missing) or "JITBOT_SECRETS names no store to read it from"
