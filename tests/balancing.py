"""A real HAProxy on loopback, with servers behind it that answer, for tests of the runner that steers it."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event
from typing import Any

import httpx2
import pytest

READY_SECONDS = 10
CONFIGURATION = """
global
  stats socket {folder}/admin.sock mode 600 level admin
  stats socket {folder}/looking.sock mode 600 level user
  stats socket ipv4@{runtime} level admin
defaults
  mode http
  option redispatch
  timeout connect 2s
  timeout client 20s
  timeout server 20s
frontend front
  bind {front}
  default_backend web
backend web
  balance roundrobin
  server a {a} check inter 100ms weight 100
  server b {b} weight 50
  server c {c} disabled
backend api
  server x {a} track web/a
  server y {a} track api/x
  server z {b}
backend fixed
  balance static-rr
  server s1 {b}
  server s2 {b}
backend spare
  server only {b}
  server backup {b} backup
"""


class Behind(ThreadingHTTPServer):
    """A server behind HAProxy; it takes `seconds` over each request and counts those it has in hand."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.seconds = 0.05
        self.taken = 0
        self.in_hand = 0
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Health checks leave in the middle."""


class _Answering(BaseHTTPRequestHandler):
    server: Behind

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.taken += 1
            self.server.in_hand += 1
        Event().wait(self.server.seconds)
        with self.server.lock:
            self.server.in_hand -= 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@dataclass(frozen=True)
class Balancer:
    """A HAProxy that runs. `ask` speaks to it as an operator would, not through the runner."""

    folder: Path
    runtime: str
    front: str
    servers: dict[str, Behind]
    process: subprocess.Popen[bytes]

    @property
    def socket(self) -> str:
        return str(self.folder / "admin.sock")

    def ask(self, *lines: str) -> str:
        said = ""
        for line in lines:
            with socket.socket(socket.AF_UNIX) as link:
                link.connect(self.socket)
                link.sendall(f"{line}\n".encode())
                said += "".join(iter(lambda link=link: link.recv(65536).decode(), ""))
        return said.strip()

    def settled(self) -> dict[str, tuple[str, str]]:
        """Return what each server was told: its administrative state, and its weight."""
        rows = [line.split() for line in self.ask("show servers state").splitlines()[2:]]
        return {f"{row[1]}/{row[3]}": (row[6], row[7]) for row in rows if row}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Traffic:
    """Clients that ask without a pause; `statuses` is what they got."""

    statuses: list[int | str]


@contextmanager
def traffic(balancer: Balancer, clients: int = 8) -> Iterator[Traffic]:
    """Have clients ask all the time: every other one keeps its connection, the rest make a new one each time."""
    over, told = Event(), Traffic([])

    def ask(headers: dict[str, str]) -> None:
        with httpx2.Client(timeout=10, trust_env=False) as client:
            while not over.is_set():
                try:
                    told.statuses.append(client.get(f"http://{balancer.front}/", headers=headers).status_code)
                except httpx2.HTTPError as error:
                    told.statuses.append(type(error).__name__)

    ways = [{}, {"Connection": "close"}]
    threads = [threading.Thread(target=ask, args=(ways[number % 2],)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        over.set()
        for thread in threads:
            thread.join()


@contextmanager
def haproxy(folder: Path) -> Iterator[Balancer]:
    """Run HAProxy before three servers; without the program the test is skipped."""
    program = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("there is no haproxy here; .ci/haproxy installs it from Debian")
    with ExitStack() as stack:
        servers = {name: stack.enter_context(_serving()) for name in "abc"}
        balancer = _started(program, folder, servers)
        stack.callback(balancer.kill)
        yield balancer


@contextmanager
def between(balancer: Balancer, hears: Callable[[str], str]) -> Iterator[str]:
    """Stand between a client and HAProxy; yields `host:port`.

    `hears` gets each line and returns `pass`, `lose` (HAProxy never gets it) or `swallow` (only the answer is lost).
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client:
                    line = client.makefile().readline().rstrip("\n")
                    what = hears(line)
                    answer = balancer.ask(line) if what != "lose" else ""
                    if what == "pass":
                        client.sendall(f"{answer}\n\n".encode())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@contextmanager
def _serving() -> Iterator[Behind]:
    with Behind() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _started(program: str, folder: Path, servers: dict[str, Behind]) -> Balancer:
    """Start it on ports that are free; once more where somebody takes one of them in this very instant."""
    hosts = {name: server.host for name, server in servers.items()}
    for last in (False, False, True):
        runtime, front = (f"127.0.0.1:{port}" for port in _free_ports(2))
        (folder / "haproxy.cfg").write_text(
            CONFIGURATION.format(folder=folder, runtime=runtime, front=front, **hosts), encoding="utf-8"
        )
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([program, "-db", "-f", folder / "haproxy.cfg"], stdout=log, stderr=log)
        balancer = Balancer(folder, runtime, front, servers, process)
        try:
            _await_ready(balancer)
        except RuntimeError as error:
            balancer.kill()
            if last or "Address already in use" not in str(error):
                raise
            continue
        return balancer
    raise AssertionError


def _await_ready(balancer: Balancer) -> None:
    pause, end = Event(), time.monotonic() + READY_SECONDS
    while time.monotonic() < end and balancer.process.poll() is None:
        with suppress(OSError):
            balancer.ask("show info")
            return
        pause.wait(0.02)
    raise RuntimeError(f"HAProxy did not get ready: {(balancer.folder / 'log').read_text()[-2000:]}")


def _free_ports(number: int) -> Sequence[int]:
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [listener.getsockname()[1] for listener in listeners]
