"""What programs say by how they end and by what they print, read alike wherever they run."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Protocol

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState, Plan
from jitbot.outbound.text import visible
from jitbot.runners.guard import RECEIPT_BYTES

ABSENT_EXIT = 4
PLAN_BYTES = 16 * 1024


class Codes(Protocol):
    """Which exit codes mean what; any other leaves it unsure."""

    @property
    def expect(self) -> frozenset[int]:
        """Return those that mean: done."""

    @property
    def refused(self) -> frozenset[int]:
        """Return those that mean: nothing happened."""


def demand_done(codes: Codes, program: str, code: int, last: str) -> None:
    """See that a program that changes something says that it did. Raises: RunnerRefused, RunnerUnsure."""
    if code in codes.expect:
        return
    said = f": {last}" if last else "."
    if code in codes.refused:
        raise RunnerRefused(f"{program} refused with {ending(code)}{said}")
    raise RunnerUnsure(f"{program} ended with {ending(code)}{said}")


def plan_of(words: bytes, undoable: bool) -> Plan:
    """Return what a program says it would do, as the plan that people approve. Raises: RunnerRefused."""
    if not words.strip() or len(words) > PLAN_BYTES:
        raise RunnerRefused(f"The plan is empty or longer than {PLAN_BYTES} bytes: nobody could approve that.")
    shown = "\n".join(visible(line) for line in words.decode(errors="replace").strip().split("\n"))
    return Plan(shown, hashlib.sha256(words).hexdigest(), undoable=undoable)


def ending(code: int) -> str:
    """Say how a program ended."""
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def health(code: int, refused: frozenset[int]) -> HealthState:
    """Return what a program that looks says by its exit code."""
    if code == 0:
        return HealthState.HEALTHY
    if code in refused or code < 0:
        return HealthState.UNKNOWN
    return HealthState.ABSENT if code == ABSENT_EXIT else HealthState.UNHEALTHY


def receipt_in(text: str | None) -> Mapping[str, Any]:
    """Return what stood behind `::receipt `. Raises: RunnerUnsure, since whoever printed it has done its work."""
    if text is None:
        return {}
    try:
        data = json.loads(text) if len(text) <= RECEIPT_BYTES else None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise RunnerUnsure(
            f"It was done, but the line `::receipt …` is no JSON object of at most {RECEIPT_BYTES} characters."
        )
    return data


def ignored(line: str) -> None:
    """Drop a line: only the last one is of interest."""
