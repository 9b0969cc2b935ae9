"""Ledgers with many requests in them: what one real request left in a database, stamped out as often as is asked for.

A jitbot is run on an empty SQLite file, and two requests are made through a local Slack: one that is approved and done,
and one that waits. Their rows and their signed events are written again and again with other numbers, people, targets
and times, sealed by jitbot's own signer; so the record verifies, and every request can be rebuilt from it.
"""

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import processes
from benchmarks.requests import click, prepare
from benchmarks.stamps import Stamp, Stamped
from benchmarks.start import Arrivals, target
from benchmarks.town import APPROVERS, write_policies, write_workspace
from jitbot.audit import GENESIS, Signer
from jitbot.service.book import AFFIRMED_EVERY
from jitbot.store.keys import open_key
from jitbot.store.upgrade import ready

NUMBER = 700_000_001
"""The number of the request that is stamped out, so that it is found again wherever it is named."""
VALVE = 876_500
"""The parameter of the request that is stamped out. By it the first channel is taken, and the first of who ask."""
ASKER = "U0ASK0"
LONG_AGO = timedelta(days=90)
"""What is done has happened within this time."""
LATELY = timedelta(minutes=20)
"""What waits was asked for within this time: less than it may wait."""
BATCH = 1_000
SETTLE_SECONDS = 60.0
TABLES = {
    "requests": "id = :number",
    "reviews": "request = :number",
    "inbox": "request = :number",
    "copies": "request = :number",
    "outputs": "request = :number",
    "output_chunks": "output IN (SELECT id FROM outputs WHERE request = :number)",
}
"""Where a request leaves rows, besides its events, and which they are."""
OUTPUT = {"outputs": "id", "output_chunks": "output"}
"""What names an output: each request has one, and it gets the request's number."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Life:
    """What one request has left behind: its rows by table and its events in order, with bodies that are read."""

    rows: Mapping[str, list[Stamped]]
    events: list[Stamped]
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Lived:
    """A database out of which two requests were taken, one done and one that waits; and what is needed to put more in.

    `host` is the one that its policies name as the target; `policies` is the event by which they are in force.
    """

    folder: Path
    host: str
    done: Life
    waits: Life
    policies: Row

    @property
    def file(self) -> Path:
        """Return the SQLite file."""
        return self.folder / "lived.db"

    @property
    def signer(self) -> Signer:
        """Return the signer of everything in it."""
        return open_key(self.folder / "signing.key")


def live(folder: Path) -> Lived:
    """Take two requests through a real jitbot and a local Slack, and return what they left."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "lived.db"
    url, arrivals = f"sqlite:///{file}", Arrivals()
    ready(url)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('requests', ?)", (NUMBER - 1,))
    with target(arrivals) as host, processes.slack(write_workspace(folder / "workspace.yml"), folder) as slack:
        policies = write_policies(folder / "policies", f"http://{host}/valve")
        with processes.jitbot(slack, folder, url, policies, host):
            [card] = prepare(slack, "one", 1, first=VALVE)
            approval = click(APPROVERS[0], card)
            slack.act(approval.user, approval.kind, dict(approval.body))
            _settled(file, "succeeded")
            prepare(slack, "one", 1, first=VALVE)
            _settled(file, "pending")
    with closing(sqlite3.connect(file)) as database, database:
        database.row_factory = _named
        [policies_event] = database.execute("SELECT * FROM events WHERE kind = 'policies'")
        done, waits = _life(database, NUMBER), _life(database, NUMBER + 1)
        for table in (*reversed(TABLES), "outbox", "events", "chain"):
            database.execute(f"DELETE FROM {table}")
    return Lived(folder, host, done, waits, policies_event)


def fill(lived: Lived, file: Path, done: int, waiting: int) -> Path:
    """Write an SQLite file with so many requests: first what is done, in the course of 90 days, then what waits."""
    shutil.copyfile(lived.file, file)
    now = datetime.now(UTC)
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "cache_size=-200000"):
            database.execute(f"PRAGMA {pragma}")
        writer = _Writer(database, lived, now - LONG_AGO)
        for life, count, since in ((lived.done, done, LONG_AGO), (lived.waits, waiting, LATELY)):
            began = now - since
            for number in range(count):
                writer.stamp(life, began + (since - timedelta(minutes=1)) * (number / count))
        writer.finish()
    return file


