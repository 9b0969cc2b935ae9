"""What the small server knows: objects by their place, versions that move with each write, and the rules of writing."""

import copy
import itertools
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import RLock
from typing import Any

RBAC = "rbac.authorization.k8s.io"
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


@dataclass(frozen=True)
class Resource:
    group: str
    versions: tuple[str, ...]
    kind: str
    namespaced: bool = True


RESOURCES = {
    "namespaces": Resource("", ("v1",), "Namespace", namespaced=False),
    "nodes": Resource("", ("v1",), "Node", namespaced=False),
    "pods": Resource("", ("v1",), "Pod"),
    "serviceaccounts": Resource("", ("v1",), "ServiceAccount"),
    "configmaps": Resource("", ("v1",), "ConfigMap"),
    "deployments": Resource("apps", ("v1",), "Deployment"),
    "statefulsets": Resource("apps", ("v1",), "StatefulSet"),
    "daemonsets": Resource("apps", ("v1",), "DaemonSet"),
    "replicasets": Resource("apps", ("v1",), "ReplicaSet"),
    "horizontalpodautoscalers": Resource("autoscaling", ("v1",), "HorizontalPodAutoscaler"),
    "poddisruptionbudgets": Resource("policy", ("v1",), "PodDisruptionBudget"),
    "roles": Resource(RBAC, ("v1",), "Role"),
    "rolebindings": Resource(RBAC, ("v1",), "RoleBinding"),
    "clusterroles": Resource(RBAC, ("v1",), "ClusterRole", namespaced=False),
    "clusterrolebindings": Resource(RBAC, ("v1",), "ClusterRoleBinding", namespaced=False),
}


class Refused(Exception):
    """What the API server says no with: a `Status`."""

    def __init__(self, code: int, reason: str, message: str, name: str = "", **details: Any) -> None:
        super().__init__(message)
        self.code = code
        told = {"name": name, **details} if name or details else {}
        self.status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
        self.status |= {"reason": reason, "details": told, "code": code}


@dataclass(frozen=True)
class Place:
    """Where an object is."""

    plural: str
    namespace: str
    name: str = ""

    def __str__(self) -> str:
        group = RESOURCES[self.plural].group
        return f'{self.plural}{"." + group if group else ""} "{self.name}"'


