"""One request, many targets: its parts, in which waves they are done, and how far each has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Waves:
    """How an action does the same on each value that was chosen for a parameter.

    `sizes` are how many are done at the same time, wave by wave; the last one repeats, and none at all means all at
    once. `pause` lies between two waves, and with `check` the health of what is done so far is looked at after it.
    With `undo`, what was done is undone once one of them fails; else it is left as it is.
    """

    parameter: str
    sizes: tuple[int, ...] = (1,)
    pause: timedelta = timedelta(0)
    check: bool = True
    undo: bool = True

    def split(self, count: int) -> Sequence[range]:
        """Return the waves of so many parts, as positions."""
        waves: list[range] = []
        begin = 0
        while begin < count:
            size = self.sizes[min(len(waves), len(self.sizes) - 1)] if self.sizes else count
            waves.append(range(begin, min(begin + size, count)))
            begin += size
        return waves


@dataclass(frozen=True, slots=True)
class Part:
    """One target of a request that has many; `name` is the value that was chosen."""

    name: str
    target: str


class Stage(StrEnum):
    """How far one part has come. REFUSED: nothing happened there; UNSURE: it may have."""

    WAITING = "waiting"
    BEGUN = "begun"
    DONE = "done"
    REFUSED = "refused"
    UNSURE = "unsure"
    UNDONE = "undone"


TOUCHED = frozenset({Stage.BEGUN, Stage.DONE, Stage.UNSURE})
"""The stages in which something is, or may be, to be undone."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one part has come: its stage, its receipt, and the last result in words."""

    stage: Stage = Stage.WAITING
    receipt: Mapping[str, Any] | None = None
    said: str = ""

    @property
    def found(self) -> bool:
        """Tell whether it was found done though its start never answered: that one may land all the same."""
        return self.stage is Stage.DONE and self.receipt is None
