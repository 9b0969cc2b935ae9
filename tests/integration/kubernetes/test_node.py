"""`kubernetes.node` empties a node as `kubectl drain` does: by evictions, within the budgets, and never by deleting."""

from typing import Any

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.runners.kubernetes.node import KubernetesNode
from tests.kubernetes.between import between
from tests.kubernetes.place import LABELS, Place, ending_in, stopped, until


@pytest.fixture
def runner(place: Place) -> KubernetesNode:
    return KubernetesNode(place.cluster.site)


def told(place: Place, node: str, **changes: Any) -> Any:
    return KubernetesNode.Inputs.model_validate({**place.cluster.inputs, "node": node, "to": "drain", **changes})


def cordoned(place: Place, node: str) -> bool:
    return bool(place.cluster.get("nodes", node)["spec"].get("unschedulable"))


def budget(place: Place, least: int) -> None:
    """Have so many pods stay, wherever they are."""
    spec = {"minAvailable": least, "selector": {"matchLabels": LABELS}}
    place.cluster.create("poddisruptionbudgets", {"metadata": {"name": "web"}, "spec": spec}, place.namespace)
    until(lambda: bool(place.get("poddisruptionbudgets").get("status", {}).get("currentHealthy")))


LOCAL = {"volumes": [{"name": "scratch", "emptyDir": {}}]}


# What people approve


def test_a_plan_tells_what_becomes_of_each_pod(runner: KubernetesNode, place: Place, node: str) -> None:
    place.pod(node, "web-a")
    place.pod(node, "web-b")
    place.pod(node, "logs", "DaemonSet")
    place.pod(node, "cache", **LOCAL)
    place.pod(node, "alone", owner="")
    place.pod("other", "far")
    budget(place, 6)
    plan = runner.plan(told(place, node, evict_bare=True, evict_local=True))
    space, host = place.namespace, place.cluster.url.removeprefix("https://")
    assert plan.summary == f"Drain node {node} on {host}: 4 pods to evict, 1 pod left."
    assert plan.diff.splitlines() == [
        "- open to new pods",
        "+ cordoned",
        f"+ evicted: {space}/web-a, {space}/web-b, {space}/alone, {space}/cache",
        f"+ lost, since nobody makes it anew: {space}/alone",
        f"+ lost, what it keeps on the node: {space}/cache",
        f"  held up by the budget {space}/web: {space}/web-a, {space}/web-b, {space}/alone, {space}/cache",
        f"  stay: {space}/logs",
    ]
    assert plan.targets == 4


def test_a_plan_moves_with_what_is_lost_and_not_with_what_comes_up_elsewhere(
    runner: KubernetesNode, place: Place, node: str
) -> None:
    place.pod(node, "web-a")
    inputs = told(place, node, evict_bare=True)
    first = runner.plan(inputs).fingerprint
    place.pod(node, "web-b")
    assert runner.plan(inputs).fingerprint == first
    place.pod(node, "alone", owner="")
    assert runner.plan(inputs).fingerprint != first


@pytest.mark.parametrize(
    ("pod", "why"),
    [({"owner": ""}, "Nobody would make these pods anew: .*/odd"), (LOCAL, "lose what they keep on the node: .*/odd")],
    ids=["bare", "local"],
)
def test_a_pod_that_would_be_lost_stops_a_drain(
    runner: KubernetesNode, place: Place, node: str, pod: dict[str, Any], why: str
) -> None:
    place.pod(node, "web-a")
    place.pod(node, "odd", **pod)
    for step in (runner.plan, lambda inputs: runner.start(inputs, place.run())):
        with pytest.raises(RunnerRefused, match=why):
            step(told(place, node))
    assert (cordoned(place, node), place.on(node)) == (False, ["odd", "web-a"])
    runner.start(told(place, node, evict_bare=True, evict_local=True), place.run())
    assert place.on(node) == []


# Draining


def test_a_drain_evicts_what_goes_and_deletes_nothing(place: Place, node: str) -> None:
    place.pod(node, "web-a")
    place.pod(node, "logs", "DaemonSet")
    place.pod("other", "far")
    with between(place.cluster, lambda method, path: "pass") as way:
        runner, inputs, run = KubernetesNode(way.site), told(place, node, server=way.url), place.run()
        receipt = runner.start(inputs, run)
        assert not any(asked.startswith("DELETE") for asked in way.asked)
        assert sum("eviction" in asked for asked in way.asked) == 1, "each is asked once"
        assert runner.check(inputs, receipt).state is HealthState.HEALTHY
    assert (place.on(node), place.on("other")) == (["logs"], ["far"])
    assert receipt.summary == f"node {node}: drained, 1 pod evicted"
    assert run.lines[0] == f"node {node}: open to new pods -> cordoned"


