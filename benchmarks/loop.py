"""How many requests a second the service takes through their whole lives: asked, decided, approved, run, on record.

Two references, each on an empty database of the same kind in the same run: the statements of the same transactions,
sent again by SQLAlchemy with nothing around them; and DBOS, whose workflows have four steps that do nothing.
"""

import threading
import time
from contextlib import closing
from itertools import count
from pathlib import Path

import sqlalchemy

from benchmarks import durable
from benchmarks.databases import FreshUrl
from benchmarks.engine import Engine, Valve, engine
from benchmarks.figures import Figure, slower, times
from benchmarks.scale import Scale
from benchmarks.store import recorded, replay
from jitbot.store.engine import Database
from jitbot.store.upgrade import ready

AIMS = {"sqlite": 150.0, "postgres": 100.0}
DRIVERS = 8
"""So many people ask and approve at the same time."""
IN_FLIGHT = 32
"""No more requests are under way than this, so that what is asked is also done within the measured time."""
PATIENCE_SECONDS = 120.0
MOST_TIMES = 3.0


def measure(kind: str, scale: Scale, folder: Path, fresh_url: FreshUrl) -> list[Figure]:
    """Measure the loop on one kind of database, and what it is held against."""
    folder.mkdir(parents=True, exist_ok=True)
    rate, lost = _sustained(fresh_url(), folder, scale.loop_seconds)
    alone, bare, each = _one_by_one(fresh_url, folder, scale.loop_alone)
    theirs = durable.rate(fresh_url(), folder, scale.loop_seconds, DRIVERS)
    aim = AIMS[kind]
    return [
        Figure(
            f"{kind}: requests through the whole loop",
            round(rate, 1),
            "a second",
            None,
            None,
            f"at least {aim:g}",
            rate >= aim,
        ),
        Figure(
            f"{kind}: requests of the loop that did not succeed", float(lost), "", None, None, "at most 0", lost == 0
        ),
        slower(f"{kind}: one after another, against their statements alone", alone, bare, MOST_TIMES),
        Figure(f"{kind}: transactions that write, for each request", each, ""),
        _ahead(f"{kind}: the loop, against DBOS with four empty steps", rate, theirs),
    ]


def _ahead(name: str, ours: float, theirs: float | None) -> Figure:
    if theirs is None:
        return Figure(f"{name} (not installed)", round(ours, 1), "a second")
    return Figure(
        name, round(ours, 1), "a second", round(theirs, 1), times(ours, theirs), "more than 1 times", ours > theirs
    )


def _sustained(url: str, folder: Path, seconds: float) -> tuple[float, int]:
    """Return how many requests a second came to their end, and how many did not."""
    valve, numbers, slots = Valve(), count(), threading.Semaphore(IN_FLIGHT)
    valve.on_start = slots.release
    with engine(url, folder, valve) as service:
        begun = time.perf_counter()

        def drive() -> None:
            while time.perf_counter() - begun < seconds:
                slots.acquire()
                service.approve(service.ask("turn", next(numbers)))

        drivers = [threading.Thread(target=drive, daemon=True) for _ in range(DRIVERS)]
        for each in drivers:
            each.start()
        for each in drivers:
            each.join(seconds + PATIENCE_SECONDS)
        service.rest(PATIENCE_SECONDS)
        took = time.perf_counter() - begun
        asked, succeeded = next(numbers), _succeeded(service)
    return succeeded / took, asked - succeeded


def _one_by_one(fresh_url: FreshUrl, folder: Path, number: int) -> tuple[float, float, float]:
    """Return requests a second in one thread, the same by their statements alone, and transactions for each request."""
    url = fresh_url()
    with engine(url, folder, Valve(), workers=1) as service:
        _go(service, range(number))  # statements are compiled, caches are filled
        begun = time.perf_counter()
        _go(service, range(number, 2 * number))
        ours = number / (time.perf_counter() - begun)
    with engine(fresh_url(), folder, Valve(), workers=1) as service, recorded() as recording:
        _go(service, range(number))
    writes = [each for each in recording.transactions if any(not text.startswith("SELECT") for text, _ in each)]
    url = fresh_url()
    ready(url)
    with closing(Database(url)) as empty:
        begun = time.perf_counter()
        replay(empty, recording)
        theirs = number / (time.perf_counter() - begun)
    return ours, theirs, round(len(writes) / number, 1)


def _go(service: Engine, numbers: range) -> None:
    for number in numbers:
        service.approve(service.ask("turn", number))
        service.rest()


def _succeeded(service: Engine) -> int:
    with service.database.read() as connection:
        query = sqlalchemy.text("SELECT count(*) FROM requests WHERE state = 'succeeded'")
        return int(connection.execute(query).scalar_one())
