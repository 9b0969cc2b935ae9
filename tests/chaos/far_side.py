"""The far side: what runners act upon. It is never killed, and its journal says what has really been done."""

import json
import os
import random
import threading
import time
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SLOW_SECONDS = 1.5
"""How long a start below `/slow` takes: long enough to be stopped, or to land after its bot has died."""
QUICK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that was done: `start` or `undo`, by which run's key, on what; `at` in Unix seconds."""

    at: float
    what: str
    key: str
    target: str


class FarSide:
    """A server with valves that are opened (POST), looked at (GET) and closed again (DELETE)."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal.open("a")
        self._effects: list[Effect] = []
        self._open: set[str] = set()
        self._turn = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.host = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="far-side", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._journal.close()

    def effects(self) -> list[Effect]:
        """Return what has been done so far, oldest first."""
        with self._turn:
            return list(self._effects)

    def is_open(self, target: str) -> bool:
        """Tell whether a valve is open, as somebody sees who goes there."""
        with self._turn:
            return target in self._open

    def start(self, target: str, key: str, kind: str) -> int:
        """Open a valve; the status to answer."""
        time.sleep(SLOW_SECONDS if kind == "slow" else random.uniform(0, QUICK_SECONDS))
        self._done("start", key, target)
        time.sleep(random.uniform(0, QUICK_SECONDS))
        return 200

    def undo(self, target: str, key: str) -> int:
        """Close a valve; the status to answer."""
        was_open = self.is_open(target)
        self._done("undo", key, target)
        time.sleep(random.uniform(0, QUICK_SECONDS))
        return 200 if was_open else 404

    def look(self, target: str, *, sick: bool) -> int:
        """Look at a valve; the status to answer."""
        return 404 if not self.is_open(target) else 500 if sick else 200

    def _done(self, what: str, key: str, target: str) -> None:
        """Put it on disk before anybody is told."""
        with self._turn:
            effect = Effect(time.time(), what, key, target)
            self._journal.write(json.dumps(asdict(effect)) + "\n")
            self._journal.flush()
            os.fsync(self._journal.fileno())
            self._effects.append(effect)
            (self._open.add if what == "start" else self._open.discard)(target)


def _handler(far_side: FarSide) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kind, target = self.path.strip("/").split("/")
            self._answer(far_side.start(target, self.headers["idempotency-key"], kind))

        def do_GET(self) -> None:
            _, target, health = self.path.strip("/").split("/")
            self._answer(far_side.look(target, sick=health == "sick"))

        def do_DELETE(self) -> None:
            _, target, key = self.path.strip("/").split("/")
            self._answer(far_side.undo(target, key))

        def log_message(self, *_: Any) -> None:
            """Say nothing: the journal does."""

        def _answer(self, status: int) -> None:
            try:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()
            except OSError:
                return  # whoever asked is dead

    return Handler
