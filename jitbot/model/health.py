"""How a target is, as a runner sees it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class HealthState(StrEnum):
    """How a target is, as its runner's `check` sees it."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Health:
    """The result of `check`. ABSENT: what was started is not there (never started, or undone)."""

    state: HealthState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has said of an unsure result, and since when it says so."""

    at: datetime
    health: Health