class Store:
    """All objects of one cluster. Every method is called with `lock` held."""

    def __init__(self) -> None:
        self.lock = RLock()
        self._objects: dict[Place, dict[str, Any]] = {}
        self._versions = itertools.count(1)
        self.writes = 0
        """How often something was written, so that who waits for that need not look."""

    def get(self, place: Place) -> dict[str, Any]:
        if place not in self._objects:
            raise Refused(404, "NotFound", f"{place} not found", place.name, kind=place.plural)
        return copy.deepcopy(self._objects[place])

    def all(self, plural: str, namespace: str = "") -> Iterator[dict[str, Any]]:
        """Yield the objects of a kind in order, of one namespace or of all."""
        for place in sorted(self._objects, key=lambda place: (place.namespace, place.name)):
            if place.plural == plural and namespace in ("", place.namespace):
                yield copy.deepcopy(self._objects[place])

    def create(self, place: Place, body: dict[str, Any], *, dry: bool = False) -> dict[str, Any]:
        if place.namespace and Place("namespaces", "", place.namespace) not in self._objects:
            raise Refused(404, "NotFound", f'namespaces "{place.namespace}" not found', place.namespace)
        if place in self._objects:
            raise Refused(409, "AlreadyExists", f"{place} already exists", place.name)
        about = RESOURCES[place.plural]
        meta = {key: value for key, value in body["metadata"].items() if key != "resourceVersion"}
        meta |= {"uid": str(uuid.uuid4()), "generation": 1} | (
            {"namespace": place.namespace} if place.namespace else {}
        )
        version = f"{about.group}/{about.versions[0]}" if about.group else about.versions[0]
        made = {**copy.deepcopy(body), "apiVersion": version, "kind": about.kind, "metadata": meta}
        made.pop("status", None)
        if place.plural in ("deployments", "statefulsets", "replicasets"):
            made["spec"].setdefault("replicas", 1)
        validate(place, tidied(made))
        return self._keep(place, made, dry)

    def replace(self, place: Place, changed: dict[str, Any], *, status: bool, dry: bool = False) -> dict[str, Any]:
        """Write an object that was read before: its spec or its status, never both."""
        now = self._objects[place]
        wanted = changed["metadata"].get("resourceVersion")
        if wanted not in (None, "", now["metadata"]["resourceVersion"]):
            message = (
                f"Operation cannot be fulfilled on {place}: the object has been modified; please apply your changes"
            )
            raise Refused(409, "Conflict", message, place.name)
        if changed["metadata"].get("name") != place.name or changed["metadata"].get("uid") != now["metadata"]["uid"]:
            raise Refused(422, "Invalid", f"{place} is invalid: metadata.name: field is immutable", place.name)
        made = {**now, "status": changed.get("status")} if status else {**changed, "status": now.get("status")}
        made = copy.deepcopy({key: value for key, value in made.items() if value is not None})
        # Of deployments, and of them alone, an annotation counts as a change that the controller has to look at.
        noted = [each["metadata"].get("annotations") for each in (made, now)]
        if made.get("spec") != now.get("spec") or (place.plural == "deployments" and noted[0] != noted[1]):
            made["metadata"]["generation"] = now["metadata"]["generation"] + 1
        made["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"]
        validate(place, tidied(made))
        return copy.deepcopy(now) if made == now else self._keep(place, made, dry)

    def delete(self, place: Place, *, at_once: bool = True) -> dict[str, Any]:
        """Delete an object; a pod that runs on a node is only asked to leave, until its node says that it has."""
        now = self.get(place)
        self.writes += 1
        if place.plural == "pods" and now["spec"].get("nodeName") and not at_once:
            now["metadata"].setdefault("deletionTimestamp", "2026-11-25T10:00:00Z")
            return self._keep(place, now, dry=False)
        if place.plural == "namespaces":
            for each in [each for each in self._objects if each.namespace == place.name]:
                del self._objects[each]
        del self._objects[place]
        return now

    def _keep(self, place: Place, made: dict[str, Any], dry: bool) -> dict[str, Any]:
        made["metadata"]["resourceVersion"] = str(next(self._versions))
        if not dry:
            self._objects[place] = copy.deepcopy(made)
            self.writes += 1
        return made


def merged(now: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    now = dict(now) if isinstance(now, dict) else {}
    for key, value in patch.items():
        if value is None:
            now.pop(key, None)
        else:
            now[key] = merged(now.get(key), value)
    return now


def tidied(made: dict[str, Any]) -> dict[str, Any]:
    """Leave out labels and annotations that are empty, as every answer of a kube-apiserver does."""
    for about in (made["metadata"], ((made.get("spec") or {}).get("template") or {}).get("metadata") or {}):
        for key in ("labels", "annotations"):
            if not about.get(key, True):
                del about[key]
    return made


def validate(place: Place, made: Mapping[str, Any]) -> None:
    """Hold an object to what a kube-apiserver would refuse of what these runners write."""
    wrong = "" if RESOURCES[place.plural].group == RBAC or NAME.fullmatch(place.name) else "metadata.name"
    labels = {**(made["metadata"].get("annotations") or {}), **(made["metadata"].get("labels") or {})}
    if not all(isinstance(value, str) for value in labels.values()):
        wrong = "metadata.annotations"
    spec = made.get("spec") or {}
    if spec.get("replicas") is not None and (type(spec["replicas"]) is not int or spec["replicas"] < 0):
        wrong = "spec.replicas"
    if "template" in spec:
        exact = spec["selector"].get("matchLabels") or {}
        given = (spec["template"].get("metadata") or {}).get("labels") or {}
        wrong = wrong if exact.items() <= given.items() else "spec.template.metadata.labels"
    if place.plural.endswith("bindings") and made["roleRef"]["kind"] not in ("Role", "ClusterRole"):
        wrong = "roleRef.kind"
    if wrong:
        raise Refused(422, "Invalid", f"{place} is invalid: {wrong}: Invalid value", place.name)
