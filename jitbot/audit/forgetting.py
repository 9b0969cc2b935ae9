"""What the record says that it has forgotten: whose bodies may be missing, and no others.

A body is deleted together with its salt after the keeping time, in the transaction of a signed event that says so. The
newest such event speaks for all before it, so one is enough to tell a deletion that was stated from one that was not.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from jitbot.audit.eras import KEY
from jitbot.errors import Tampered

FORGOTTEN = "forgotten"
"""The kind of event that states a deletion."""
NEVER_FORGOTTEN = (FORGOTTEN, KEY, "halts", "members", "policies", "restored")
"""What the rest of the record is judged by, and what stands until another event of its kind says something else."""


LEAST_KEPT = timedelta(days=30)
"""No setting has anything forgotten earlier, so that whoever has stolen the key cannot state away what is recent."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Everything up to event `upto` that is older than `before`, but for what is about the requests in `but`."""

    upto: int = 0
    before: str = ""
    """An instant as `audit.Row` has it: in UTC, to the microsecond."""
    but: frozenset[int] = frozenset()
    seq: int = field(default=0, compare=False)
    """The event that states it."""

    def covers(self, seq: int, at: str, kind: str, request: int | None) -> bool:
        """Tell whether the body of an event was to be deleted."""
        return seq <= self.upto and at <= self.before and kind not in NEVER_FORGOTTEN and request not in self.but

    def stated(self) -> dict[str, Any]:
        """Return it as the body of an event says it."""
        return {"upto": self.upto, "before": self.before, "but": sorted(self.but)}


def forgotten_by(seq: int, at: datetime, body: str | None) -> Forgotten:
    """Read the statement of a verified event. Raises: Tampered, also where it is of what was not old enough."""
    try:
        told = json.loads(body or "{}")
        before = datetime.fromisoformat(told["before"])
        found = Forgotten(int(told["upto"]), told["before"], frozenset(int(each) for each in told["but"]), seq)
        too_young = at - before < LEAST_KEPT
    except (ValueError, KeyError, TypeError):
        raise Tampered(f"Event {seq} says that bodies were deleted, and not which.") from None
    if too_young:
        raise Tampered(f"Event {seq} says that bodies were deleted that were not {LEAST_KEPT.days} days old.")
    return found