def test_a_list_that_comes_in_pieces_is_read_to_its_end(
    runner: KubernetesNode, place: Place, node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jitbot.runners.kubernetes.api.PIECE", 2)
    for name in "abcde":
        place.pod(node, f"web-{name}")
    assert runner.plan(told(place, node)).targets == 5
    runner.start(told(place, node), place.run())
    assert place.on(node) == []


def test_a_budget_is_waited_for(place: Place, node: str) -> None:
    for name in ("web-a", "web-b", "web-c"):
        place.pod(node, name)
    budget(place, 2)
    fewest, site = [9], place.cluster.site
    with between(place.cluster, lambda method, path: "pass") as way:

        def hears(method: str, path: str) -> str:
            found = place.cluster.all("pods", place.namespace)
            fewest.append(sum(not pod["metadata"].get("deletionTimestamp") for pod in found))
            return "pass"

        way.hears = hears
        run = place.run()
        KubernetesNode(way.site).start(told(place, node, server=way.url), run)
    assert place.on(node) == []
    assert min(fewest) == 2, "the budget is kept all the time"
    assert any("held up" in line for line in run.lines)
    assert KubernetesNode(site).check(told(place, node), None).state is HealthState.HEALTHY


def test_a_budget_that_never_allows_it_leaves_the_drain_unsure(runner: KubernetesNode, place: Place, node: str) -> None:
    place.pod(node, "web-a")
    place.pod(node, "free", **{"volumes": []})
    place.cluster.patch("pods", "free", {"metadata": {"labels": {"app": "other"}}}, place.namespace)
    budget(place, 1)
    assert "held up by the budget" in runner.plan(told(place, node)).diff
    with pytest.raises(
        RunnerUnsure, match=r"not drained when the time was over: 1 pod left.*web-a \(.*disruption budget"
    ):
        runner.start(told(place, node), ending_in(place.run(), 2))
    assert (place.on(node), cordoned(place, node)) == (["web-a"], True)
    assert runner.check(told(place, node), None).state is HealthState.UNHEALTHY


def test_a_drain_that_is_stopped_evicts_no_more_and_is_undone(runner: KubernetesNode, place: Place, node: str) -> None:
    place.pod(node, "web-a")
    budget(place, 1)
    with pytest.raises(RunnerUnsure, match=r"stopped by hand; node .* is cordoned"):
        runner.start(told(place, node), stopped(place.run(), after=3))
    runner.undo(told(place, node), None, place.run())
    assert (cordoned(place, node), place.on(node)) == (False, ["web-a"])


def test_a_pod_that_turns_up_in_the_middle_and_would_be_lost_stops_it(place: Place, node: str) -> None:
    place.pod(node, "web-a")

    def hears(method: str, path: str) -> str:
        if path.endswith("/eviction?fieldManager=jitbot"):
            place.pod(node, "alone", owner="")
        return "pass"

    with between(place.cluster, hears) as way:
        runner = KubernetesNode(way.site)
        with pytest.raises(RunnerUnsure, match=r"Nobody would make these pods anew: .*/alone"):
            runner.start(told(place, node, server=way.url), place.run())
    assert "alone" in place.on(node)


def test_a_pod_that_got_the_name_of_another_is_not_evicted_for_it(place: Place, node: str) -> None:
    place.pod(node, "web-0", "StatefulSet")

    def hears(method: str, path: str) -> str:
        if path.endswith("/eviction?fieldManager=jitbot") and place.on(node):
            place.cluster.delete("pods", "web-0", place.namespace, {"gracePeriodSeconds": 0})
            place.pod("other", "web-0", "StatefulSet")
        return "pass"

    with between(place.cluster, hears) as way:
        KubernetesNode(way.site).start(told(place, node, server=way.url), place.run())
    assert (place.on(node), place.on("other")) == ([], ["web-0"])


def test_a_drain_that_may_not_evict_is_refused_before_anybody_is_asked(place: Place, node: str) -> None:
    place.pod(node, "web-a")
    with between(place.cluster, lambda method, path: "403 Forbidden" if "eviction" in path else "pass") as way:
        runner, inputs = KubernetesNode(way.site), told(place, node, server=way.url)
        with pytest.raises(RunnerRefused, match="says 403"):
            runner.plan(inputs)
        with pytest.raises(RunnerUnsure, match="is cordoned, but not drained"):
            runner.start(inputs, place.run())


# Cordons


@pytest.mark.parametrize(("to", "was", "said"), [("cordon", True, "cordoned"), ("uncordon", False, "open to new pods")])
def test_what_is_so_already_is_refused(
    runner: KubernetesNode, place: Place, node: str, to: str, was: bool, said: str
) -> None:
    place.cluster.patch("nodes", node, {"spec": {"unschedulable": was}})
    for step in (runner.plan, lambda inputs: runner.start(inputs, place.run())):
        with pytest.raises(RunnerRefused, match=f"is {said} already"):
            step(told(place, node, to=to))


def test_a_node_that_is_drained_already_is_refused(runner: KubernetesNode, place: Place, node: str) -> None:
    place.cluster.patch("nodes", node, {"spec": {"unschedulable": True}})
    place.pod(node, "logs", "DaemonSet")
    with pytest.raises(RunnerRefused, match="is drained already"):
        runner.plan(told(place, node))


def test_undo_leaves_a_node_cordoned_that_was(runner: KubernetesNode, place: Place, node: str) -> None:
    place.cluster.patch("nodes", node, {"spec": {"unschedulable": True}})
    place.pod(node, "web-a")
    receipt = runner.start(told(place, node), place.run())
    assert place.on(node) == []
    runner.undo(told(place, node), receipt, place.run())
    assert cordoned(place, node)


def test_a_run_that_was_lost_does_not_take_an_earlier_one_for_itself(
    runner: KubernetesNode, place: Place, node: str
) -> None:
    runner.start(told(place, node, to="cordon"), place.change("jit-1-1"))
    assert runner.check(told(place, node, to="cordon"), None).state is HealthState.HEALTHY
    assert runner.check(told(place, node, to="uncordon"), None).state is HealthState.ABSENT


def test_a_second_undo_leaves_what_came_after_the_first(runner: KubernetesNode, place: Place, node: str) -> None:
    inputs = told(place, node, to="cordon")
    receipt = runner.start(inputs, place.run())
    runner.undo(inputs, receipt, place.run())
    place.cluster.patch("nodes", node, {"spec": {"unschedulable": True}})
    runner.undo(inputs, receipt, place.run())
    runner.undo(inputs, None, place.run())
    assert cordoned(place, node)
