"""`kubernetes.role_binding`: what was forbidden is allowed for a time, and forbidden again; others' bindings stay."""

from collections.abc import Callable
from typing import Any

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState, Privilege
from jitbot.runners.kubernetes.role_binding import KubernetesRoleBinding
from tests.kubernetes.between import between
from tests.kubernetes.cluster import ANN, BO, JITBOT
from tests.kubernetes.place import Place

RBAC = "rbac.authorization.k8s.io"


@pytest.fixture
def runner(place: Place) -> KubernetesRoleBinding:
    return KubernetesRoleBinding(place.cluster.site)


def told(place: Place, **changes: Any) -> Any:
    values = {**place.inputs, "role": "debug", "user": "ann@example.com", **changes}
    return KubernetesRoleBinding.Inputs.model_validate(
        {key: value for key, value in values.items() if value is not None}
    )


def by_hand(place: Place, name: str = "theirs", **more: Any) -> None:
    """Bind the role to Ann as somebody does who does not know jitbot."""
    body = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "debug"},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "ann@example.com"}],
    }
    place.cluster.create("rolebindings", {**body, **more}, place.namespace)


@pytest.fixture
def secrets(place: Place) -> str:
    return place.cluster.path("configmaps", place.namespace)


# Forbidden, allowed, forbidden


@pytest.mark.parametrize("whom", [{"user": "ann@example.com"}, {"user": None, "group": "engineers"}])
def test_what_was_forbidden_is_allowed_until_the_end(
    runner: KubernetesRoleBinding, place: Place, secrets: str, whom: dict[str, Any]
) -> None:
    inputs = told(place, **whom)
    assert not place.cluster.may(ANN, secrets)
    receipt = runner.start(inputs, place.run())
    place.await_right(ANN, secrets)
    assert place.cluster.may(BO, secrets) is ("group" in whom), "nobody else"
    runner.undo(inputs, receipt, place.run())
    place.await_right(ANN, secrets, may=False)


def test_a_service_account_of_another_namespace_gets_it(
    runner: KubernetesRoleBinding, place: Place, secrets: str
) -> None:
    inputs = told(place, user=None, service_account="jitbot:jitbot")
    assert not place.cluster.may(JITBOT, secrets)
    receipt = runner.start(inputs, place.run())
    place.await_right(JITBOT, secrets)
    runner.undo(inputs, receipt, place.run())
    place.await_right(JITBOT, secrets, may=False)


def test_a_role_of_the_cluster_is_given_for_one_namespace_alone(runner: KubernetesRoleBinding, place: Place) -> None:
    place.make_view()
    inputs = told(place, role=None, cluster_role="view")
    receipt = runner.start(inputs, place.run())
    place.await_right(ANN, place.cluster.path("configmaps", place.namespace))
    assert not place.cluster.may(ANN, place.cluster.path("configmaps", "jitbot"))
    runner.undo(inputs, receipt, place.run())
    place.await_right(ANN, place.cluster.path("configmaps", place.namespace), may=False)


def test_a_role_is_given_in_the_whole_cluster_where_that_is_said(runner: KubernetesRoleBinding, place: Place) -> None:
    place.make_view()
    inputs = told(place, role=None, cluster_role="view", namespace=None, cluster_wide=True)
    plan = runner.plan(inputs)
    assert "the ClusterRole view in the whole cluster" in plan.summary
    receipt = runner.start(inputs, place.run())
    everywhere = place.cluster.path("configmaps", "jitbot")
    place.await_right(ANN, everywhere)
    assert [each.ours for each in runner.privileges(inputs)] == [True]
    runner.undo(inputs, None, place.run())
    place.await_right(ANN, everywhere, may=False)
    assert runner.check(inputs, receipt).state is HealthState.ABSENT


# What people approve, and what is left in the cluster


