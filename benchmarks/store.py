"""What the ledger and the audit record cost, against the same statements and the same bytes without them.

The reference of the ledger: the statements that it sent to the database, as text with their values, sent again by
SQLAlchemy to another empty database of the same kind. What is left out is building and reading rows, signing, chaining.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import sqlalchemy

from benchmarks.databases import FreshUrl
from benchmarks.figures import Figure, times
from benchmarks.scale import Scale
from jitbot.audit import GENESIS, Verifier
from jitbot.lifecycle import Event
from jitbot.model import Plan, Receipt, Request, RequestId, Review, Snapshot, State, UserId, Verdict
from jitbot.service.telling import tell
from jitbot.store.engine import Database
from jitbot.store.keys import open_key
from jitbot.store.ledger import StoreLedger
from jitbot.store.trail import StoreTrail
from jitbot.store.upgrade import ready

TRANSACTIONS = 4
"""Of one request: asked, approved, started, ended."""
ROUNDS = 5
Given = TypeVar("Given")
ANN, BO = UserId("U0ANN"), UserId("U0BO")


@dataclass(slots=True)
class Recording:
    """The statements of each transaction, in order."""

    transactions: list[list[tuple[str, Any]]] = field(default_factory=list)


def measure(kind: str, scale: Scale, folder: Path, fresh_url: FreshUrl) -> list[Figure]:
    """Measure the ledger and the record on one kind of database."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = open_key(folder / "signing.key")

    database = _opened(fresh_url)
    with recorded() as recording:
        walk(StoreLedger(database, keys), scale.moves)

    def by_ledger(empty: Database) -> None:
        walk(StoreLedger(empty, keys), scale.moves)

    def by_statements(empty: Database) -> None:
        replay(empty, recording)

    rates: dict[Callable[[Database], None], list[float]] = {by_ledger: [], by_statements: []}
    for _ in range(ROUNDS):
        for work, found in rates.items():
            with closing(_opened(fresh_url)) as empty:
                found.append(_rate(work, empty, scale.moves * TRANSACTIONS))
    trail = StoreTrail(database, Verifier(keys.public))
    figures = [
        _faster_is_better(
            f"{kind}: transactions of the ledger", median(rates[by_ledger]), median(rates[by_statements])
        ),
        *_audit(kind, trail, database),
    ]
    database.close()
    return figures


def walk(ledger: StoreLedger, count: int) -> None:
    """Take requests through their lives: asked, approved, started, ended."""
    for number in range(count):
        with ledger.begin() as entry:
            asked = entry.move(entry.add(_request(number, entry.now), ANN), Event.ASK, "policy", due_at=entry.now)
            tell(entry, asked)
        with ledger.begin() as entry:
            pending = entry.get(asked.id)
            review = Review(BO, "T0ACME", Verdict.APPROVE, entry.now, 1, ("group:approvers",))
            entry.review(pending, review)
            approved = entry.move(pending, Event.APPROVE, BO, approved_at=entry.now, due_at=entry.now)
            tell(entry, approved, "approved.")
        with ledger.begin() as entry:
            deadline = entry.now + timedelta(minutes=5)
            started = entry.move(
                entry.get(asked.id), Event.START, "worker", started_at=entry.now, start_deadline=deadline, attempts=1
            )
            tell(entry, started)
        with ledger.begin() as entry:
            receipt = Receipt({"valve": number}, "204")
            ended = entry.move(
                entry.get(asked.id), Event.SUCCEED, "worker", receipt=receipt.data, outcome=receipt.summary
            )
            tell(entry, ended, "done.")


def replay(database: Database, recording: Recording) -> None:
    """Send recorded statements again."""
    for statements in recording.transactions:
        with database.write() as connection:
            for statement, values in statements:
                done = connection.exec_driver_sql(statement, values)
                if done.returns_rows:
                    done.fetchall()


@contextmanager
def recorded() -> Iterator[Recording]:
    """Listen to everything that SQLAlchemy sends within the `with` block."""
    recording = Recording()

    def began(_connection: Any) -> None:
        recording.transactions.append([])

    def sent(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        if not statement.startswith("BEGIN"):
            recording.transactions[-1].append((statement, values))

    listeners: Sequence[tuple[str, Callable[..., None]]] = (("begin", began), ("before_cursor_execute", sent))
    for name, listener in listeners:
        sqlalchemy.event.listen(sqlalchemy.Engine, name, listener)
    try:
        yield recording
    finally:
        for name, listener in listeners:
            sqlalchemy.event.remove(sqlalchemy.Engine, name, listener)


def _request(number: int, now: Any) -> Request:
    plan = Plan("POST http://127.0.0.1/valve", "f" * 64, f'{{\n  "valve": {number}\n}}')
    snapshot = Snapshot(
        title="Turn a valve",
        team="bench",
        channel="#bench",
        runner="http",
        inputs={"url": "http://127.0.0.1/valve", "method": "POST", "json": {"valve": number}},
        target=f"valve {number}",
        time_limit=timedelta(minutes=5),
        definition="d" * 64,
        plan=plan,
    )
    return Request(
        id=RequestId(0),
        revision=1,
        state=State.DECIDING,
        action="one",
        requester=ANN,
        team="T0ACME",
        beneficiary=ANN,
        source="slack",
        params={"valve": number},
        reason="benchmark",
        snapshot=snapshot,
        digest="e" * 64,
        created_at=now,
        due_at=now,
    )


def _audit(kind: str, trail: StoreTrail, database: Database) -> Iterator[Figure]:
    """Verify the whole record, and hash the same bytes with nothing around it."""
    with database.read() as connection:
        query = sqlalchemy.text("SELECT salt, body, hash FROM events ORDER BY seq")
        rows = [(bytes(salt), body.encode(), bytes(digest)) for salt, body, digest in connection.execute(query)]
    verified = [_rate(StoreTrail.verify, trail, len(rows)) for _ in range(ROUNDS)]
    hashed = [_rate(hash_alone, rows, len(rows)) for _ in range(ROUNDS)]
    yield _faster_is_better(f"{kind}: events of the record verified, against SHA-256", median(verified), median(hashed))


def hash_alone(rows: Sequence[tuple[bytes, bytes, bytes]]) -> None:
    """Hash what verifying hashes: each salted body, and each hash with a header of the usual size behind it."""
    previous, header = GENESIS, b"h" * 200
    for salt, body, digest in rows:
        hashlib.sha256(salt + body).digest()
        hashlib.sha256(previous + header).digest()
        previous = digest


def _opened(fresh_url: FreshUrl) -> Database:
    url = fresh_url()
    ready(url)
    return Database(url)


def _rate(work: Callable[[Given], object], given: Given, things: int) -> float:
    began = time.perf_counter()
    work(given)
    return things / (time.perf_counter() - began)


def _faster_is_better(name: str, ours: float, reference: float) -> Figure:
    return Figure(name, round(ours), "a second", round(reference), times(ours, reference))
