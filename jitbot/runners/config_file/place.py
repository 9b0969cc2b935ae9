"""A file below a granted folder: opened step by step so that no link is followed, and replaced whole or not at all."""

import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.outbound.paths import granted
from jitbot.ports import Site
from jitbot.runners.config_file.git import Checkout

FILE_BYTES = 128 * 1024
"""So much YAML is read and read again in ten seconds."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds, and what has to stay about it."""

    data: bytes
    about: os.stat_result

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


class Place:
    """A folder that is held open, and the name of a file in it. Raises from all: OSError, RunnerRefused."""

    def __init__(self, folder: int, name: str) -> None:
        self._folder = folder
        self.name = name

    def read(self, name: str = "") -> Content | None:
        """Return what a file holds (the file itself where no other is named); None where there is none."""
        try:
            opened = os.open(name or self.name, _READ, dir_fd=self._folder)
        except FileNotFoundError:
            return None
        with os.fdopen(opened, "rb") as file:
            about = os.fstat(opened)
            if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1:
                raise RunnerRefused(f"{self.name} is no plain file of one name only. Nothing was changed.")
            data = file.read(FILE_BYTES + 1)
        if len(data) > FILE_BYTES:
            raise RunnerRefused(f"{self.name} has more than {FILE_BYTES} bytes. Nothing was changed.")
        return Content(data, about)

    def replace(self, data: bytes, like: Content, name: str = "") -> None:
        """Put a file in place of another, whole, with mode and owner of the file that it is like."""
        name = name or self.name
        if name == self.name:
            self._demand_same(like)
        draft = _draft(name)
        self.remove(draft)
        try:
            with os.fdopen(os.open(draft, _NEW, 0o600, dir_fd=self._folder), "wb") as file:
                os.fchown(file.fileno(), like.about.st_uid, like.about.st_gid)
                os.fchmod(file.fileno(), stat.S_IMODE(like.about.st_mode))
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.rename(draft, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except OSError:
            with suppress(OSError):
                self.remove(draft)
            raise
        try:
            os.fsync(self._folder)
        except OSError as error:
            raise RunnerUnsure(f"{name} is written, and may be lost when this machine stops now.") from error

    def checkout(self, seconds: float) -> Checkout:
        """Return the git checkout of this folder, if there is one; git has so many seconds."""
        return Checkout(self._folder, self.name, seconds)

    def _demand_same(self, content: Content) -> None:
        """See that nobody has written the file since it was read."""
        now = self.read()
        if now is None or (now.data, now.about.st_ino) != (content.data, content.about.st_ino):
            raise OSError(0, "somebody else is writing it just now")

    def tidy(self, *names: str) -> None:
        """Remove what a run that was cut off has left of files it was writing."""
        for name in names:
            self.remove(_draft(name))

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._folder)

    @contextmanager
    def alone(self, seconds: float, stopping: Callable[[], bool]) -> Iterator[None]:
        """Keep other runs out of this folder."""
        until = time.monotonic() + seconds
        while True:
            if stopping():
                raise RunnerRefused("It was stopped by hand before it began. Nothing was changed.")
            try:
                fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise RunnerRefused("Another run is busy in this folder. Nothing was changed.") from None
                time.sleep(0.05)
        try:
            yield
        finally:
            fcntl.flock(self._folder, fcntl.LOCK_UN)


def _draft(name: str) -> str:
    return f".{hashlib.sha256(name.encode()).hexdigest()[:16]}.jitbot-new"


@contextmanager
def opened(folder: str, file: str, site: Site) -> Iterator[Place]:
    """Open the folder that a file is in. Raises: NotGranted, OSError (a link on the way too)."""
    *steps, name = file.split("/")
    with ExitStack() as held:
        here = None
        for step in ["/", *granted(folder, site).parts[1:], *steps]:
            here = os.open(step, _FOLDER, dir_fd=here)
            held.callback(os.close, here)
        assert here is not None  # noqa: S101 - there is one step at least
        yield Place(here, name)
