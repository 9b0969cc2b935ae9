"""One cluster as tests handle it, small or real: by its API, as an administrator, and never through the runners."""

import itertools
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from jitbot.outbound.site import EnvironmentSite
from tests.kubernetes.authority import MASTERS, Caller
from tests.kubernetes.certificates import Certificates, make
from tests.kubernetes.real import real_server
from tests.kubernetes.server import small_server
from tests.kubernetes.store import RESOURCES

ADMIN, JITBOT, ANN, BO = "admin-of-the-tests", "jitbot-of-the-tests", "ann-of-the-tests", "bo-of-the-tests"
"""Tokens, by which both servers know these four."""
ALL = "system:authenticated"
CALLERS = {
    ADMIN: Caller("admin", (MASTERS,)),
    JITBOT: Caller("system:serviceaccount:jitbot:jitbot", ("system:serviceaccounts", ALL)),
    ANN: Caller("ann@example.com", ("engineers", ALL)),
    BO: Caller("bo@example.com", ("engineers", ALL)),
}


@dataclass
class Cluster:
    url: str
    certificates: Certificates
    real: bool
    writes: Callable[[], int] = field(default_factory=lambda: itertools.count().__next__)
    """Tells by another number that something may have been written."""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        trust = ssl.create_default_context(cadata=self.certificates.ca)
        self.client = httpx2.Client(base_url=self.url, verify=trust, trust_env=False, timeout=30)

    def close(self) -> None:
        self.client.close()

    @property
    def inputs(self) -> dict[str, Any]:
        return {"server": self.url, "token": {"secret": "cluster"}, "ca": self.certificates.ca}

    @property
    def site(self) -> EnvironmentSite:
        return self.site_for(self.url)

    def site_for(self, *urls: str, token: str = JITBOT, paths: Sequence[Path] = ()) -> EnvironmentSite:
        hosts = [url.removeprefix("https://") for url in urls]
        return EnvironmentSite(hosts, {"JITBOT_SECRET_CLUSTER": token}, paths)

    def ask(
        self, method: str, path: str, body: Any = None, *, token: str = ADMIN, kind: str = "json"
    ) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": f"application/{kind}"}
        content = None if body is None else httpx2.Request("POST", self.url, json=body).content
        return self.client.request(method, path, headers=headers, content=content)

    def told(self, method: str, path: str, body: Any = None, **how: Any) -> Any:
        answer = self.ask(method, path, body, **how)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def path(self, plural: str, namespace: str = "", name: str = "") -> str:
        about = RESOURCES[plural]
        # A kube-apiserver of 2021 has budgets in a version that has gone since.
        version = "v1beta1" if self.real and about.group == "policy" else about.versions[0]
        top = f"/apis/{about.group}/{version}" if about.group else f"/api/{version}"
        return "/".join(filter(None, [top, "namespaces" if namespace else "", namespace, plural, name]))

    def get(self, plural: str, name: str, namespace: str = "") -> Any:
        return self.told("GET", self.path(plural, namespace, name))

    def all(self, plural: str, namespace: str = "") -> list[Any]:
        return list(self.told("GET", self.path(plural, namespace))["items"])

    def create(self, plural: str, body: Mapping[str, Any], namespace: str = "") -> Any:
        return self.told("POST", self.path(plural, namespace), body)

    def patch(self, plural: str, name: str, body: Any, namespace: str = "", sub: str = "") -> Any:
        path = self.path(plural, namespace, name) + (f"/{sub}" if sub else "")
        return self.told("PATCH", path, body, kind="merge-patch+json")

    def delete(self, plural: str, name: str, namespace: str = "", body: Any = None) -> None:
        answer = self.ask("DELETE", self.path(plural, namespace, name), body)
        assert answer.status_code < 300 or answer.status_code == 404, answer.text

    def apply(self, documents: Sequence[Any]) -> None:
        """Create what is not there yet, as it is written in YAML."""
        kinds = {about.kind: plural for plural, about in RESOURCES.items()}
        for each in documents:
            path = self.path(kinds[each["kind"]], each["metadata"].get("namespace", ""))
            assert self.ask("POST", path, each).status_code in (201, 409)

    def may(self, token: str, path: str) -> bool:
        """Tell whether somebody may look at something now."""
        status = self.ask("GET", path, token=token).status_code
        assert status in (200, 403)
        return status == 200


@contextmanager
def cluster(folder: Path, *, real: bool) -> Iterator[Cluster]:
    certificates = make(folder)
    if real:
        with real_server(folder, certificates, CALLERS) as url, closing(Cluster(url, certificates, real)) as made:
            yield made
        return
    with (
        small_server(certificates, CALLERS) as server,
        closing(Cluster(server.url, certificates, real, lambda: server.store.writes)) as made,
    ):
        yield made
