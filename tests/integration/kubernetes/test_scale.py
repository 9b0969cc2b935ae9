"""`kubernetes.scale` sets replicas, waits for the pods, and takes back what nobody else has changed since."""

from typing import Any

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.runners.kubernetes.scale import KubernetesScale
from tests.kubernetes.place import Place, ending_in


@pytest.fixture
def runner(place: Place) -> KubernetesScale:
    place.make("Deployment", replicas=3)
    return KubernetesScale(place.cluster.site)


def told(place: Place, **changes: Any) -> Any:
    values = {**place.inputs, "deployment": "web", "replicas": 5, **changes}
    return KubernetesScale.Inputs.model_validate({key: value for key, value in values.items() if value is not None})


def test_a_plan_says_from_what_to_what(runner: KubernetesScale, place: Place) -> None:
    plan = runner.plan(told(place))
    assert plan.summary.endswith(": replicas 3 -> 5.")
    assert plan.diff.splitlines() == ["- 3 replicas", "+ 5 replicas"]
    assert plan.targets == 2
    place.roll("web:2")
    assert runner.plan(told(place)).fingerprint == plan.fingerprint, "which release it is, is not what is asked"
    place.patch("deployments", "web", {"spec": {"replicas": 4}})
    assert runner.plan(told(place)).fingerprint != plan.fingerprint


@pytest.mark.parametrize("replicas", [0, 9])
def test_a_deployment_is_scaled_down_and_up(runner: KubernetesScale, place: Place, replicas: int) -> None:
    receipt = runner.start(told(place, replicas=replicas), place.run())
    assert place.replicas() == replicas
    assert dict(receipt.data) == {"before": 3, "after": replicas}
    assert receipt.summary == f"deployment {place.namespace}/web: {replicas} of {replicas} pods are ready"
    runner.undo(told(place, replicas=replicas), receipt, place.run())
    assert place.replicas() == 3


def test_a_stateful_set_is_scaled_too(place: Place) -> None:
    place.make("StatefulSet", replicas=1)
    runner, inputs = KubernetesScale(place.cluster.site), told(place, deployment=None, statefulset="web")
    receipt = runner.start(inputs, place.run())
    assert place.replicas("statefulsets") == 5
    runner.undo(inputs, receipt, place.run())
    assert place.replicas("statefulsets") == 1


def test_what_is_so_already_is_refused(runner: KubernetesScale, place: Place) -> None:
    for step in (runner.plan, lambda inputs: runner.start(inputs, place.run())):
        with pytest.raises(RunnerRefused, match="has 3 replicas already"):
            step(told(place, replicas=3))


def test_what_an_autoscaler_sets_is_left_to_it(runner: KubernetesScale, place: Place) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    body = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "sizes"}}
    spec = {"scaleTargetRef": {**target, "name": "other"}, "maxReplicas": 9}
    place.cluster.create("horizontalpodautoscalers", {**body, "spec": spec}, place.namespace)
    runner.plan(told(place))
    place.cluster.patch("horizontalpodautoscalers", "sizes", {"spec": {"scaleTargetRef": target}}, place.namespace)
    for step in (runner.plan, lambda inputs: runner.start(inputs, place.run())):
        with pytest.raises(RunnerRefused, match="The autoscaler sizes sets the replicas of deployment"):
            step(told(place))
    assert place.replicas() == 3


def test_pods_that_do_not_come_up_in_time_leave_it_unsure(runner: KubernetesScale, place: Place) -> None:
    place.roll("web:slow")
    with pytest.raises(RunnerUnsure, match="0 of 5 pods are ready"):
        runner.start(told(place), ending_in(place.run(), 1))
    assert runner.check(told(place), None).state is HealthState.UNHEALTHY
    place.roll("web:2")
    assert runner.check(told(place), None).state is HealthState.HEALTHY, "it settles by itself"


def test_a_run_that_was_lost_does_not_take_an_earlier_one_for_itself(runner: KubernetesScale, place: Place) -> None:
    runner.start(told(place), place.change("jit-1-1"))
    assert runner.check(told(place, replicas=8), None).state is HealthState.ABSENT
    assert runner.check(told(place), None).state is HealthState.HEALTHY


def test_undo_leaves_what_somebody_else_set_since(runner: KubernetesScale, place: Place) -> None:
    receipt = runner.start(told(place), place.run())
    place.patch("deployments", "web", {"spec": {"replicas": 7}})
    assert runner.check(told(place), receipt).state is HealthState.UNHEALTHY
    with pytest.raises(RunnerRefused, match=r"changed by somebody else: 7 replicas.*Make it 3 replicas by hand"):
        runner.undo(told(place), receipt, place.run())
    assert place.replicas() == 7
    place.patch("deployments", "web", {"spec": {"replicas": 3}})
    runner.undo(told(place), receipt, place.run())


def test_a_second_undo_leaves_what_came_after_the_first(runner: KubernetesScale, place: Place) -> None:
    receipt = runner.start(told(place), place.run())
    runner.undo(told(place), receipt, place.run())
    place.patch("deployments", "web", {"spec": {"replicas": 5}})
    runner.undo(told(place), receipt, place.run())
    runner.undo(told(place), None, place.run())
    assert place.replicas() == 5


def test_two_grants_of_the_same_are_both_planned_and_the_last_restores(runner: KubernetesScale, place: Place) -> None:
    first = runner.start(told(place), place.run("jit-1-1"))
    plan = runner.plan(told(place))
    assert plan.summary.endswith(": replicas 3 -> 5.")
    assert runner.plan(told(place, replicas=8)).summary.endswith(": replicas 5 -> 8."), "that is not the same"
    second = runner.start(told(place), place.run("jit-2-1"))
    assert first.data == second.data
    runner.undo(told(place), first, place.run("jit-2-1"))
    assert place.replicas() == 3


def test_a_note_that_somebody_wrote_over_is_no_note(runner: KubernetesScale, place: Place) -> None:
    receipt = runner.start(told(place), place.run())
    for text in ("no JSON", '{"key": 1}', "[]", "5", None):
        place.patch("deployments", "web", {"metadata": {"annotations": {"jitbot/scale": text}}})
        runner.undo(told(place), None, place.run())
        assert place.replicas() == 5, "nobody knows what was before"
    runner.undo(told(place), receipt, place.run())
    assert place.replicas() == 3
