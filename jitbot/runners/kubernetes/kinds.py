"""The kinds of objects that these runners read and write, as plain documents.

Not the library's typed ones: those know the fields of one version of Kubernetes and lose all others, and a template
that is written back must be the one that was read.
"""

from collections.abc import Mapping
from typing import Any

from lightkube.core.resource import ApiInfo, GlobalResource, NamespacedResourceG, ResourceDef
from lightkube.generic_resource import Generic

Document = Mapping[str, Any]
"""One object as the API server tells it."""

_VERBS = ["delete", "get", "global_list", "list", "patch", "post"]


class Namespaced(NamespacedResourceG, Generic):  # type: ignore[misc]  # two ways to name a version, which agree
    """An object of a namespace."""


class Global(GlobalResource, Generic):  # type: ignore[misc]  # as above
    """An object of the whole cluster."""


Kind = type[Namespaced] | type[Global]


def _namespaced(group: str, version: str, kind: str, plural: str) -> type[Namespaced]:
    return type(kind, (Namespaced,), {"_api_info": ApiInfo(ResourceDef(group, version, kind), plural, _VERBS)})


def _global(group: str, version: str, kind: str, plural: str) -> type[Global]:
    return type(kind, (Global,), {"_api_info": ApiInfo(ResourceDef(group, version, kind), plural, _VERBS)})


def _eviction(version: str) -> type[Namespaced]:
    about = ApiInfo(
        ResourceDef("policy", version, "Eviction"), "pods", ["post"], ResourceDef("", "v1", "Pod"), "eviction"
    )
    return type("Eviction", (Namespaced,), {"_api_info": about})


RBAC = "rbac.authorization.k8s.io"

WORKLOADS = {
    "deployment": _namespaced("apps", "v1", "Deployment", "deployments"),
    "statefulset": _namespaced("apps", "v1", "StatefulSet", "statefulsets"),
    "daemonset": _namespaced("apps", "v1", "DaemonSet", "daemonsets"),
}
REPLICA_SET = _namespaced("apps", "v1", "ReplicaSet", "replicasets")
AUTOSCALER = _namespaced("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
POD = _namespaced("", "v1", "Pod", "pods")
NODE = _global("", "v1", "Node", "nodes")
ROLES: Mapping[str, Kind] = {
    "Role": _namespaced(RBAC, "v1", "Role", "roles"),
    "ClusterRole": _global(RBAC, "v1", "ClusterRole", "clusterroles"),
}
ROLE_BINDING = _namespaced(RBAC, "v1", "RoleBinding", "rolebindings")
CLUSTER_ROLE_BINDING = _global(RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings")

POLICY_VERSIONS = ("v1", "v1beta1")
"""Of budgets and evictions; the second is for servers older than 1.22."""
BUDGETS = {
    version: _namespaced("policy", version, "PodDisruptionBudget", "poddisruptionbudgets")
    for version in POLICY_VERSIONS
}
EVICTIONS = {version: _eviction(version) for version in POLICY_VERSIONS}
