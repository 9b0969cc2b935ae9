"""How much time has gone by on this machine, whatever is done to its clock."""

import time


def seconds() -> float:
    """Return seconds that go on while this process, or this machine, is stopped.

    https://man7.org/linux/man-pages/man2/clock_gettime.2.html: CLOCK_BOOTTIME counts a suspended machine's time too.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
