"""A worker's own folder: its key, which warrants it has used, and what it has granted. One process has it at a time."""

import fcntl
import os
import stat
from pathlib import Path

from jitbot.audit import Signer
from jitbot.errors import SettingsError
from jitbot.store.keys import open_key
from jitbot.warrants.journal import Journal
from jitbot.warrants.spent import Spent


class State:
    """What a worker keeps, whatever becomes of the service, the database and itself."""

    def __init__(self, folder: Path) -> None:
        """Open it, or make it. Raises: SettingsError, also where another worker has it open."""
        self.signer = key_of(folder)
        self._lock = _locked(folder)
        self.spent = Spent(Journal(folder / "spent"))
        self.granted = Journal(folder / "granted")

    def close(self) -> None:
        """Leave it to another worker."""
        os.close(self._lock)


def key_of(folder: Path) -> Signer:
    """Read a worker's key, or make it. Raises: SettingsError."""
    _own(folder)
    return open_key(folder / "key.pem").signer()


def _own(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        about = folder.stat()
    except OSError as error:
        raise SettingsError(f"JITBOT_WORKER_STATE: {folder} cannot be used ({error.strerror}).") from error
    if about.st_uid != os.geteuid() or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SettingsError(f"JITBOT_WORKER_STATE: others can write to {folder}. Run: chmod 700 {folder}")


def _locked(folder: Path) -> int:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise SettingsError(
            f"Another worker keeps its state in {folder}. Give each its own folder: set JITBOT_WORKER_STATE."
        ) from None
    return lock
