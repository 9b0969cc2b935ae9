"""`kubernetes.rollback` goes back to a revision as `kubectl rollout undo` does, and from there to where it was."""

from typing import Any

import pytest

from jitbot.errors import RunnerRefused
from jitbot.model import HealthState, Receipt
from jitbot.runners.kubernetes.rollback import KubernetesRollback
from tests.kubernetes.place import Place


@pytest.fixture
def runner(place: Place) -> KubernetesRollback:
    return KubernetesRollback(place.cluster.site)


def told(place: Place, **changes: Any) -> Any:
    return KubernetesRollback.Inputs.model_validate({**place.inputs, "deployment": "web", **changes})


def with_history(place: Place) -> None:
    place.make("Deployment", replicas=2)
    for image in ("web:2", "web:3"):
        place.roll(image)


def test_a_plan_says_from_which_revision_to_which(runner: KubernetesRollback, place: Place) -> None:
    with_history(place)
    plan = runner.plan(told(place))
    host = place.cluster.url.removeprefix("https://")
    assert plan.summary == (f"Roll deployment {place.namespace}/web on {host} back: revision 3 -> 2, 2 pods.")
    assert plan.diff.splitlines() == ["- app: web:3", "+ app: web:2", "  a rollout that fails is taken back"]
    assert plan.targets == 2
    assert "revision 3 -> 1" in runner.plan(told(place, revision=1)).summary


def test_a_plan_names_what_else_differs_and_shows_no_values(runner: KubernetesRollback, place: Place) -> None:
    place.make("Deployment")
    container = {"name": "app", "image": "web:1", "env": [{"name": "PASSWORD", "value": "hunter22"}]}
    place.patch("deployments", "web", {"spec": {"template": {"spec": {"containers": [container]}}}})
    place.settle("deployments")
    plan = runner.plan(told(place))
    assert "also different: spec.containers[0].env" in plan.diff
    assert "hunter22" not in plan.diff + plan.summary


def test_a_plan_moves_with_either_template_and_not_with_the_replicas(runner: KubernetesRollback, place: Place) -> None:
    with_history(place)
    first = runner.plan(told(place)).fingerprint
    place.patch("deployments", "web", {"spec": {"replicas": 4}})
    assert runner.plan(told(place)).fingerprint == first
    place.roll("web:4")
    assert runner.plan(told(place)).fingerprint != first


@pytest.mark.parametrize(
    ("revision", "why"), [(3, "is at revision 3 already"), (9, "has no revision 9 to go back to: there is 1, 2")]
)
def test_a_revision_that_is_not_another_one_is_refused(
    runner: KubernetesRollback, place: Place, revision: int, why: str
) -> None:
    with_history(place)
    for step in (runner.plan, lambda inputs: runner.start(inputs, place.run())):
        with pytest.raises(RunnerRefused, match=why):
            step(told(place, revision=revision))
    assert place.image() == "web:3"


def test_a_deployment_that_was_never_changed_has_no_way_back(runner: KubernetesRollback, place: Place) -> None:
    place.make("Deployment")
    with pytest.raises(RunnerRefused, match="has no revision before to go back to: there is no other"):
        runner.plan(told(place))


def test_a_paused_deployment_and_one_that_was_just_changed_are_refused(
    runner: KubernetesRollback, place: Place
) -> None:
    with_history(place)
    place.controllers.pause()
    place.patch("deployments", "web", {"spec": {"template": {"metadata": {"annotations": {"new": "yes"}}}}})
    with pytest.raises(RunnerRefused, match="just being given a new template"):
        runner.plan(told(place))
    place.patch("deployments", "web", {"spec": {"paused": True}})
    with pytest.raises(RunnerRefused, match="is paused"):
        runner.plan(told(place))


def test_a_bad_release_is_left_for_the_one_before_it_and_undo_returns(runner: KubernetesRollback, place: Place) -> None:
    place.make("Deployment")
    place.roll("web:broken")
    before = place.template()
    receipt = runner.start(told(place), place.run())
    assert place.image() == "web:1"
    assert runner.check(told(place), receipt).state is HealthState.HEALTHY
    runner.undo(told(place), receipt, place.run())
    assert place.template() == before


def test_a_rollback_to_a_release_that_does_not_come_up_is_taken_back(runner: KubernetesRollback, place: Place) -> None:
    place.make("Deployment", image="web:broken")
    place.roll("web:2")
    with pytest.raises(RunnerRefused, match=r"failed .* and was taken back"):
        runner.start(told(place), place.run())
    assert place.image() == "web:2"


def test_what_a_template_lost_and_won_is_all_given_back(runner: KubernetesRollback, place: Place) -> None:
    place.make("Deployment")
    spec = {"containers": [{"name": "app", "image": "web:1"}, {"name": "more", "image": "m:1"}], "hostNetwork": True}
    change = {"metadata": {"annotations": {"a": "b"}}, "spec": spec}
    place.patch("deployments", "web", {"spec": {"template": change}})
    place.settle("deployments")
    before = place.template()
    receipt = runner.start(told(place, revision=1), place.run())
    after = place.template()
    assert len(after["spec"]["containers"]) == 1
    assert "hostNetwork" not in after["spec"]
    assert "a" not in (after["metadata"].get("annotations") or {})
    runner.undo(told(place, revision=1), receipt, place.run())
    assert place.template() == before


def test_undo_without_the_replica_set_of_before_says_so(runner: KubernetesRollback, place: Place) -> None:
    with_history(place)
    receipt = runner.start(told(place), place.run())
    gone = Receipt({**receipt.data, "before": "web-gone"})
    with pytest.raises(RunnerRefused, match="web-gone is gone, and its template with it"):
        runner.undo(told(place), gone, place.run())
    assert place.image() == "web:2"


def test_undo_leaves_what_somebody_rolled_out_since(runner: KubernetesRollback, place: Place) -> None:
    with_history(place)
    receipt = runner.start(told(place), place.run())
    place.roll("web:4")
    run = place.run()
    runner.undo(told(place), receipt, run)
    assert place.image() == "web:4"
    assert "changed by somebody else since" in run.lines[-1]
