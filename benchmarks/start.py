"""How soon the runner starts after the approving click, everything between them included.

Between them are: the click's delivery, its commit, its ack, the decision, the decision once more, the check of the
signed record, the written intention, and the HTTP request of the runner that arrives here.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks import processes
from benchmarks.databases import FreshUrl
from benchmarks.figures import Figure, bounded, percentile
from benchmarks.requests import click, prepare
from benchmarks.scale import Scale
from benchmarks.town import APPROVERS, write_policies, write_workspace

MOST_MS = 100.0
MOST_P99_MS = 500.0
PATIENCE_SECONDS = 20.0
BETWEEN_SECONDS = 0.4
"""Between two approvals, so that the one before has ended and is drawn."""
WARM_UP = 3


class Arrivals:
    """Waits for the runner's request of one run; its key says which run it is."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._changed = threading.Condition()

    def note(self, key: str) -> None:
        """Note an arrival, now."""
        now = time.perf_counter()
        with self._changed:
            self._at.setdefault(key, now)
            self._changed.notify_all()

    def wait(self, key: str) -> float | None:
        """Return when it arrived, None when it did not."""
        with self._changed:
            self._changed.wait_for(lambda: key in self._at, PATIENCE_SECONDS)
            return self._at.get(key)


def measure(scale: Scale, folder: Path, fresh_url: FreshUrl) -> list[Figure]:
    """Approve prepared requests one at a time, and clock each from the click to the arrival."""
    folder.mkdir(parents=True, exist_ok=True)
    arrivals = Arrivals()
    workspace = write_workspace(folder / "workspace.yml")
    with target(arrivals) as host, processes.slack(workspace, folder) as slack:
        policies = write_policies(folder / "policies", f"http://{host}/valve")
        with processes.jitbot(slack, folder, fresh_url(), policies, host):
            stand = prepare(slack, "one", scale.approvals + WARM_UP)
            took: list[float] = []
            missing = 0
            for number, card in enumerate(stand):
                time.sleep(BETWEEN_SECONDS)
                act = click(APPROVERS[number % len(APPROVERS)], card)
                began = time.perf_counter()
                slack.act(act.user, act.kind, dict(act.body))
                arrived = arrivals.wait(f"jit-{card.request}-1")
                if arrived is None:
                    missing += 1
                elif number >= WARM_UP:
                    took.append((arrived - began) * 1000)
    return [
        bounded("from the click to the runner's start, median", percentile(took, 0.5), "ms", MOST_MS),
        bounded("from the click to the runner's start, p99", percentile(took, 0.99), "ms", MOST_P99_MS),
        bounded("approved requests that did not start", float(missing), "", 0),
    ]


@contextmanager
def target(arrivals: Arrivals) -> Iterator[str]:
    """Serve what the runner posts to; gives its `host:port`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrivals.note(self.headers.get("idempotency-key", ""))
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
