"""What `jitbot doctor` says of files: can others on this machine read or change what jitbot lives by?

Whoever can write into a folder can put another file into the place of one in it, whatever that one's own mode is.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from jitbot.cli.finding import Finding
from jitbot.settings import Settings


class Unwanted(NamedTuple):
    """What others may not do with a file, and what takes it from them."""

    bits: int
    words: str
    change: str


REACH = Unwanted(stat.S_IRWXG | stat.S_IRWXO, "reach", "go-rwx")
WRITE = Unwanted(stat.S_IWGRP | stat.S_IWOTH, "change", "go-w")


def files(settings: Settings) -> Iterator[Finding]:
    """Look at the signing key, the database, the policies, and what says where secrets are."""
    secret, shown = list(_secret(settings)), list(_shown(settings))
    found = [
        *(fault for path in secret for fault in _faults(path, REACH)),
        *(fault for path in shown for fault in _faults(path, WRITE)),
        *(fault for path in sorted({path.parent for path in secret}) for fault in _folder(path)),
    ]
    yield from found
    if not found:
        yield Finding("files", "nobody else can read the key and the database, or change the policies")


def _secret(settings: Settings) -> Iterator[Path]:
    """Yield what only jitbot's own user may read; of the database's files those that are there."""
    yield settings.key_file
    try:
        address = make_url(settings.database_url)
    except ArgumentError:
        return  # what is no address is told by whoever opens it
    if address.get_backend_name() == "sqlite" and address.database:
        database = Path(address.database)
        yield database
        for end in ("-wal", "-shm", "-journal", ".lock"):
            yield database.with_name(f"{database.name}{end}")


def _shown(settings: Settings) -> Iterator[Path]:
    """Yield what others may read, and never change."""
    yield settings.policies
    yield from sorted(each for end in ("*.yml", "*.yaml") for each in settings.policies.glob(end))
    if settings.secrets_file is not None:
        yield settings.secrets_file


def _folder(path: Path) -> Iterator[Finding]:
    """Look at a folder of secret files, and at those around it: who may rename one of these can replace all in it.

    A folder like /tmp, where everybody may move only their own, will do around it, but not for the files themselves: a
    write-ahead log that is put beside a database is played into it.
    """
    yield from _faults(path, WRITE)
    for around in path.absolute().parents:
        yield from _faults(around, WRITE, unless=stat.S_ISVTX)


def _faults(path: Path, unwanted: Unwanted, unless: int = 0) -> Iterator[Finding]:
    try:
        about = path.stat()
    except OSError:
        return  # what is not there, or not ours to see, is told by whoever needs it
    mode = stat.S_IMODE(about.st_mode)
    if mode & unwanted.bits and not mode & unless:
        said = f"{path} has mode {mode:03o}, so others can {unwanted.words} it"
        yield Finding("files", said, False, f"Run: chmod {unwanted.change} {path}")
    if about.st_uid not in (0, os.geteuid()):
        advice = f"Run: chown {os.geteuid()} {path}"
        yield Finding("files", f"{path} belongs to another user, with the number {about.st_uid}", False, advice)
