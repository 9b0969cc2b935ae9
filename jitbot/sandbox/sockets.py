"""Socket Mode's server side: up to ten sockets, each payload to exactly one of them.

An acknowledgement is accepted on any socket of the app, since the clients send it on their newest one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import secrets
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from jitbot.sandbox.limits import ACK_SECONDS, SOCKET_LIFE_SECONDS, SOCKETS

Json = dict[str, Any]


class NoSocket(Exception):
    """The app has no open socket."""


class SocketHub:
    """The app's sockets and the envelopes that wait for their acknowledgement."""

    def __init__(self, app_id: str) -> None:
        self._app_id = app_id
        self._tickets: set[str] = set()
        self._sockets: dict[str, WebSocket] = {}
        self._turn = itertools.count()
        self._waiting: dict[str, asyncio.Future[Json]] = {}

    @property
    def count(self) -> int:
        """How many sockets are open."""
        return len(self._sockets)

    def ticket(self) -> str:
        """Return a ticket for one connection."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return ticket

    async def serve(self, socket: WebSocket, *, silent: bool = False) -> None:
        """Serve one connection until it ends; `silent` never says hello."""
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self._tickets:
            await socket.close(4001)
            return
        self._tickets.discard(ticket)
        await socket.accept()
        if self.count >= SOCKETS:
            await socket.send_text(json.dumps(_disconnect("too_many_websockets")))
            await socket.close()
            return
        name = f"socket {next(self._turn)}"
        try:
            if not silent:
                self._sockets[name] = socket
                await socket.send_text(json.dumps(self._hello()))
            while True:
                self._take(await socket.receive_text())
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self._sockets.pop(name, None)

    async def exchange(self, envelope: Json, *, avoid: str | None = None) -> tuple[str, Json]:
        """Send an envelope to one socket and return that socket's name with the acknowledgement.

        Raises:
            NoSocket: When there is none (besides the one to avoid).
            TimeoutError: When the three seconds have passed.
        """
        name = self._choose(avoid)
        envelope_id = envelope["envelope_id"]
        waiting: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = waiting
        try:
            await self._send(name, envelope)
            return name, await asyncio.wait_for(waiting, ACK_SECONDS)
        finally:
            self._waiting.pop(envelope_id, None)

    async def disconnect_all(self, reason: str) -> int:
        """Ask all sockets to reconnect and return how many."""
        names = list(self._sockets)
        for name in names:
            await self._send(name, _disconnect(reason))
        return len(names)

    async def close_all(self) -> int:
        """Close all sockets without a word and return how many."""
        sockets = list(self._sockets.values())
        self._sockets.clear()
        for socket in sockets:
            if socket.application_state is WebSocketState.CONNECTED:
                with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # its client was killed just now
                    await socket.close(1001)
        return len(sockets)

    def _choose(self, avoid: str | None) -> str:
        names = [name for name in self._sockets if name != avoid]
        if not names:
            raise NoSocket
        return names[next(self._turn) % len(names)]

    async def _send(self, name: str, message: Json) -> None:
        try:
            await self._sockets[name].send_text(json.dumps(message))
        except (RuntimeError, WebSocketDisconnect):
            self._sockets.pop(name, None)

    def _take(self, text: str) -> None:
        try:
            answer = json.loads(text)
        except ValueError:
            return
        if not isinstance(answer, dict):
            return
        waiting = self._waiting.get(str(answer.get("envelope_id")))
        if waiting is not None and not waiting.done():
            payload = answer.get("payload")
            waiting.set_result(payload if isinstance(payload, dict) else {})

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": self.count,
            "debug_info": {"host": "local", "build_number": 1, "approximate_connection_time": SOCKET_LIFE_SECONDS},
            "connection_info": {"app_id": self._app_id},
        }


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "local"}}