def test_a_plan_says_what_the_role_allows_and_moves_with_it(runner: KubernetesRoleBinding, place: Place) -> None:
    plan = runner.plan(told(place))
    host = place.cluster.url.removeprefix("https://")
    assert plan.summary == f"Give the Role debug in {place.namespace} on {host} to User ann@example.com."
    assert plan.diff.splitlines() == [
        "+ User ann@example.com may get, list configmaps",
        "  at the end the binding is deleted",
    ]
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    place.cluster.patch("roles", "debug", {"rules": rules}, place.namespace)
    assert runner.plan(told(place)).fingerprint != plan.fingerprint


def test_a_binding_says_whose_it_is_and_when_it_ends(runner: KubernetesRoleBinding, place: Place) -> None:
    run = place.run()
    receipt = runner.start(told(place), run)
    assert receipt.data == {"binding": f"jitbot-{run.key}"}
    meta = place.cluster.get("rolebindings", f"jitbot-{run.key}", place.namespace)["metadata"]
    assert meta["labels"] == {"app.kubernetes.io/managed-by": "jitbot"}
    assert run.until is not None
    assert meta["annotations"] == {"jitbot/run": run.key, "jitbot/until": run.until.isoformat()}


def test_a_role_that_jitbot_may_not_give_is_refused_before_anybody_is_asked(
    runner: KubernetesRoleBinding, place: Place
) -> None:
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
    body = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": "more"}, "rules": [rule]}
    place.cluster.create("roles", body, place.namespace)
    right = {"apiGroups": [RBAC], "resources": ["roles"], "verbs": ["get"]}
    rules = [*place.cluster.get("roles", "jitbot-roles", place.namespace)["rules"], right]
    place.cluster.patch("roles", "jitbot-roles", {"rules": rules}, place.namespace)
    place.await_right(JITBOT, place.cluster.path("roles", place.namespace, "more"))
    with pytest.raises(RunnerRefused, match="attempting to grant RBAC permissions not currently held"):
        runner.plan(told(place, role="more"))


def test_who_has_it_already_by_others_is_told(runner: KubernetesRoleBinding, place: Place) -> None:
    by_hand(place)
    for step in (runner.plan, lambda inputs: runner.start(inputs, place.run())):
        with pytest.raises(RunnerRefused, match="already, by the binding theirs, which is not jitbot's"):
            step(told(place))


# The end


def test_a_second_start_with_one_key_makes_no_second_binding(runner: KubernetesRoleBinding, place: Place) -> None:
    first, second = (runner.start(told(place), place.run()) for _ in range(2))
    assert first.data == second.data
    assert len(runner.privileges(told(place))) == 1


def test_the_last_of_two_holders_ends_it_for_both(runner: KubernetesRoleBinding, place: Place, secrets: str) -> None:
    first = runner.start(told(place), place.run("jit-1-1"))
    assert "has it already by jitbot" in runner.plan(told(place)).diff
    runner.start(told(place), place.run("jit-2-1"))
    runner.undo(told(place), first, place.run("jit-2-1"))
    place.await_right(ANN, secrets, may=False)


def test_undo_leaves_the_bindings_of_others(runner: KubernetesRoleBinding, place: Place, secrets: str) -> None:
    receipt = runner.start(told(place), place.run())
    by_hand(place)
    run = place.run()
    runner.undo(told(place), receipt, run)
    assert place.cluster.may(ANN, secrets)
    assert "still has the Role debug" in run.lines[-1]
    assert "by the binding theirs, which is not jitbot's" in run.lines[-1]


def test_undo_leaves_what_jitbot_gave_to_others(runner: KubernetesRoleBinding, place: Place, secrets: str) -> None:
    ann, bo = told(place), told(place, user="bo@example.com")
    runner.start(ann, place.run("jit-1-1"))
    runner.start(bo, place.run("jit-2-1"))
    runner.undo(ann, None, place.run("jit-1-1"))
    place.await_right(ANN, secrets, may=False)
    assert place.cluster.may(BO, secrets)


