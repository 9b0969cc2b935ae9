"""The workloads whose pods these runners restart, roll back and count."""

from jitbot.runners.kubernetes.change import Subject
from jitbot.runners.kubernetes.inputs import WorkloadInputs
from jitbot.runners.kubernetes.kinds import WORKLOADS, Document
from jitbot.runners.kubernetes.rollout import replicas


def subject(told: WorkloadInputs) -> Subject:
    words = f"{told.kind} {told.namespace}/{told.name}"
    return Subject(WORKLOADS[told.kind], told.name, told.namespace, words)


def pods(told: WorkloadInputs, found: Document) -> int:
    """Return how many pods it is to have."""
    if told.kind == "daemonset":
        return int(found.get("status", {}).get("desiredNumberScheduled") or 0)
    return replicas(found)


def counted(number: int, what: str = "pod") -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
