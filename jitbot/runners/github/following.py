"""Beginning a workflow's run, finding it, and staying with it until it is over."""

from collections.abc import Callable
from dataclasses import dataclass

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.ports import Run
from jitbot.runners.answers import NoAnswer, NoWord
from jitbot.runners.github.runs import Progress, Runs, WorkflowRun
from jitbot.runners.github.workflow_inputs import Order
from jitbot.runners.patience import Patience, seen_within, unrepeated


@dataclass(frozen=True, slots=True)
class Following:
    """One run of ours, and what it does with a workflow's runs.

    `every` is the seconds between two looks, `appear` those until a run that was dispatched is given up.
    """

    runs: Runs
    run: Run
    patience: Patience
    every: float
    appear: float

    def begin(self, order: Order, key: str) -> WorkflowRun:
        """Dispatch, and return the run that came of it. Raises: RunnerRefused, RunnerUnsure."""
        why = "it is not to be seen"
        try:
            number = self.runs.dispatch(order, key)
        except NoAnswer as error:
            number, why = None, str(error)
            self.run.log(f"{order.file} may have been dispatched: {error}")
        except NoWord as error:
            raise RunnerRefused(f"{order.file} was not dispatched: {error}") from error
        found = self.await_seen(lambda: self.runs.get(number) if number else self.runs.find(order, key, pages=1))
        if found is None:
            raise RunnerUnsure(
                f"{order.file} was asked to run, and no run with {key} in its name was seen within {self.appear:g} s "
                f"({why}). Look at the workflow's runs."
            )
        self.run.log(f"{found.title}: {found.url}")
        return found

    def await_seen(self, look: Callable[[], WorkflowRun | None]) -> WorkflowRun | None:
        """Wait for a run to be seen: GitHub shows it some seconds after it was dispatched."""
        return seen_within(min(self.appear, self.patience.left), self.every, look, self.run.log)

    def to_its_end(self, run: WorkflowRun) -> WorkflowRun:
        """Stay with a run until it is over; cancel it where somebody wants it to end. Raises: RunnerUnsure."""
        progress, now, tell = Progress(), run, unrepeated(self.run.log)
        while True:
            try:
                now = self.runs.get(run.id)
                for line in progress.news(self.runs.jobs(run.id)):
                    self.run.log(line)
            except NoWord as error:
                tell(f"GitHub does not tell, and is asked again: {error}")
            if now.over:
                return now
            if self.patience.stopping():
                self.cancel(run)
            if not self.patience.left:
                raise RunnerUnsure(f"The time for this run is over, and the workflow's run goes on: {run.url}")
            self.patience.sleep(self.every)

    def cancel(self, run: WorkflowRun) -> None:
        """Ask for its end; what cannot be asked is logged, since it is waited for the end in any case."""
        self.patience.heeded()
        try:
            self.runs.cancel(run.id)
            self.run.log(f"GitHub was asked to cancel {run.url}")
        except NoWord as error:
            self.run.log(f"It could not be cancelled: {error}")
