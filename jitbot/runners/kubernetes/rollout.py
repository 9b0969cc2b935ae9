"""How far Kubernetes is with a rollout, as `kubectl rollout status` tells it.

https://github.com/kubernetes/kubectl/blob/master/pkg/polymorphichelpers/rollout_status.go
"""

from dataclasses import dataclass
from typing import Any

from jitbot.runners.kubernetes.kinds import Document


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is, in words too; `failed` where Kubernetes itself has given up waiting."""

    done: bool
    words: str
    failed: bool = False


def is_seen(found: Document) -> bool:
    """Tell whether the controller has looked at the object since it was changed."""
    return _number(found, "status", "observedGeneration") >= _number(found, "metadata", "generation")


def replicas(found: Document) -> int:
    """Return how many pods a deployment or stateful set is to have: one, where nothing is said."""
    wanted = found["spec"].get("replicas")
    return 1 if wanted is None else int(wanted)


def rolled_out(kind: str, found: Document) -> Progress:
    """Return how far the rollout of a workload is."""
    if not is_seen(found):
        return Progress(False, "its controller has not looked at it yet")
    return {"deployment": _deployment, "statefulset": _stateful_set, "daemonset": _daemon_set}[kind](found)


def scaled(kind: str, found: Document) -> Progress:
    """Return how far a deployment or stateful set is with the number of its pods."""
    if not is_seen(found):
        return Progress(False, "its controller has not looked at it yet")
    wanted, there = replicas(found), _number(found, "status", "replicas")
    ready = _number(found, "status", "availableReplicas" if kind == "deployment" else "readyReplicas")
    words = f"{ready} of {wanted} pods are ready" + (f", {there - wanted} are to go" if there > wanted else "")
    return Progress(there == wanted == ready, words)


def _deployment(found: Document) -> Progress:
    wanted = replicas(found)
    updated, available = _number(found, "status", "updatedReplicas"), _number(found, "status", "availableReplicas")
    old = _number(found, "status", "replicas") - updated
    words = f"{updated} of {wanted} pods are new, {available} are available" + (
        f", {old} old ones are left" if old else ""
    )
    return Progress(updated >= wanted and old <= 0 and available >= updated, words, failed=_is_given_up(found))


def _is_given_up(found: Document) -> bool:
    conditions = found.get("status", {}).get("conditions") or []
    return any(
        each.get("type") == "Progressing" and each.get("reason") == "ProgressDeadlineExceeded" for each in conditions
    )


def _stateful_set(found: Document) -> Progress:
    wanted = replicas(found)
    updated, ready = _number(found, "status", "updatedReplicas"), _number(found, "status", "readyReplicas")
    partition = _number(found, "spec", "updateStrategy", "rollingUpdate", "partition")
    status = found.get("status", {})
    words = f"{updated} of {max(wanted - partition, 0)} pods are new, {ready} are ready"
    if ready < wanted:
        return Progress(False, words)
    if partition:
        return Progress(updated >= wanted - partition, words)
    return Progress(status.get("updateRevision") == status.get("currentRevision"), words)


def _daemon_set(found: Document) -> Progress:
    wanted = _number(found, "status", "desiredNumberScheduled")
    updated, available = _number(found, "status", "updatedNumberScheduled"), _number(found, "status", "numberAvailable")
    words = f"{updated} of {wanted} pods are new, {available} are available"
    return Progress(updated >= wanted and available >= wanted, words)


def _number(found: Any, *path: str) -> int:
    for step in path:
        found = found.get(step) or {}
    return found if isinstance(found, int) else 0
