"""Servers that really listen, for tests of whatever asks them."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class AServer(ThreadingHTTPServer):
    """Answers what `answers` says for a path, 404 otherwise, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.url = f"http://{self.host}"
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.seen: list[Seen] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers may leave in the middle."""


class _Handler(BaseHTTPRequestHandler):
    server: AServer

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(Seen(self.command, self.path, headers, body))
        status, more, text = self.server.answers.get(self.path, (404, {}, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = _any

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def a_server() -> Iterator[Callable[[], AServer]]:
    """Return a function that starts one more server."""
    with ExitStack() as stack:

        def start() -> AServer:
            server = stack.enter_context(AServer())
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return server

        yield start


@pytest.fixture
def a_rude_server() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Return a function that starts a server speaking whatever it is given; it returns `host:port`."""
    with ExitStack() as stack:

        def start(speak: Callable[[socket.socket], None]) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve() -> None:
                with suppress(OSError):
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(65536)
                        speak(connection)

            thread = threading.Thread(target=serve)
            thread.start()
            stack.callback(thread.join)
            stack.callback(wake, listener)
            return f"127.0.0.1:{listener.getsockname()[1]}"

        yield start


def wake(listener: socket.socket) -> None:
    """End a wait for a caller who never came."""
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
