"""What the runners that change one value of one object have in common: plan, start, check and undo, by like steps."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

from pydantic import BaseModel

from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.deadline import seconds_left
from jitbot.runners.kubernetes.api import Api
from jitbot.runners.kubernetes.change import Change, Subject
from jitbot.runners.kubernetes.inputs import ClusterInputs, bounded
from jitbot.runners.kubernetes.kinds import Document
from jitbot.runners.kubernetes.note import Note
from jitbot.runners.kubernetes.pace import unharmed
from jitbot.runners.kubernetes.steps import Steps
from jitbot.runners.kubernetes.wire import NoWord


class Changing(ABC):
    """A runner of which only the change itself is missing."""

    Inputs: type[BaseModel]
    repeatable = False
    """Where nothing is reached, a second start could not tell that nothing happened: the first may have been."""
    undoable = True
    stoppable = True
    touched: ClassVar[str]
    """What of the object is touched: changes of something else may go on at the same time."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def target(self, inputs: BaseModel) -> str:
        told = cast(ClusterInputs, inputs)
        return bounded(f"kubernetes:{host(told)} {self._subject(told).words} {self.touched}".strip())

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(ClusterInputs, inputs)
        api = Api(told, self._site)
        change = self._change(told, api)
        steps = Steps(api, self._subject(told), change)
        found = unharmed(steps.found)
        now, goal = unharmed(lambda: steps.plan(found))
        summary, lines, targets, cared = unharmed(lambda: self._in_words(told, api, change, found, now, goal))
        uid = found["metadata"]["uid"]
        return Plan(summary, digest(told, uid, *cared), diff="\n".join(lines), undoable=True, targets=targets)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(ClusterInputs, inputs)
        api = Api(told, self._site, seconds_left(run))
        steps = Steps(api, self._subject(told), self._change(told, api))
        note = steps.begin(run)
        words = self._finish(told, api, steps, note, run)
        steps.end(note, run)
        return Receipt(note.receipt, summary=f"{self._subject(told).words}: {words}")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(ClusterInputs, inputs)
        api = Api(told, self._site)
        try:
            return Steps(api, self._subject(told), self._change(told, api)).check(receipt)
        except NoWord as error:
            return Health(HealthState.UNKNOWN, str(error))

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(ClusterInputs, inputs)
        api = Api(told, self._site, seconds_left(run))
        Steps(api, self._subject(told), self._change(told, api)).undo(receipt, run)

    @abstractmethod
    def _subject(self, told: Any) -> Subject:
        """Return the object that is changed."""

    @abstractmethod
    def _change(self, told: Any, api: Api) -> Change:
        """Return the change itself."""

    @abstractmethod
    def _in_words(
        self, told: Any, api: Api, change: Any, found: Document, now: Any, goal: Any
    ) -> tuple[str, Sequence[str], int, Sequence[Any]]:
        """Return the plan's summary, its diff, how many pods it touches, and what of all that people care about."""

    def _finish(self, told: Any, api: Api, steps: Steps, note: Note, run: Run) -> str:
        return steps.finish(note, run)


def host(told: ClusterInputs) -> str:
    """Name the cluster as people are told of it."""
    return urlsplit(told.server).netloc + urlsplit(told.server).path
