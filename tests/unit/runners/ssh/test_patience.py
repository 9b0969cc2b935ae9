"""Waiting for one step over SSH, and not longer than it may take."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress

import pytest

from jitbot.runners.ssh.patience import StopWanted, within


async def _late() -> str:
    """End in spite of being cancelled, as a connection does that came at the last moment."""
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    return "a connection"


async def _never() -> None:
    await asyncio.sleep(60)


async def _fails() -> None:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        raise OSError("no route") from None


async def _soon() -> str:
    return "done"


def test_what_is_done_in_time_is_returned() -> None:
    assert asyncio.run(within(5, _soon(), lambda: True)) == "done"


@pytest.mark.parametrize("work", [_never, _fails])
def test_what_is_not_done_in_time_is_given_up(work: Callable[[], Coroutine[None, None, None]]) -> None:
    with pytest.raises(TimeoutError):
        asyncio.run(within(0.01, work(), lambda: False))
    with pytest.raises(StopWanted):
        asyncio.run(within(5, work(), lambda: True))


def test_what_is_done_at_the_last_moment_is_returned_so_that_it_can_be_closed() -> None:
    assert asyncio.run(within(0.01, _late(), lambda: False)) == "a connection"
    assert asyncio.run(within(5, _late(), lambda: True)) == "a connection"
