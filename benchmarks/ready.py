"""How long jitbot takes to be ready when the ledger is full: from the start of its process to `/readyz`."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import processes
from benchmarks.databases import databases
from benchmarks.figures import Figure, bounded, compared
from benchmarks.ledgers import Ledgers
from benchmarks.memory import cpu_seconds
from benchmarks.scale import Scale
from benchmarks.town import write_policies, write_workspace

MOST_SECONDS = 3.0
MOST_TIMES = 1.2
MOST_IDLE = 1.0


@dataclass(frozen=True, slots=True)
class Started:
    """How long a start took until jitbot was ready, how much of that it computed, and what it uses at rest.

    Seconds, and per cent of a core.
    """

    took: float
    computed: float
    idle: float


def measure(scale: Scale, ledgers: Ledgers, folder: Path) -> list[Figure]:
    """Start on an empty and on a full ledger, on both databases; a tenth of the requests is open."""
    figures: list[Figure] = []
    for name, kind in (("SQLite", "sqlite"), ("Postgres", "postgres")):
        own = folder / kind
        own.mkdir(parents=True, exist_ok=True)
        with databases(kind, own) as fresh_url:
            empty = _start(scale, ledgers, own / "empty", fresh_url())
            for size in scale.ledgers:
                with ledgers.filled(fresh_url, size) as url:
                    full = _start(scale, ledgers, own / str(size), url)
                what = f"{name}, {size:,} requests, {size // 10:,} open"
                figures.append(bounded(f"{what}: ready after", full.took, "s", MOST_SECONDS, empty.took))
                figures.append(
                    compared(f"{what}: computed until ready", full.computed, empty.computed, "s", MOST_TIMES)
                )
                figures.append(bounded(f"{what}: CPU when idle", full.idle, "%", MOST_IDLE, empty.idle))
    return figures


def _start(scale: Scale, ledgers: Ledgers, folder: Path, url: str) -> Started:
    """Start several times on one database, and watch the last one do nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ledgers.lived.folder / "signing.key", folder / "signing.key")
    policies = write_policies(folder / "policies", f"http://{ledgers.lived.host}/valve")
    took, computed, idle = [], [], 0.0
    with processes.slack(write_workspace(folder / "workspace.yml"), folder) as slack:
        for left in reversed(range(scale.starts)):
            began = time.perf_counter()
            with processes.jitbot(slack, folder, url, policies, ledgers.lived.host) as pid:
                took.append(time.perf_counter() - began)
                computed.append(cpu_seconds(pid))
                idle = idle if left else _idle(pid, scale.rest_seconds)
    return Started(median(took), median(computed), idle)


def _idle(pid: int, seconds: float) -> float:
    time.sleep(seconds / 2)  # what a start has left to do is done by then
    before, began = cpu_seconds(pid), time.perf_counter()
    time.sleep(seconds)
    return 100 * (cpu_seconds(pid) - before) / (time.perf_counter() - began)
