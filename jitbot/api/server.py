"""The HTTP server, in a thread of its own, and the two addresses that load balancers ask."""

import logging
import threading
import time
from collections.abc import Callable

import uvicorn
from fastapi import APIRouter, FastAPI, Response

from jitbot.errors import SettingsError

log = logging.getLogger(__name__)

START_SECONDS = 10.0


def build_api(ready: Callable[[], str], *routers: APIRouter) -> FastAPI:
    """Return the application: health, readiness, and the given routers. `ready` gives what is lacking, or nothing."""
    api = FastAPI(title="jitbot", docs_url=None, redoc_url=None, openapi_url=None)

    @api.get("/healthz")
    def healthy() -> Response:
        return Response("ok\n", media_type="text/plain")

    @api.get("/readyz")
    def is_ready() -> Response:
        lacking = ready()
        return Response(f"{lacking or 'ready'}\n", 503 if lacking else 200, media_type="text/plain")

    for router in routers:
        api.include_router(router)
    return api


class HttpServer:
    """Serves an application until it is stopped."""

    def __init__(self, api: FastAPI, host: str, port: int) -> None:
        self._where = f"{host}:{port}"
        config = uvicorn.Config(
            api, host=host, port=port, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=5
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)

    def start(self) -> None:
        """Listen. Raises: SettingsError where the address cannot be had."""
        self._thread.start()
        until = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise SettingsError(f"Cannot listen on {self._where}: set JITBOT_HOST and JITBOT_PORT otherwise.")
            time.sleep(0.01)
        log.info("listening on http://%s", self._where)

    def stop(self) -> None:
        """Take no more, finish what is under way, and close."""
        self._server.should_exit = True
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        try:
            self._server.run()
        except SystemExit:  # uvicorn's way of saying that the port is taken; `start` says it better
            log.debug("the HTTP server could not start")
