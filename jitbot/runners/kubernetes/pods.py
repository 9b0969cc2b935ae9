"""What a drain does with each pod of a node, and which budgets hold it up: the rules of `kubectl drain`.

https://github.com/kubernetes/kubectl/blob/master/pkg/drain/filters.go
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jitbot.runners.kubernetes.kinds import Document
from jitbot.runners.kubernetes.note import annotations

MIRROR = "kubernetes.io/config.mirror"
"""A static pod of the node itself, which the API server only shows."""


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of a node, by what becomes of them."""

    go: Sequence[Document]
    """Come up again elsewhere, or hold nothing that would be lost."""
    bare: Sequence[Document]
    """Nobody makes them anew."""
    local: Sequence[Document]
    """Lose what they keep on the node (`emptyDir`)."""
    stay: Sequence[Document]
    """Belong to the node: those of daemon sets, static ones, and those that have ended."""

    @property
    def losing(self) -> Sequence[Document]:
        return [*self.bare, *self.local]

    @property
    def all_that_go(self) -> Sequence[Document]:
        return [*self.go, *self.losing]


def sorted_out(found: Sequence[Document]) -> Pods:
    go, bare, local, stay = [], [], [], []
    for pod in found:
        controller = _controller(pod)
        if MIRROR in annotations(pod) or controller.get("kind") == "DaemonSet" or _is_over(pod):
            stay.append(pod)
        elif not controller:
            bare.append(pod)
        elif any("emptyDir" in volume for volume in pod["spec"].get("volumes") or []):
            local.append(pod)
        else:
            go.append(pod)
    return Pods(go, bare, local, stay)


def named(pod: Document) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def is_leaving(pod: Document) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def covers(budget: Document, pod: Document, *, empty: bool = True) -> bool:
    """Tell whether a budget is about a pod; `empty` says what an empty selector selects, all or nothing."""
    if budget["metadata"]["namespace"] != pod["metadata"]["namespace"]:
        return False
    selector = budget["spec"].get("selector")
    if not selector:
        return selector is not None and empty
    labels = pod["metadata"].get("labels") or {}
    exact = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in exact.items()) and all(
        _holds(each, labels) for each in selector.get("matchExpressions") or []
    )


def is_spent(budget: Document) -> bool:
    """Tell whether a budget lets no pod go now."""
    return int((budget.get("status") or {}).get("disruptionsAllowed") or 0) == 0


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _controller(pod: Document) -> Mapping[str, Any]:
    owners = pod["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), {})


def _is_over(pod: Document) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
