"""The supervisor's HTTP interface, on loopback only and deaf to browsers."""

import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from jitbot.cli.demo_service.supervisor import Refused, Supervisor

BODY_BYTES = 64 * 1024

_ADMIN = re.compile(r"/admins/([^/]+)")
_RELEASE = re.compile(r"/releases/([0-9]{1,6})")
_RUN = re.compile(r"/runs/([^/]+)")


class ControlServer(ThreadingHTTPServer):
    """Serves one supervisor."""

    daemon_threads = True

    def __init__(self, supervisor: Supervisor, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Control)
        self.supervisor = supervisor
        self.port: int = self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that left in the middle of an answer."""


class _Control(BaseHTTPRequestHandler):
    """`POST /restart`, `POST /releases/{n}`, `PUT | DELETE | GET /admins/{user}`, `POST /fail`, and what to look at."""

    server: ControlServer

    def do_GET(self) -> None:
        self._reply(self._look)

    def do_POST(self) -> None:
        self._reply(self._change)

    def do_PUT(self) -> None:
        self._reply(self._change)

    def do_DELETE(self) -> None:
        self._reply(self._change)

    def _look(self) -> dict[str, Any]:
        supervisor = self.server.supervisor
        if self.path == "/state":
            return supervisor.state()
        if run := _RUN.fullmatch(self.path):
            return supervisor.answered(unquote(run[1]))
        if admin := _ADMIN.fullmatch(self.path):
            user = unquote(admin[1])
            admins = supervisor.state()["admins"]
            if user not in admins:
                raise Refused(404, f"{user} is no admin.")
            return {"user": user, "until": admins[user]}
        raise Refused(404, "There is nothing here.")

    def _change(self) -> dict[str, Any]:
        body = self._body()
        change = self._asked(body)
        asked = f"{self.command} {self.path} {json.dumps(body, sort_keys=True)}"
        return self.server.supervisor.once(self.headers.get("Idempotency-Key", ""), asked, change)

    def _asked(self, body: dict[str, Any]) -> Callable[[], dict[str, Any]]:
        supervisor = self.server.supervisor
        if (self.command, self.path) == ("POST", "/restart"):
            return supervisor.restart
        if (self.command, self.path) == ("POST", "/fail"):
            return supervisor.fail
        if self.command == "POST" and (release := _RELEASE.fullmatch(self.path)):
            number = int(release[1])
            return lambda: supervisor.to_release(number)
        if self.command in ("PUT", "DELETE") and (admin := _ADMIN.fullmatch(self.path)):
            user = unquote(admin[1])
            if self.command == "DELETE":
                return lambda: supervisor.revoke(user)
            seconds = _seconds(body)
            return lambda: supervisor.grant(user, seconds)
        raise Refused(404, "There is nothing here.")

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > BODY_BYTES:
            raise Refused(413, "The body is too long.")
        try:
            body = json.loads(self.rfile.read(int(length)) or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Refused(400, "The body is no JSON object.")
        return body

    def _refuse_browsers(self) -> None:
        """Refuse what a web page could send here from the browser of somebody who shows the demo."""
        if self.headers.get("Host") != f"127.0.0.1:{self.server.port}" or "Origin" in self.headers:
            raise Refused(403, "Pages in a browser may not steer this service.")

    def _reply(self, answer: Callable[[], dict[str, Any]]) -> None:
        try:
            self._refuse_browsers()
            status, told = 200, answer()
        except Refused as error:
            status, told = error.status, {"error": str(error)}
        text = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the events tell what matters."""


def _seconds(body: dict[str, Any]) -> float | None:
    seconds = body.get("seconds")
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float)):
        raise Refused(422, "`seconds` is a number.")
    return seconds
