"""The runner `kubernetes.scale`: a deployment or stateful set gets more pods, or fewer."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, model_validator

from jitbot.errors import RunnerRefused
from jitbot.runners.kubernetes.api import Api
from jitbot.runners.kubernetes.change import Subject
from jitbot.runners.kubernetes.changing import Changing, host
from jitbot.runners.kubernetes.inputs import WorkloadInputs
from jitbot.runners.kubernetes.kinds import AUTOSCALER, Document
from jitbot.runners.kubernetes.rollout import Progress, replicas, scaled
from jitbot.runners.kubernetes.workload import counted, subject

MOST_REPLICAS = 5_000
"""Of the 150,000 pods of a cluster (https://kubernetes.io/docs/setup/best-practices/cluster-large/), one workload's."""


class ScaleInputs(WorkloadInputs):
    """A deployment or stateful set, and how many pods it is to have."""

    replicas: Annotated[int, Field(strict=True, ge=0, le=MOST_REPLICAS)]

    @model_validator(mode="after")
    def _has_replicas(self) -> Self:
        if self.daemonset:
            raise ValueError("a daemonset has one pod on each node: it cannot be scaled")
        return self


class _Scale:
    annotation = "jitbot/scale"
    yields = False

    def __init__(self, told: ScaleInputs, api: Api) -> None:
        self.wanted = told.replicas
        self._told = told
        self._api = api

    def state(self, found: Document) -> Any:
        return replicas(found)

    def goal(self, found: Document, now: Any) -> Any:
        words = subject(self._told).words
        if now == self._told.replicas:
            raise RunnerRefused(f"{words} has {counted(now, 'replica')} already.")
        for each in self._api.list(AUTOSCALER, self._told.namespace):
            reference = each["spec"]["scaleTargetRef"]
            if (reference["kind"].lower(), reference["name"]) == (self._told.kind, self._told.name):
                name = each["metadata"]["name"]
                raise RunnerRefused(f"The autoscaler {name} sets the replicas of {words}: change its bounds instead.")
        return self._told.replicas

    def patch(self, found: Document, value: Any) -> Document:
        return {"spec": {"replicas": value}}

    def shown(self, value: Any) -> str:
        return counted(value, "replica")

    def progress(self, found: Document) -> Progress:
        return scaled(self._told.kind, found)


class KubernetesScale(Changing):
    """See `ScaleInputs` for what it can be told."""

    Inputs: type[BaseModel] = ScaleInputs
    touched = "replicas"

    def _subject(self, told: ScaleInputs) -> Subject:
        return subject(told)

    def _change(self, told: ScaleInputs, api: Api) -> _Scale:
        return _Scale(told, api)

    def _in_words(
        self, told: ScaleInputs, api: Api, change: _Scale, found: Document, now: Any, goal: Any
    ) -> tuple[str, Sequence[str], int, Sequence[Any]]:
        summary = f"Scale {subject(told).words} on {host(told)}: replicas {now} -> {goal}."
        return summary, [f"- {change.shown(now)}", f"+ {change.shown(goal)}"], abs(goal - now) or 1, [now]
