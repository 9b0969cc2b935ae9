"""What is changed, and how: the part of a runner in which it differs from the others."""

from dataclasses import dataclass
from typing import Any, Protocol

from jitbot.runners.kubernetes.kinds import Document, Kind
from jitbot.runners.kubernetes.rollout import Progress


@dataclass(frozen=True, slots=True)
class Subject:
    """The object that is changed."""

    kind: Kind
    name: str
    namespace: str | None
    words: str
    """As people are told of it."""


class Change(Protocol):
    """One kind of change: what it looks at, and how a value gets there."""

    annotation: str
    """Where its note is."""
    wanted: Any
    """What the value becomes by the inputs alone; None where only the cluster tells."""
    yields: bool
    """Whether nothing is left to be taken back once somebody else has changed the value."""

    def state(self, found: Document) -> Any:
        """Return the value that this changes, as JSON."""

    def goal(self, found: Document, now: Any) -> Any:
        """Return what it has to become. Raises: RunnerRefused where that cannot be, or is so already."""

    def patch(self, found: Document, value: Any) -> Document:
        """Return the document to be merged so that the value is this. Raises: RunnerRefused."""

    def shown(self, value: Any) -> str:
        """Return a value as people are told of it."""

    def progress(self, found: Document) -> Progress:
        """Return how far Kubernetes is with what was asked of it."""
