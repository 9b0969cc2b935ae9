"""Takes what one command on the far side says, and how it ends."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

import asyncssh

from jitbot.runners.endings import ending

Sink = Callable[[bytes], None]

DRAIN_SECONDS = 0.5
"""How long output may be silent when the command has ended but something it left behind holds the channel."""


class CutOff(Exception):
    """The command was sent, and how it ended is not known."""


class Listener(asyncssh.SSHClientSession[bytes]):
    """Takes what a command says, and how it ends."""

    def __init__(self, out: Sink, err: Sink) -> None:
        self._out = out
        self._err = err
        self._heard = 0
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._exit = asyncio.Event()
        self._closed = asyncio.Event()

    def connection_made(self, chan: "asyncssh.SSHClientChannel[bytes]") -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._heard += 1
        (self._out if datatype is None else self._err)(data)

    def exit_status_received(self, status: int) -> None:
        self._exit.set()

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self._exit.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._exit.set()
        self._closed.set()

    async def ended(self) -> None:
        """Wait for the command to end and for the rest of what it says."""
        await self._exit.wait()
        heard = -1
        while heard != self._heard and not self._closed.is_set():
            heard = self._heard
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), DRAIN_SECONDS)

    async def end(self, grace: float) -> None:
        """Ask the command to end, then end it. OpenSSH heeds neither for root, so that it may go on there."""
        for name, wait in (("TERM", grace), ("KILL", DRAIN_SECONDS)):
            with suppress(OSError, TimeoutError):
                if self._channel is not None:
                    self._channel.send_signal(name)
                    await asyncio.wait_for(self._closed.wait(), wait)

    def outcome(self) -> str:
        """Say what is known of a command that was asked to end."""
        if not self._exit.is_set():
            return "it was asked to end, and may have done a part or go on"
        try:
            return f"it was asked to end, ended with {ending(self.code())}, and may have done a part"
        except CutOff as error:
            return f"it was asked to end, and then {error}"

    def code(self) -> int:
        """Return how it ended. Raises: CutOff where the far side never said."""
        assert self._channel is not None  # noqa: S101 - there was a channel, or this is not reached
        killed, status = self._channel.get_exit_signal(), self._channel.get_exit_status()
        if killed is not None:
            with suppress(KeyError):
                return -signal.Signals[f"SIG{killed[0]}"]
            raise CutOff("the host says that a signal ended it, and not which")
        if status is None:
            raise CutOff("the connection ended before the command did")
        return status
