"""What the matrix of bad paths wants from a stage."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from jitbot.model import Receipt
from jitbot.outbound.site import EnvironmentSite


class BadPath(StrEnum):
    """How it goes wrong; each is the name of the method of `Stage` that has it go wrong so."""

    REFUSED = "refuse"
    DOWN = "down"
    TIME_OUT = "hang"
    CREDENTIALS = "lock_out"
    ALREADY = "do_before"


class Stage:
    """One runner, what it is told, and the system that it acts on. A new one is made for every test.

    `seen` looks at the system itself, never through the runner. What it returns is the same before and after whatever
    was undone, and different in between.
    """

    runner: ClassVar[str]
    granting: ClassVar[bool] = True
    """Whether what it does is a grant, which ends; its undo is tried then too."""
    without: ClassVar[Mapping[BadPath, str]] = {}
    """What cannot go wrong here, and why."""
    time_limit: ClassVar[str] = "1s"
    """How long the runner may take where the system hangs; long enough to come there on a busy machine."""

    def __init__(self, folder: Path, fixture: Callable[[str], Any]) -> None:
        """Get ready; `fixture` returns what other tests' fixtures of that name do."""
        self.folder = folder
        self.fixture = fixture
        self.closing = ExitStack()
        self.secrets: dict[str, str] = {}
        self.prepare()

    def prepare(self) -> None:
        """Put the system up as it is before anything was asked for."""
        raise NotImplementedError

    def site(self) -> EnvironmentSite:
        """Return what the operator grants, with `secrets` as they are now."""
        raise NotImplementedError

    def inputs(self) -> dict[str, Any]:
        """Return what stands below `with` in the policy."""
        raise NotImplementedError

    def seen(self) -> Any:
        """Look at the system."""
        raise NotImplementedError

    def received(self, receipt: Receipt) -> None:
        """Do with a receipt what its requester does."""

    def refuse(self) -> None:
        """Have the system refuse what is asked of it, from now on."""
        raise NotImplementedError

    def down(self) -> None:
        """Have nobody reach the system."""
        raise NotImplementedError

    def up(self) -> None:
        """Have it reached again, as it was."""
        raise NotImplementedError

    def hang(self) -> None:
        """Have the system do what it is asked, or begin with it, and not answer."""
        raise NotImplementedError

    def release(self) -> None:
        """End that."""

    def linger(self) -> None:
        """Have the system take long over it, so that somebody can press Stop meanwhile."""
        self.hang()

    def lock_out(self) -> None:
        """Have the credentials that jitbot uses be wrong, from before it is asked."""
        raise NotImplementedError

    def do_before(self) -> None:
        """Do by other hands what is going to be asked for."""
        raise NotImplementedError

    def close(self) -> None:
        """Tidy up."""
        self.closing.close()


def missing(stage: type[Stage]) -> list[BadPath]:
    """Return the bad paths that a stage neither has nor says why it has not."""
    return [path for path in BadPath if getattr(stage, path) is getattr(Stage, path) and path not in stage.without]
