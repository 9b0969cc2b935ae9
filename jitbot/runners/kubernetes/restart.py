"""The runner `kubernetes.restart`: a workload's pods are replaced step by step, as by `kubectl rollout restart`."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from jitbot.errors import RunnerRefused
from jitbot.runners.kubernetes.api import Api
from jitbot.runners.kubernetes.change import Subject
from jitbot.runners.kubernetes.changing import Changing, host
from jitbot.runners.kubernetes.inputs import WorkloadInputs
from jitbot.runners.kubernetes.kinds import Document
from jitbot.runners.kubernetes.revisions import template_of
from jitbot.runners.kubernetes.rollout import Progress, rolled_out
from jitbot.runners.kubernetes.workload import counted, pods, subject

RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""What kubectl writes into the template, so that its pods are others than those that run."""


class RestartInputs(WorkloadInputs):
    """The workload whose pods are replaced."""


class _Restart:
    """The value is when it was restarted, with a digest of the rest: what others roll out is not taken back."""

    annotation = "jitbot/restart"
    wanted = None
    yields = True

    def __init__(self, told: RestartInputs) -> None:
        self._told = told

    def state(self, found: Document) -> Any:
        template = template_of(found)
        written = dict(template.get("metadata", {}).get("annotations", {}))
        restarted = written.pop(RESTARTED, None)
        rest = {**template, "metadata": {**template.get("metadata", {}), "annotations": written}}
        return [restarted, digest_of(rest)]

    def goal(self, found: Document, now: Any) -> Any:
        demand_rolling(self._told, found)
        # To the millisecond, unlike kubectl: what is restarted twice within a second is restarted twice.
        return [datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds"), now[1]]

    def patch(self, found: Document, value: Any) -> Document:
        return {"spec": {"template": {"metadata": {"annotations": {RESTARTED: value[0]}}}}}

    def shown(self, value: Any) -> str:
        return f"restarted at {value[0]}" if value[0] else "never restarted"

    def progress(self, found: Document) -> Progress:
        return rolled_out(self._told.kind, found)


class KubernetesRestart(Changing):
    """See `RestartInputs` for what it can be told."""

    Inputs: type[BaseModel] = RestartInputs
    touched = "template"

    def _subject(self, told: RestartInputs) -> Subject:
        return subject(told)

    def _change(self, told: RestartInputs, api: Api) -> _Restart:
        return _Restart(told)

    def _in_words(
        self, told: RestartInputs, api: Api, change: _Restart, found: Document, now: Any, goal: Any
    ) -> tuple[str, Sequence[str], int, Sequence[Any]]:
        number = pods(told, found)
        summary = f"Replace the pods of {subject(told).words} on {host(told)}, step by step: {counted(number)}."
        lines = [f"- {change.shown(now)}", f"+ {counted(number)} restarted", "  a rollout that fails is taken back"]
        return summary, lines, number, [now[1]]


def demand_rolling(told: WorkloadInputs, found: Document) -> None:
    """See that a new template would be rolled out. Raises: RunnerRefused."""
    words, spec = subject(told).words, found["spec"]
    if spec.get("paused"):
        raise RunnerRefused(
            f"The rollout of {words} is paused, so nothing would happen: kubectl rollout resume it first."
        )
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        raise RunnerRefused(
            f"{words} replaces its pods only when they are deleted (OnDelete), so nothing would happen."
        )


def digest_of(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
