"""What can be asked of Argo CD about one application (its HTTP API, `/api/v1`, as its own swagger.json has it)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jitbot.outbound.values import plain
from jitbot.ports import Site
from jitbot.runners.answers import NoAnswer, NoWord, Row, read
from jitbot.runners.argocd.application import KEY, Application, application, name
from jitbot.runners.argocd.inputs import ApplicationInputs
from jitbot.runners.patience import Patience
from jitbot.runners.web_api import Api

Manifests = Mapping[str, str]
"""What a source comes to: resources by their names."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A source at one commit."""

    revision: str
    manifests: Manifests


class ArgoCd:
    """One application there; everything raises NoWord, and NotGranted."""

    def __init__(self, told: ApplicationInputs, site: Site, patience: Patience) -> None:
        self._told = told
        self._api = Api(site, f"{told.base}/api/v1", lambda: plain(told.token, site), patience, {})
        self._at = ("applications", told.application)
        scope = {"appNamespace": told.namespace, "project": told.project}
        self._scope = {name: value for name, value in scope.items() if value is not None}

    def get(self) -> Application:
        return application(self._api.get(*self._at, query=self._scope))

    def render(self, revision: str | None) -> Rendered:
        """Return what a revision comes to, with the commit that it is by now."""
        query = {**self._scope, **({} if revision is None else {"revision": revision})}
        found = self._api.get(*self._at, "manifests", query=query)
        texts = read({"manifests": [], **read({"": found}, "", of=dict)}, "manifests", of=list)
        return Rendered(read(found, "revision", of=str), dict(_named(text) for text in texts))

    def sync(self, revision: str | None, key: str) -> None:
        """Have it synced; the operation tells the key."""
        body = {"prune": self._told.prune, "infos": [{"name": KEY, "value": key}]}
        self._begin("sync", body if revision is None else {**body, "revision": revision})

    def roll_back(self, number: int) -> None:
        self._begin("rollback", {"id": number, "prune": self._told.prune})

    def terminate(self) -> None:
        """End the operation that goes on. Raises: NoWord, also where it may have been ended."""
        try:
            self._api.change("DELETE", *self._at, "operation", query=self._scope)
        except NoAnswer as error:
            raise NoWord(f"It may have been ended: {error}") from error

    def _begin(self, what: str, body: Mapping[str, Any]) -> None:
        self._api.change("POST", *self._at, what, body={**body, **self._scope, "name": self._told.application})


def _named(text: Any) -> tuple[str, str]:
    """Return the name of a manifest, and the manifest so that two can be compared."""
    try:
        manifest: Row = read({"": json.loads(text)}, "", of=dict)
    except (TypeError, ValueError, RecursionError) as error:
        raise NoWord(f"A manifest cannot be read: {type(error).__name__}.") from None
    group = str(manifest.get("apiVersion") or "").rpartition("/")[0]
    about = read({"metadata": {}, **manifest}, "metadata", of=dict)
    return name({**about, "group": group, "kind": manifest.get("kind")}), json.dumps(manifest, sort_keys=True)
