"""The addresses files are posted to and read from."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from jitbot.sandbox.api_http import after, before
from jitbot.sandbox.engine import Engine


class Uploads:
    """Keeps the bytes of uploaded files in memory."""

    def __init__(self, engine: Engine) -> None:
        self._state = engine.state
        self._faults = engine.faults

    async def upload(self, request: Request) -> Response:
        """Take a file's bytes, once the app has asked for this address."""
        stored = self._state.files.get(request.path_params["id"])
        if stored is None:
            return Response("not found", 404)
        content = await request.body()
        fault = self._faults.on_place("upload")
        early = await before(fault)
        if early is not None:
            return early
        if len(content) != stored["size"]:
            return Response("not the announced length", 400)
        stored["content"] = content
        return after(fault) or Response(f"OK - {len(content)}")

    async def download(self, request: Request) -> Response:
        """Return a file's bytes, never as something a browser would run."""
        stored = self._state.files.get(request.path_params["id"])
        if stored is None or stored["content"] is None:
            return Response("not found", 404)
        headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}
        return Response(stored["content"], headers=headers, media_type="application/octet-stream")
