"""Ledgers with many requests in them: what real ones left in a database, stamped out as often as is asked for.

Their rows and their signed events are written again and again with other numbers, people, targets and times, sealed by
jitbot's own signer; so the record verifies, and every request can be rebuilt from it.
"""

import json
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.living import Life, Lived
from benchmarks.stamps import Stamp
from jitbot.audit import GENESIS
from jitbot.service.book import AFFIRMED_EVERY
from jitbot.settings import Settings

LONG_AGO = timedelta(days=90)
"""What is done has happened within this time."""
LATELY = timedelta(minutes=20)
"""What waits was asked for within this time: less than it may wait."""
BATCH = 1_000


def _days(name: str) -> timedelta:
    """Return how long jitbot keeps something unless told otherwise."""
    return timedelta(days=Settings.model_fields[name].default)


KEPT = {
    "inbox": _days("keep_messages_days"),
    "outputs": _days("keep_output_days"),
    "output_chunks": _days("keep_output_days"),
}
"""For how long the rows of some tables stay; older ones would be deleted first of all while something is measured."""


def fill(lived: Lived, file: Path, done: int, waiting: int) -> Path:
    """Write an SQLite file with so many requests: first what is done, in the course of 90 days, then what waits."""
    shutil.copyfile(lived.file, file)
    now = datetime.now(UTC)
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "cache_size=-200000"):
            database.execute(f"PRAGMA {pragma}")
        writer = _Writer(database, lived, now)
        for life, count, since in ((lived.done, done, LONG_AGO), (lived.waits, waiting, LATELY)):
            began = now - since
            for number in range(count):
                writer.stamp(life, began + (since - timedelta(minutes=1)) * (number / count))
        writer.finish()
    return file


class _Writer:
    """Writes stamped rows in batches, and seals their events in one chain."""

    def __init__(self, database: sqlite3.Connection, lived: Lived, now: datetime) -> None:
        self._database, self._signer, self._policies = database, lived.signer, lived.policies
        self._waiting: dict[str, list[tuple[Any, ...]]] = {}
        self._columns: dict[str, tuple[str, ...]] = {}
        self._count, self._hash, self._number = 0, GENESIS, 0
        self._now = now
        self._in_force(now - LONG_AGO)

    def stamp(self, life: Life, asked_at: datetime) -> None:
        """Write one more request."""
        self._number += 1
        stamp = Stamp(self._number, asked_at - life.asked_at)
        for table, rows in life.rows.items():
            if table not in KEPT or asked_at > self._now - KEPT[table]:
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
