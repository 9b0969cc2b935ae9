"""A file to which lines are appended: on a file system that others keep, or made append-only (`chattr +a`)."""

import os
from typing import Literal

from jitbot.audit import Head
from jitbot.errors import SinkUnavailable
from jitbot.outbound.secrets.section import FullPath, Strict


class FilePlace(Strict):
    """What the operator's file says."""

    kind: Literal["file"]
    path: FullPath


class FileSink:
    """Implements `ports.Sink`."""

    def __init__(self, name: str, place: FilePlace) -> None:
        self.name = name
        self._path = place.path

    def put(self, head: Head) -> None:
        """Append the line and have it on disk; a line that was cut short by a crash is ended first."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
            try:
                size = os.fstat(descriptor).st_size
                torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
                line = f"{chr(10) * torn}{head.line()}\n".encode()
                if os.write(descriptor, line) != len(line):
                    raise SinkUnavailable(f"{self._path} took only a part of the line: is the disk full?")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise SinkUnavailable(f"{self._path} cannot be appended to ({error.strerror})") from error
