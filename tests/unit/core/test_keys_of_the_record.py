"""Whose key signs which event, what heads say, and which bodies may be missing: without a database."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from jitbot.audit import (
    FORGOTTEN,
    GENESIS,
    KEY,
    Forgotten,
    Head,
    Sealed,
    Signer,
    Verifier,
    forgotten_by,
    read_heads,
)
from jitbot.audit.forgetting import LEAST_KEPT
from jitbot.errors import SettingsError, Tampered
from jitbot.settings import Settings
from tests.unit.core.test_audit import NOW, a_row

FIRST, SECOND, THIRD, EVIL = (Signer(Ed25519PrivateKey.generate()) for _ in range(4))
KEYS = [FIRST.public, SECOND.public, THIRD.public]


class Chain:
    """A record that is written event by event, each by any key."""

    def __init__(self) -> None:
        self.events: list[Sealed] = []

    def add(self, signer: Signer, kind: str = "moved", **body: object) -> Sealed:
        seq, previous = len(self.events) + 1, self.events[-1].hash if self.events else GENESIS
        self.events.append(signer.seal(previous, seq, NOW + timedelta(days=seq), kind, None, body))
        return self.events[-1]

    def begin(self, signer: Signer, following: Signer) -> Sealed:
        return self.add(signer, KEY, key=following.key, public=following.public.public_bytes_raw().hex())

    def begun(self) -> list[tuple[Sealed, bytes]]:
        before = [GENESIS, *(each.hash for each in self.events)]
        return [(each, before[each.seq - 1]) for each in self.events if each.kind == KEY]

    def verify(self, *given: Signer, forgotten: Forgotten | None = None) -> int:
        verifier = Verifier([each.public for each in given]).through(self.begun())
        return verifier.rows([a_row(each) for each in self.events], GENESIS, 0, forgotten=forgotten)[0]


@pytest.fixture
def rotated() -> Chain:
    """Give a record that the second key signs from event 4 on, and the third from event 6 on."""
    chain = Chain()
    chain.add(FIRST)
    chain.add(FIRST)
    chain.begin(FIRST, SECOND)
    chain.add(SECOND)
    chain.begin(SECOND, THIRD)
    chain.add(THIRD)
    return chain


@pytest.mark.parametrize("given", [[FIRST], [FIRST, SECOND], [FIRST, SECOND, THIRD]])
def test_the_first_key_vouches_for_all_later_ones_and_they_may_be_given_too(
    rotated: Chain, given: list[Signer]
) -> None:
    assert rotated.verify(*given) == 6


@pytest.mark.parametrize("given", [[], [SECOND], [EVIL], [FIRST, EVIL], [FIRST, SECOND, EVIL]])
def test_a_record_of_other_keys_than_those_that_were_given_does_not_hold(rotated: Chain, given: list[Signer]) -> None:
    with pytest.raises(Tampered):
        rotated.verify(*given)


@pytest.mark.parametrize("signer", [FIRST, SECOND])
def test_no_key_signs_behind_its_end(rotated: Chain, signer: Signer) -> None:
    rotated.add(signer)
    with pytest.raises(Tampered, match=f"Event 7 is signed with a key that did not sign then \\({signer.key}\\)"):
        rotated.verify(FIRST)


def test_no_key_signs_before_its_beginning() -> None:
    chain = Chain()
    chain.add(FIRST)
    chain.add(SECOND)
    chain.begin(FIRST, SECOND)
    with pytest.raises(Tampered, match="Event 2 is signed with a key that did not sign then"):
        chain.verify(FIRST)


@pytest.mark.parametrize("signer", [FIRST, EVIL])
def test_only_the_key_in_force_names_the_next(rotated: Chain, signer: Signer) -> None:
    rotated.begin(signer, EVIL)
    with pytest.raises(Tampered, match="Event 7 is signed with a key that"):  # before anything else is looked at
        Verifier([FIRST.public]).through(rotated.begun())


def test_a_key_that_vouches_for_itself_counts_only_for_whom_it_was_given() -> None:
    chain = Chain()
    chain.add(FIRST)
    chain.begin(SECOND, SECOND)
    chain.add(SECOND)
    chain.begin(SECOND, THIRD)
    chain.add(THIRD)
    assert chain.verify(FIRST, SECOND) == 5
    with pytest.raises(Tampered, match="Event 2 is signed with a key that did not sign then"):
        chain.verify(FIRST)


@pytest.mark.parametrize("body", [None, "[]", "{}", '{"public":7}', '{"public":"zz"}', '{"public":"00"}', "{"])
def test_an_event_that_names_no_key_is_not_believed(rotated: Chain, body: str | None) -> None:
    rotated.events[2] = replace(rotated.events[2], body=body)
    with pytest.raises(Tampered, match="Event 3 says that another key begins to sign, and not which"):
        rotated.verify(FIRST)


@pytest.mark.parametrize(
    "body", [None, "[]", "{}", '{"upto":1,"before":"","but":7}', '{"upto":"x","before":"","but":[]}', "{"]
)
def test_a_statement_that_says_nothing_is_not_believed(body: str | None) -> None:
    with pytest.raises(Tampered, match="Event 9 says that bodies were deleted, and not which"):
        forgotten_by(9, NOW, body)


def test_a_statement_is_read_as_it_was_made() -> None:
    stated = Forgotten(7, "2026-11-26T00:00:00.000000+00:00", frozenset({3, 5}))
    chain = Chain()
    sealed = chain.add(FIRST, FORGOTTEN, **stated.stated())
    assert forgotten_by(1, NOW + timedelta(days=33), sealed.body) == stated
    with pytest.raises(Tampered, match="Event 1 says that bodies were deleted that were not 30 days old"):
        forgotten_by(1, NOW + timedelta(days=32), sealed.body)


def test_no_setting_has_anything_forgotten_earlier_than_the_record_may_state() -> None:
    assert Settings(keep_record_days=LEAST_KEPT.days).keep_record_days == LEAST_KEPT.days
    with pytest.raises(ValidationError, match="greater than or equal to 30"):
        Settings(keep_record_days=LEAST_KEPT.days - 1)


BEFORE = "2026-11-25T09:00:00.000000+00:00"
"""Two days after the record begins."""
COVERED = {
    "what is old": (2, "moved", None, True),
    "what is about a request that is over": (2, "moved", 8, True),
    "what is about a request that is not": (2, "moved", 7, False),
    "what is newer than that": (3, "moved", None, False),
    "what the record says of itself": (2, "policies", None, False),
    "that a key signs": (2, KEY, None, False),
}


@pytest.mark.parametrize("case", COVERED)
def test_a_statement_covers_no_more_than_it_says(case: str) -> None:
    number, kind, request, covered = COVERED[case]
    at = (NOW + timedelta(days=number)).isoformat(timespec="microseconds")
    assert Forgotten(5, BEFORE, frozenset({7})).covers(number, at, kind, request) is covered
    assert not Forgotten(number - 1, BEFORE).covers(number, at, kind, request)


def test_a_missing_body_is_looked_for_only_where_all_of_them_were_read() -> None:
    chain = Chain()
    chain.add(FIRST)
    chain.events[0] = replace(chain.events[0], body=None, salt=None)
    assert chain.verify(FIRST) == 1
    assert chain.verify(FIRST, forgotten=Forgotten(1, BEFORE)) == 1
    with pytest.raises(Tampered, match="Event 1: its body is gone, and the record does not say that it was deleted"):
        chain.verify(FIRST, forgotten=Forgotten())


def test_a_head_is_signed_by_the_key_that_signs_the_next_event(rotated: Chain) -> None:
    verifier = Verifier([FIRST.public]).through(rotated.begun())
    for count, signer in ((2, FIRST), (3, SECOND), (4, SECOND), (5, THIRD), (6, THIRD)):
        verifier.head(signer.head(count, bytes(32), NOW))
        for other in {FIRST, SECOND, THIRD, EVIL} - {signer}:
            with pytest.raises(Tampered, match="a key that did not sign then"):
                verifier.head(other.head(count, bytes(32), NOW))


def test_a_head_that_the_record_does_not_reach_is_verified_by_any_known_key(rotated: Chain) -> None:
    verifier = Verifier([FIRST.public]).through(rotated.begun())
    for signer in (FIRST, SECOND, THIRD):
        verifier.later_head(signer.head(99, bytes(32), NOW))
    with pytest.raises(Tampered, match="with a key that is not known here"):
        verifier.later_head(EVIL.head(99, bytes(32), NOW))
    with pytest.raises(Tampered, match=r"The signature of the head of .* does not hold"):
        verifier.later_head(replace(THIRD.head(99, bytes(32), NOW), count=98))


def test_heads_are_read_line_by_line() -> None:
    heads = [FIRST.head(count, bytes([count]) * 32, NOW) for count in (1, 2)]
    lines = ["\n", f"<109>1 now host jitbot 7 head - {heads[0].line()}\n", heads[1].line()]
    assert list(read_heads(lines, "here")) == heads
    for odd in ("{", "none", "[]", '{"at":"2026-11-26","count":1,"hash":"","key":"","signature":"?"}'):
        with pytest.raises(SettingsError, match="here, line 1, is no head of a record"):
            list(read_heads([odd], "here"))


def test_the_message_of_a_head_is_none_that_an_event_signs() -> None:
    head = Head(1, bytes(32), NOW, FIRST.key)
    assert head.message().startswith(b"jitbot head 1\n{")
    assert len(head.message()) > len(head.hash)
