"""Kill a town between any two of its steps, and bring it back.

A step is a commit, or an act of the runner before or after it took effect. `Death` counts them and raises `Killed` at
the one it is told; nothing catches that, as nothing catches a lost machine.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jitbot.ports import Entry
from tests.town import Town


class Killed(BaseException):
    """The process is gone."""


class Death:
    """Counts steps, and ends the process at one of them."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.steps = 0
        self.died = False

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            self.died = True
            raise Killed

    def __call__(self, *_: object) -> None:
        self.step()


def haunt(town: Town, at: int) -> Death:
    """Have a town die at its step number `at`; after a restart it lives on."""
    death = Death(at)
    write = town.database.write

    @contextmanager
    def killable(**how: Any) -> Iterator[Any]:
        with write(**how) as connection:
            yield connection
        death.step()

    town.database.write = killable  # type: ignore[method-assign]
    runner = town.runner
    runner.on_start, runner.after_start, runner.on_undo, runner.after_undo = death, death, death, death
    return death


def die_inside(town: Town, at: int) -> Death:
    """Have a town die at the end of its transaction number `at`, before it is committed."""
    death = Death(at)
    begin = town.ledger.begin

    @contextmanager
    def killable() -> Iterator[Entry]:
        with begin() as entry:
            yield entry
            death.step()

    town.ledger.begin = killable  # type: ignore[method-assign, assignment]
    return death


def exorcise(town: Town) -> None:
    """Let a town live, started again after the leases of the dead one have run out."""
    vars(town.database).pop("write", None)
    nothing: Callable[..., None] = lambda *_: None  # noqa: E731 - the runner's hooks are plain functions
    runner = town.runner
    runner.on_start, runner.after_start, runner.on_undo, runner.after_undo = nothing, nothing, nothing, nothing
    town.restart()
    for _ in range(3):
        town.forward(seconds=31)
        town.settle()
