"""Claims: what a worker was handed, it may write about only as long as nobody else has claimed it."""

from jitbot.errors import Conflict
from jitbot.model import Request
from jitbot.ports import Entry


def mine(entry: Entry, request: Request) -> Request:
    """Lock a request that we have claimed. Raises: Conflict where somebody else has by now."""
    now = entry.get(request.id)
    if (now.fence, now.state) != (request.fence, request.state):
        raise Conflict(f"{request.name} is in other hands.")
    return now
