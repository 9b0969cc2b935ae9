"""Running a local Slack: in a background thread for tests, or in the foreground for a demo."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

import httpx2
import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from jitbot.sandbox.app import build_app
from jitbot.sandbox.connections import DroppableProtocol
from jitbot.sandbox.engine import Engine
from jitbot.sandbox.person import Person, wait_for
from jitbot.sandbox.workspace import load_workspace

Json = dict[str, Any]
Found = TypeVar("Found")


_GRACE_SECONDS = 0.1


def _ending_quietly(app: ASGIApp, engine: Engine) -> ASGIApp:
    """Let calls that are cut off, by the server or by their caller, end without uvicorn logging a traceback."""

    async def quiet(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            if not engine.stopped:
                raise
        except ClientDisconnect:
            return  # whoever called has died in the middle of it

    return quiet


class _Server(uvicorn.Server):
    """A server that stops at once: what is under way is cancelled, connections are cut."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(
            uvicorn.Config(
                _ending_quietly(build_app(engine), engine),
                http=DroppableProtocol,
                ws="websockets-sansio",
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                timeout_keep_alive=600,
            )
        )
        self._engine = engine
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()
        self.ready = threading.Event()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.ready.set()
        await self._ending.wait()

    def end(self) -> None:
        """Stop, asked from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._ending.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self.end()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await self._engine.stop()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        if self.server_state.tasks:
            _done, left = await asyncio.wait(self.server_state.tasks, timeout=_GRACE_SECONDS)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)


class LocalSlack:
    """A local Slack on a port of this machine, for as long as the `with` block lasts."""

    def __init__(self, workspace: Path | str | Mapping[str, Any], port: int = 0, host: str = "127.0.0.1") -> None:
        loaded = load_workspace(workspace)
        app = loaded.app
        self.bot_token, self.app_token, self.signing_secret = app.bot_token, app.app_token, app.signing_secret
        self._engine = Engine(loaded)
        self._socket = _listening(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        self.api_url = f"{self.url}/api/"
        self._engine.base_url = self.url
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._client = httpx2.Client(base_url=self.url, timeout=30, trust_env=False)

    def start(self) -> Self:
        """Start serving; returns once the port answers."""
        server = self._server = _Server(self._engine)
        self._thread = threading.Thread(target=self._serve, args=(server,), name="local-slack", daemon=True)
        self._thread.start()
        if not server.ready.wait(timeout=10):
            raise RuntimeError("the local Slack did not start within ten seconds")
        return self

    def stop(self) -> None:
        """Stop serving and close everything; may be called twice."""
        if self._server is not None and self._thread is not None:
            self._server.end()
            self._thread.join(timeout=10)
            self._server = self._thread = None
        self._socket.close()
        self._client.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def person(self, user: str) -> Person:
        """Return somebody to act as."""
        return Person(self._client, user)

    def control(self, path: str, body: Any = None, *, method: str | None = None) -> Any:
        """Call the control API, for example `control("clock", {"forward": 60})`, and return its answer.

        Raises:
            PersonRefused: When it answers with an error.
        """
        return self.person("").call(method or ("GET" if body is None else "POST"), f"/control/{path}", body)

    def forward(self, seconds: float) -> None:
        """Move the local Slack's clock."""
        self.control("clock", {"forward": seconds})

    def faults(self, *faults: Json) -> None:
        """Replace the faults in force."""
        self.control("faults", list(faults), method="PUT")

    def log(self, since: int = 0) -> Json:
        """Return the calls and deliveries after the n-th."""
        found: Json = self.control(f"log?since={since}")
        return found

    def calls(self, method: str) -> list[Json]:
        """Return the logged calls of one Web API method (or `response_url`)."""
        return [call for call in self.log()["calls"] if call["method"] == method]

    def deliveries(self, kind: str) -> list[Json]:
        """Return the logged deliveries of one kind, for example `block_actions`."""
        return [one for one in self.log()["deliveries"] if one["kind"] == kind]

    def reset(self) -> None:
        """Go back to the workspace file; sockets stay open."""
        self.control("reset", {})

    def wait_for(self, look: Callable[[], Found | None], what: str = "it", timeout: float = 5.0) -> Found:
        """Return what `look` finds once it finds something true.

        Raises:
            AssertionError: After `timeout` seconds, with the state of the workspace.
        """
        return wait_for(look, what, timeout, lambda: self.control("state"))

    def _serve(self, server: _Server) -> None:
        asyncio.run(server.serve(sockets=[self._socket]))


def serve(workspace: Path | str | Mapping[str, Any], host: str = "127.0.0.1", port: int = 3000) -> None:
    """Serve a local Slack until interrupted."""
    engine = Engine(load_workspace(workspace))
    listening = _listening(host, port)
    engine.base_url = f"http://{host}:{listening.getsockname()[1]}"
    with contextlib.suppress(KeyboardInterrupt), listening:
        asyncio.run(_Server(engine).serve(sockets=[listening]))


def _listening(host: str, port: int) -> socket.socket:
    # asyncio switches Nagle's delay off only where the protocol is named; without it every answer takes 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(256)
    except OSError:
        listening.close()
        raise
    return listening
