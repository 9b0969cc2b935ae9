"""How it is with the places to which heads of the record are sent."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Arrival:
    """The last head that arrived at a sink, of event `count`; without one, the instant from which it is waited for."""

    sink: str
    count: int
    at: datetime
    error: str = ""
    """Why the latest did not arrive."""
    alarmed_at: datetime | None = None
    """Since when operators know that none does."""
