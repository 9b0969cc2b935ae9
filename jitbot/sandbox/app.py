"""The local Slack as an ASGI application."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from jitbot.sandbox.api_http import ApiHttp
from jitbot.sandbox.control import Control
from jitbot.sandbox.engine import Engine
from jitbot.sandbox.uploads import Uploads

PAGE = Path(__file__).parent / "page"


def build_app(engine: Engine) -> Starlette:
    """Return the application that serves this engine."""
    api = ApiHttp(engine)
    uploads = Uploads(engine)

    async def socket(websocket: WebSocket) -> None:
        fault = engine.faults.on_place("socket")
        if fault is not None and fault.kind != "hang":
            await websocket.close(1011)
            return
        await engine.hub.serve(websocket, silent=fault is not None)

    return Starlette(
        routes=[
            Route("/api/{method}", api.method, methods=["GET", "POST"]),
            Route("/response/{name:path}", api.response_url, methods=["POST"]),
            WebSocketRoute("/socket", socket),
            Route("/files/upload/{id}", uploads.upload, methods=["POST"]),
            Route("/files/{id}/{name}", uploads.download),
            *Control(engine).routes(),
            Route("/", page),
            Route("/archives/{channel}/{message}", permalink),
            Mount("/page", StaticFiles(directory=PAGE, check_dir=False)),
        ]
    )


async def page(_request: Request) -> Response:
    """Serve the page."""
    index = PAGE / "index.html"
    if not index.exists():
        return Response("The page is not installed.", 404)
    return FileResponse(index)


async def permalink(request: Request) -> Response:
    """Open a message's permalink in the page."""
    digits = request.path_params["message"].removeprefix("p")
    return RedirectResponse(f"/?channel={request.path_params['channel']}&ts={digits[:-6]}.{digits[-6:]}")
