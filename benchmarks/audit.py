"""How fast the record grows, and how fast all of it is verified, against SHA-256 over the same bytes.

The events are those of real requests, repeated: sealed by the same code, and written to the table by the page, since
writing a million of them through the service would take hours. The first part goes through the ledger, and is clocked.
"""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy

from benchmarks.databases import FreshUrl
from benchmarks.figures import Figure, bounded, slower
from benchmarks.scale import Scale
from benchmarks.store import hash_alone, walk
from jitbot.audit import Mark, Signer, Verifier
from jitbot.store import tables
from jitbot.store.engine import Database
from jitbot.store.keys import open_key
from jitbot.store.ledger import StoreLedger
from jitbot.store.trail import StoreTrail
from jitbot.store.upgrade import ready

PAGE = 2_000
MOST_TIMES = 4.0
MOST_GROWTH_MB = 64.0
PATTERN = 20
"""So many requests are gone through whose events are repeated."""


def measure(kind: str, scale: Scale, folder: Path, fresh_url: FreshUrl) -> list[Figure]:
    """Measure on one kind of database."""
    folder.mkdir(parents=True, exist_ok=True)
    keys, url = open_key(folder / "signing.key"), fresh_url()
    ready(url)
    with closing(Database(url)) as database:
        appended = _append(StoreLedger(database, keys), scale.moves)
        count = _fill(database, keys.signer(), scale.events)
        trail = StoreTrail(database, Verifier(keys.public))
        end = _newest(database)
        unsigned = _newest(database, count - min(scale.signatures, count))
        _resident()
        before = _resident()
        chain = count / _seconds(trail, end)
        grown = _resident() - before
        chain = max(chain, count / _seconds(trail, end))
        number = count - unsigned.count
        signed = number / max(_seconds(trail, unsigned) - count / chain, 1e-6)
        hashed = max(_hashed(database) for _ in range(2))
    return [
        Figure(f"{kind}: events appended by transactions of one each", round(appended), "a second"),
        slower(
            f"{kind}: chain and bodies of {count} events, signatures verified before, against SHA-256",
            chain,
            hashed,
            MOST_TIMES,
        ),
        slower(f"{kind}: signatures besides, of the last {number}, against SHA-256", signed, hashed),
        bounded(f"{kind}: memory that verifying {count} events took", round(grown, 1), "MB", MOST_GROWTH_MB),
    ]


def _append(ledger: StoreLedger, number: int) -> float:
    """Return how many events a second one thread appends, each in a transaction of its own, and nothing else in it."""
    walk(ledger, PATTERN)
    begun = time.perf_counter()
    for _ in range(number):
        with ledger.begin() as entry:
            entry.record("refused", "U0ANN", what="approve", why="Too late: it was approved already.")
    return number / (time.perf_counter() - begun)


def _fill(database: Database, signer: Signer, number: int) -> int:
    """Continue the record with the events of the first requests, again and again, up to so many."""
    with database.read() as connection:
        query = sqlalchemy.select(tables.events).order_by(tables.events.c.seq).limit(PATTERN * 8)
        pattern = [(row.kind, row.request, json.loads(row.body)) for row in connection.execute(query)]
    at, mark = database.now(), _newest(database)
    fresh = _sealed(signer, mark, at, pattern)
    count = max(number, mark.count)
    while mark.count < count:
        rows = list(islice(fresh, min(PAGE, count - mark.count)))
        mark = Mark(rows[-1]["seq"], rows[-1]["hash"])
        with database.write() as connection:
            connection.execute(sqlalchemy.insert(tables.events), rows)
            connection.execute(sqlalchemy.update(tables.chain).values(count=mark.count, hash=mark.hash))
    return count


def _sealed(
    signer: Signer, mark: Mark, at: Any, pattern: list[tuple[str, int | None, Any]]
) -> Iterator[dict[str, Any]]:
    seq, previous = mark.count, mark.hash
    while True:
        kind, request, body = pattern[seq % len(pattern)]
        seq += 1
        event = signer.seal(previous, seq, at, kind, request, body)
        previous = event.hash
        yield {name: getattr(event, name) for name in event.__slots__}


def _seconds(trail: StoreTrail, mark: Mark) -> float:
    begun = time.perf_counter()
    trail.verify_from(mark)
    return time.perf_counter() - begun


def _newest(database: Database, seq: int | None = None) -> Mark:
    """Return a mark of one event, or of the newest."""
    with database.read() as connection:
        query = (
            sqlalchemy.select(tables.events.c.seq, tables.events.c.hash).order_by(tables.events.c.seq.desc()).limit(1)
        )
        row = connection.execute(query if seq is None else query.where(tables.events.c.seq == seq)).one_or_none()
    return Mark() if row is None else Mark(row.seq, row.hash)


def _hashed(database: Database) -> float:
    """Return how many events a second hashlib does, reading and all else left out."""
    seq, took = 0, 0.0
    while True:
        with database.read() as connection:
            query = sqlalchemy.select(tables.events.c.salt, tables.events.c.body, tables.events.c.hash)
            page = query.where(tables.events.c.seq > seq, tables.events.c.seq <= seq + 20 * PAGE)
            rows = [(bytes(row.salt), row.body.encode(), bytes(row.hash)) for row in connection.execute(page)]
        if not rows:
            return seq / took
        begun = time.perf_counter()
        hash_alone(rows)
        took += time.perf_counter() - begun
        seq += len(rows)


def _resident() -> float:
    """Return the most memory that was resident since the last call, in MB, from Linux' own account."""
    text = Path("/proc/self/status").read_text()
    Path("/proc/self/clear_refs").write_text("5")
    return int(next(line for line in text.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
