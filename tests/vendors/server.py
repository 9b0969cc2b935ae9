"""Vendors' APIs for tests: servers that really listen, and check credentials, paths and queries as the vendor does."""

import json
import threading
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

AT = datetime(2026, 11, 25, 10, tzinfo=UTC)


@dataclass(frozen=True)
class Asked:
    """One question; its path is as it came, with nothing unquoted."""

    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    method: str = "GET"
    body: bytes = b""

    def document(self) -> Any:
        return json.loads(self.body) if self.body else {}

    def one(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[-1]


@dataclass(frozen=True)
class Reply:
    document: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: bool = False
    """Whether the line ends before the answer."""

    def body(self) -> bytes:
        return self.document if isinstance(self.document, bytes) else json.dumps(self.document).encode()


class Vendor(ThreadingHTTPServer):
    """One vendor's API; while `instead` is set, everybody gets that."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.url = f"http://{self.host}"
        self.asked: list[Asked] = []
        self.instead: Reply | None = None

    @abstractmethod
    def reply(self, asked: Asked) -> Reply:
        """Answer as the vendor does."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers may leave in the middle."""


Kind = TypeVar("Kind", bound=Vendor)


@contextmanager
def listening(vendor: Kind) -> Iterator[Kind]:
    thread = threading.Thread(target=vendor.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield vendor
    finally:
        vendor.shutdown()
        thread.join()
        vendor.server_close()


def page(rows: Sequence[Any], asked: Asked, size: str, most: int) -> tuple[Sequence[Any], bool]:
    """Return one page by limit and offset, and whether there are more."""
    limit, offset = min(int(asked.one(size, "25")), most), int(asked.one("offset", "0"))
    return rows[offset : offset + limit], offset + limit < len(rows)


def written(hour: float, offset: str = "Z") -> str:
    """Write an instant of the day that the tests live in, in UTC or as that clock time of another offset."""
    return f"2026-11-25T{int(hour):02}:{int(hour % 1 * 60):02}:00{offset}"


class _Handler(BaseHTTPRequestHandler):
    server: Vendor

    def answer(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        asked = Asked(parts.path, parse_qs(parts.query, keep_blank_values=True), headers, self.command, body)
        self.server.asked.append(asked)
        reply = self.server.instead or self.server.reply(asked)
        if reply.lost:
            return
        with suppress(OSError):
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body())), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body())

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
