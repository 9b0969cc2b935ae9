"""What is halted waits: it is looked at again and again, and starts when that was lifted, if its time is not over."""

from datetime import timedelta
from typing import Any

from jitbot.model import Clearance, Request
from jitbot.service.authority import WORKER
from jitbot.service.claims import mine
from jitbot.service.telling import tell
from jitbot.service.world import World

AGAIN = timedelta(seconds=30)
"""When what is halted is looked at again, where nobody has noticed that it is lifted: a thousand requests may wait."""


def held_back(world: World, request: Request, clearance: Clearance) -> bool:
    """Tell whether a request may not start just now; then it waits, and its card says why."""
    if not clearance.why_not:
        return False
    with world.ledger.begin() as entry:
        now = mine(entry, request)
        too_late = now.start_by if now.start_deadline is None else now.start_deadline
        due_at = min(at for at in (entry.now + AGAIN, too_late) if at is not None)
        changes: dict[str, Any] = {"halted": clearance.why_not, "due_at": due_at}
        waits = entry.amend(now, "waits", WORKER, owner="", lease_until=None, **changes)
        if now.halted != clearance.why_not:
            tell(entry, waits)
    world.queue.messages()
    return True
