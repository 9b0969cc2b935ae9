"""The revisions of a deployment: the replica sets that it has left, each with the template of one revision.

https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-back-a-deployment
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jitbot.runners.kubernetes.kinds import Document
from jitbot.runners.kubernetes.note import annotations

REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
"""The label by which the controller tells a replica set's pods; no part of what was rolled out."""

_OTHERS = 12
"""So many other differences are named in a plan; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a deployment."""

    number: int
    name: str
    """That of its replica set, which stays the same when the number moves."""
    template: Mapping[str, Any]


def revisions_of(deployment: Document, sets: Sequence[Document]) -> Sequence[Revision]:
    """Return the revisions of a deployment, oldest first."""
    uid, found = deployment["metadata"]["uid"], []
    for each in sets:
        number = annotations(each).get(REVISION, "")
        if number.isascii() and number.isdigit() and _is_owned(each, uid):
            found.append(Revision(int(number), each["metadata"]["name"], template_of(each)))
    return sorted(found, key=lambda revision: revision.number)


def template_of(found: Document) -> Mapping[str, Any]:
    """Return the pod template of a workload or replica set, without what its controller adds."""
    template = found["spec"]["template"]
    meta = {key: value for key, value in (template.get("metadata") or {}).items() if value is not None}
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != HASH}
    kept = {**meta, "labels": labels, "annotations": meta.get("annotations") or {}}
    return {**template, "metadata": {key: value for key, value in kept.items() if value}}


def merging(now: Any, goal: Any) -> Any:
    """Return the JSON merge patch (RFC 7386) that makes one document of another."""
    if not isinstance(now, Mapping) or not isinstance(goal, Mapping):
        return goal
    gone = {key: None for key in now if key not in goal}
    return gone | {key: merging(now.get(key), value) for key, value in goal.items() if now.get(key) != value}


def images(template: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the image of each container."""
    spec = template.get("spec") or {}
    listed = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    return {each["name"]: str(each.get("image", "")) for each in listed}


def difference(now: Mapping[str, Any], goal: Mapping[str, Any]) -> list[str]:
    """Tell what differs between two templates: the images, and where else, but no values: some are secret."""
    before, after = images(now), images(goal)
    lines = []
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            lines += [f"- {name}: {before[name]}"] if name in before else []
            lines += [f"+ {name}: {after[name]}"] if name in after else []
    others = [path for path in _paths(now, goal, "") if not path.endswith(".image")]
    lines += [f"  also different: {path}" for path in others[:_OTHERS]]
    return lines + ([f"  and {len(others) - _OTHERS} more differences"] if len(others) > _OTHERS else [])


def _paths(now: Any, goal: Any, path: str) -> Iterator[str]:
    """Yield where two documents differ."""
    if now == goal:
        return
    if isinstance(now, Mapping) and isinstance(goal, Mapping):
        for key in sorted(now.keys() | goal.keys()):
            yield from _paths(now.get(key), goal.get(key), f"{path}.{key}" if path else key)
    elif isinstance(now, list) and isinstance(goal, list) and len(now) == len(goal):
        for number, (one, other) in enumerate(zip(now, goal, strict=True)):
            yield from _paths(one, other, f"{path}[{number}]")
    else:
        yield path


def _is_owned(found: Document, uid: str) -> bool:
    owners = found["metadata"].get("ownerReferences") or []
    return any(owner.get("controller") and owner.get("uid") == uid for owner in owners)
