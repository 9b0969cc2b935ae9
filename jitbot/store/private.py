"""Files of jitbot's own that nobody else on this machine may read, whatever the umask says."""

import os
from contextlib import suppress
from pathlib import Path


def make_private(path: Path) -> None:
    """Make an empty file for its owner alone where there is none; one that is there keeps its mode.

    SQLite gives its write-ahead log and shared memory the mode of the database
    (https://www.sqlite.org/src/doc/trunk/src/os_unix.c, findCreateFileMode). Where a file cannot be made, whoever opens
    it next says so better.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
