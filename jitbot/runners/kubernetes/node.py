"""The runner `kubernetes.node`: a node is cordoned, drained, or takes pods again."""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, model_validator

from jitbot.errors import RunnerRefused
from jitbot.ports import Run
from jitbot.runners.kubernetes.api import Api
from jitbot.runners.kubernetes.change import Subject
from jitbot.runners.kubernetes.changing import Changing, host
from jitbot.runners.kubernetes.drain import Drain, demand_no_loss, listed
from jitbot.runners.kubernetes.inputs import ClusterInputs, Name
from jitbot.runners.kubernetes.kinds import NODE, Document
from jitbot.runners.kubernetes.note import Note
from jitbot.runners.kubernetes.pods import named
from jitbot.runners.kubernetes.rollout import Progress
from jitbot.runners.kubernetes.steps import Steps
from jitbot.runners.kubernetes.workload import counted

_VERBS = {"cordon": "Cordon", "drain": "Drain", "uncordon": "Uncordon"}


class NodeInputs(ClusterInputs):
    """A node, and what is to become of it."""

    node: Name
    to: Literal["cordon", "drain", "uncordon"]
    evict_bare: bool = False
    """Whether pods go that nobody makes anew."""
    evict_local: bool = False
    """Whether pods go that lose what they keep on the node."""

    @model_validator(mode="after")
    def _evicts(self) -> Self:
        if self.to != "drain" and (self.evict_bare or self.evict_local):
            raise ValueError("evict_bare and evict_local belong to a drain")
        return self


class _Cordon:
    """The value is whether the node is cordoned."""

    annotation = "jitbot/node"
    yields = False

    def __init__(self, told: NodeInputs, api: Api) -> None:
        self.wanted = told.to != "uncordon"
        self._told = told
        self._drain = Drain(told, api)

    @property
    def drain(self) -> Drain:
        return self._drain

    def state(self, found: Document) -> Any:
        return bool(found["spec"].get("unschedulable"))

    def goal(self, found: Document, now: Any) -> Any:
        if self._told.to == "drain":
            pods = self._drain.pods()
            if now and not pods.all_that_go:
                raise RunnerRefused(f"Node {self._told.node} is drained already.")
            demand_no_loss(self._told, pods, RunnerRefused)
            return True
        goal = self._told.to == "cordon"
        if now == goal:
            raise RunnerRefused(f"Node {self._told.node} is {self.shown(now)} already.")
        return goal

    def patch(self, found: Document, value: Any) -> Document:
        return {"spec": {"unschedulable": value or None}}

    def shown(self, value: Any) -> str:
        return "cordoned" if value else "open to new pods"

    def progress(self, found: Document) -> Progress:
        if self._told.to != "drain":
            return Progress(True, "nothing is to be waited for")
        left = self._drain.pods().all_that_go
        return Progress(not left, f"{counted(len(left))} left" if left else "drained")


class KubernetesNode(Changing):
    """See `NodeInputs` for what it can be told."""

    Inputs: type[BaseModel] = NodeInputs
    touched = ""

    def _subject(self, told: NodeInputs) -> Subject:
        return Subject(NODE, told.node, None, f"node {told.node}")

    def _change(self, told: NodeInputs, api: Api) -> _Cordon:
        return _Cordon(told, api)

    def _in_words(
        self, told: NodeInputs, api: Api, change: _Cordon, found: Document, now: Any, goal: Any
    ) -> tuple[str, Sequence[str], int, Sequence[Any]]:
        summary = f"{_VERBS[told.to]} node {told.node} on {host(told)}"
        lines = [f"- {change.shown(now)}", f"+ {change.shown(goal)}"]
        if told.to != "drain":
            return f"{summary}.", lines, 1, [now]
        pods = change.drain.pods()
        going = pods.all_that_go
        change.drain.rehearse(going)
        lines += [f"+ evicted: {listed([named(pod) for pod in going])}"] if going else []
        lines += [f"+ lost, since nobody makes it anew: {named(pod)}" for pod in pods.bare]
        lines += [f"+ lost, what it keeps on the node: {named(pod)}" for pod in pods.local]
        held = change.drain.held_up(going)
        lines += [f"  held up by the budget {budget}: {listed(names)}" for budget, names in held.items()]
        lines += [f"  stay: {listed([named(pod) for pod in pods.stay])}"] if pods.stay else []
        summary += f": {counted(len(going))} to evict" + (f", {counted(len(pods.stay))} left" if pods.stay else "")
        return f"{summary}.", lines, max(1, len(going)), [now, sorted(named(pod) for pod in pods.losing)]

    def _finish(self, told: NodeInputs, api: Api, steps: Steps, note: Note, run: Run) -> str:
        return Drain(told, api).empty(run) if told.to == "drain" else "cordoned" if note.after else "open to new pods"
