"""A small server that answers as a kube-apiserver does, over TLS, to what the runners and their tests ask.

It knows no more than that; the same tests run against a real one (`make kubernetes`), which keeps it honest.
"""

import json
import re
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.kubernetes.authority import Authority, Caller, Wish
from tests.kubernetes.certificates import Certificates
from tests.kubernetes.store import RESOURCES, Place, Refused, Store, merged

_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[a-z0-9.]+))/(?P<version>v[0-9a-z]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]))?"
    r"/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>[a-z]+))?)?"
)
_VERBS = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}


class SmallServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, certificates: Certificates, callers: Mapping[str, Caller]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(certificates.certificate, certificates.key)
        self.trust = trust
        self.url = f"https://127.0.0.1:{self.server_address[1]}"
        self.store = Store()
        self.authority = Authority(self.store, callers)

    def get_request(self) -> tuple[Any, Any]:
        link, address = super().get_request()
        return self.trust.wrap_socket(link, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers may leave in the middle."""

    def answer(self, method: str, target: str, header: str, kind: str, body: Any) -> tuple[int, Any]:
        split, found = urlsplit(target), None
        query = {name: values[-1] for name, values in parse_qs(split.query).items()}
        found = _PATH.fullmatch(split.path)
        if split.path == "/readyz":
            return 200, {}
        about = RESOURCES.get(found["plural"]) if found else None
        if (
            found is None
            or about is None
            or about.group != (found["group"] or "")
            or found["version"] not in about.versions
        ):
            return 404, None
        place = Place(found["plural"], found["namespace"] or "", found["name"] or "")
        try:
            with self.store.lock:
                return self._done(method, place, found["sub"] or "", query, header, kind, body)
        except Refused as refused:
            return refused.code, refused.status

    def _done(
        self, method: str, place: Place, sub: str, query: Mapping[str, str], header: str, kind: str, body: Any
    ) -> tuple[int, Any]:
        caller = self.authority.caller(header)
        verb = "list" if method == "GET" and not place.name else _VERBS[method]
        resource = f"{place.plural}/{sub}" if sub else place.plural
        self.authority.demand(caller, Wish(verb, RESOURCES[place.plural].group, resource, place.namespace, place.name))
        dry = "All" in (query.get("dryRun"), *((body or {}).get("deleteOptions") or {}).get("dryRun", []))
        match verb:
            case "get":
                return 200, self.store.get(place)
            case "list":
                return 200, self._list(place, query)
            case "create" if sub == "eviction":
                return self._evict(place, body, dry)
            case "create":
                return 201, self._create(place, caller, body, dry)
            case "patch":
                return 200, self._patch(place, sub, kind, body, dry)
            case _:
                at_once = (body or {}).get("gracePeriodSeconds") == 0
                self.store.delete(place, at_once=at_once)
                return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def _list(self, place: Place, query: Mapping[str, str]) -> Any:
        found = [each for each in self.store.all(place.plural, place.namespace) if _selected(each, query)]
        first, most = int(query.get("continue") or 0), int(query.get("limit") or len(found) or 1)
        more = {"continue": str(first + most)} if first + most < len(found) else {}
        about = RESOURCES[place.plural]
        return {
            "kind": f"{about.kind}List",
            "metadata": {"resourceVersion": "1", **more},
            "items": found[first:][:most],
        }

    def _create(self, place: Place, caller: Caller, body: dict[str, Any], dry: bool) -> Any:
        named = Place(place.plural, place.namespace, body["metadata"]["name"])
        if place.plural in ("rolebindings", "clusterrolebindings"):
            self.authority.demand_giving(caller, body, place.namespace)
        return self.store.create(named, body, dry=dry)

    def _patch(self, place: Place, sub: str, kind: str, body: Any, dry: bool) -> Any:
        if kind != "application/merge-patch+json":
            raise Refused(415, "UnsupportedMediaType", f"the body of the request was in an unknown format - {kind}")
        changed = merged(self.store.get(place), body)
        return self.store.replace(place, changed, status=sub == "status", dry=dry)

    def _evict(self, place: Place, body: Any, dry: bool) -> tuple[int, Any]:
        pod = self.store.get(place)
        wanted = (body["deleteOptions"].get("preconditions") or {}).get("uid")
        labels = (pod["metadata"].get("labels") or {}).items()
        budgets = [
            each
            for each in self.store.all("poddisruptionbudgets", place.namespace)
            if each["spec"]["selector"]["matchLabels"].items() <= labels
        ]
        if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed", "Pending"):
            if len(budgets) > 1:
                raise Refused(500, "InternalError", "This pod has more than one PodDisruptionBudget")
            for budget in budgets:
                if _is_ready(pod) or not _has_enough(budget):
                    self._spend(budget, dry)
        if wanted not in (None, pod["metadata"]["uid"]):
            raise Refused(409, "Conflict", f"the UID in the precondition ({wanted}) does not match", place.name)
        if not dry:
            self.store.delete(place, at_once=False)
        return 201, {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def _spend(self, budget: dict[str, Any], dry: bool) -> None:
        meta, status = budget["metadata"], budget.get("status") or {}
        left = status.get("disruptionsAllowed") or 0
        if left <= 0 or status.get("observedGeneration", 0) < meta["generation"]:
            raise Refused(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.")
        if not dry:
            budget["status"] = {**status, "disruptionsAllowed": left - 1}
            self.store.replace(Place("poddisruptionbudgets", meta["namespace"], meta["name"]), budget, status=True)


class _Handler(BaseHTTPRequestHandler):
    server: SmallServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    timeout = 10

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(raw) if raw else None
        told = self.headers.get("Authorization", ""), self.headers.get("Content-Type", "")
        code, answer = self.server.answer(self.command, self.path, *told, body)
        text = b"404 page not found\n" if answer is None else json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if answer is None else "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def small_server(certificates: Certificates, callers: Mapping[str, Caller]) -> Iterator[SmallServer]:
    with SmallServer(certificates, callers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions") or [])


def _has_enough(budget: Mapping[str, Any]) -> bool:
    status = budget.get("status") or {}
    return 0 < status.get("desiredHealthy", 0) <= status.get("currentHealthy", 0)


def _selected(found: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    labels = found["metadata"].get("labels") or {}
    values = {
        "metadata.name": found["metadata"]["name"],
        "spec.nodeName": (found.get("spec") or {}).get("nodeName", ""),
    }
    return _has(labels, query.get("labelSelector", "")) and _has(values, query.get("fieldSelector", ""))


def _has(values: Mapping[str, str], selector: str) -> bool:
    pairs: Sequence[Sequence[str]] = [each.replace("==", "=").split("=", 1) for each in selector.split(",") if each]
    return all(values.get(key) == value for key, value in pairs)
