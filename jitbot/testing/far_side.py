"""The far side of a source of facts, for tests: an HTTP server on loopback that answers well, badly, or not at all."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

DRIP_SECONDS = 0.02
"""How long a dripping answer pauses after each byte."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as it came in; header names in small letters."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `manner` is how it is sent: `hang` sends nothing, `drip` a byte now and then, `cut` only half."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: Literal["well", "hang", "drip", "cut"] = "well"


class FarSide(ThreadingHTTPServer):
    """Answers what `say` told it, 404 to everything else, and 401 to who lacks a header that `demand` named."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host = f"127.0.0.1:{self.server_address[1]}"
        """For the hosts that a site allows."""
        self.url = f"http://{self.host}"
        self.asked: list[Asked] = []
        self.leaving = threading.Event()
        self._said: list[tuple[str, Mapping[str, str], Reply]] = []
        self._wanted: dict[str, str] = {}
        self._spoilt: Reply | None = None
        self._good = 0

    def say(
        self,
        path: str,
        answer: Any,
        *,
        query: Mapping[str, str] | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer a path with JSON, or with a text as it is; where `query` is given, only to who asks with all of it."""
        body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self._said.append((path, query or {}, Reply(status, body, headers or {})))

    def demand(self, header: str, value: str) -> None:
        """Refuse with 401 whoever does not send this header."""
        self._wanted[header.lower()] = value

    def spoil(self, reply: Reply, *, after: int = 0) -> None:
        """Answer so many more questions well, and this to all that follow."""
        self._spoilt, self._good = reply, len(self.asked) + after

    def reply(self, asked: Asked) -> Reply:
        """Return what this question gets; what it echoes of the question tempts sources to show it."""
        self.asked.append(asked)
        if self._spoilt is not None and len(self.asked) > self._good:
            return self._spoilt
        echo = json.dumps([dict(asked.headers), asked.path, dict(asked.query)]).encode()
        if any(asked.headers.get(name) != value for name, value in self._wanted.items()):
            return Reply(401, echo)
        fitting = [each for each in self._said if each[0] == asked.path and each[1].items() <= asked.query.items()]
        return max(fitting, key=lambda each: len(each[1]))[2] if fitting else Reply(404, echo)

    def first_answer(self) -> bytes:
        """Return the body of the first answer that was told to `say`."""
        return self._said[0][2].body if self._said else b""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers may leave in the middle."""


@contextmanager
def far_side() -> Iterator[FarSide]:
    """Run a far side."""
    server = FarSide()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.leaving.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FarSide

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.reply(Asked(self.command, parts.path, query, headers, body))
        with suppress(OSError):
            self._send(reply)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

    def _send(self, reply: Reply) -> None:
        if reply.manner == "hang":
            self._until_they_leave()
            return
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if reply.manner == "drip":
            self._drip(reply.body)
        else:
            self.wfile.write(reply.body if reply.manner == "well" else reply.body[: len(reply.body) // 2])
        self.close_connection = True

    def _drip(self, body: bytes) -> None:
        for byte in body:
            if self.server.leaving.wait(DRIP_SECONDS):
                return
            self.wfile.write(bytes([byte]))

    def _until_they_leave(self) -> None:
        self.connection.settimeout(0.05)
        while not self.server.leaving.is_set():
            with suppress(socket.timeout):
                if not self.connection.recv(1):
                    return

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what was asked is in `asked`."""
