"""The runner `kubernetes.rollback`: a deployment goes back to an earlier revision, as by `kubectl rollout undo`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field

from jitbot.errors import RunnerRefused
from jitbot.runners.kubernetes.api import Api
from jitbot.runners.kubernetes.change import Subject
from jitbot.runners.kubernetes.changing import Changing, host
from jitbot.runners.kubernetes.inputs import ClusterInputs, Name, Namespace
from jitbot.runners.kubernetes.kinds import REPLICA_SET, WORKLOADS, Document
from jitbot.runners.kubernetes.restart import digest_of
from jitbot.runners.kubernetes.revisions import Revision, difference, merging, revisions_of, template_of
from jitbot.runners.kubernetes.rollout import Progress, replicas, rolled_out
from jitbot.runners.kubernetes.workload import counted


class RollbackInputs(ClusterInputs):
    """A deployment, and the revision to which it goes back."""

    namespace: Namespace
    deployment: Name
    revision: Annotated[int, Field(strict=True, ge=1)] | None = None
    """As `kubectl rollout history` counts; without it, the one before the present one."""


class _Rollback:
    """The value is the name of the replica set that has the template; empty where none has it yet."""

    annotation = "jitbot/rollback"
    wanted = None
    yields = True

    def __init__(self, told: RollbackInputs, api: Api) -> None:
        self._told = told
        self._api = api

    def revisions(self, found: Document) -> Sequence[Revision]:
        labels = found["spec"]["selector"].get("matchLabels")
        return revisions_of(found, self._api.list(REPLICA_SET, self._told.namespace, labels=labels))

    def present(self, found: Document, known: Sequence[Revision]) -> Revision | None:
        template = template_of(found)
        return next((each for each in reversed(known) if each.template == template), None)

    def state(self, found: Document) -> Any:
        present = self.present(found, self.revisions(found))
        return present.name if present else ""

    def goal(self, found: Document, now: Any) -> Any:
        words, known = _words(self._told), self.revisions(found)
        if found["spec"].get("paused"):
            raise RunnerRefused(f"The rollout of {words} is paused, so nothing would happen: resume it first.")
        present = self.present(found, known)
        if present is None:
            raise RunnerRefused(f"{words} is just being given a new template: wait until its controller has seen it.")
        wanted = self._told.revision
        if wanted == present.number:
            raise RunnerRefused(f"{words} is at revision {wanted} already.")
        others = [each for each in known if (each.number < present.number if wanted is None else each.number == wanted)]
        if not others:
            there = ", ".join(str(each.number) for each in known if each is not present) or "no other"
            raise RunnerRefused(f"{words} has no revision {wanted or 'before'} to go back to: there is {there}.")
        return others[-1].name

    def patch(self, found: Document, value: Any) -> Document:
        template = named(self.revisions(found), value).template
        return {"spec": {"template": merging(found["spec"]["template"], template)}}

    def shown(self, value: Any) -> str:
        return f"the template of {value}" if value else "a template of which there is no replica set"

    def progress(self, found: Document) -> Progress:
        return rolled_out("deployment", found)


class KubernetesRollback(Changing):
    """See `RollbackInputs` for what it can be told."""

    Inputs: type[BaseModel] = RollbackInputs
    touched = "template"

    def _subject(self, told: RollbackInputs) -> Subject:
        return Subject(WORKLOADS["deployment"], told.deployment, told.namespace, _words(told))

    def _change(self, told: RollbackInputs, api: Api) -> _Rollback:
        return _Rollback(told, api)

    def _in_words(
        self, told: RollbackInputs, api: Api, change: _Rollback, found: Document, now: Any, goal: Any
    ) -> tuple[str, Sequence[str], int, Sequence[Any]]:
        known, number = change.revisions(found), replicas(found)
        before, after = named(known, now), named(known, goal)
        summary = (
            f"Roll {_words(told)} on {host(told)} back: revision {before.number} -> {after.number}, {counted(number)}."
        )
        lines = [*difference(before.template, after.template), "  a rollout that fails is taken back"]
        cared: list[Mapping[str, Any]] = [before.template, after.template]
        return summary, lines, number, [digest_of(template) for template in cared]


def named(known: Sequence[Revision], name: str) -> Revision:
    """Return the revision that a replica set holds. Raises: RunnerRefused where it is gone."""
    for each in known:
        if each.name == name:
            return each
    raise RunnerRefused(f"The replica set {name} is gone, and its template with it: see revisionHistoryLimit.")


def _words(told: RollbackInputs) -> str:
    return f"deployment {told.namespace}/{told.deployment}"
