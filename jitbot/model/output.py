"""What runs say: kept whole up to a limit, beyond it the first part and the last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from jitbot.model.ids import RequestId

OutputId = NewType("OutputId", int)


class Phase(StrEnum):
    """What the runner was told to do when it said something."""

    START = "start"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Output:
    """What one run said. `size` bytes are kept; `missing` bytes between the first part and the last are not."""

    request: RequestId
    phase: Phase
    attempt: int
    """Which start or undo of its request it was, from 1."""
    results: bool = False
    """Whether it is for the requester alone."""
    long: bool = False
    """Whether it is more than one message of a thread holds."""
    size: int = 0
    missing: int = 0
    began_at: datetime | None = None
    ended_at: datetime | None = None
    """When the run ended, and length and digest went into the record; None while it runs, or if its worker was lost."""
    id: OutputId = OutputId(0)

    @property
    def kind(self) -> str:
        """How people call it."""
        return "results" if self.results else "output"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines of an output, in UTF-8. Where the numbers of two neighbours leave a gap, lines are missing."""

    number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Portion:
    """What has to be written of an output now, and how all of it stands with that."""

    chunks: Sequence[Chunk]
    gone: range
    """The numbers of the chunks that are not kept any more."""
    size: int
    missing: int
    digest: str = ""
    """In the last portion, the SHA-256 of all that is kept, in hex."""
