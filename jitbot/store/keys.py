"""The signing key's file: made at first start, readable by its owner alone."""

import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from jitbot.audit import Signer
from jitbot.errors import SettingsError


def open_key(path: Path) -> Signer:
    """Read the key, or make one where there is none. Raises: SettingsError, also for a file others can read."""
    if not path.exists():
        _make(path)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise SettingsError(f"The signing key {path} can be read by others (mode {mode:o}). Run: chmod 600 {path}")
        private = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise SettingsError(f"The signing key {path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SettingsError(f"The signing key {path} is not an unencrypted PEM private key.") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise SettingsError(f"The signing key {path} is not an Ed25519 key.")
    return Signer(private)


def _make(path: Path) -> None:
    """Write a new key; two first starts at once agree on one, since the file is created exclusively."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        half = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(half, path)
        except FileExistsError:
            pass
        finally:
            half.unlink()
    except OSError as error:
        raise SettingsError(f"The signing key {path} cannot be written: {error.strerror}.") from error
