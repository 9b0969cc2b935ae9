"""Nothing in the inputs of the runners for Kubernetes leads to another server or object than the one that is read."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.kubernetes import binding
from jitbot.runners.kubernetes.binding import RoleBindingInputs
from jitbot.runners.kubernetes.inputs import LONGEST_TARGET
from jitbot.runners.kubernetes.node import KubernetesNode, NodeInputs
from jitbot.runners.kubernetes.restart import KubernetesRestart, RestartInputs
from jitbot.runners.kubernetes.role_binding import KubernetesRoleBinding
from jitbot.runners.kubernetes.rollback import RollbackInputs
from jitbot.runners.kubernetes.scale import KubernetesScale, ScaleInputs

CLUSTER = {"server": "https://k8s.example.com:6443", "token": {"secret": "cluster"}}
WEB = {**CLUSTER, "namespace": "shop", "deployment": "web"}
ANN = {**CLUSTER, "namespace": "shop", "role": "debug", "user": "ann@example.com"}
SITE = EnvironmentSite((), {})
LABEL = re.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
HOSTILE = [
    "../x",
    "a/b",
    "a?b",
    "a#b",
    "a%2fb",
    "A",
    "a_b",
    "-a",
    "a-",
    "a.",
    ".a",
    "a..b",
    "a b",
    "a\n",
    "ä",
    "",
    "x" * 254,
]


def test_good_inputs_are_taken() -> None:
    told = RestartInputs.model_validate({**WEB, "deployment": "web.v2-1", "ca": "/etc/jitbot/ca.crt"})
    assert (told.kind, told.name, told.server) == ("deployment", "web.v2-1", "https://k8s.example.com:6443")
    assert NodeInputs.model_validate(
        {**CLUSTER, "node": "n1.example.com", "to": "drain", "evict_bare": True}
    ).evict_bare
    assert RollbackInputs.model_validate({**WEB, "revision": 41}).revision == 41
    assert ScaleInputs.model_validate({**WEB, "replicas": 0}).replicas == 0


@pytest.mark.parametrize("hostile", [*HOSTILE, None, ["a"]])
@pytest.mark.parametrize(
    ("model", "good", "field"),
    [
        (RestartInputs, WEB, "deployment"),
        (RestartInputs, {**WEB, "deployment": None}, "statefulset"),
        (RollbackInputs, WEB, "namespace"),
        (NodeInputs, {**CLUSTER, "to": "cordon"}, "node"),
        (RoleBindingInputs, {**ANN, "user": None}, "service_account"),
    ],
)
def test_a_hostile_name_is_refused(model: type[BaseModel], good: dict[str, Any], field: str, hostile: object) -> None:
    with pytest.raises(ValidationError):
        model.model_validate({**good, field: hostile})


@given(st.text(), st.text())
def test_no_name_that_is_taken_has_more_than_its_own_place_in_a_path(namespace: str, name: str) -> None:
    try:
        told = RestartInputs.model_validate({**WEB, "namespace": namespace, "deployment": name})
    except ValidationError:
        return
    assert LABEL.fullmatch(told.namespace)
    assert all(LABEL.fullmatch(part) for part in told.name.split("."))


@given(st.text(max_size=300))
def test_no_role_that_is_taken_has_more_than_its_own_place_in_a_path(name: str) -> None:
    try:
        told = RoleBindingInputs.model_validate({**ANN, "role": name})
    except ValidationError:
        return
    assert re.fullmatch("[A-Za-z0-9][A-Za-z0-9:._@-]*", told.reference["name"])


@given(st.text(max_size=300))
def test_a_server_is_always_the_host_that_is_read(url: str) -> None:
    try:
        told = RestartInputs.model_validate({**WEB, "server": f"https://{url}"})
    except ValidationError:
        return
    split = urlsplit(told.server)
    assert (split.scheme, split.query, split.fragment, split.username) == ("https", "", "", None)
    assert re.fullmatch(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", split.netloc.lower())
    assert not {".", ".."} & set(split.path.split("/"))


@given(st.text(max_size=400))
def test_whoever_is_named_is_named_as_they_are_seen(name: str) -> None:
    try:
        told = RoleBindingInputs.model_validate({**ANN, "user": name})
    except ValidationError:
        return
    assert told.subject["name"] == name == name.strip()
    assert not name.startswith("system:")
    assert "\n" not in name
    assert len(KubernetesRoleBinding(SITE).target(told)) <= LONGEST_TARGET


@given(st.text())
def test_every_key_of_a_run_makes_a_name_of_its_own_for_a_binding(key: str) -> None:
    name = binding.name_for(key.encode(errors="replace").decode())
    assert re.fullmatch("jitbot-[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name)
    assert len(name) <= 253
    assert name != binding.name_for(f"{key.encode(errors='replace').decode()}x")


@pytest.mark.parametrize(
    ("model", "good", "wrong"),
    [
        (RestartInputs, WEB, {"server": "http://k8s.example.com"}),
        (RestartInputs, WEB, {"server": "https://user:pw@k8s.example.com"}),
        (RestartInputs, WEB, {"server": "https://k8s.example.com/a/../b"}),
        (RestartInputs, WEB, {"server": "https://k8s.example.com?x=y"}),
        (RestartInputs, WEB, {"server": "https://k8s.example.com/"}),
        (RestartInputs, WEB, {"token": "in plain text"}),
        (RestartInputs, WEB, {"token": {"secret": "cluster", "prefix": "Bearer "}}),
        (RestartInputs, WEB, {"ca": "ca.crt"}),
        (RestartInputs, WEB, {"statefulset": "web"}),
        (RestartInputs, WEB, {"deployment": None}),
        (RestartInputs, WEB, {"kubeconfig": "~/.kube/config"}),
        (ScaleInputs, WEB, {"replicas": -1}),
        (ScaleInputs, WEB, {"replicas": 5_001}),
        (ScaleInputs, WEB, {"replicas": "3"}),
        (ScaleInputs, WEB, {"replicas": True}),
        (ScaleInputs, WEB, {"deployment": None, "daemonset": "web", "replicas": 1}),
        (RollbackInputs, WEB, {"revision": 0}),
        (RollbackInputs, WEB, {"revision": "41"}),
        (NodeInputs, {**CLUSTER, "node": "n1"}, {"to": "delete"}),
        (NodeInputs, {**CLUSTER, "node": "n1"}, {"to": "cordon", "evict_bare": True}),
        (RoleBindingInputs, ANN, {"cluster_role": "view"}),
        (RoleBindingInputs, ANN, {"role": None}),
        (RoleBindingInputs, ANN, {"group": "engineers"}),
        (RoleBindingInputs, ANN, {"user": None}),
        (RoleBindingInputs, ANN, {"user": "system:kube-controller-manager"}),
        (RoleBindingInputs, ANN, {"user": None, "group": "system:authenticated"}),
        (RoleBindingInputs, ANN, {"user": "ann\u202egro.example.com"}),
        (RoleBindingInputs, ANN, {"user": None, "service_account": "a:b:c"}),
        (RoleBindingInputs, ANN, {"namespace": None}),
        (RoleBindingInputs, ANN, {"cluster_wide": True}),
        (RoleBindingInputs, ANN, {"namespace": None, "cluster_wide": True}),
    ],
)
def test_what_makes_no_sense_is_refused(model: type[BaseModel], good: dict[str, Any], wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate({**good, **wrong})


def test_a_service_account_without_a_namespace_is_of_the_one_where_the_role_is() -> None:
    told = RoleBindingInputs.model_validate({**ANN, "user": None, "service_account": "robot"})
    assert told.subject == {"kind": "ServiceAccount", "namespace": "shop", "name": "robot"}
    with pytest.raises(ValidationError, match="with its namespace"):
        cluster = {"namespace": None, "role": None, "cluster_role": "view", "cluster_wide": True}
        RoleBindingInputs.model_validate({**ANN, "user": None, "service_account": "robot", **cluster})


def test_targets_part_what_may_go_on_at_the_same_time() -> None:
    web = RestartInputs.model_validate(WEB)
    scale = ScaleInputs.model_validate({**WEB, "replicas": 3})
    node = NodeInputs.model_validate({**CLUSTER, "node": "n1", "to": "drain"})
    assert KubernetesRestart(SITE).target(web) == "kubernetes:k8s.example.com:6443 deployment shop/web template"
    assert KubernetesScale(SITE).target(scale) == "kubernetes:k8s.example.com:6443 deployment shop/web replicas"
    assert KubernetesNode(SITE).target(node) == "kubernetes:k8s.example.com:6443 node n1"
    one, other = (RestartInputs.model_validate({**WEB, "deployment": ("x" * 60 + ".") * 4 + last}) for last in "ab")
    assert KubernetesRestart(SITE).target(one) != KubernetesRestart(SITE).target(other)
