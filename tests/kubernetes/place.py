"""A namespace of a cluster, with what tests put there, and what the page on the runners lets jitbot do there."""

import itertools
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import Any

import yaml

from jitbot.testing.runners import ContractRun
from tests.contract.howto import ROOT, blocks
from tests.kubernetes.cluster import JITBOT, Cluster
from tests.kubernetes.controllers import Controllers, make_pod

PAGE = (ROOT / "docs/reference/runners-kubernetes.md").read_text(encoding="utf-8")
LABELS = {"app": "web"}
WAIT_SECONDS = 30


@dataclass
class Place:
    """One namespace of a cluster, with what tests put there."""

    cluster: Cluster
    namespace: str
    controllers: Controllers

    @property
    def inputs(self) -> dict[str, Any]:
        return {**self.cluster.inputs, "namespace": self.namespace}

    def run(self, key: str = "jit-1-1") -> ContractRun:
        return ContractRun(f"{self.namespace}-{key}")

    def change(self, key: str = "jit-1-1") -> ContractRun:
        """Return a run that is no grant."""
        run = self.run(key)
        run.until = None
        return run

    def make(self, kind: str, name: str = "web", image: str = "web:1", **spec: Any) -> None:
        """Make a workload, and wait for its controller."""
        template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "app", "image": image}]}}
        more = {"serviceName": "web"} if kind == "StatefulSet" else {}
        body = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}}
        body["spec"] = {"selector": {"matchLabels": LABELS}, "template": template, **more, **spec}
        plural = f"{kind.lower()}s"
        self.controllers.kinds.add(plural)
        self.cluster.create(plural, body, self.namespace)
        self.settle(plural, name)

    def roll(self, image: str, name: str = "web") -> None:
        """Roll out another image by hand, and wait for its controller."""
        change = {"containers": [{"name": "app", "image": image}]}
        self.patch("deployments", name, {"spec": {"template": {"spec": change}}})
        self.settle("deployments", name)

    def get(self, plural: str, name: str = "web") -> Any:
        return self.cluster.get(plural, name, self.namespace)

    def patch(self, plural: str, name: str, body: Any) -> None:
        self.cluster.patch(plural, name, body, self.namespace)

    def is_settled(self, plural: str, name: str = "web") -> bool:
        found = self.get(plural, name)
        return bool((found.get("status") or {}).get("observedGeneration") == found["metadata"]["generation"])

    def settle(self, plural: str, name: str = "web") -> None:
        until(lambda: self.is_settled(plural, name))

    def await_right(self, token: str, path: str, *, may: bool = True) -> None:
        """Wait until somebody may look at something, or may not any more."""
        until(lambda: self.cluster.may(token, path) is may)

    def make_view(self) -> None:
        """Have a cluster role `view`, as every cluster has; what is in it, other controllers would say."""
        rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}
        about = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "view"}}
        self.cluster.apply([{**about, "rules": [rule]}])
        self.cluster.patch("clusterroles", "view", {"rules": [rule]})
        self.await_right(JITBOT, self.cluster.path("clusterroles", name="view"))

    def template(self, plural: str = "deployments", name: str = "web") -> Any:
        return self.get(plural, name)["spec"]["template"]

    def image(self) -> str:
        return str(self.template()["spec"]["containers"][0]["image"])

    def replicas(self, plural: str = "deployments") -> int:
        return int(self.get(plural)["spec"]["replicas"])

    def pod(self, node: str, name: str, owner: str = "ReplicaSet", **spec: Any) -> None:
        """Make a pod on a node, owned by something of a kind; by nothing, if there is no kind."""
        owned = {"apiVersion": "apps/v1", "kind": owner, "name": "web-1", "uid": "00000000-0000-0000-0000-000000000001"}
        meta = {"name": name, "labels": LABELS, "ownerReferences": [{**owned, "controller": True}] if owner else None}
        what = {"nodeName": node, "containers": [{"name": "app", "image": "web:1"}], **spec}
        self.controllers.kinds |= {"pods", "poddisruptionbudgets"}
        make_pod(self.cluster, self.namespace, meta, what)

    def on(self, node: str) -> list[str]:
        """Return the names of the pods on a node."""
        found = self.cluster.all("pods", self.namespace)
        return [pod["metadata"]["name"] for pod in found if pod["spec"].get("nodeName") == node]


[_MANIFEST] = [block for block in blocks(PAGE, "yaml") if "kind: ServiceAccount" in block]
_DOCUMENTS = list(yaml.safe_load_all(_MANIFEST))


def rights(namespace: str) -> list[Any]:
    """Return what the page lets jitbot do, for one namespace in place of the one on the page."""
    found = deepcopy(_DOCUMENTS)
    for each in found:
        if each["metadata"].get("namespace") == "shop":
            each["metadata"]["namespace"] = namespace
    return found


def debug_role(namespace: str) -> Any:
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}
    about = {"name": "debug", "namespace": namespace}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": about, "rules": [rule]}


def ending_in(run: ContractRun, seconds: float) -> ContractRun:
    """Return a run of which so little time is left."""
    run.deadline = datetime.fromtimestamp(time.time() + seconds, UTC)
    return run


def stopped(run: ContractRun, after: int) -> ContractRun:
    """Return a run that somebody stops when it has asked so often."""
    asked = itertools.count()
    run.stopping = lambda: next(asked) >= after  # type: ignore[method-assign]  # a run that was stopped
    return run


def until(seen: Callable[[], bool]) -> None:
    """Wait for something to be seen."""
    pause, end = Event(), time.monotonic() + WAIT_SECONDS
    while not seen():
        assert time.monotonic() < end
        pause.wait(0.02)
