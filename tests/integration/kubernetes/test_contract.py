"""The runners for Kubernetes pass the published suite, on the small server and on a real one alike."""

from collections.abc import Callable
from typing import Any

import pytest

from jitbot.ports import Runner
from jitbot.runners.kubernetes.node import KubernetesNode
from jitbot.runners.kubernetes.restart import KubernetesRestart
from jitbot.runners.kubernetes.role_binding import KubernetesRoleBinding
from jitbot.runners.kubernetes.rollback import KubernetesRollback
from jitbot.runners.kubernetes.scale import KubernetesScale
from jitbot.testing import RunnerContract
from tests.kubernetes.place import Place


def broken(inputs: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is wrong wherever it is about a cluster."""
    return [
        {**inputs, "server": "https://127.0.0.1:1"},
        {**inputs, "server": inputs["server"].replace("https", "http")},
        {**inputs, "server": inputs["server"] + "/elsewhere"},
        {**inputs, "token": {"secret": "unset"}},
        {**inputs, "ca": "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----"},
    ]


class _OfAWorkload(RunnerContract):
    @pytest.fixture
    def broken_inputs(self, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        names = [{**inputs, "deployment": name} for name in ("nope", "../nodes", "web?dryRun=All", "")]
        return [*broken(inputs), *names, {**inputs, "namespace": "nope"}, {**inputs, "namespace": "a/b"}]


class TestRestart(_OfAWorkload):
    @pytest.fixture
    def runner(self, place: Place) -> Runner:
        return KubernetesRestart(place.cluster.site)

    @pytest.fixture
    def inputs(self, place: Place) -> dict[str, Any]:
        place.make("Deployment")
        return {**place.inputs, "deployment": "web"}

    @pytest.fixture
    def effect(self, place: Place) -> Callable[[], Any]:
        return place.template


class TestRollback(_OfAWorkload):
    @pytest.fixture
    def runner(self, place: Place) -> Runner:
        return KubernetesRollback(place.cluster.site)

    @pytest.fixture
    def inputs(self, place: Place) -> dict[str, Any]:
        place.make("Deployment")
        place.roll("web:2")
        return {**place.inputs, "deployment": "web"}

    @pytest.fixture
    def effect(self, place: Place) -> Callable[[], Any]:
        return place.template


class TestScale(_OfAWorkload):
    @pytest.fixture
    def runner(self, place: Place) -> Runner:
        return KubernetesScale(place.cluster.site)

    @pytest.fixture
    def inputs(self, place: Place) -> dict[str, Any]:
        place.make("Deployment", replicas=3)
        return {**place.inputs, "deployment": "web", "replicas": 5}

    @pytest.fixture
    def effect(self, place: Place) -> Callable[[], Any]:
        return place.replicas


class _OfANode(RunnerContract):
    @pytest.fixture
    def runner(self, place: Place) -> Runner:
        return KubernetesNode(place.cluster.site)

    @pytest.fixture
    def broken_inputs(self, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        return [*broken(inputs), *({**inputs, "node": name} for name in ("nope", "a/b", ".."))]

    @pytest.fixture
    def effect(self, place: Place, node: str) -> Callable[[], Any]:
        return lambda: place.cluster.get("nodes", node)["spec"].get("unschedulable", False)


class TestDrain(_OfANode):
    @pytest.fixture
    def inputs(self, place: Place, node: str) -> dict[str, Any]:
        place.pod(node, "web-a")
        return {**place.cluster.inputs, "node": node, "to": "drain"}


class TestUncordon(_OfANode):
    @pytest.fixture
    def inputs(self, place: Place, node: str) -> dict[str, Any]:
        place.cluster.patch("nodes", node, {"spec": {"unschedulable": True}})
        return {**place.cluster.inputs, "node": node, "to": "uncordon"}


class TestRoleBinding(RunnerContract):
    @pytest.fixture
    def runner(self, place: Place) -> Runner:
        return KubernetesRoleBinding(place.cluster.site)

    @pytest.fixture
    def inputs(self, place: Place) -> dict[str, Any]:
        return {**place.inputs, "role": "debug", "user": "ann@example.com"}

    @pytest.fixture
    def broken_inputs(self, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        roles = [{**inputs, "role": name} for name in ("nope", "..", "a/b", "debug?x=y")]
        whom = [{**inputs, "user": name} for name in ("system:masters", "ann\n", "")]
        return [*broken(inputs), *roles, *whom, {**inputs, "namespace": "nope"}, {**inputs, "group": "engineers"}]

    @pytest.fixture
    def effect(self, place: Place) -> Callable[[], Any]:
        def bindings() -> Any:
            found = place.cluster.all("rolebindings", place.namespace)
            return [(each["metadata"]["name"], each["roleRef"], each["subjects"]) for each in found]

        return bindings
