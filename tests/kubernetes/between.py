"""Something between jitbot and an API server: it loses requests or answers, and knows what was asked."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from jitbot.outbound.site import EnvironmentSite
from tests.kubernetes.cluster import Cluster

Hears = Callable[[str, str], str]
"""Gets method and path; returns `pass`, `lose` (the server never gets it), `swallow` (only the answer is lost), or a
status with perhaps a reason (whoever stands between answers with that, with a reason in the words of Kubernetes)."""


class Between(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, cluster: Cluster, hears: Hears) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.cluster = cluster
        self.hears = hears
        self.asked: list[str] = []
        self.trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.trust.load_cert_chain(cluster.certificates.certificate, cluster.certificates.key)
        self.url = f"https://127.0.0.1:{self.server_address[1]}"

    @property
    def site(self) -> EnvironmentSite:
        return self.cluster.site_for(self.url)

    def get_request(self) -> tuple[Any, Any]:
        link, address = super().get_request()
        return self.trust.wrap_socket(link, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers may leave in the middle."""


class _Handler(BaseHTTPRequestHandler):
    server: Between
    timeout = 10

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(f"{self.command} {self.path}")
        fate = self.server.hears(self.command, self.path)
        if fate == "lose":
            return
        code, answer = 0, b""
        if fate in ("pass", "swallow"):
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
            client = self.server.cluster.client
            told = client.request(self.command, self.path, headers=headers, content=body)
            code, answer = told.status_code, told.content
        else:
            status, _, reason = fate.partition(" ")
            code = int(status)
            answer = f'{{"kind": "Status", "reason": "{reason}", "message": "no"}}'.encode() if reason else b"<html>no"
        if fate != "swallow":
            self.send_response(code)
            self.send_header("Content-Length", str(len(answer)))
            self.send_header("Location", f"{self.server.cluster.url}{self.path}")
            self.end_headers()
            self.wfile.write(answer)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def between(cluster: Cluster, hears: Hears) -> Iterator[Between]:
    with Between(cluster, hears) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