def test_a_binding_that_lost_its_label_is_not_deleted_and_not_called_gone(
    runner: KubernetesRoleBinding, place: Place, secrets: str
) -> None:
    receipt = runner.start(told(place), place.run())
    name = receipt.data["binding"]
    place.cluster.patch("rolebindings", name, {"metadata": {"labels": None}}, place.namespace)
    assert runner.check(told(place), receipt).state is HealthState.UNHEALTHY
    with pytest.raises(RunnerUnsure, match=f"{name} lost the label .*delete it by hand"):
        runner.undo(told(place), receipt, place.run())
    assert place.cluster.may(ANN, secrets)


def test_a_binding_of_our_name_that_is_another_one_is_not_taken_for_ours(
    runner: KubernetesRoleBinding, place: Place
) -> None:
    subject = {"apiGroup": RBAC, "kind": "User", "name": "bo@example.com"}
    by_hand(place, f"jitbot-{place.run().key}", subjects=[subject])
    with pytest.raises(RunnerRefused, match="There is another binding"):
        runner.start(told(place), place.run())


@pytest.mark.parametrize("fate", ["lose", "swallow"])
@pytest.mark.parametrize("cut", range(3))
def test_wherever_a_start_is_cut_off_undo_ends_it(
    runner: KubernetesRoleBinding, place: Place, secrets: str, cut: int, fate: str
) -> None:
    asked = list[str]()

    def hears(method: str, path: str) -> str:
        asked.append(method)
        return fate if len(asked) > cut else "pass"

    with between(place.cluster, hears) as way:
        expected = RunnerUnsure if cut == 2 else RunnerRefused
        with pytest.raises(expected):
            KubernetesRoleBinding(way.site).start(told(place, server=way.url), place.run())
    made = cut == 2 and fate == "swallow"
    assert runner.check(told(place), None).state is (HealthState.HEALTHY if made else HealthState.ABSENT)
    runner.undo(told(place), None, place.run())
    place.await_right(ANN, secrets, may=False)
    assert runner.check(told(place), None).state is HealthState.ABSENT


@pytest.mark.parametrize("step", ["GET", "DELETE"])
def test_an_end_that_is_not_answered_is_tried_again(runner: KubernetesRoleBinding, place: Place, step: str) -> None:
    receipt = runner.start(told(place), place.run())

    def hears(method: str, path: str) -> str:
        return "404" if method == step else "pass"

    with between(place.cluster, hears) as way, pytest.raises(RunnerUnsure, match="may still have the Role debug"):
        KubernetesRoleBinding(way.site).undo(told(place, server=way.url), receipt, place.run())
    runner.undo(told(place), receipt, place.run())
    assert runner.check(told(place), receipt).state is HealthState.ABSENT


# Who holds it


def test_everybody_who_holds_a_role_is_listed_as_their_grant_would_name_it(
    runner: KubernetesRoleBinding, place: Place, secrets: str
) -> None:
    account = {"kind": "ServiceAccount", "name": "robot", "namespace": "jitbot"}
    group = {"apiGroup": RBAC, "kind": "Group", "name": "engineers"}
    by_hand(place, subjects=[account, group])
    by_hand(place, "other", roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": "debug"})
    by_hand(place, "nobody", subjects=[])
    runner.start(told(place), place.run())
    named: Callable[..., str] = lambda **whom: runner.target(told(place, **{"user": None, **whom}))  # noqa: E731
    assert runner.privileges(told(place, user="somebody.else@example.com")) == [
        Privilege(named(group="engineers"), "Group engineers", ours=False),
        Privilege(named(service_account="jitbot:robot"), "ServiceAccount jitbot/robot", ours=False),
        Privilege(named(user="ann@example.com"), "User ann@example.com", ours=True),
    ]


def test_a_list_that_cannot_be_read_is_no_empty_list(place: Place) -> None:
    with between(place.cluster, lambda method, path: "404") as way, pytest.raises(RunnerRefused, match="says 404"):
        KubernetesRoleBinding(way.site).privileges(told(place, server=way.url))
