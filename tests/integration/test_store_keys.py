"""The signing key's file: made once, read by its owner alone."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from jitbot.errors import SettingsError
from jitbot.store import keys
from jitbot.store.keys import open_key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "signing.key"


def test_a_key_is_made_once_and_read_again(path: Path) -> None:
    assert open_key(path).key == open_key(path).key


def test_only_its_owner_can_read_it(path: Path) -> None:
    open_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_two_first_starts_at_once_agree_on_one(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = {signer.key for signer in pool.map(open_key, [path] * 8)}
    assert len(made) == 1
    assert list(path.parent.iterdir()) == [path]


def test_a_key_that_came_in_between_is_kept(path: Path) -> None:
    first = open_key(path).key
    keys.write_keys(path, [Ed25519PrivateKey.generate()], anew=True)
    assert open_key(path).key == first
    assert list(path.parent.iterdir()) == [path]


def test_what_a_crashed_start_has_left_behind_does_not_stop_the_next(path: Path) -> None:
    path.parent.mkdir()
    path.with_name(f"{path.name}.{os.getpid()}").write_text("half")
    assert open_key(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(path: Path, mode: int) -> None:
    open_key(path)
    path.chmod(mode)
    with pytest.raises(SettingsError, match=f"can be read by others \\(mode {mode:o}\\). Run: chmod 600"):
        open_key(path)


def pem(key: object, encryption: object = None) -> bytes:
    written: bytes = key.private_bytes(  # type: ignore[attr-defined]
        Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()
    )
    return written


WRONG = {
    "is not an unencrypted PEM private key": b"nonsense",
    "is not an unencrypted": pem(Ed25519PrivateKey.generate(), BestAvailableEncryption(b"x")),
    "is not an Ed25519 key": pem(generate_private_key(SECP256R1())),
}


@pytest.mark.parametrize("says", WRONG)
def test_what_is_no_key_of_ours_is_refused(path: Path, says: str) -> None:
    path.parent.mkdir()
    path.write_bytes(WRONG[says])
    path.chmod(0o600)
    with pytest.raises(SettingsError, match=says):
        open_key(path)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingsError, match="cannot be written"):
        open_key(tmp_path / "file" / "signing.key")


def test_a_key_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "signing.key"
    folder.mkdir(mode=0o700)
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        open_key(folder)
