"""Signatures that were made or verified before are not computed again; all others are."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jitbot.audit import signatures

PRIVATE = Ed25519PrivateKey.generate()
PUBLIC = PRIVATE.public_key()


class Counted:
    """A public key that counts how often it verifies."""

    def __init__(self) -> None:
        self.times = 0

    def public_bytes_raw(self) -> bytes:
        return PUBLIC.public_bytes_raw()

    def verify(self, signature: bytes, data: bytes) -> None:
        self.times += 1
        PUBLIC.verify(signature, data)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    monkeypatch.setattr(signatures, "_holding", set())
    return Counted()


def test_one_that_was_made_here_holds_without_computing(counted: Counted) -> None:
    signature = PRIVATE.sign(b"run")
    signatures.keep(PUBLIC, signature, b"run")
    assert signatures.holds(counted, signature, b"run")  # type: ignore[arg-type]
    assert counted.times == 0


def test_one_is_computed_once(counted: Counted) -> None:
    signature = PRIVATE.sign(b"run")
    assert [signatures.holds(counted, signature, b"run") for _ in range(3)] == [True] * 3  # type: ignore[arg-type]
    assert counted.times == 1


def test_one_that_does_not_hold_is_never_taken_for_one_that_does(counted: Counted) -> None:
    signature = PRIVATE.sign(b"run")
    assert signatures.holds(counted, signature, b"run")  # type: ignore[arg-type]
    bent = [(signature, b"run as root"), (signature[:-1], signature[-1:] + b"run"), (signature + b"r", b"un")]
    for _ in range(2):
        assert [signatures.holds(counted, *each) for each in bent] == [False] * 3  # type: ignore[arg-type]
    assert not signatures.holds(Ed25519PrivateKey.generate().public_key(), signature, b"run")


def test_no_more_than_so_many_are_remembered(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "MOST_KEPT", 3)
    for number in range(10):
        message = str(number).encode()
        assert signatures.holds(counted, PRIVATE.sign(message), message)  # type: ignore[arg-type]
    assert len(signatures._holding) <= 3
