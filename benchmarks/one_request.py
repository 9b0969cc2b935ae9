"""What one request costs, from `/jit` to done: calls to Slack by method, transactions, events, bytes, computing.

Requests go one after another through a real jitbot on Postgres and the local Slack, so that nothing is drawn together
with something else. These are the inputs of the simulation of a day (`benchmarks.town_day`).
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy

from benchmarks import processes
from benchmarks.databases import databases
from benchmarks.figures import Figure
from benchmarks.load import Act
from benchmarks.memory import cpu_seconds
from benchmarks.processes import NotStarted, Slack
from benchmarks.requests import cards, click, commands
from benchmarks.scale import Scale
from benchmarks.start import Arrivals, target
from benchmarks.town import APPROVERS, write_policies, write_workspace

PATIENCE_SECONDS = 60.0
METHODS = ("chat.postMessage", "chat.update", "response_url")
SIZE = """
    SELECT sum(pg_total_relation_size(oid)) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
"""
READS = {
    "transactions": "SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)",
    "events": "SELECT count(*) FROM events",
    "bytes": SIZE,
    "done": "SELECT count(*) FROM requests WHERE state = 'succeeded'",
    "waiting": "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM inbox WHERE done_at IS NULL)",
}


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Take requests through their lives one at a time, and return what each cost on average."""
    folder.mkdir(parents=True, exist_ok=True)
    arrivals = Arrivals()
    with databases("postgres", folder) as fresh_url, target(arrivals) as host:
        url = fresh_url()
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)

        def count(what: str) -> int:
            with engine.connect() as connection:
                return int(connection.exec_driver_sql(READS[what]).scalar_one())

        with processes.slack(write_workspace(folder / "workspace.yml"), folder) as slack:
            policies = write_policies(folder / "policies", f"http://{host}/valve")
            with processes.jitbot(slack, folder, url, policies, host) as pid:
                acts = commands("one")
                _through(slack, acts, count, 1)
                idle = _computed(pid, scale.rest_seconds)
                before, began, computed = {what: count(what) for what in READS}, time.monotonic(), cpu_seconds(pid)
                calls = Counter(slack.calls())
                for number in range(scale.lives):
                    _through(slack, acts, count, number + 2)
                calls = Counter(slack.calls()) - calls
                spent = {what: (count(what) - before[what]) / scale.lives for what in READS}
                computed = (cpu_seconds(pid) - computed - idle * (time.monotonic() - began)) / scale.lives
    return list(_figures(calls, scale.lives, spent, computed))


def _computed(pid: int, seconds: float) -> float:
    """Return how much of a second a process computes that has nothing to do."""
    before = cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / seconds


def _figures(calls: Counter[str], lives: int, spent: dict[str, float], computed: float) -> Iterator[Figure]:
    for method in METHODS:
        yield Figure(f"one request: calls of {method}", round(calls[method] / lives, 2), "")
    yield Figure("one request: transactions that write", round(spent["transactions"], 2), "")
    yield Figure("one request: signed events", round(spent["events"], 2), "")
    yield Figure("one request: kept on Postgres", round(spent["bytes"] / 1024, 1), "KiB")
    yield Figure("one request: computed by jitbot", round(1000 * computed, 1), "ms")


def _through(slack: Slack, acts: Iterator[Act], count: Callable[[str], int], done: int) -> None:
    """Ask, wait for the card, approve, and wait until that many are done and everything is said."""
    act = next(acts)
    slack.act(act.user, act.kind, dict(act.body))
    _until(lambda: bool(cards(slack)) and count("waiting") == 0, "asked for, with its card")
    approval = click(APPROVERS[0], cards(slack)[0])
    slack.act(approval.user, approval.kind, dict(approval.body))
    _until(lambda: count("done") == done and count("waiting") == 0, "done, and said to be")


def _until(is_so: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > until:
            raise NotStarted(f"a request did not come to be {what}")
        time.sleep(0.05)
