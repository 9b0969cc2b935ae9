"""What real requests leave in a database: one that is approved and done, and one that waits.

A jitbot is run on an empty SQLite file for it, with a local Slack. What they left is taken out, to be stamped out as
often as is asked for (`benchmarks.filling`).
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import processes
from benchmarks.requests import click, prepare
from benchmarks.stamps import Stamp, Stamped
from benchmarks.start import Arrivals, target
from benchmarks.town import APPROVERS, write_policies, write_workspace
from jitbot.audit import Signer
from jitbot.store.keys import KeyFile, open_key
from jitbot.store.upgrade import ready

NUMBER = 700_000_001
"""The number of the request that is stamped out, so that it is found again wherever it is named."""
VALVE = 876_500
"""The parameter of the request that is stamped out. By it the first channel is taken, and the first of who ask."""
ASKER = "U0ASK0"
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
    def keys(self) -> KeyFile:
        """Return the key file of everything in it."""
        return open_key(self.folder / "signing.key")

    @property
    def signer(self) -> Signer:
        """Return the signer of everything in it."""
        return self.keys.signer()


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
