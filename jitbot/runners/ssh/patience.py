"""How long one step over SSH is waited for: until it is done, its time is over, or somebody wants the run to end."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Answer = TypeVar("Answer")

EVERY_SECONDS = 0.1
"""How often somebody is asked whether it is to end."""


class StopWanted(Exception):
    """Somebody wants the run to end."""


async def within(seconds: float, work: Awaitable[Answer], stopping: Callable[[], bool]) -> Answer:
    """Wait for something, which is cancelled where it is not waited for any more. Raises: TimeoutError, StopWanted.

    What is done in spite of that is returned: it may be a connection, which somebody has to close.
    """
    task, end = asyncio.ensure_future(work), time.monotonic() + seconds
    given_up: type[Exception] | None = None
    try:
        while given_up is None:
            left = max(0.0, end - time.monotonic())
            await asyncio.wait([task], timeout=min(EVERY_SECONDS, left))
            if task.done():
                return task.result()
            given_up = TimeoutError if left == 0 else StopWanted if stopping() else None
    finally:
        task.cancel()  # does nothing to what is done
        await asyncio.gather(task, return_exceptions=True)
    if task.cancelled() or task.exception() is not None:
        raise given_up
    return task.result()
