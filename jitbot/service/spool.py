"""What one run says, held to be kept: its first part whole, then only the newest. Memory stays flat whatever comes."""

import hashlib
from collections import deque
from dataclasses import dataclass, field

from jitbot.model import Chunk, Portion

FIRST_BYTES = 512 * 1024
LAST_BYTES = 512 * 1024
"""Of what a run says beyond its first part, so much of the end is kept."""
CHUNK_BYTES = 32 * 1024
"""A chunk is written again as long as it grows."""


@dataclass(slots=True)
class _Growing:
    number: int
    data: bytearray = field(default_factory=bytearray)
    written: int = 0


class Spool:
    """Takes lines, and tells which chunks have grown since they were last written. Not for several threads at once."""

    def __init__(self, first: int = FIRST_BYTES, last: int = LAST_BYTES, chunk: int = CHUNK_BYTES) -> None:
        self.size = 0
        """How many bytes are held."""
        self.missing = 0
        self.waiting = 0
        """How many bytes are not written yet."""
        self._left, self._most, self._chunk = first, last, chunk
        self._first: list[_Growing] = []
        self._last: deque[_Growing] = deque()
        self._last_size = 0
        self._number = 0

    def add(self, line: str) -> None:
        """Take one line."""
        data = f"{line}\n".encode(errors="replace")
        self.size += len(data)
        self.waiting += len(data)
        if not self._last and len(data) <= self._left:
            self._left -= len(data)
            self._append(self._first, data)
            return
        self._append(self._last, data)
        self._last_size += len(data)
        while self._last_size > self._most and len(self._last) > 1:
            self._drop(self._last.popleft())

    def portion(self, *, last: bool = False) -> Portion:
        """Return what has to be written; in the last portion, with the digest of all that is held."""
        grown = [each for each in (*self._first, *self._last) if len(each.data) > each.written]
        chunks = [Chunk(each.number, bytes(each.data)) for each in grown]
        begins = self._last[0].number if self._last else self._number
        return Portion(chunks, range(len(self._first), begins), self.size, self.missing, self._digest() if last else "")

    def written(self, portion: Portion) -> None:
        """Note that a portion is written; what has come since is not."""
        sizes = {chunk.number: len(chunk.data) for chunk in portion.chunks}
        for each in (*self._first, *self._last):
            each.written = sizes.get(each.number, each.written)
        self.waiting = sum(len(each.data) - each.written for each in (*self._first, *self._last))

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for each in (*self._first, *self._last):
            digest.update(each.data)
        return digest.hexdigest()

    def _append(self, part: list[_Growing] | deque[_Growing], data: bytes) -> None:
        if not part or len(part[-1].data) + len(data) > self._chunk:
            part.append(_Growing(self._number))
            self._number += 1
        part[-1].data += data

    def _drop(self, chunk: _Growing) -> None:
        size = len(chunk.data)
        self.waiting -= size - chunk.written
        self._last_size -= size
        self.size -= size
        self.missing += size
