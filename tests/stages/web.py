"""Stages over HTTP, and before a HAProxy."""

from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from jitbot.outbound.site import EnvironmentSite
from tests.balancing import Balancer, haproxy, traffic
from tests.stages.stage import Stage
from tests.wire import wire

TOKEN = "a-token-of-jitbot"


def await_true(what: Callable[[], bool]) -> None:
    pause = Event()
    while not what():
        pause.wait(0.02)


class Flags(ThreadingHTTPServer):
    """A service that sets and lifts flags by name, for whoever has the token; a flag that is set is a conflict."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Flag)
        self.flags: set[str] = set()
        self.refusing = False


class _Flag(BaseHTTPRequestHandler):
    server: Flags

    def _status(self) -> HTTPStatus:
        flags = self.server.flags
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return HTTPStatus.UNAUTHORIZED
        if self.command == "GET":
            return HTTPStatus.OK if self.path in flags else HTTPStatus.NOT_FOUND
        if self.command == "PUT":
            if self.server.refusing or self.path in flags:
                return HTTPStatus.CONFLICT
            flags.add(self.path)
        flags.discard(self.path) if self.command == "DELETE" else None
        return HTTPStatus.NO_CONTENT

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self._status())
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_PUT = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


class HttpStage(Stage):
    runner = "http"

    def prepare(self) -> None:
        self.service = self.closing.enter_context(Flags())
        serving = Thread(target=self.service.serve_forever, args=(0.01,))
        serving.start()
        self.closing.callback(serving.join)
        self.closing.callback(self.service.shutdown)
        self.wire = self.closing.enter_context(wire(("127.0.0.1", self.service.server_port)))
        self.secrets = {"JITBOT_SECRET_FLAGS": TOKEN}

    def site(self) -> EnvironmentSite:
        return EnvironmentSite([self.wire.host], self.secrets)

    def inputs(self) -> dict[str, Any]:
        allowed = {"headers": {"Authorization": {"secret": "flags", "prefix": "Bearer "}}}
        ask = {"method": "PUT", "url": f"http://{self.wire.host}/flags/sale", **allowed}
        return {**ask, "undo": dict(allowed), "check": dict(allowed)}

    def seen(self) -> list[str]:
        return sorted(self.service.flags)

    def refuse(self) -> None:
        self.service.refusing = True

    def down(self) -> None:
        self.wire.down()

    def up(self) -> None:
        self.wire.up()

    def hang(self) -> None:
        self.wire.hold(b"PUT /")

    def release(self) -> None:
        self.wire.release()

    def lock_out(self) -> None:
        self.secrets = {"JITBOT_SECRET_FLAGS": "a-token-of-somebody-else"}

    def do_before(self) -> None:
        self.service.flags.add("/flags/sale")


class HaproxyStage(Stage):
    runner = "haproxy.server"

    def prepare(self) -> None:
        self.balancer: Balancer = self.closing.enter_context(haproxy(self.folder))
        host, port = self.balancer.runtime.split(":")
        self.wire = self.closing.enter_context(wire((host, int(port))))

    def site(self) -> EnvironmentSite:
        return EnvironmentSite([self.wire.host])

    def inputs(self) -> dict[str, Any]:
        return {"host": self.wire.host, "backend": "web", "server": "a", "to": "drain", "wait": 60}

    def seen(self) -> tuple[str, str]:
        return self.balancer.settled()["web/a"]

    def refuse(self) -> None:
        self.balancer.ask("set server web/b state maint")

    def down(self) -> None:
        self.wire.down()

    def up(self) -> None:
        self.wire.up()

    def hang(self) -> None:
        self.wire.hold(b"set server")

    def release(self) -> None:
        self.wire.release()

    def linger(self) -> None:
        """Have requests in hand that take long."""
        slow = self.balancer.servers["a"]
        slow.seconds = 1.5
        self.closing.enter_context(traffic(self.balancer, clients=4))
        await_true(lambda: slow.in_hand > 0)

    def lock_out(self) -> None:
        """Have HAProxy let whoever comes there look and change nothing."""
        self.wire.target = str(self.folder / "looking.sock")

    def do_before(self) -> None:
        self.balancer.ask("set server web/a state drain")
