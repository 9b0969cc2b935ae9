"""Secrets from files, one for each, in a folder of their own, as Docker and Kubernetes mount them.

A link counts as what it leads to, and has to stay inside of the folder: Kubernetes swaps all files at once by one link.
"""

import os
import stat
from pathlib import Path

from jitbot.errors import NotGranted, SecretUnavailable
from jitbot.outbound.secrets.listed import NAME
from jitbot.outbound.secrets.private_file import Refused, read_private


class FileStore:
    """Implements `ports.SecretStore`. Folder and files must be root's or ours, and nobody else's to read or write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> str:
        if not NAME.fullmatch(name):  # checked before, and once more where a name becomes a path
            raise NotGranted(f"{name[:80]!r} is no name of a secret")
        try:
            root = self._checked()
            return self._found(root, name)
        except Refused as error:
            raise SecretUnavailable(f"The secret {name!r} cannot be read: {error}.") from None
        except FileNotFoundError:
            raise NotGranted(f"put it into the file {name} in {self._folder}") from None

    def _checked(self) -> Path:
        """Return the real folder: whoever else can write there could put any file in."""
        try:
            root = self._folder.resolve(strict=True)
            about = root.stat()
        except OSError:
            raise Refused(f"the folder {self._folder} is not there. Mount it, or set JITBOT_SECRETS_FOLDER") from None
        if about.st_uid not in (0, os.geteuid()) or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise Refused(f"others can write the folder {self._folder}. Make it root's or jitbot's own, mode 700")
        return root

    def _found(self, root: Path, name: str) -> str:
        try:
            return _inside(root, name)
        except FileNotFoundError:
            if not os.path.lexists(root / name):
                raise
        try:
            return _inside(root, name)  # all files may have been swapped between following the link and opening
        except FileNotFoundError:
            raise Refused("its file is a link to nothing. Put the file itself there") from None


def _inside(root: Path, name: str) -> str:
    real = Path(os.path.realpath(root / name))
    if not real.is_relative_to(root):
        raise Refused("its file is a link that leads out of the folder. Put the file itself there")
    return read_private(real)
