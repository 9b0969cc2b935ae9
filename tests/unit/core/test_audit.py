"""The chain: one changed byte, one missing event, one foreign key, and it does not verify."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from jitbot.audit import GENESIS, Sealed, Signer, Verifier, canonical, digest, fingerprint
from jitbot.errors import Tampered

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SIGNER = Signer(Ed25519PrivateKey.generate())
VERIFIER = Verifier([SIGNER.public])


def a_chain(length: int = 4, signer: Signer = SIGNER) -> list[Sealed]:
    events: list[Sealed] = []
    for seq in range(1, length + 1):
        previous = events[-1].hash if events else GENESIS
        events.append(signer.seal(previous, seq, NOW + timedelta(seconds=seq), "moved", seq % 2 or None, {"n": seq}))
    return events


def verify(events: list[Sealed]) -> int:
    return len(list(VERIFIER.chain(events)))


def test_what_was_sealed_verifies() -> None:
    assert verify(a_chain()) == 4


def test_an_empty_chain_verifies() -> None:
    assert verify([]) == 0


CHANGES: dict[str, Callable[[Sealed], Any]] = {
    "at": lambda event: event.at + timedelta(microseconds=1),
    "kind": lambda event: "paused",
    "request": lambda event: 77,
    "body": lambda event: event.body + " ",  # type: ignore[operator]
    "salt": lambda event: bytes(16),
    "commitment": lambda event: bytes(32),
    "key": lambda event: "0" * 16,
    "hash": lambda event: bytes(32),
    "signature": lambda event: bytes(64),
}


@pytest.mark.parametrize("field", CHANGES)
@pytest.mark.parametrize("index", [0, 1, 3])
def test_one_changed_field_of_one_event_breaks_the_chain(field: str, index: int) -> None:
    events = a_chain()
    events[index] = replace(events[index], **{field: CHANGES[field](events[index])})
    with pytest.raises(Tampered):
        verify(events)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_missing_event_is_named(index: int) -> None:
    events = a_chain()
    del events[index]
    with pytest.raises(Tampered, match=f"Event {index + 1} is missing"):
        verify(events)


def test_events_that_changed_places_are_noticed() -> None:
    events = a_chain()
    events[1], events[2] = replace(events[2], seq=2), replace(events[1], seq=3)
    with pytest.raises(Tampered, match="Event 2 does not follow"):
        verify(events)


def test_an_event_put_in_between_is_noticed() -> None:
    events = a_chain()
    forged = SIGNER.seal(events[0].hash, 2, NOW, "forged", 1, {})
    with pytest.raises(Tampered, match="Event 3 is missing"):
        verify([events[0], forged, replace(events[1], seq=4)])


def test_an_unknown_key_is_named() -> None:
    other = Signer(Ed25519PrivateKey.generate())
    with pytest.raises(Tampered, match=f"a key that is not known here \\({other.key}\\)"):
        verify(a_chain(signer=other))


def test_a_known_key_after_another_verifies() -> None:
    other = Signer(Ed25519PrivateKey.generate())
    events = a_chain(2)
    events.append(other.seal(events[-1].hash, 3, NOW, "moved", 1, {}))
    assert len(list(Verifier([SIGNER.public, other.public]).chain(events))) == 3


def test_a_body_deleted_with_its_salt_leaves_the_chain_whole() -> None:
    events = a_chain()
    events[1] = replace(events[1], body=None, salt=None)
    assert verify(events) == 4


def test_a_body_without_its_salt_does_not_hold() -> None:
    events = a_chain()
    events[1] = replace(events[1], salt=None)
    with pytest.raises(Tampered, match="the body is not the one that was signed"):
        verify(events)


def test_following_alone_looks_at_neither_body_nor_signature() -> None:
    event = replace(a_chain(1)[0], body="{}", signature=bytes(64))
    VERIFIER.follows(event, GENESIS)
    with pytest.raises(Tampered):
        VERIFIER.follows(event, bytes(31) + b"\x01")


def test_the_same_body_is_committed_to_differently_each_time() -> None:
    first, second = (SIGNER.seal(GENESIS, 1, NOW, "moved", 1, {"n": 1}) for _ in range(2))
    assert first.commitment != second.commitment


def test_the_same_instant_in_another_zone_is_the_same() -> None:
    event = a_chain(1)[0]
    moved = replace(event, at=event.at.astimezone(timezone(timedelta(hours=5))))
    assert verify([moved]) == 1


def test_a_key_is_named_by_its_fingerprint() -> None:
    assert SIGNER.key == fingerprint(SIGNER.public)
    assert len(SIGNER.key) == 16


bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(bodies)
def test_canonical_json_reads_back_and_ignores_the_order_of_keys(body: Any) -> None:
    assert json.loads(canonical(body)) == body
    if isinstance(body, dict):
        assert canonical(dict(reversed(body.items()))) == canonical(body)
    assert digest(body) == digest(json.loads(canonical(body)))


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        canonical(float("nan"))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3), st.integers(0, 63), st.integers(0, 7))
def test_any_one_bit_of_a_hash_or_a_signature_matters(index: int, byte: int, bit: int) -> None:
    events = a_chain()
    flipped = bytearray(events[index].signature)
    flipped[byte] ^= 1 << bit
    events[index] = replace(events[index], signature=bytes(flipped))
    with pytest.raises(Tampered):
        verify(events)