class _Writer:
    """Writes stamped rows in batches, and seals their events in one chain."""

    def __init__(self, database: sqlite3.Connection, lived: Lived, began: datetime) -> None:
        self._database, self._signer, self._policies = database, lived.signer, lived.policies
        self._waiting: dict[str, list[tuple[Any, ...]]] = {}
        self._columns: dict[str, tuple[str, ...]] = {}
        self._count, self._hash, self._number = 0, GENESIS, 0
        self._in_force(began)

    def stamp(self, life: Life, asked_at: datetime) -> None:
        """Write one more request."""
        self._number += 1
        stamp = Stamp(self._number, asked_at - life.asked_at)
        for table, rows in life.rows.items():
            for row in rows:
                self._add(table, row.by(stamp))
        for event in life.events:
            said = event.by(stamp)
            at = datetime.fromisoformat(said["at"])
            self._seal(at, said["kind"], said["request"], said["body"])
            if self._count % AFFIRMED_EVERY == 0:
                self._in_force(at)
        if self._number % BATCH == 0:
            self._write()

    def finish(self) -> None:
        """Write what is left, and the head."""
        self._write()
        self._database.execute("INSERT INTO chain (id, count, hash) VALUES (1, ?, ?)", (self._count, self._hash))
        self._database.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'requests'", (self._number,))
        self._database.execute("ANALYZE")
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _in_force(self, at: datetime) -> None:
        """Say again that the policies are in force, as jitbot does now and then."""
        said = json.loads(self._policies["body"])
        if self._count:
            said |= {"before": said["digest"]}
        self._seal(at, "policies", None, said)

    def _seal(self, at: datetime, kind: str, request: int | None, body: Any) -> None:
        self._count += 1
        sealed = self._signer.seal(self._hash, self._count, at, kind, request, body)
        self._hash = sealed.hash
        row = {name: getattr(sealed, name) for name in sealed.__slots__}
        self._add("events", row | {"at": at.isoformat(timespec="microseconds")})

    def _add(self, table: str, row: Mapping[str, Any]) -> None:
        self._columns.setdefault(table, tuple(row))
        self._waiting.setdefault(table, []).append(tuple(row.values()))

    def _write(self) -> None:
        self._database.execute("BEGIN")
        for table, rows in self._waiting.items():
            columns = self._columns[table]
            names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
            self._database.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
            rows.clear()
        self._database.execute("COMMIT")


def _settled(file: Path, state: str) -> None:
    """Wait until a request is in a state and everything about it is said. Raises: NotStarted."""
    until = time.monotonic() + SETTLE_SECONDS
    with closing(sqlite3.connect(file)) as database:
        while time.monotonic() < until:
            there = database.execute("SELECT count(*) FROM requests WHERE state = ?", (state,)).fetchone()[0]
            busy = database.execute(
                "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM inbox WHERE done_at IS NULL)"
            ).fetchone()[0]
            if there and not busy:
                return
            time.sleep(0.1)
    raise processes.NotStarted(f"no request came to be {state} within {SETTLE_SECONDS:g} seconds")


def _life(database: sqlite3.Connection, number: int) -> Life:
    """Read what a request left, as if its number were NUMBER."""
    rows = {table: list(_rows(database, table, number)) for table in TABLES}
    events = [row | {"body": json.loads(row["body"])} for row in _rows(database, "events", number)]
    asked_at = datetime.fromisoformat(rows["requests"][0]["created_at"])
    return Life(
        {table: [_stamped(row, number) for row in found] for table, found in rows.items()},
        [_stamped({name: row[name] for name in ("at", "kind", "request", "body")}, number) for row in events],
        asked_at,
    )


def _rows(database: sqlite3.Connection, table: str, number: int) -> Iterator[Row]:
    """Yield a request's rows; the delivery that asked for it knows no number yet, and takes one into its key."""
    where = TABLES.get(table, "request = :number")
    for row in database.execute(f"SELECT * FROM {table} WHERE {where} ORDER BY rowid", {"number": number}):
        own = {OUTPUT[table]: number} if table in OUTPUT else {}
        yield {name: value for name, value in (row | own).items() if (table, name) != ("reviews", "id")}
    if table == "inbox":
        [asked] = database.execute(
            "SELECT * FROM inbox WHERE request IS NULL ORDER BY received_at LIMIT 1 OFFSET ?", (number - NUMBER,)
        )
        yield asked | {"key": f"{asked['key']}:{number}"}


def _stamped(row: Row, number: int) -> Stamped:
    return Stamped(row, {str(number): Stamp.name, str(VALVE): Stamp.valve, ASKER: Stamp.asker})


def _named(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}
