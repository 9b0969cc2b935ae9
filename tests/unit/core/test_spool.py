"""What a run says is kept whole up to a limit; beyond it the first part and the last, in flat memory."""

import hashlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitbot.model import Chunk, Output, Phase, RequestId
from jitbot.service.spool import Spool
from jitbot.service.transcript import text_of

FIRST, LAST, CHUNK = 40, 30, 12
LINES = st.lists(st.text(max_size=25), max_size=60)


class Shelf:
    """What a store keeps of the portions it is given."""

    def __init__(self) -> None:
        self.chunks: dict[int, bytes] = {}
        self.size = self.missing = 0

    def write(self, spool: Spool, *, last: bool = False) -> str:
        portion = spool.portion(last=last)
        self.chunks |= {chunk.number: chunk.data for chunk in portion.chunks}
        self.chunks = {number: data for number, data in self.chunks.items() if number not in portion.gone}
        self.size, self.missing = portion.size, portion.missing
        spool.written(portion)
        return portion.digest

    def held(self) -> list[Chunk]:
        return [Chunk(number, data) for number, data in sorted(self.chunks.items())]


@given(LINES, st.lists(st.booleans(), min_size=60, max_size=60))
def test_whatever_is_said_and_whenever_it_is_written_the_store_holds_what_is_vouched_for(
    lines: list[str], writes: list[bool]
) -> None:
    spool, shelf = Spool(FIRST, LAST, CHUNK), Shelf()
    for line, write in zip(lines, writes, strict=False):
        spool.add(line)
        if write:
            shelf.write(spool)
    digest = shelf.write(spool, last=True)
    whole = "".join(f"{line}\n" for line in lines).encode(errors="replace")
    held = b"".join(chunk.data for chunk in shelf.held())
    assert digest == hashlib.sha256(held).hexdigest()
    assert (shelf.size, shelf.size + shelf.missing) == (len(held), len(whole))
    assert spool.waiting == 0
    if len(whole) <= FIRST:
        assert held == whole
    begin = held[: len(held) - len(_common_end(held, whole))]
    assert whole.startswith(begin), "a first part, then a last part, and nothing else"


def _common_end(one: bytes, other: bytes) -> bytes:
    length = 0
    while length < min(len(one), len(other)) and one[-1 - length] == other[-1 - length]:
        length += 1
    return one[len(one) - length :]


def said(count: int) -> tuple[Output, list[Chunk]]:
    spool, shelf = Spool(FIRST, LAST, CHUNK), Shelf()
    for number in range(count):
        spool.add(f"{number}")
    shelf.write(spool)
    return Output(RequestId(1), Phase.START, 1, size=spool.size, missing=spool.missing), shelf.held()


def test_what_fits_is_whole() -> None:
    assert text_of(*said(15)) == "".join(f"{number}\n" for number in range(15))


def test_too_much_shows_how_it_began_how_it_ended_and_how_much_is_missing() -> None:
    text = text_of(*said(100))
    first, mark, last = text.partition("… 228 bytes were said here that are not kept …\n")
    assert mark
    assert first.splitlines() == [str(number) for number in range(16)]
    assert last.splitlines() == [str(number) for number in range(92, 100)]


def test_a_single_line_above_every_limit_is_kept_rather_than_nothing() -> None:
    spool = Spool(FIRST, LAST, CHUNK)
    spool.add("x" * 200)
    assert spool.size == 201


def test_a_portion_that_was_not_written_comes_again() -> None:
    spool = Spool()
    spool.add("one")
    assert spool.portion().chunks == spool.portion().chunks == [Chunk(0, b"one\n")]
    spool.written(spool.portion())
    assert (spool.portion().chunks, spool.waiting) == ([], 0)
    spool.add("two")
    assert (spool.portion().chunks, spool.waiting) == ([Chunk(0, b"one\ntwo\n")], 4)


@pytest.mark.parametrize("line", ["y", "z" * 16_000], ids=["short lines", "long lines"])
def test_a_flood_that_nobody_writes_down_takes_no_more_than_what_is_kept(line: str) -> None:
    spool = Spool()
    tracemalloc.start()
    for _ in range(16_000_000 // (len(line) + 100)):
        spool.add(line)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_400_000
    assert spool.size <= 1024 * 1024 + 40_000
