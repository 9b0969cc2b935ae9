"""What a drain does with a pod, and which budgets are about it."""

from typing import Any

import pytest

from jitbot.runners.kubernetes.pods import MIRROR, covers, is_spent, sorted_out


def a_pod(name: str = "web", owner: str = "ReplicaSet", phase: str = "Running", **spec: Any) -> dict[str, Any]:
    owners = [{"kind": owner, "controller": True}] if owner else [{"kind": "ReplicaSet", "controller": False}]
    labels = {"app": "web", "tier": "front"}
    meta: dict[str, Any] = {"name": name, "namespace": "shop", "labels": labels, "ownerReferences": owners}
    return {"metadata": meta, "spec": spec, "status": {"phase": phase}}


LOCAL = {"volumes": [{"name": "config", "configMap": {}}, {"name": "scratch", "emptyDir": {"medium": "Memory"}}]}
KEPT = {"volumes": [{"name": "config", "configMap": {}}, {"name": "disk", "persistentVolumeClaim": {}}]}


@pytest.mark.parametrize(
    ("pod", "where"),
    [
        (a_pod(), "go"),
        (a_pod(owner="StatefulSet", **KEPT), "go"),
        (a_pod(**LOCAL), "local"),
        (a_pod(owner=""), "bare"),
        (a_pod(owner="", **LOCAL), "bare"),
        (a_pod(owner="DaemonSet", **LOCAL), "stay"),
        (a_pod(owner="", phase="Succeeded"), "stay"),
        (a_pod(owner="Job", phase="Failed", **LOCAL), "stay"),
    ],
)
def test_each_pod_has_one_place(pod: dict[str, Any], where: str) -> None:
    found = sorted_out([pod])
    assert {name: list(getattr(found, name)) for name in ("go", "bare", "local", "stay")} == {
        "go": [], "bare": [], "local": [], "stay": [], where: [pod]
    }  # fmt: skip


def test_a_static_pod_belongs_to_its_node() -> None:
    pod = a_pod(owner="Node")
    pod["metadata"]["annotations"] = {MIRROR: "abc"}
    assert sorted_out([pod]).stay == [pod]


@pytest.mark.parametrize(
    ("selector", "about_it"),
    [
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "tier": "back"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["api"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["api"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "gone", "operator": "NotIn", "values": ["web"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "gone", "operator": "DoesNotExist"}]}, True),
        ({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "gone", "operator": "Exists"}]}, False),
        ({}, True),
        (None, False),
    ],
)
def test_a_budget_is_about_the_pods_that_it_selects(selector: dict[str, Any] | None, about_it: bool) -> None:
    budget = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"selector": selector}}
    assert covers(budget, a_pod()) is about_it
    elsewhere = {**budget, "metadata": {"name": "web", "namespace": "other"}}
    assert not covers(elsewhere, a_pod())


def test_before_1_21_an_empty_selector_selects_nothing() -> None:
    budget = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"selector": {}}}
    assert not covers(budget, a_pod(), empty=False)


@pytest.mark.parametrize(
    ("status", "spent"),
    [({"disruptionsAllowed": 1}, False), ({"disruptionsAllowed": 0}, True), ({}, True), (None, True)],
)
def test_a_budget_that_does_not_say_is_spent(status: dict[str, int] | None, spent: bool) -> None:
    assert is_spent({"status": status}) is spent
