"""What acts beside an API server in a cluster, as far as the tests need it: controllers, and a node that lets pods go.

They act by the API alone, so the same ones serve the small server and the real one, which has none of its own.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from typing import Any

import httpx2

from tests.kubernetes.cluster import Cluster

REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
BROKEN, SLOW = "broken", "slow"
"""Images whose pods never get ready: with the first, Kubernetes gives up; with the second, it waits."""
DAEMONS = 2


class Controllers:
    """The controllers of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._working = threading.Lock()
        self._seen = -1
        self.kinds: set[str] = set()
        """What there is in the namespace to be looked after; of the rest nobody asks."""

    def pause(self) -> None:
        """Do nothing any more, once what is being done is done."""
        self._working.acquire()

    def go_on(self) -> None:
        self._working.release()

    def work(self) -> None:
        """Do one round, unless there is a pause, or nothing was written since the last one."""
        writes = self._cluster.writes()
        if writes != self._seen and self._working.acquire(blocking=False):
            try:
                self._work()
                self._seen = writes
            finally:
                self._working.release()

    def _work(self) -> None:
        for each in self._all("deployments"):
            self._deployment(each)
        for each in self._all("statefulsets"):
            wanted, revision = each["spec"]["replicas"], _hash(each["spec"]["template"])
            same = {"currentRevision": revision, "updateRevision": revision, "updatedReplicas": wanted}
            self._status("statefulsets", each, {"replicas": wanted, "readyReplicas": wanted, **same})
        for each in self._all("daemonsets"):
            names = ["desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberReady"]
            self._status(
                "daemonsets", each, dict.fromkeys([*names, "numberAvailable"], DAEMONS) | {"numberMisscheduled": 0}
            )
        budgets = self._all("poddisruptionbudgets")  # before the pods, so that no count is older than it
        pods = self._all("pods")
        for pod in pods:
            if pod["metadata"].get("deletionTimestamp"):
                self._let_go(pod)
        for budget in budgets:
            self._count(budget, pods)

    def _all(self, plural: str) -> list[Any]:
        return self._cluster.all(plural, self._namespace) if plural in self.kinds else []

    def _deployment(self, found: Any) -> None:
        """Have a replica set for the template, with the newest revision, and tell how far the pods are."""
        cluster, namespace, meta, spec = self._cluster, self._namespace, found["metadata"], found["spec"]
        if spec.get("paused"):
            return
        owned = [each for each in cluster.all("replicasets", namespace) if _is_owned(each, meta["uid"])]
        newest = max((_revision(each) for each in owned), default=0)
        mine = next((each for each in owned if _bare(each) == _bare(found)), None)
        if mine is None:
            mine = self._make_set(found, newest + 1)
        elif _revision(mine) < newest:
            notes = {"metadata": {"annotations": {REVISION: str(newest + 1)}}}
            mine = cluster.patch("replicasets", mine["metadata"]["name"], notes, namespace)
        if (meta.get("annotations") or {}).get(REVISION) != str(_revision(mine)):
            notes = {"metadata": {"annotations": {REVISION: str(_revision(mine))}}}
            found = cluster.patch("deployments", meta["name"], notes, namespace)
        image = spec["template"]["spec"]["containers"][0]["image"]
        ready = not any(word in image for word in (BROKEN, SLOW))
        reason = "ProgressDeadlineExceeded" if BROKEN in image else "NewReplicaSetAvailable"
        progressing = {"type": "Progressing", "status": str(BROKEN not in image), "reason": reason}
        wanted = spec["replicas"]
        status = {"replicas": wanted, "updatedReplicas": wanted, "readyReplicas": wanted if ready else 0}
        self._status(
            "deployments", found, {**status, "availableReplicas": wanted if ready else 0, "conditions": [progressing]}
        )

    def _make_set(self, found: Any, revision: int) -> Any:
        meta, template = found["metadata"], deepcopy(found["spec"]["template"])
        name = f"{meta['name']}-{_hash(template)}"
        template["metadata"].setdefault("labels", {})[HASH] = _hash(template)
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": meta["name"], "uid": meta["uid"]}
        labels = template["metadata"]["labels"]
        about = {"name": name, "labels": labels, "annotations": {REVISION: str(revision)}}
        about["ownerReferences"] = [{**owner, "controller": True}]
        spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
        body = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": about, "spec": spec}
        return self._cluster.create("replicasets", body, self._namespace)

    def _status(self, plural: str, found: Any, status: Any) -> None:
        wanted = {**status, "observedGeneration": found["metadata"]["generation"]}
        now = found.get("status") or {}
        if any(now.get(key, 0) != value for key, value in wanted.items()):
            body = {"metadata": {"resourceVersion": found["metadata"]["resourceVersion"]}, "status": wanted}
            self._cluster.patch(plural, found["metadata"]["name"], body, self._namespace, "status")

    def _let_go(self, pod: Any) -> None:
        """Say, as its node does, that a pod has ended; what keeps count of it makes another, elsewhere."""
        meta = pod["metadata"]
        self._cluster.delete("pods", meta["name"], self._namespace, {"gracePeriodSeconds": 0})
        if meta.get("ownerReferences"):
            again = {**meta, "name": f"{meta['name']}x"}
            make_pod(self._cluster, self._namespace, again, {**pod["spec"], "nodeName": "elsewhere"})

    def _count(self, budget: Any, pods: list[Any]) -> None:
        exact = budget["spec"]["selector"]["matchLabels"].items()
        going = (budget.get("status") or {}).get("disruptedPods") or {}  # evicted, and not yet seen to leave
        healthy = sum(
            exact <= (pod["metadata"].get("labels") or {}).items()
            and not pod["metadata"].get("deletionTimestamp")
            and pod["metadata"]["name"] not in going
            for pod in pods
        )
        least = budget["spec"]["minAvailable"]
        told = {"currentHealthy": healthy, "desiredHealthy": least, "expectedPods": healthy}
        self._status("poddisruptionbudgets", budget, {**told, "disruptionsAllowed": max(0, healthy - least)})


def make_pod(cluster: Cluster, namespace: str, meta: Any, spec: Any) -> Any:
    """Make a pod that runs on a node already."""
    kept = {key: meta[key] for key in ("name", "labels", "annotations", "ownerReferences") if meta.get(key)}
    pod = cluster.create("pods", {"apiVersion": "v1", "kind": "Pod", "metadata": kept, "spec": spec}, namespace)
    # A pod that is not ready may go whatever a budget says, as long as enough others are.
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    return cluster.patch("pods", pod["metadata"]["name"], {"status": status}, namespace, "status")


@contextmanager
def controlled(cluster: Cluster, namespace: str) -> Iterator[Controllers]:
    """Have the controllers of a namespace at work."""
    controllers, over = Controllers(cluster, namespace), threading.Event()

    def work() -> None:
        while not over.wait(0.03):
            with suppress(httpx2.HTTPError, AssertionError):  # somebody was faster; the next round sees it
                controllers.work()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield controllers
    finally:
        over.set()
        thread.join()


def _bare(found: Any) -> Any:
    """Return a template as it was before its replica set got a label of its own."""
    template = deepcopy(found["spec"]["template"])
    template["metadata"].get("labels", {}).pop(HASH, None)
    return template


def _hash(template: Any) -> str:
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:8]


def _revision(found: Any) -> int:
    return int(found["metadata"]["annotations"][REVISION])


def _is_owned(found: Any, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in found["metadata"].get("ownerReferences") or [])
