"""Verify a long record: raw rows, a page at a time, split among processes where there are enough of them.

Verifying is computing, and one Python process computes in one thread at a time.
Each process takes stretches of the record. A stretch begins with the hash of the event before it, which the stretch
before has to end with, so that together they are one chain.
"""

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from jitbot.audit import GENESIS, Era, Forgotten, Verifier, fingerprint
from jitbot.errors import Tampered
from jitbot.store import raw
from jitbot.store.engine import Database

PAGE = 500
"""So many rows are read at once: a few hundred KiB, which stay in the processor's cache while they are verified."""
STRETCH = 10_000
WORTH_A_PROCESS = 400_000
"""So many events at least, before another process takes less time than it takes to start."""
A_SIGNATURE = 25
"""Verifying the signature of an event takes as long as so many events take besides."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The events behind `after`, whose hash is `previous`, up to `upto`; signatures matter behind `signed_after`."""

    after: int
    previous: bytes
    upto: int
    signed_after: int


@dataclass(frozen=True, slots=True)
class Rules:
    """What events are verified by: whose keys sign which of them, and whose bodies may be missing."""

    verifier: Verifier
    forgotten: Forgotten


def verified(database: Database, rules: Rules, stretches: Sequence[Stretch]) -> bytes:
    """Verify stretches that lie one behind the other, each from where the one before ends; return the last hash.

    Raises: Tampered.
    """
    last = stretches[0].previous if stretches else GENESIS
    with _each(database, rules, stretches) as ends:
        for stretch, (seq, digest) in zip(stretches, ends, strict=True):
            if stretch.previous != last:
                raise Tampered(f"Event {stretch.after} was changed while it was verified.")
            if seq != stretch.upto:
                raise Tampered(f"Event {seq + 1} is missing.")
            last = digest
    return last


def verify_stretch(database: Database, rules: Rules, stretch: Stretch) -> tuple[int, bytes]:
    """Verify one stretch, and return the number and the hash of its last event. Raises: Tampered."""
    seq, previous = stretch.after, stretch.previous
    while seq < stretch.upto:
        with database.read() as connection:
            rows = raw.between(connection, seq, min(seq + PAGE, stretch.upto))
        before = seq
        seq, previous = rules.verifier.rows(rows, previous, seq, stretch.signed_after, rules.forgotten)
        if seq == before:
            break
    return seq, previous


@contextmanager
def _each(database: Database, rules: Rules, stretches: Sequence[Stretch]) -> Iterator[Iterator[tuple[int, bytes]]]:
    """Give where each stretch ends, as it is verified, in order."""
    number = min(hands(), len(stretches))
    if number < 2 or sum(map(_work, stretches)) < WORTH_A_PROCESS:
        yield (verify_stretch(database, rules, stretch) for stretch in stretches)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
    with ProcessPoolExecutor(number, context, _begin, (database.url, _plain(rules.verifier), rules.forgotten)) as pool:
        try:
            yield pool.map(_elsewhere, stretches)
        finally:
            pool.shutdown(cancel_futures=True)


def _work(stretch: Stretch) -> int:
    """Return how much there is to do, in events without their signatures."""
    signed = stretch.upto - max(stretch.after, stretch.signed_after)
    return stretch.upto - stretch.after + A_SIGNATURE * max(0, signed)


def hands() -> int:
    """Return how many processes can compute at the same time here."""
    return len(os.sched_getaffinity(0))


_hand: list[tuple[Database, Rules]] = []
"""What a process that helps has opened, once; empty in every other."""
Plain = Sequence[tuple[int, bytes]]
"""Eras as another process can be given them: a key object cannot be sent."""


def _plain(verifier: Verifier) -> Plain:
    return [(era.after, era.public.public_bytes_raw()) for era in verifier.eras]


def _begin(url: str, eras: Plain, forgotten: Forgotten) -> None:
    keys = [(after, Ed25519PublicKey.from_public_bytes(key)) for after, key in eras]
    verifier = Verifier([], [Era(after, key, fingerprint(key)) for after, key in keys])
    _hand.append((Database(url), Rules(verifier, forgotten)))


def _elsewhere(stretch: Stretch) -> tuple[int, bytes]:
    database, rules = _hand[0]
    return verify_stretch(database, rules, stretch)
