"""How long a run may still take."""

import time

from jitbot.errors import RunnerRefused
from jitbot.ports import Run


def seconds_left(run: Run) -> float:
    """Return the seconds up to the run's deadline by this machine's clock. Raises: RunnerRefused when it is over."""
    left = run.deadline.timestamp() - time.time()
    if left <= 0:
        raise RunnerRefused("The time for this run was over before it began; nothing was done.")
    return left
