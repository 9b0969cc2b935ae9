"""The reference from elsewhere: DBOS, a library of durable workflows on the same kinds of database.

Only the benchmarks need it, and where it is not installed the figures say so. It runs in a process of its own,
`python -m benchmarks.durable URL SECONDS THREADS`, and prints the workflows a second.
"""

import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from importlib.util import find_spec
from itertools import count
from pathlib import Path

STEPS = 4
PATIENCE_SECONDS = 120.0


def rate(url: str, folder: Path, seconds: float, threads: int) -> float | None:
    """Return how many workflows of four empty steps end in a second; None where DBOS is not installed."""
    if find_spec("dbos") is None:
        return None
    command = [sys.executable, "-m", "benchmarks.durable", url, str(seconds), str(threads)]
    with (folder / "dbos.log").open("wb") as log:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=log, timeout=seconds + PATIENCE_SECONDS, check=True
        )
    return float(done.stdout.splitlines()[-1])


def _run(url: str, seconds: float, threads: int) -> float:
    from dbos import DBOS, DBOSConfig  # type: ignore[import-not-found]  # installed by whoever wants it

    config: DBOSConfig = {"name": "bench-empty-steps", "system_database_url": url, "run_admin_server": False}
    if url.startswith("sqlite"):  # as DBOS leaves it, SQLite would take twice as long
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            file.execute("PRAGMA journal_mode=WAL")
    DBOS(config=config)

    @DBOS.step()
    def step(number: int) -> int:
        return number

    @DBOS.workflow()
    def workflow(number: int) -> int:
        return sum(step(number + each) for each in range(STEPS))

    DBOS.launch()
    ended = count()
    workflow(0)
    begun = time.perf_counter()

    def drive() -> None:
        while time.perf_counter() - begun < seconds:
            workflow(1)
            next(ended)

    drivers = [threading.Thread(target=drive) for _ in range(threads)]
    for each in drivers:
        each.start()
    for each in drivers:
        each.join()
    found = next(ended) / (time.perf_counter() - begun)
    DBOS.destroy()
    return found


if __name__ == "__main__":
    print(_run(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))
