"""Argo CD's HTTP API for one application, as far as runners ask it; shapes and refusals as in its own code.

Nothing happens by time: each look at the application moves its operation on by one step of a script, then its health.
"""

import json
import re
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from tests.vendors.server import Asked, Reply, Vendor

TOKEN = "eyJhbGciOiJIUzI1NiJ9.argocd"  # pragma: allowlist secret
FIRST, SECOND, THIRD = "1" * 40, "2" * 40, "3" * 40
WELL, BADLY = ("Running", "Running", "Succeeded"), ("Running", "Failed")
FOR_EVER = ("Running",) * 1_000
APP = "/api/v1/applications/shop"


def refused(message: str, code: int, status: int) -> Reply:
    """Refuse as grpc-gateway does."""
    return Reply({"error": message, "code": code, "message": message}, status)


def manifest(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    version = "apps/v1" if kind == "Deployment" else "v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "payments"}, "spec": spec}


class ArgoCdServer(Vendor):
    """The application `shop`; its source has three commits, of which `main` is the last."""

    def __init__(self) -> None:
        super().__init__()
        self.refs = {"main": THIRD, "v1": FIRST}
        self.source = {
            FIRST: [manifest("Deployment", "api", image="1"), manifest("Service", "api")],
            SECOND: [
                manifest("Deployment", "api", image="2"),
                manifest("Service", "api"),
                manifest("ConfigMap", "old"),
            ],
            THIRD: [manifest("Deployment", "api", image="3"), manifest("Service", "api"), manifest("Secret", "new")],
        }
        self.live = SECOND
        self.automated: dict[str, Any] | None = None
        self.sources = False
        self.history: list[dict[str, Any]] = []
        for sha in (FIRST, SECOND):
            self._deployed(sha)
        self.operation: dict[str, Any] | None = None
        self.state: dict[str, Any] | None = None
        self.script: Sequence[str] = WELL
        self.steps: list[str] = []
        self.looks = 0
        """So often it was looked how the application is, which is not while an operation goes on."""
        self.healths: Sequence[str] = ("Progressing", "Healthy")
        self.health = ["Healthy"]
        self.resources = [{"kind": "Service", "namespace": "payments", "name": "api", "status": "OutOfSync"}]
        self.lose: tuple[str, bool] | None = None
        self.begun: list[dict[str, Any]] = []

    def _deployed(self, sha: str) -> None:
        number = self.history[-1]["id"] + 1 if self.history else 0
        source = {"repoURL": "https://git.example.com/shop", "path": "deploy", "targetRevision": "main"}
        row = {"id": number, "revision": sha, "source": source, "deployedAt": f"2026-11-2{number % 10}T10:00:00Z"}
        self.history.append(row)
        self.live = sha

    def reply(self, asked: Asked) -> Reply:
        lost = self.lose if self.lose and re.fullmatch(self.lose[0], f"{asked.method} {asked.path}") else None
        if lost and not lost[1]:
            return Reply(lost=True)
        reply = self._known(asked)
        if lost:
            self.lose = None
            return Reply(lost=True)
        return reply

    def _known(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return refused("invalid session: token signature is invalid", 16, 401)
        if not asked.path.startswith(APP) or asked.one("project", "default") != "default":
            return refused("permission denied", 7, 403)  # also where there is no such application
        kind = f"{asked.method} {asked.path.removeprefix(APP)}"
        if kind == "GET ":
            self._go_on()
            return Reply(self.document())
        if kind == "GET /manifests":
            return self._manifests(asked.one("revision", "main"))
        if kind == "POST /sync":
            return self._sync(asked.document())
        if kind == "POST /rollback":
            return self._rollback(asked.document())
        return self._terminate() if kind == "DELETE /operation" else refused("Not Found", 5, 404)

    def document(self) -> dict[str, Any]:
        # as in Argo CD, a field that is zero is left out
        history = [{key: value for key, value in each.items() if value != 0} for each in self.history]
        status: dict[str, Any] = {
            "health": {"status": self.health[0]},
            "history": history,
            "resources": self.resources,
            "reconciledAt": f"2026-11-25T10:00:{self.looks:02}Z",
            "sync": {"status": "OutOfSync", "revision": self.live},
        }
        if self.state is not None:
            status["operationState"] = self.state
        source = {"repoURL": "https://git.example.com/shop", "path": "deploy", "targetRevision": "main"}
        spec: dict[str, Any] = {"sources": [source, source]} if self.sources else {"source": source}
        if self.automated is not None:
            spec["syncPolicy"] = {"automated": self.automated}
        document = {"metadata": {"name": "shop"}, "spec": spec, "status": status}
        return deepcopy(document | ({"operation": self.operation} if self.operation else {}))

    def _go_on(self) -> None:
        if self.operation is None:
            if len(self.health) > 1:
                self.health.pop(0)
            self.looks = len(self.begun)
            return
        phase = self.steps.pop(0)
        sync = self.operation["sync"]
        result = {"revision": sync["revision"]}
        self.state = {"phase": phase, "message": f"it is {phase.lower()}", "operation": self.operation,
                      "syncResult": result}  # fmt: skip
        if phase in ("Succeeded", "Failed", "Error"):
            self.operation = None
            self.state["finishedAt"] = f"2026-11-25T10:00:{len(self.begun):02}Z"
            self.health = [self.health[0], *self.healths]  # it stays what it was until it is looked at again
            if phase == "Succeeded":
                self._deployed(sync["revision"])

    def _manifests(self, revision: str) -> Reply:
        sha = self.refs.get(revision, revision)
        if sha not in self.source:
            return refused(f"rpc error: code = Unknown desc = unable to resolve '{revision}' to a commit SHA", 2, 500)
        return Reply({"manifests": [json.dumps(each) for each in self.source[sha]], "revision": sha})

    def _sync(self, told: dict[str, Any]) -> Reply:
        assert told["name"] == "shop"
        wanted = told.get("revision") or "main"
        if self.automated is not None and self.automated.get("enabled") is not False and wanted != "main":
            return refused(f"cannot sync to {wanted}: auto-sync currently set to main", 9, 400)
        return self._begin({"sync": {"revision": self.refs.get(wanted, wanted), "prune": told["prune"]},
                            "info": told.get("infos")})  # fmt: skip

    def _rollback(self, told: dict[str, Any]) -> Reply:
        assert told["name"] == "shop"
        if self.automated is not None:
            return refused("rollback cannot be initiated when auto-sync is enabled", 9, 400)
        entry = next((each for each in self.history if each["id"] == told["id"]), None)
        if entry is None:
            return refused(f"application shop does not have deployment with id {told['id']}", 3, 400)
        return self._begin({"sync": {"revision": entry["revision"], "prune": told["prune"]}})

    def _begin(self, operation: dict[str, Any]) -> Reply:
        if self.operation is not None:
            return refused("another operation is already in progress", 9, 400)
        self.operation, self.state = {key: value for key, value in operation.items() if value}, None
        self.steps = list(self.script)
        self.begun.append(operation)
        return Reply(self.document())

    def _terminate(self) -> Reply:
        if self.operation is None:
            return refused("Unable to terminate operation. No operation is in progress", 3, 400)
        self.steps = ["Terminating", "Failed"]
        return Reply({})
