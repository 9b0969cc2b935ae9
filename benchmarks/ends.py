"""How late grants end that all end in the same second, and what it costs to wait for many that do not.

The grants are written straight into the ledger, each with its signed event; what ends them is the service with its
queue and its ticks, as the bot has them. The reference is what the workers could do if nothing cost anything: each undo
takes its time, and so many are at work at once.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy

from benchmarks.databases import FreshUrl
from benchmarks.engine import ANN, Engine, Valve, engine
from benchmarks.figures import Figure, bounded, percentile, times
from benchmarks.scale import Scale
from jitbot.bot import RENEW
from jitbot.clock.ticker import Ticker
from jitbot.model import Request, RequestId, State
from jitbot.store import tables

UNDO_SECONDS = 0.05
WORKERS = 16
MOST_TIMES = 1.2
FIRST_MS = 1000.0
MOST_IDLE = 1.0
"""Percent of one core."""
TOGETHER = 200
"""So many grants are written in one transaction."""
PATIENCE_TIMES = 20
AWAY = timedelta(hours=2)


def measure(kind: str, scale: Scale, folder: Path, fresh_url: FreshUrl) -> list[Figure]:
    """Measure on one kind of database."""
    folder.mkdir(parents=True, exist_ok=True)
    return [*_together(kind, scale.grants, folder, fresh_url()), _idle(kind, scale, folder, fresh_url())]


def _together(kind: str, number: int, folder: Path, url: str) -> Iterator[Figure]:
    valve = Valve(UNDO_SECONDS)
    ideal = number * UNDO_SECONDS / WORKERS
    with engine(url, folder, valve, WORKERS) as service:
        ends = _grants(service, number)
        service.database.offset += ends - service.world.ledger.now()
        begun, computed = time.time(), time.process_time()
        with _ticking(service):
            until = begun + 10 + PATIENCE_TIMES * ideal
            while _count(service, State.EXPIRED) < number and time.time() < until:
                time.sleep(0.1)
        computed = time.process_time() - computed
        lost = number - _count(service, State.EXPIRED)
    late = sorted((at - begun) * 1000 for at in valve.undone_at.values())
    took = (late[-1] - late[0]) / 1000 if late else None
    what = f"{kind}: of {number} grants that end in the same second"
    yield bounded(f"{what}, the first is undone", late[0] if late else None, "ms late", FIRST_MS)
    for label, part in (("median", 0.5), ("p99", 0.99)):
        yield Figure(f"{what}, {label}", round(percentile(late, part) or 0), "ms late", round(ideal * part * 1000))
    ratio = times(took, ideal)
    met = ratio is not None and ratio <= MOST_TIMES
    yield Figure(
        f"{what}, from the first to the last",
        took and round(took, 2),
        "s",
        round(ideal, 2),
        ratio,
        f"at most {MOST_TIMES:g} times",
        met,
    )
    yield bounded(f"{what}, not ended", float(lost), "", 0)
    yield Figure(f"{kind}: computing for each grant that ends", round(computed / number * 1000, 2), "ms")


def _idle(kind: str, scale: Scale, folder: Path, url: str) -> Figure:
    """Measure the processor's time while nothing is due."""
    with engine(url, folder, Valve(), WORKERS) as service:
        _grants(service, 1)
        _multiply(service, scale.deadlines)
        with _ticking(service):
            time.sleep(scale.idle_seconds / 10)
            begun, computed = time.perf_counter(), time.process_time()
            time.sleep(scale.idle_seconds)
            part = (time.process_time() - computed) / (time.perf_counter() - begun)
    return bounded(f"{kind}: of one core, while {scale.deadlines} deadlines are not due", part * 100, "%", MOST_IDLE)


@contextmanager
def _ticking(service: Engine) -> Iterator[None]:
    """Have the clock tick as the bot does, the first time at once."""
    ticker = Ticker()
    ticker.every(timedelta(seconds=1), service.service.sweep.tick)
    ticker.every(RENEW, service.service.sweep.renew)
    ticker.start()
    service.service.sweep.tick()
    try:
        yield
    finally:
        ticker.stop()


def _grants(service: Engine, number: int) -> datetime:
    """Hold so many grants that all end at the same instant, and return that instant."""
    first = service.ask("hold", 0)
    service.approve(first)
    while service.world.ledger.get(first).state is not State.ACTIVE:
        time.sleep(0.01)
    held = service.world.ledger.get(first)
    ends = held.created_at + AWAY
    with service.world.ledger.begin() as entry:
        entry.amend(held, "extended", ANN, expires_at=ends, due_at=ends)
    for begin in range(1, number, TOGETHER):
        with service.world.ledger.begin() as entry:
            for valve in range(begin, min(begin + TOGETHER, number)):
                entry.add(_like(held, valve, ends), ANN)
    return ends


def _like(held: Request, valve: int, ends: datetime) -> Request:
    plan = replace(held.snapshot.plan, summary=f"turns valve {valve}") if held.snapshot.plan else None
    snapshot = replace(held.snapshot, inputs={"valve": valve}, target=f"valve {valve}", plan=plan)
    return replace(
        held,
        id=RequestId(0),
        snapshot=snapshot,
        params={"valve": valve},
        fence=0,
        version=0,
        expires_at=ends,
        due_at=ends,
    )


def _multiply(service: Engine, number: int) -> None:
    """Copy the rows until there are so many; nobody will look at them before they are due."""
    names = ", ".join(f'"{column.name}"' for column in tables.requests.c if column.name != "id")
    copy = sqlalchemy.text(f"INSERT INTO requests ({names}) SELECT {names} FROM requests ORDER BY id LIMIT :more")
    while (there := _count(service, State.ACTIVE)) < number:
        with service.database.write() as connection:
            connection.execute(copy, {"more": number - there})


def _count(service: Engine, state: State) -> int:
    with service.database.read() as connection:
        query = sqlalchemy.text("SELECT count(*) FROM requests WHERE state = :state")
        return int(connection.execute(query, {"state": state.value}).scalar_one())
