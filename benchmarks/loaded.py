"""How soon commands are acknowledged while the ledger is full already, beside a jitbot whose ledger is empty.

On SQLite, on Postgres, and with three replicas on one Postgres, over whose sockets the local Slack spreads what comes
in. The two sides take turns, so that what disturbs the machine disturbs both. Their memory is read beside.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import processes
from benchmarks.acks import Side, at_rest
from benchmarks.databases import FreshUrl, Record, databases
from benchmarks.figures import Figure, bounded, compared, percentile
from benchmarks.ledgers import Ledgers
from benchmarks.load import Tally
from benchmarks.memory import cpu_seconds, most_resident, resident
from benchmarks.requests import commands
from benchmarks.scale import Scale
from benchmarks.town import write_policies, write_workspace

MOST_MS = 300.0
UP_TO_RATE = 100.0
"""The aim holds up to so many a second."""
MOST_TIMES = 1.2
MOST_AT_REST, MOST_LOADED = 150.0, 300.0
"""Mebibytes of one process."""
WARM_UP_RATE = 20.0
REST_SECONDS = 2.0
PLACES = (("SQLite", "sqlite", 1), ("Postgres", "postgres", 1), ("three on Postgres", "postgres", 3))
SIDES = ("empty", "filled")


@dataclass(slots=True)
class Replicas:
    """One or more processes of jitbot on one database, with the Slack that they are connected to."""

    side: Side
    record: Record
    pids: Sequence[int]
    before: int
    at_rest: float
    """Mebibytes of the largest process before the load."""
    tallies: dict[float, Tally] = field(default_factory=dict)
    computed: float = 0.0
    """Seconds, of all processes, for everything that was sent."""

    def take(self, number: int, rate: float) -> None:
        """Send commands, and note how they were acknowledged and what they cost."""
        before = sum(map(cpu_seconds, self.pids))
        self.tallies.setdefault(rate, Tally()).add(self.side.take(number, rate))
        self.computed += sum(map(cpu_seconds, self.pids)) - before


def measure(scale: Scale, ledgers: Ledgers, folder: Path) -> list[Figure]:
    """Measure every place with every size of ledger."""
    figures: list[Figure] = []
    for kind in ("sqlite", "postgres"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        with databases(kind, folder / kind) as fresh_url:
            for name, its_kind, replicas in PLACES:
                for size in scale.ledgers if its_kind == kind and replicas in scale.fleets else ():
                    own = folder / f"{kind}-{replicas}-{size}"
                    figures += _measure(scale, ledgers, own, fresh_url, f"{name}, {size:,} requests", size, replicas)
    return figures


def _measure(
    scale: Scale, ledgers: Ledgers, folder: Path, fresh_url: FreshUrl, name: str, size: int, replicas: int
) -> list[Figure]:
    with ledgers.filled(fresh_url, size) as filled, ExitStack() as stack:
        urls = {"empty": fresh_url(), "filled": filled}
        found = {each: _begin(ledgers, folder / each, urls[each], replicas, stack) for each in SIDES}
        for each in found.values():
            each.side.take(scale.warm_up, WARM_UP_RATE)
        for rate in scale.loads:
            for _ in range(scale.rounds):
                for each in found.values():
                    each.take(scale.acts(rate), rate)
        sent = scale.warm_up + scale.rounds * sum(scale.acts(rate) for rate in scale.loads)
        return list(_figures(name, found["empty"], found["filled"], sent))


def _begin(ledgers: Ledgers, folder: Path, url: str, replicas: int, stack: ExitStack) -> Replicas:
    """Start a local Slack and so many processes of jitbot on one database."""
    folder.mkdir(parents=True, exist_ok=True)
    lived = ledgers.lived
    shutil.copy(lived.folder / "signing.key", folder / "signing.key")
    slack = stack.enter_context(processes.slack(write_workspace(folder / "workspace.yml"), folder))
    policies = write_policies(folder / "policies", f"http://{lived.host}/valve")
    pids = [stack.enter_context(processes.jitbot(slack, folder, url, policies, lived.host)) for _ in range(replicas)]
    time.sleep(REST_SECONDS)
    record = Record(url)
    side = Side(slack, commands("one"), at_rest(url, "requested"))
    return Replicas(side, record, pids, record.count("requested"), max(resident(pid) for pid in pids))


def _figures(name: str, empty: Replicas, filled: Replicas, sent: int) -> Iterator[Figure]:
    times: list[float] = []
    for rate, tally in filled.tallies.items():
        before = empty.tallies[rate].took_ms
        p99, reference = percentile(tally.took_ms, 0.99), percentile(before, 0.99)
        what = f"{name}: command acknowledged, {rate:g} a second, p99"
        if rate <= UP_TO_RATE:
            yield bounded(what, p99, "ms", MOST_MS, reference)
        else:
            yield compared(what, p99, reference, "ms")
        times += [median(tally.took_ms) / median(before)] if tally.took_ms and before else []
    grown = compared(f"{name}: median, against an empty ledger", median(times) if times else None, 1.0, "", MOST_TIMES)
    yield grown
    counted = sum(len(tally.took_ms) + tally.faults.total() for tally in filled.tallies.values())
    costs = [1000 * each.computed / max(1, counted) for each in (filled, empty)]
    yield compared(f"{name}: computed for a command", costs[0], costs[1], "ms", MOST_TIMES)
    lost = sum(tally.faults.total() for tally in filled.tallies.values())
    yield bounded(f"{name}: commands not acknowledged in 3 s", float(lost), "", 0)
    missing = sent - (filled.record.count("requested") - filled.before)
    yield bounded(f"{name}: commands sent without a request on record", float(missing), "", 0)
    yield bounded(f"{name}: memory at rest", filled.at_rest, "MiB", MOST_AT_REST, empty.at_rest)
    most = max(most_resident(pid) for pid in filled.pids)
    yield bounded(f"{name}: memory under load", most, "MiB", MOST_LOADED, max(map(most_resident, empty.pids)))
