"""The key file: the keys of the record in PEM, oldest first, readable by its owner alone; made at the first start.

The first is the key by which the record begins. Of keys that do not sign any more only the public half stays there, so
that nobody can say by the database alone which keys the record was signed with. The last may be one that does not sign
yet. A running process reads the file again when the record says that another key signs than those it has.
"""

import os
import re
import secrets
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from jitbot.audit import Signer, Verifier, fingerprint
from jitbot.errors import SettingsError, StoreUnavailable

_BLOCK = re.compile(rb"-----BEGIN [A-Z0-9 ]+-----.*?-----END [A-Z0-9 ]+-----", re.DOTALL)
Half = Ed25519PrivateKey | Ed25519PublicKey
"""What stands in a key file for one key: both halves of it, or the public one."""


class KeyFile:
    """What a key file holds. `public` are the public halves, oldest first."""

    def __init__(self, path: Path, halves: Iterable[Half]) -> None:
        self._path = path
        self.halves = list(halves)
        self.public = [_public(half) for half in self.halves]
        self._signers = {each.key: each for each in _signers(self.halves)}

    @property
    def key(self) -> str:
        """Return the fingerprint of the first key."""
        return fingerprint(self.public[0])

    @property
    def signers(self) -> Mapping[str, Signer]:
        """Return what can sign, by fingerprint."""
        return self._signers

    def vouched(self, key: str, purpose: str, text: str, signature: bytes) -> None:
        """Verify what one of the keys that can sign has signed for a purpose. Raises: Tampered."""
        Verifier([each.public for each in self._signers.values()]).vouched(key, purpose, text, signature)

    def signer(self, named: str = "") -> Signer:
        """Return who signs for the key of that fingerprint, without one for the first key.

        Raises: StoreUnavailable where the file does not hold it, not even by now.
        """
        wanted = named or self.key
        if wanted not in self._signers:
            with suppress(SettingsError):  # while it is being replaced by hand, for example
                self._signers |= read_keys(self._path).signers
        if wanted not in self._signers:
            raise StoreUnavailable(
                f"The record is signed with the key {wanted}, whose private half {self._path} does not hold. Copy the "
                "key file here from where it was rotated; for a backup from before that, take the one of that time."
            )
        return self._signers[wanted]


def open_key(path: Path) -> KeyFile:
    """Read the key file, or make one where there is none. Raises: SettingsError, also for one that others can read."""
    if not path.exists():
        write_keys(path, [Ed25519PrivateKey.generate()], anew=True)
    return read_keys(path)


def read_keys(path: Path) -> KeyFile:
    """Read a key file. Raises: SettingsError, also for one that others can read."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise SettingsError(f"The signing key {path} can be read by others (mode {mode:o}). Run: chmod 600 {path}")
        return KeyFile(path, _halves(path, path.read_bytes()))
    except OSError as error:
        raise SettingsError(f"The signing key {path} cannot be read: {error.strerror}.") from error


def read_public(path: Path) -> list[Ed25519PublicKey]:
    """Read the public keys of an auditor's file, oldest first; others may read it. Raises: SettingsError."""
    try:
        return [_public(half) for half in _halves(path, path.read_bytes())]
    except OSError as error:
        raise SettingsError(f"The public key {path} cannot be read: {error.strerror}.") from error


def write_keys(path: Path, halves: Iterable[Half], *, anew: bool = False) -> None:
    """Write a key file whole. Anew, one that has come there meanwhile stays: two first starts agree on one.

    Raises: SettingsError.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        half = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(b"".join(_pem(each) for each in halves))
                file.flush()
                os.fsync(file.fileno())
            os.link(half, path) if anew else os.replace(half, path)
        except FileExistsError:
            pass
        finally:
            half.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(f"The signing key {path} cannot be written: {error.strerror}.") from error


def public_pem(public: Ed25519PublicKey) -> str:
    """Write a public key as an auditor keeps it."""
    return _pem(public).decode()


def _halves(path: Path, content: bytes) -> list[Half]:
    found = [_half(path, block) for block in _BLOCK.findall(content)]
    if not found:
        raise SettingsError(f"The signing key {path} is not an unencrypted PEM private key.")
    return found


def _half(path: Path, block: bytes) -> Half:
    try:
        public = block.startswith(b"-----BEGIN PUBLIC KEY-----")
        half = load_pem_public_key(block) if public else load_pem_private_key(block, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SettingsError(f"The signing key {path} is not an unencrypted PEM private key.") from error
    if not isinstance(half, Half):
        raise SettingsError(f"The signing key {path} is not an Ed25519 key.")
    return half


def _public(half: Half) -> Ed25519PublicKey:
    return half.public_key() if isinstance(half, Ed25519PrivateKey) else half


def _signers(halves: Iterable[Half]) -> Iterable[Signer]:
    return (Signer(half) for half in halves if isinstance(half, Ed25519PrivateKey))


def _pem(half: Half) -> bytes:
    if isinstance(half, Ed25519PrivateKey):
        return half.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return half.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
