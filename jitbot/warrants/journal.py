"""A file of JSON lines that is only ever added to: what is in it has survived whatever came after."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from jitbot.errors import SettingsError

Record = Mapping[str, Any]


class Journal:
    """Appends records, each on disk before `append` returns. One process has it open at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def records(self) -> Iterator[Record]:
        """Yield what is in it, oldest first; a line that a crash cut off was never acted on. Raises: SettingsError."""
        if not self._path.exists():
            return
        *lines, rest = self._path.read_bytes().split(b"\n")
        for number, line in enumerate(lines, 1):
            try:
                yield json.loads(line)
            except ValueError:
                then = "Look at what this worker has done before you move the file away."
                raise SettingsError(f"{self._path}:{number} is damaged. {then}") from None
        if rest:
            self.rewrite([json.loads(line) for line in lines])

    def append(self, record: Record) -> None:
        """Add a record. Raises: OSError, where it is not known whether it is kept."""
        if self._file is None:
            new = not self._path.exists()
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if new:
                _keep_name(self._path)
        before = os.fstat(self._file).st_size
        try:
            _write(self._file, _line(record))
            os.fsync(self._file)
        except OSError:
            with suppress(OSError):  # half a line would spoil the next one
                os.ftruncate(self._file, before)
            raise

    def rewrite(self, records: Iterable[Record]) -> None:
        """Put fewer records in the place of those that are there; a crash leaves these or those. Raises: OSError."""
        half = self._path.with_name(f"{self._path.name}.new")
        file = os.open(half, os.O_WRONLY | os.O_TRUNC | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _write(file, b"".join(map(_line, records)))
            os.fsync(file)
        finally:
            os.close(file)
        self.close()
        half.replace(self._path)
        _keep_name(self._path)

    def close(self) -> None:
        """Close the file; it is opened again when something is added."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _line(record: Record) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _keep_name(path: Path) -> None:
    """Have a folder keep the name of a new file."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
