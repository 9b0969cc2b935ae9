"""Revoked certificates in a KRL, the file that sshd reads for `RevokedKeys`; ssh-keygen writes it.

The file is replaced as a whole, so that whoever reads it sees the old or the new one. Processes take turns by a lock
file beside it.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jitbot.runners.process import Command, NotStarted, OutOfTime, execute

FOLDERS = "/usr/local/bin:/usr/bin:/bin"
_NOT_REVOKED, _REVOKED = 0, 1


class NoKrl(Exception):
    """The file cannot be read or written; it is as it was."""


def is_revoked(krl: str, certificate: str, seconds: float) -> bool:
    """Tell whether a certificate (one line) is revoked. Raises: NoKrl."""
    with tempfile.TemporaryDirectory(prefix="jitbot-krl-") as folder:
        (Path(folder) / "cert.pub").write_text(certificate + "\n")
        code, said = _keygen(["-Q", "-f", krl, "cert.pub"], folder, seconds)
    if code not in (_NOT_REVOKED, _REVOKED) or (code == _REVOKED and "REVOKED" not in said):
        raise NoKrl(said)  # it ends with 1 too where it cannot read the file
    return code == _REVOKED


def revoke(krl: str, ca: str, serials: Sequence[int], seconds: float) -> None:
    """Add serial numbers of certificates of that authority (its public key) to the file. Raises: NoKrl."""
    with _turn(krl) as path, tempfile.TemporaryDirectory(prefix=".jitbot-krl-", dir=path.parent) as folder:
        draft = Path(folder)
        try:
            shutil.copy(path, draft / "krl")  # with its mode: sshd may read it as somebody else
            (draft / "ca.pub").write_text(ca + "\n")
            (draft / "what").write_text("".join(f"serial: {serial}\n" for serial in serials))
            code, said = _keygen(["-k", "-u", "-q", "-f", "krl", "-s", "ca.pub", "what"], folder, seconds)
            if code != 0:
                raise NoKrl(said)
            with (draft / "krl").open("rb") as whole:
                os.fsync(whole.fileno())
            os.replace(draft / "krl", path)
        except OSError as error:
            raise NoKrl(f"{krl} cannot be written: {error.strerror}") from error


def demand_writable(krl: str) -> None:
    """See that a certificate could be revoked. Raises: NoKrl."""
    if not Path(krl).is_file():
        raise NoKrl(f"there is no {krl}; make it with `ssh-keygen -k -f {krl}`")
    if not os.access(Path(krl).parent, os.W_OK | os.X_OK) or not os.access(krl, os.R_OK):
        raise NoKrl(f"jitbot may not write {krl} and the folder it is in")
    _program()


@contextmanager
def _turn(krl: str) -> Iterator[Path]:
    path = Path(krl).resolve()
    try:
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise NoKrl(f"{krl} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path
    finally:
        os.close(lock)


def _keygen(words: Sequence[str], folder: str, seconds: float) -> tuple[int, str]:
    said = bytearray()
    try:
        code = execute(Command([_program(), *words], folder, {"LANG": "C.UTF-8"}), seconds, said.extend)
    except NotStarted as error:
        raise NoKrl(f"ssh-keygen could not be run: {error}") from error
    except OutOfTime as error:
        raise NoKrl("ssh-keygen was not done in time") from error
    return code, said.decode(errors="replace").strip()


def _program() -> str:
    found = shutil.which("ssh-keygen", path=FOLDERS)
    if found is None:
        raise NoKrl(f"there is no ssh-keygen in {FOLDERS}; install OpenSSH's client")
    return found
