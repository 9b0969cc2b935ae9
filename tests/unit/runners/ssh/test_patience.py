"""Waiting for one step over SSH, and not longer than it may take."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import pytest

from jitbot.runners.ssh.patience import StopWanted, within

Answer = TypeVar("Answer")


def waited(seconds: float, work: Coroutine[None, None, Answer], *, stop: bool = False) -> Answer:
    """Wait for it in a thread of its own: this one may have a loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, within(seconds, work, lambda: stop)).result()


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
    assert waited(5, _soon(), stop=True) == "done"


@pytest.mark.parametrize("work", [_never, _fails])
def test_what_is_not_done_in_time_is_given_up(work: Callable[[], Coroutine[None, None, None]]) -> None:
    with pytest.raises(TimeoutError):
        waited(0.01, work())
    with pytest.raises(StopWanted):
        waited(5, work(), stop=True)


def test_what_is_done_at_the_last_moment_is_returned_so_that_it_can_be_closed() -> None:
    assert waited(0.01, _late()) == "a connection"
    assert waited(5, _late(), stop=True) == "a connection"
