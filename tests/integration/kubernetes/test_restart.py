"""`kubernetes.restart` does what `kubectl rollout restart` does, waits, and takes back what came to nothing."""

from typing import Any

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.runners.kubernetes.restart import RESTARTED, KubernetesRestart
from tests.kubernetes.between import between
from tests.kubernetes.place import Place, ending_in, stopped


@pytest.fixture
def runner(place: Place) -> KubernetesRestart:
    return KubernetesRestart(place.cluster.site)


def told(place: Place, **changes: Any) -> Any:
    values = {**place.inputs, "deployment": "web", **changes}
    return KubernetesRestart.Inputs.model_validate({key: value for key, value in values.items() if value is not None})


def restarted(place: Place, plural: str = "deployments") -> str | None:
    value = (place.template(plural)["metadata"].get("annotations") or {}).get(RESTARTED)
    return None if value is None else str(value)


ON_DELETE = {"type": "OnDelete", "rollingUpdate": None}


# What people approve


def test_a_plan_says_how_many_pods_are_replaced(runner: KubernetesRestart, place: Place) -> None:
    place.make("Deployment", replicas=3)
    plan = runner.plan(told(place))
    host = place.cluster.url.removeprefix("https://")
    assert plan.summary == (f"Replace the pods of deployment {place.namespace}/web on {host}, step by step: 3 pods.")
    assert plan.diff.splitlines() == ["- never restarted", "+ 3 pods restarted", "  a rollout that fails is taken back"]
    assert (plan.targets, plan.undoable) == (3, True)


def test_a_plan_moves_with_the_template_and_not_with_what_moves_by_itself(
    runner: KubernetesRestart, place: Place
) -> None:
    place.make("Deployment", replicas=3)
    first = runner.plan(told(place)).fingerprint
    place.patch("deployments", "web", {"spec": {"replicas": 7}, "metadata": {"labels": {"seen": "yes"}}})
    runner.start(told(place), place.run())
    assert runner.plan(told(place)).fingerprint == first, "neither a scaling nor a restart changes what is restarted"
    place.roll("web:2")
    assert runner.plan(told(place)).fingerprint != first


@pytest.mark.parametrize(
    ("kind", "spec", "why"),
    [
        ("Deployment", {"paused": True}, "is paused"),
        ("DaemonSet", {"updateStrategy": ON_DELETE}, "OnDelete"),
        ("StatefulSet", {"updateStrategy": ON_DELETE}, "OnDelete"),
    ],
)
def test_what_would_not_roll_out_is_refused(
    runner: KubernetesRestart, place: Place, kind: str, spec: dict[str, Any], why: str
) -> None:
    place.make(kind)
    place.patch(f"{kind.lower()}s", "web", {"spec": spec})
    inputs = told(place, **{"deployment": None, kind.lower(): "web"})
    for step in (runner.plan, lambda inputs: runner.start(inputs, place.run())):
        with pytest.raises(RunnerRefused, match=why):
            step(inputs)
    assert restarted(place, f"{kind.lower()}s") is None


# Waiting


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_restart_waits_until_it_is_rolled_out(runner: KubernetesRestart, place: Place, kind: str) -> None:
    place.make(kind)
    run, inputs = place.run(), told(place, **{"deployment": None, kind.lower(): "web"})
    before = place.template(f"{kind.lower()}s")
    receipt = runner.start(inputs, run)
    assert restarted(place, f"{kind.lower()}s") is not None
    assert place.is_settled(f"{kind.lower()}s")
    assert "never restarted -> restarted at" in run.lines[0]
    assert "pods are new" in receipt.summary
    assert runner.check(inputs, receipt).state is HealthState.HEALTHY
    runner.undo(inputs, None, place.run())
    assert place.template(f"{kind.lower()}s") == before


def test_a_rollout_that_fails_is_taken_back(runner: KubernetesRestart, place: Place) -> None:
    place.make("Deployment", image="web:broken")
    before = place.template()
    with pytest.raises(RunnerRefused, match=r"failed \(.*0 are available\), and was taken back"):
        runner.start(told(place), place.run())
    assert place.template() == before


def test_a_rollout_that_is_not_done_in_time_is_unsure_until_it_is(runner: KubernetesRestart, place: Place) -> None:
    place.make("Deployment")
    place.controllers.pause()
    with pytest.raises(RunnerUnsure, match="was not done when the time was over: its controller has not looked"):
        runner.start(told(place), ending_in(place.run(), 1))
    assert restarted(place) is not None
    assert runner.check(told(place), None).state is HealthState.UNHEALTHY
    place.controllers.go_on()
    place.settle("deployments")
    assert runner.check(told(place), None).state is HealthState.HEALTHY, "it settles by itself"


def test_a_run_that_was_lost_does_not_take_an_earlier_one_for_itself(runner: KubernetesRestart, place: Place) -> None:
    place.make("Deployment")
    assert runner.check(told(place), None).state is HealthState.ABSENT
    runner.start(told(place), place.change("jit-1-1"))
    health = runner.check(told(place), None)
    assert health.state is HealthState.UNKNOWN
    assert health.detail.endswith(f"the last change by jitbot was in its run {place.namespace}-jit-1-1")

    def hears(method: str, path: str) -> str:
        return "lose" if method == "PATCH" else "pass"

    with between(place.cluster, hears) as way, pytest.raises(RunnerUnsure):
        KubernetesRestart(way.site).start(told(place, server=way.url), place.change("jit-2-1"))
    assert runner.check(told(place), None).state is HealthState.UNKNOWN


