"""An extension: a request of its own that has a grant end later, decided and reviewed like any other."""

from dataclasses import dataclass
from datetime import datetime

from jitbot.model.ids import RequestId


@dataclass(frozen=True, slots=True)
class Extension:
    """Which grant shall end later: at `until`, in the place of `since`, its end when this was asked. Aware UTC."""

    of: RequestId
    since: datetime
    until: datetime

    @property
    def parent(self) -> str:
        """Return what people call the grant: `JIT-12`."""
        return f"JIT-{self.of}"
