"""Verify a long record: raw rows, a page at a time, split among processes where there are enough of them.

Verifying is computing, and one Python process computes in one thread at a time.
Each process takes stretches of the record. A stretch begins with the hash of the event before it, which the stretch
before has to end with, so that together they are one chain.
"""

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection

from jitbot.audit import GENESIS, Row, Verifier
from jitbot.errors import Tampered
from jitbot.store.engine import Database

PAGE = 2_000
"""So many rows are read at once: a mebibyte or two."""
STRETCH = 10_000
WORTH_A_PROCESS = 20_000
"""So many events at least, before another process takes less time than it takes to start."""

_COLUMNS = {
    "sqlite": "seq, at, kind, request, CAST(body AS BLOB), salt, commitment, key, hash, signature",
    "postgresql": (
        "seq, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') || '+00:00', kind, request, "
        "convert_to(body, 'UTF8'), salt, commitment, key, hash, signature"
    ),
}
_MARKS = {"sqlite": ("?", "?"), "postgresql": ("%s", "%s")}


@dataclass(frozen=True, slots=True)
class Stretch:
    """The events behind `after`, whose hash is `previous`, up to `upto`; signatures matter behind `signed_after`."""

    after: int
    previous: bytes
    upto: int
    signed_after: int


def verified(database: Database, verifier: Verifier, stretches: Sequence[Stretch]) -> bytes:
    """Verify stretches that lie one behind the other, each from where the one before ends; return the last hash.

    Raises: Tampered.
    """
    last = stretches[0].previous if stretches else GENESIS
    with _each(database, verifier, stretches) as ends:
        for stretch, (seq, digest) in zip(stretches, ends, strict=True):
            if stretch.previous != last:
                raise Tampered(f"Event {stretch.after} was changed while it was verified.")
            if seq != stretch.upto:
                raise Tampered(f"Event {seq + 1} is missing.")
            last = digest
    return last


def verify_stretch(database: Database, verifier: Verifier, stretch: Stretch) -> tuple[int, bytes]:
    """Verify one stretch, and return the number and the hash of its last event. Raises: Tampered."""
    seq, previous = stretch.after, stretch.previous
    while seq < stretch.upto:
        with database.read() as connection:
            rows = _rows(connection, seq, min(seq + PAGE, stretch.upto))
        before = seq
        seq, previous = verifier.rows(rows, previous, seq, stretch.signed_after)
        if seq == before:
            break
    return seq, previous


def _rows(connection: Connection, after: int, upto: int) -> Iterable[Row]:
    name = connection.dialect.name
    low, high = _MARKS[name]
    query = f"SELECT {_COLUMNS[name]} FROM events WHERE seq > {low} AND seq <= {high} ORDER BY seq"  # noqa: S608 - ours
    found: Any = connection.exec_driver_sql(query, (after, upto)).all()
    return found  # type: ignore[no-any-return]  # rows are tuples


@contextmanager
def _each(
    database: Database, verifier: Verifier, stretches: Sequence[Stretch]
) -> Iterator[Iterator[tuple[int, bytes]]]:
    """Give where each stretch ends, as it is verified, in order."""
    number = min(hands(), len(stretches))
    if number < 2 or stretches[-1].upto - stretches[0].after < WORTH_A_PROCESS:
        yield (verify_stretch(database, verifier, stretch) for stretch in stretches)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
    with ProcessPoolExecutor(number, context, _begin, (database.url, verifier.keys)) as pool:
        try:
            yield pool.map(_elsewhere, stretches)
        finally:
            pool.shutdown(cancel_futures=True)


def hands() -> int:
    """Return how many processes can compute at the same time here."""
    return len(os.sched_getaffinity(0))


_hand: list[tuple[Database, Verifier]] = []
"""What a process that helps has opened, once; empty in every other."""


def _begin(url: str, keys: Sequence[bytes]) -> None:
    _hand.append((Database(url), Verifier([Ed25519PublicKey.from_public_bytes(key) for key in keys])))


def _elsewhere(stretch: Stretch) -> tuple[int, bytes]:
    database, verifier = _hand[0]
    return verify_stretch(database, verifier, stretch)
