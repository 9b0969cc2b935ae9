"""A runner that misbehaves as it is told, and knows the truth about its targets."""

from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.ports import Run
from tests.acceptance.killing import Killed
from tests.model.puppets import pause
from tests.town import FakeInputs, FakeRunner

REFUSES, RAISES = "is refused", "raises something"
LOST, LOST_BACK = "is lost on the way", "is done, and its answer is lost"
KILLED, KILLED_AFTER = "never begins: the process is killed", "is done, and the process is killed"
STARTS = (REFUSES, RAISES, LOST, LOST_BACK, KILLED, KILLED_AFTER)
TRUTH, SILENT, UNHEALTHY = "tells the truth", "tells nothing", "says that all is unhealthy"
CHECKS = (TRUTH, SILENT, UNHEALTHY)


class MoodyRunner(FakeRunner):
    """Each start comes to the next of `moods`, `failing` undos fail, and the check says what `checks` lets it."""

    stoppable = True

    def __init__(self) -> None:
        super().__init__()
        self.moods: deque[str] = deque()
        self.failing = 0
        self.checks = TRUTH
        self.tried: list[str] = []
        self.found: set[tuple[str, int]] = set()
        """The targets that a check has found as they were asked to be, whoever had made them so."""
        self.starting: Callable[[str, FakeInputs, Run], None] = lambda key, inputs, run: None

    def plan(self, inputs: Any) -> Plan:
        return Plan(f"changes {self.target(inputs)}", "as planned", undoable=inputs.what != "flush")

    def start(self, inputs: Any, run: Run) -> Receipt:
        pause()
        self.starting(run.key, inputs, run)
        self.tried.append(run.key)
        mood = self.moods.popleft() if self.moods else ""
        before = {REFUSES: RunnerRefused("not today"), RAISES: ValueError("a bug"), KILLED: Killed()}
        if mood in before:
            raise before[mood]
        if mood == LOST:
            raise RunnerUnsure("the connection broke")
        receipt = super().start(inputs, SimpleNamespace(key=run.key, log=lambda line: None))  # type: ignore[arg-type]
        if mood == LOST_BACK:
            raise RunnerUnsure("the connection broke")
        if mood == KILLED_AFTER:
            raise Killed
        return receipt

    def undo(self, inputs: Any, receipt: Receipt | None, run: Run) -> None:
        pause()
        if self.failing:
            self.failing -= 1
            raise RunnerUnsure("the target does not answer")
        super().undo(inputs, receipt, run)

    def check(self, inputs: Any, receipt: Receipt | None) -> Health:
        if self.checks == SILENT:
            return Health(HealthState.UNKNOWN)
        there = self.world.get(self.target(inputs), 100) == inputs.value
        if self.checks == UNHEALTHY and there:
            return Health(HealthState.UNHEALTHY)
        if there:
            self.found.add((self.target(inputs), inputs.value))
        return Health(HealthState.HEALTHY if there else HealthState.ABSENT)
