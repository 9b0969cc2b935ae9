"""Staying with an operation of Argo CD until it is over, and with the application until it is healthy."""

from collections.abc import Callable
from dataclasses import dataclass, field

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.ports import Run
from jitbot.runners.answers import NoAnswer, NoWord
from jitbot.runners.argocd.application import SUCCEEDED, Application, Operation
from jitbot.runners.argocd.server import ArgoCd
from jitbot.runners.patience import Patience, seen_within, unrepeated

APPEAR_SECONDS = 10.0
"""How long an operation is looked for whose order was not answered; Argo CD shows one at once."""


@dataclass(slots=True)
class Operating:
    """One run of ours on one application; `every` is the seconds between two looks."""

    argo: ArgoCd
    run: Run
    patience: Patience
    every: float
    tell: Callable[[str], None] = field(init=False)

    def __post_init__(self) -> None:
        self.tell = unrepeated(self.run.log)

    def begin(self, ask: Callable[[], None], ours: Callable[[Application], bool]) -> None:
        """Ask for an operation; without an answer, see whether it has begun. Raises: RunnerRefused, RunnerUnsure."""
        try:
            ask()
        except NoAnswer as error:
            self.run.log(f"The operation may have begun: {error}")
            seconds = min(APPEAR_SECONDS, self.patience.left)
            if seen_within(seconds, self.every, lambda: ours(self.argo.get()) or None, self.run.log) is None:
                raise RunnerUnsure(f"The operation may have begun, and is not to be seen: {error}") from error
        except NoWord as error:
            raise RunnerRefused(f"No operation was begun: {error}") from error

    def to_its_end(self) -> Application:
        """Stay until no operation goes on; end it where somebody wants that. Raises: RunnerUnsure."""
        while True:
            app = self._look()
            if app is not None:
                self.tell(f"operation: {_words(app.operation)}")
                if not app.busy:
                    return app
            if self.patience.stopping():
                self.terminate()
            if not self.patience.left:
                raise RunnerUnsure("The time for this run is over, and the operation goes on.")
            self.patience.sleep(self.every)

    def terminate(self) -> None:
        """Ask for the end of the operation; what cannot be asked is logged, since the end is waited for in any case."""
        self.patience.heeded()
        try:
            self.argo.terminate()
            self.run.log("Argo CD was asked to end the operation")
        except NoWord as error:
            self.run.log(f"The operation could not be ended: {error}")

    def until_healthy(self, app: Application, seconds: float) -> Application:
        """Wait until it is healthy, or until the wait is over; return how it is then."""
        waiting = Patience(min(seconds, self.patience.left))
        while not app.healthy and waiting.left and not self.patience.stopping():
            self.tell(f"health: {app.condition}")
            waiting.sleep(self.every)
            app = self._look() or app
        self.tell(f"health: {app.condition}")
        return app

    def _look(self) -> Application | None:
        try:
            return self.argo.get()
        except NoWord as error:
            self.tell(f"Argo CD does not tell, and is asked again: {error}")
            return None


def demand_well(app: Application, revision: str) -> None:
    """See that the last operation deployed this revision. Raises: RunnerUnsure."""
    last = app.operation
    if last is None or last.phase != SUCCEEDED:
        raise RunnerUnsure(f"The operation was begun, and is: {_words(last)}. Some of it may have been applied.")
    if last.revision != revision:
        raise RunnerUnsure(
            f"The last operation deployed {last.revision}, and not {revision}: another one came between."
        )


def _words(operation: Operation | None) -> str:
    if operation is None:
        return "none"
    return f"{operation.phase}, {operation.message}" if operation.message else operation.phase
