"""One SSH connection: the host proves who it is, jitbot logs in with one key, and commands run one after the other.

What matters to a runner is whether a command may have begun when it went wrong, so that is what the errors say. The
library is asynchronous and jitbot is not: its event loop lives in a thread of its own for the length of one `with`, and
never leaves this module.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

import asyncssh

from jitbot.runners.ssh.listener import DRAIN_SECONDS, CutOff, Listener, Sink
from jitbot.runners.ssh.patience import StopWanted, within

Answer = TypeVar("Answer")

GRACE_SECONDS = 2.0
"""How long a command has between being asked to end and being ended."""
KEEPALIVE_SECONDS = 10.0
"""How often a silent host is asked whether it is still there; three times unanswered ends the connection."""


class NotReached(Exception):
    """Nothing was run: no connection, a host that is not the one that is meant, no login, or no time."""


class Stopped(CutOff):
    """Somebody wanted it to end: it was asked to, and may have done a part."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where to log in, and by which keys. `known` is what `asyncssh` takes as known hosts; it is never empty."""

    host: str
    port: int
    user: str
    key: asyncssh.SSHKey = field(repr=False)
    known: asyncssh.SSHKnownHosts | tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey], list[asyncssh.SSHKey]]


def _never() -> bool:
    return False


@contextmanager
def connected(login: Login, seconds: float, stopping: Callable[[], bool] = _never) -> Iterator["Connection"]:
    """Log in; everything that is done with the connection has these seconds together. Raises: NotReached.

    `stopping` is asked again and again whether to wait no longer, for the login and for whatever is run.
    """
    end = time.monotonic() + seconds
    with _Loop() as loop:
        link = loop.run(_connect(login, seconds, stopping))
        try:
            yield Connection(loop, link, end, stopping)
        finally:
            with suppress(TimeoutError):
                loop.run(_close(link))


class _Loop:
    """An event loop in a thread: the thread that calls us may have a loop of its own."""

    def __enter__(self) -> "_Loop":
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ssh")
        self._loop = self._thread.submit(asyncio.Runner).result()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.submit(self._loop.close).result()
        self._thread.shutdown()

    def run(self, work: Coroutine[None, None, Answer]) -> Answer:
        """Run to the end, and wait for it."""
        return self._thread.submit(self._loop.run, work).result()


class Connection:
    """A host that proved who it is, and that let us in."""

    def __init__(
        self, loop: _Loop, link: asyncssh.SSHClientConnection, end: float, stopping: Callable[[], bool]
    ) -> None:
        self._loop = loop
        self._link = link
        self._end = end
        self._stopping = stopping

    @property
    def seconds_left(self) -> float:
        """Return how long this connection may still be used."""
        return self._end - time.monotonic()

    def run(self, command: str, out: Sink, err: Sink | None = None, given: bytes = b"") -> int:
        """Run to the end and return the exit code (negative: ended by that signal).

        The login shell of the far side reads `command`. Without `err`, both streams go to `out`; `given` is its
        standard input. Raises: NotReached, CutOff, Stopped.
        """
        if self._stopping():
            raise NotReached("somebody stopped it before it could be run")
        if self.seconds_left <= 0:
            raise NotReached("the time was over before it could be run")
        return self._loop.run(self._run(command, Listener(out, err or out), given))

    async def _run(self, command: str, listener: Listener, given: bytes) -> int:
        seconds = self.seconds_left
        grace = min(GRACE_SECONDS, seconds / 4)
        try:
            channel = await within(seconds - grace, self._opened(command, listener), self._stopping)
            with suppress(BrokenPipeError):  # it has ended already, without reading
                channel.write(given)
                channel.write_eof()
            await within(self.seconds_left - grace, listener.ended(), self._stopping)
        except StopWanted:
            await listener.end(grace)
            raise Stopped(f"somebody stopped it; {listener.outcome()}") from None
        except TimeoutError:
            await listener.end(grace)
            raise CutOff(f"it was not done at its time limit; {listener.outcome()}") from None
        except (asyncssh.Error, OSError) as error:
            raise CutOff(_said(error)) from error
        return listener.code()

    async def _opened(self, command: str, listener: Listener) -> "asyncssh.SSHClientChannel[bytes]":
        try:
            channel, _ = await self._link.create_session(lambda: listener, command, encoding=None)
        except asyncssh.ChannelOpenError as error:
            if self._link.is_closed():  # the library says the same of a host that refuses and of one that is gone
                raise CutOff("the connection ended while the command was sent") from error
            raise NotReached(f"the host runs no commands for this user: {_said(error)}") from error
        return channel


async def _connect(login: Login, seconds: float, stopping: Callable[[], bool]) -> asyncssh.SSHClientConnection:
    try:
        return await within(
            seconds,
            asyncssh.connect(
                login.host,
                login.port,
                username=login.user,
                client_keys=[login.key],
                known_hosts=login.known,
                config=None,  # neither the files nor the agent of whoever runs jitbot count
                agent_path=None,
                preferred_auth="publickey",
                disable_trivial_auth=True,
                compression_algs=None,
                keepalive_interval=KEEPALIVE_SECONDS,
                connect_timeout=seconds,
                login_timeout=seconds,
            ),
            stopping,
        )
    except StopWanted:
        raise NotReached("somebody stopped it before there was a login") from None
    except asyncssh.HostKeyNotVerifiable as error:
        raise NotReached(
            "the host proved itself by no key that is known for it. If it was set up anew, put its new key into the "
            "policy or the file of known hosts; if not, somebody may be in between"
        ) from error
    except asyncssh.PermissionDenied as error:
        raise NotReached(f"{login.user} was not let in with this key") from error
    except TimeoutError as error:
        raise NotReached(f"there was no login within {seconds:.3g} s") from error
    except (asyncssh.Error, OSError) as error:
        raise NotReached(_said(error)) from error


async def _close(link: asyncssh.SSHClientConnection) -> None:
    link.abort()
    await asyncio.wait_for(link.wait_closed(), DRAIN_SECONDS)


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
