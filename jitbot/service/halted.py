"""What is halted waits: it is looked at again and again, and starts when that was lifted, if its time is not over."""

from datetime import timedelta
from typing import Any

from jitbot.model import Clearance, Request
from jitbot.service.authority import WORKER
from jitbot.service.claims import mine
from jitbot.service.telling import tell
from jitbot.service.world import World

AGAIN = timedelta(seconds=5)
"""When what is halted is looked at again."""


def held_back(world: World, request: Request, clearance: Clearance) -> bool:
    """Tell whether a request may not start just now; then it waits, and its card says why."""
    if not clearance.why_not:
        return False
    with world.ledger.begin() as entry:
        now = mine(entry, request)
        changes: dict[str, Any] = {"halted": clearance.why_not, "due_at": entry.now + AGAIN}
        waits = entry.amend(now, "waits", WORKER, owner="", lease_until=None, **changes)
        if now.halted != clearance.why_not:
            tell(entry, waits)
    world.queue.messages()
    return True
