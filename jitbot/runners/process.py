"""One child process: no shell, its own session, a time limit that holds for its children too."""

import math
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

Sink = Callable[[bytes], None]

CHUNK = 64 * 1024
GRACE_SECONDS = 2.0
"""How long a process has between being asked to end and being ended."""
DRAIN_SECONDS = 0.2
"""How long the output is still read when the process has ended but something it left behind holds the pipe."""
POLL_SECONDS = 0.05


class NotStarted(Exception):
    """There is no process: the program could not be run at all."""


class OutOfTime(Exception):
    """The process and its whole group were ended at the time limit."""


class Stopped(OutOfTime):
    """They were ended since somebody wanted that."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: `argv` with the program's full path first, where, and with exactly which environment."""

    argv: Sequence[str]
    folder: str
    env: Mapping[str, str]


def execute(
    command: Command, seconds: float, out: Sink, err: Sink | None = None, stopping: Callable[[], bool] = lambda: False
) -> int:
    """Run to the end and return the exit code (negative: ended by that signal).

    Without `err`, both streams go to `out` in the order written. `stopping` is asked again and again whether to end it.
    Raises: NotStarted, OutOfTime, Stopped.
    """
    grace = min(GRACE_SECONDS, seconds / 4)
    until = time.monotonic() + seconds - grace
    try:
        process = subprocess.Popen(  # noqa: S603 - running what policy allows is this module's purpose; no shell
            command.argv,
            cwd=command.folder,
            env=dict(command.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if err else subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise NotStarted(getattr(error, "strerror", None) or str(error)) from error
    ended = False
    with process:
        try:
            ended = _pump(process, out, err, lambda: time.monotonic() >= until or stopping())
        finally:
            if not ended:
                _end_group(process, out, err, grace)
    if not ended:
        raise Stopped if stopping() else OutOfTime
    return process.returncode


def _pump(process: subprocess.Popen[bytes], out: Sink, err: Sink | None, over: Callable[[], bool]) -> bool:
    """Hand on the output until the process has ended (True) or it is over (False)."""
    drained = math.inf
    with selectors.DefaultSelector() as selector:
        for pipe, sink in ((process.stdout, out), (process.stderr, err)):
            if pipe is not None and not pipe.closed:
                selector.register(pipe, selectors.EVENT_READ, sink)
        while selector.get_map() and time.monotonic() < drained and not over():
            for key, _ in selector.select(POLL_SECONDS):
                chunk = os.read(key.fd, CHUNK)
                if chunk:
                    key.data(chunk)
                else:
                    selector.unregister(key.fileobj)
            if process.poll() is not None:
                drained = min(drained, time.monotonic() + DRAIN_SECONDS)
    while process.poll() is None and not over():
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL_SECONDS)
    return process.returncode is not None


def _end_group(process: subprocess.Popen[bytes], out: Sink, err: Sink | None, grace: float) -> None:
    """Ask the whole group to end, then end it."""
    _signal(process, signal.SIGTERM)
    until = time.monotonic() + grace
    try:
        _pump(process, out, err, lambda: time.monotonic() >= until)
    finally:
        _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        os.killpg(process.pid, number)
