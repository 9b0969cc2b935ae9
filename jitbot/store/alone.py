"""Only one process serves a SQLite file: its one fair writer is fair inside of a process only.

The lock is on a file beside the database, since closing any other handle on the database's own file would let go of
the locks that SQLite itself holds there (https://www.sqlite.org/howtocorrupt.html, 2.2).
"""

import fcntl
import os
from pathlib import Path
from typing import TextIO

from sqlalchemy.engine import make_url

from jitbot.errors import SettingsError
from jitbot.store.private import make_private


class OnlyOne:
    """Holds the lock until it is closed; the operating system lets go of it when the process ends, however it ends."""

    def __init__(self, url: str) -> None:
        """Take it; on Postgres there is none to take. Raises: SettingsError where another process has it."""
        self._file: TextIO | None = None
        address = make_url(url)
        if address.get_backend_name() != "sqlite":
            return
        database = Path(address.database or "")
        lock = database.with_name(f"{database.name}.lock")
        make_private(lock)  # whoever can open it can hold it, and keep jitbot from starting
        try:
            self._file = lock.open("a+", encoding="utf-8")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(_refusal(database, self._holder())) from None
        except OSError as error:
            raise SettingsError(f"{database}.lock cannot be written: {error.strerror}.") from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def close(self) -> None:
        """Let another process in."""
        if self._file is not None:
            self._file.close()

    def _holder(self) -> str:
        """Return the process that has the lock, as it has written down, and let go of the file."""
        if self._file is None:
            return ""
        with self._file as file:
            file.seek(0)
            return file.read(20)


def _refusal(database: Path, holder: str) -> str:
    who = f"process {holder}" if holder.isdecimal() else "another process"
    return (
        f"{database} is served by {who} already, and a SQLite file takes one. Stop that one first; "
        "for more than one process set JITBOT_DATABASE_URL to a Postgres."
    )
