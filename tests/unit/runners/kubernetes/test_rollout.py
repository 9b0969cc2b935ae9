"""How far a rollout is, read as `kubectl rollout status` reads it."""

from typing import Any

import pytest

from jitbot.runners.kubernetes.rollout import rolled_out, scaled


def found(status: dict[str, Any], seen: int = 2, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"generation": 2}, "spec": spec, "status": {"observedGeneration": seen, **status}}


DONE = {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
SAME = {"updateRevision": "b", "currentRevision": "b"}


@pytest.mark.parametrize(
    ("status", "done"),
    [
        (DONE, True),
        ({**DONE, "updatedReplicas": 2}, False),
        ({**DONE, "replicas": 4}, False),
        ({**DONE, "availableReplicas": 2}, False),
        ({}, False),
    ],
    ids=["done", "not all new", "old ones left", "not all available", "nothing yet"],
)
def test_a_deployment_is_done_when_all_pods_are_new_and_available(status: dict[str, Any], done: bool) -> None:
    assert rolled_out("deployment", found(status, replicas=3)).done is done
    assert not rolled_out("deployment", found(status, seen=1, replicas=3)).done, "its controller has not looked"


def test_a_deployment_of_no_pods_is_done_and_one_that_does_not_say_wants_one() -> None:
    assert rolled_out("deployment", found({}, replicas=0)).done
    assert not rolled_out("deployment", found({})).done


def test_only_the_word_of_kubernetes_makes_a_rollout_failed() -> None:
    given_up = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    assert rolled_out("deployment", found({"conditions": [given_up]}, replicas=3)).failed
    assert not rolled_out("deployment", found({"conditions": [given_up]}, seen=1, replicas=3)).failed
    other = {**given_up, "reason": "ReplicaSetUpdated"}
    assert not rolled_out("deployment", found({"conditions": [other]}, replicas=3)).failed


@pytest.mark.parametrize(
    ("status", "partition", "done"),
    [
        ({"readyReplicas": 3, "updatedReplicas": 3, **SAME}, 0, True),
        ({"readyReplicas": 3, "updatedReplicas": 3, **SAME, "currentRevision": "a"}, 0, False),
        ({"readyReplicas": 2, "updatedReplicas": 3, **SAME}, 0, False),
        ({"readyReplicas": 3, "updatedReplicas": 1, **SAME, "currentRevision": "a"}, 2, True),
        ({"readyReplicas": 3, "updatedReplicas": 0, **SAME, "currentRevision": "a"}, 2, False),
    ],
    ids=["done", "two revisions", "not all ready", "its part", "not its part"],
)
def test_a_stateful_set_is_done_when_its_part_is_new(status: dict[str, Any], partition: int, done: bool) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
    assert rolled_out("statefulset", found(status, replicas=3, updateStrategy=strategy)).done is done


@pytest.mark.parametrize(("updated", "available", "done"), [(2, 2, True), (1, 2, False), (2, 1, False)])
def test_a_daemon_set_is_done_when_every_node_has_a_new_pod(updated: int, available: int, done: bool) -> None:
    status = {"desiredNumberScheduled": 2, "updatedNumberScheduled": updated, "numberAvailable": available}
    assert rolled_out("daemonset", found(status)).done is done


@pytest.mark.parametrize(
    ("there", "ready", "done", "words"),
    [
        (3, 3, True, "3 of 3 pods are ready"),
        (3, 2, False, "2 of 3 pods are ready"),
        (5, 5, False, "5 of 3 pods are ready, 2 are to go"),
        (0, 0, False, "0 of 3 pods are ready"),
    ],
)
def test_a_scaling_is_done_when_the_pods_are_there(there: int, ready: int, done: bool, words: str) -> None:
    told = scaled("deployment", found({"replicas": there, "availableReplicas": ready}, replicas=3))
    assert (told.done, told.words) == (done, words)
    assert scaled("statefulset", found({"replicas": there, "readyReplicas": ready}, replicas=3)).done is done
    assert not scaled("deployment", found({"replicas": 3, "availableReplicas": 3}, seen=1, replicas=3)).done
