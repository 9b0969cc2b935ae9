"""The chain: one changed byte, one missing event, one foreign key, and it does not verify."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from jitbot.audit import GENESIS, Row, Sealed, Signer, Verifier, canonical, digest, fingerprint, header
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


def a_row(event: Sealed, **changes: Any) -> Row:
    """Return an event as a driver hands it out."""
    at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    body = None if event.body is None else event.body.encode()
    fields = {name: getattr(event, name) for name in event.__slots__} | {"at": at, "body": body} | changes
    return cast(Row, tuple(fields.values()))


def verify(events: list[Sealed]) -> int:
    """Verify in both ways, which have to say the same."""
    rows = [a_row(event) for event in events]
    try:
        count = len(list(VERIFIER.chain(events)))
    except Tampered as fault:
        with pytest.raises(Tampered, match=re.escape(str(fault))):
            VERIFIER.rows(rows, GENESIS, 0)
        raise
    try:
        last = VERIFIER.rows(rows, GENESIS, 0)
    except Tampered as fault:
        pytest.fail(f"one way finds nothing, and the other: {fault}")
    assert last == (count, events[-1].hash if events else GENESIS)
    return count


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


ODD = {
    "an instant with more behind it": {"at": '2026-11-23T09:00:01.000000+00:00","x":"'},
    "an instant in another zone": {"at": "2026-11-23T10:00:01.000000+01:00"},
    "a kind that closes its quotes": {"kind": 'moved","request":77,"x":"'},
    "a kind that is no text": {"kind": b"moved"},
    "a request that is text": {"request": "1"},
    "a commitment that is short": {"commitment": bytes(31)},
    "a body that is text": {"body": '{"n":1}'},
    "no hash": {"hash": None},
}


@pytest.mark.parametrize("changes", ODD.values(), ids=ODD)
def test_what_no_event_of_ours_can_hold_does_not_follow(changes: dict[str, Any]) -> None:
    event = a_chain(1)[0]
    with pytest.raises(Tampered, match=r"Event 1( does not follow|: the body is not)"):
        VERIFIER.rows([a_row(event, **changes)], GENESIS, 0)


def test_behind_a_mark_every_signature_is_looked_at_and_before_it_the_chain() -> None:
    events = a_chain()
    rows = [a_row(event, signature=bytes(64)) for event in events[:2]] + [a_row(event) for event in events[2:]]
    assert VERIFIER.rows(rows, GENESIS, 0, signed_after=2) == (4, events[-1].hash)
    with pytest.raises(Tampered, match="Event 2: the signature"):
        VERIFIER.rows(rows, GENESIS, 0, signed_after=1)
    with pytest.raises(Tampered, match="Event 2 does not follow"):
        VERIFIER.rows([rows[0], a_row(events[1], kind="paused"), *rows[2:]], GENESIS, 0, signed_after=2)


@settings(max_examples=60, deadline=None)
@given(st.integers(1), st.text(), st.none() | st.integers(0), st.binary(min_size=32, max_size=32), st.text())
def test_a_header_is_the_canonical_json_of_its_fields(
    seq: int, kind: str, request: int | None, commitment: bytes, key: str
) -> None:
    at = NOW.isoformat(timespec="microseconds")
    fields = {"seq": seq, "at": at, "kind": kind, "request": request, "commitment": commitment.hex(), "key": key}
    assert header(seq, at, kind, request, commitment, key) == canonical(fields).encode()


@pytest.mark.parametrize(
    ("at", "commitment"), [(NOW.isoformat(), bytes(32)), (NOW.isoformat(timespec="microseconds"), bytes(31))]
)
def test_a_header_has_parts_of_one_length(at: str, commitment: bytes) -> None:
    with pytest.raises(ValueError, match="another length"):
        header(1, at, "moved", None, commitment, SIGNER.key)


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