def test_a_run_that_is_stopped_is_unsure_and_undone(runner: KubernetesRestart, place: Place) -> None:
    place.make("Deployment")
    before = place.template()
    with pytest.raises(RunnerRefused, match="stopped before it began"):
        runner.start(told(place), stopped(place.run(), after=0))
    assert place.template() == before
    place.controllers.pause()
    with pytest.raises(RunnerUnsure, match="stopped by hand"):
        runner.start(told(place), stopped(place.run(), after=1))
    assert place.template() != before
    runner.undo(told(place), None, place.run())
    assert place.template() == before


def test_what_somebody_rolls_out_meanwhile_is_told_and_left(runner: KubernetesRestart, place: Place) -> None:
    place.make("Deployment")
    run = place.run()
    run.log = lambda line: place.patch("deployments", "web", OTHER)  # type: ignore[method-assign]  # in the middle
    with pytest.raises(RunnerUnsure, match="was changed by somebody else"):
        runner.start(told(place), run)
    runner.undo(told(place), None, place.run())
    assert place.image() == "web:9"


OTHER = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "web:9"}]}}}}


# Undo


def test_undo_gives_back_the_restart_of_before(runner: KubernetesRestart, place: Place) -> None:
    place.make("Deployment")
    old = {"spec": {"template": {"metadata": {"annotations": {RESTARTED: "2020-01-01T00:00:00Z", "other": "stays"}}}}}
    place.patch("deployments", "web", old)
    before = place.template()
    receipt = runner.start(told(place), place.run())
    assert restarted(place) != "2020-01-01T00:00:00Z"
    runner.undo(told(place), receipt, place.run())
    assert place.template() == before


def test_undo_leaves_what_somebody_rolled_out_since(runner: KubernetesRestart, place: Place) -> None:
    place.make("Deployment")
    receipt = runner.start(told(place), place.run())
    place.roll("web:2")
    before, run = place.template(), place.run()
    runner.undo(told(place), receipt, run)
    assert "was changed by somebody else since, and is left" in run.lines[-1]
    assert runner.check(told(place), receipt).state is HealthState.ABSENT
    runner.undo(told(place), receipt, place.run())
    assert place.template() == before


def test_another_run_without_a_receipt_takes_nothing_back(runner: KubernetesRestart, place: Place) -> None:
    place.make("Deployment")
    change = place.change("jit-1-1")
    runner.start(told(place), change)
    before = place.template()
    runner.undo(told(place), None, place.run("jit-2-1"))
    assert place.template() == before
    runner.undo(told(place), None, change)
    assert place.template() != before


def test_a_second_start_with_one_key_restarts_nothing_again(runner: KubernetesRestart, place: Place) -> None:
    place.make("Deployment")
    first = runner.start(told(place), place.run())
    once = place.template()
    second = runner.start(told(place), place.run())
    assert (place.template(), second.data) == (once, first.data)


def test_two_restarts_at_the_same_time_are_two(runner: KubernetesRestart, place: Place) -> None:
    place.make("Deployment")
    seen = []
    for key in ("jit-1-1", "jit-2-1", "jit-3-1"):
        runner.start(told(place), place.change(key))
        seen.append(restarted(place))
    assert len(set(seen)) == 3


def test_undo_of_what_was_deleted_since_succeeds(runner: KubernetesRestart, place: Place) -> None:
    place.make("Deployment")
    receipt = runner.start(told(place), place.run())
    place.cluster.delete("deployments", "web", place.namespace)
    runner.undo(told(place), receipt, place.run())
    assert runner.check(told(place), receipt).state is HealthState.ABSENT


# Others at the same time


def test_a_change_that_somebody_made_in_between_is_kept(runner: KubernetesRestart, place: Place) -> None:
    place.make("Deployment")
    others = iter(["a", "b"])

    def hears(method: str, path: str) -> str:
        label = next(others, None) if method == "PATCH" else None
        if label is not None:
            place.patch("deployments", "web", {"metadata": {"labels": {label: "theirs"}}})
        return "pass"

    with between(place.cluster, hears) as way:
        KubernetesRestart(way.site).start(told(place, server=way.url), place.run())
        assert sum(asked.startswith("PATCH") for asked in way.asked) == 4, "two that were too late"
    assert {"a", "b"} <= place.get("deployments")["metadata"]["labels"].keys()


def test_who_is_never_fast_enough_gives_up(place: Place) -> None:
    place.make("Deployment")
    before = place.template()

    def hears(method: str, path: str) -> str:
        return "409 Conflict" if method == "PATCH" else "pass"

    with between(place.cluster, hears) as way, pytest.raises(RunnerRefused, match="by others all the time; nothing"):
        KubernetesRestart(way.site).start(told(place, server=way.url), place.run())
    assert place.template() == before
    receipt = KubernetesRestart(place.cluster.site).start(told(place), place.run())
    with between(place.cluster, hears) as way, pytest.raises(RunnerUnsure, match="by others all the time, and not as"):
        KubernetesRestart(way.site).undo(told(place, server=way.url), receipt, place.run())
