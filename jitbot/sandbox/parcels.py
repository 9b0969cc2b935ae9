"""What is delivered to the app and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
Envelope = Literal["slash_commands", "interactive", "events_api"]


@dataclass(frozen=True, slots=True)
class Parcel:
    """One payload; `kind` is `command`, an interaction's type or an event's type."""

    kind: str
    envelope: Envelope
    payload: Json


@dataclass(frozen=True, slots=True)
class Retry:
    """Which further attempt this is, and why there is one."""

    attempt: int
    reason: str


@dataclass(slots=True)
class Ack:
    """How the app answered, or that it did not: then `error` is what the person is told."""

    acked: bool
    body: Json
    to: str
    error: str = ""
    retry_reason: str = ""
    no_retry: bool = False
    took_ms: float = 0.0


def lost(error: str, retry_reason: str, *, to: str, no_retry: bool = False, took_ms: float = 0.0) -> Ack:
    """Return the lack of an acknowledgement."""
    return Ack(False, {}, to, error, retry_reason, no_retry, took_ms)
