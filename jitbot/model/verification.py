"""Verification: how a run is watched after it has started, and how far the watching has come."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from jitbot.model.facts import FactCall, FactKind


@dataclass(frozen=True, slots=True)
class Verification:
    """How an action's runs are watched: for so long, every so often.

    A run is unhealthy where the condition is true, or (with `check`) where the runner finds it so, in two readings
    running. `kinds` are the types of the names that the condition looks at; `facts` are where it reads them. Without
    `undo`, what is unhealthy is left as it is and told.
    """

    within: timedelta
    every: timedelta
    unhealthy_when: str = ""
    kinds: Mapping[str, FactKind] = field(default_factory=dict)
    facts: tuple[FactCall, ...] = ()
    check: bool = True
    undo: bool = True
    even_if_unhealthy: bool = False
    """Whether to start on a target that is unhealthy already."""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """How far the watching of one run has come.

    `before` holds what facts were just before the start, as JSON has them; what could not be read is not among it.
    `until` is when the watching ends, `unhealthy` counts the latest readings running that were unhealthy, and `said`
    is the last one in words. `undone` is True once the run was undone, and it is watched whether that helped.
    """

    before: Mapping[str, Any] = field(default_factory=dict)
    until: datetime | None = None
    unhealthy: int = 0
    said: str = ""
    undone: bool = False
