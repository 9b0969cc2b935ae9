"""A real Prometheus and a real Alertmanager on loopback, for tests of the sources that ask them.

Prometheus serves a block that promtool wrote, so nothing is scraped or waited for; Alertmanager is told by its API.
"""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import httpx2
import pytest

READY_SECONDS = 30
SERIES = """# TYPE checkout_errors gauge
checkout_errors{service="api",env="prod"} 7 %(at)d
checkout_errors{service="web",env="prod"} 0 %(at)d
checkout_errors{service="odd \\"name\\"",env="dev"} 2 %(at)d
# TYPE checkout_ratio gauge
checkout_ratio NaN %(at)d
# EOF
"""
ALERTMANAGER = """
route: {receiver: nobody, group_wait: 1s}
receivers: [{name: nobody}]
inhibit_rules:
  - source_matchers: ['alertname="DatacenterDown"']
    target_matchers: ['alertname="Unreachable"']
"""


@dataclass(frozen=True)
class Monitor:
    """One server that runs; `kill` ends it as a crash would."""

    host: str
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def post(self, path: str, body: Any) -> None:
        httpx2.post(f"{self.url}{path}", json=body).raise_for_status()

    def alert(self, **labels: str) -> None:
        """Have an alert fire for an hour."""
        now = datetime.now(UTC)
        times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat()}
        self.post("/api/v2/alerts", [{"labels": labels, **times}])

    def silence(self, *matchers: Mapping[str, Any], lasts: timedelta = timedelta(hours=2)) -> datetime:
        """Have a silence begin; return its end."""
        now = datetime.now(UTC)
        whole = [{"isRegex": False, "isEqual": True, **matcher} for matcher in matchers]
        times = {"startsAt": now.isoformat(), "endsAt": (now + lasts).isoformat()}
        self.post("/api/v2/silences", {"matchers": whole, "createdBy": "test", "comment": "test", **times})
        return now + lasts

    def wait_until_inhibited(self, name: str) -> None:
        """Wait for an alert to be inhibited, which Alertmanager sees a moment after it took the alerts in."""
        pause, end = Event(), time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            alerts = httpx2.get(f"{self.url}/api/v2/alerts", params={"filter": f'alertname="{name}"'}).json()
            if all(alert["status"]["inhibitedBy"] for alert in alerts):
                return
            pause.wait(0.05)
        raise RuntimeError(f"{name} was not inhibited")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def program(name: str) -> str:
    """Return where a program is; without it the test is skipped, and says how to get it."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name} here; .ci/prometheus installs it from Debian")
    return found


@contextmanager
def prometheus(folder: Path, *, remote: str = "") -> Iterator[Monitor]:
    """Run Prometheus over the series above; `remote` is another storage that it asks too."""
    run = program("prometheus")
    folder.mkdir(exist_ok=True)
    (folder / "series.txt").write_text(SERIES % {"at": time.time() - 60})
    make = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "series.txt", "data"]
    subprocess.run(make, cwd=folder, check=True, capture_output=True)
    read = f"remote_read: [{{url: '{remote}', read_recent: true}}]" if remote else ""
    (folder / "prometheus.yml").write_text(f"global: {{scrape_interval: 1h}}\n{read}\n")
    words = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--query.lookback-delta=24h"]
    with _running([run, *words, "--storage.tsdb.retention.time=10d"], folder) as monitor:
        yield monitor


@contextmanager
def alertmanager(folder: Path) -> Iterator[Monitor]:
    """Run Alertmanager; its cluster is off, and it tells nobody."""
    run = program("prometheus-alertmanager")
    folder.mkdir(exist_ok=True)
    (folder / "alertmanager.yml").write_text(ALERTMANAGER)
    words = ["--config.file=alertmanager.yml", "--storage.path=data", "--cluster.listen-address="]
    with _running([run, *words], folder) as monitor:
        yield monitor


@contextmanager
def _running(words: list[str], folder: Path) -> Iterator[Monitor]:
    host = f"127.0.0.1:{_free_port()}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*words, f"--web.listen-address={host}"], cwd=folder, stdout=log, stderr=log)
    try:
        _await_ready(f"http://{host}/-/ready", process, folder / "log")
        yield Monitor(host, process)
    finally:
        process.kill()
        process.wait()


def _await_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    pause, end = Event(), time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx2.get(url, timeout=5).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        pause.wait(0.05)
    raise RuntimeError(f"it did not get ready: {json.dumps(log.read_text()[-2000:])}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
