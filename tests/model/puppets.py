"""Threads that stop before everything they do to the world outside, until they are told to go on, or to die.

So a test decides what happens between any two steps of a worker, with the real service and without waiting for time.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Receipt
from jitbot.ports import Entry, Run
from tests.acceptance.killing import Killed
from tests.town import FakeInputs, FakeRunner, Town

WAIT_SECONDS = 60.0
_here = threading.local()


class Puppet:
    """One thread with its work. `told` is what its runner is to come to when it acts next."""

    def __init__(self, work: Callable[[], object], told: str = "") -> None:
        self.told = told
        self.ended = False
        self.fault: BaseException | None = None
        self._dies = False
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()
        self._wait()

    def go(self, told: str = "") -> None:
        """Let it do one thing, up to before the next."""
        self.told = told
        self._go.release()
        self._wait()

    def die(self) -> None:
        """Kill it where it stands; what it has written stays."""
        if not self.ended:
            self._dies = True
            self.go()
            assert self.ended

    def stop(self) -> None:
        """Stop here; called by the thread itself."""
        self._stopped.release()
        assert self._go.acquire(timeout=WAIT_SECONDS)
        if self._dies:
            raise Killed

    def _wait(self) -> None:
        assert self._stopped.acquire(timeout=WAIT_SECONDS)
        if self.fault is not None:
            raise self.fault

    def _run(self, work: Callable[[], object]) -> None:
        _here.puppet = self
        try:
            work()
        except Killed:
            pass
        except BaseException as fault:  # noqa: BLE001 - the test that waits for it raises it
            self.fault = fault
        self.ended = True
        self._stopped.release()


def pause() -> Puppet | None:
    """Stop here, if this thread is a puppet, and return it."""
    puppet: Puppet | None = getattr(_here, "puppet", None)
    if puppet is not None:
        puppet.stop()
    return puppet


def stops_before_each_transaction(town: Town) -> None:
    """Have puppets that work in this town stop before each transaction."""
    begin = town.ledger.begin

    @contextmanager
    def stopping() -> Iterator[Entry]:
        pause()
        with begin() as entry:
            yield entry

    town.ledger.begin = stopping  # type: ignore[method-assign, assignment]


class ToldRunner(FakeRunner):
    """A runner that comes to what its puppet was told, stops before it acts, and says nothing while it does."""

    def start(self, inputs: Any, run: Run) -> Receipt:
        puppet = pause()
        told = puppet.told if puppet else ""
        if told == "refused":
            raise RunnerRefused("not today")
        if told == "lost on the way":
            raise RunnerUnsure("the connection broke")
        receipt = super().start(inputs, SimpleNamespace(key=run.key, log=lambda line: None))  # type: ignore[arg-type]
        if told == "lost on the way back":
            raise RunnerUnsure("the connection broke")
        return receipt

    def undo(self, inputs: Any, receipt: Receipt | None, run: Run) -> None:
        puppet = pause()
        if puppet is not None and puppet.told == "fails":
            raise RunnerUnsure("the target does not answer")
        super().undo(inputs, receipt, run)

    def holds(self, inputs: FakeInputs) -> bool:
        """Tell whether something is held on a target now."""
        return self.world.get(self.target(inputs), 100) != 100
