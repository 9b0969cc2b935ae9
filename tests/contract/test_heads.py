"""Heads: signed for what is verified, and the record has to lead through every one that somebody else has kept."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, select, update

from jitbot.audit import Signer, Verifier, read_heads
from jitbot.errors import SettingsError, Tampered
from jitbot.model import Arrival
from jitbot.store import tables
from jitbot.store.heads import StoreHeads
from jitbot.store.keys import open_key
from jitbot.store.rotation import Rotation
from jitbot.store.trail import StoreTrail
from tests.contract.conftest import Store


@pytest.fixture
def heads(store: Store) -> StoreHeads:
    return heads_of(store)


def heads_of(store: Store) -> StoreHeads:
    """Return what a process that starts now has."""
    store.database.sealed = (0, b"")
    keys = open_key(store.folder / "signing.key")
    return StoreHeads(store.database, keys, StoreTrail(store.database, Verifier(keys.public)))


def append(store: Store, times: int = 1) -> None:
    for _ in range(times):
        with store.ledger.begin() as entry:
            entry.record("refused", "U0BO", why="too late")


def copied(store: Store) -> list[dict[str, object]]:
    """Copy what there is of the record."""
    with store.database.read() as connection:
        return [dict(row._mapping) for row in connection.execute(select(tables.events))]


def put_back(store: Store, rows: list[dict[str, object]]) -> None:
    """Put an older copy of the whole record back, its head included."""
    with store.database.write() as connection:
        connection.execute(delete(tables.events))
        connection.execute(tables.events.insert(), rows)
        connection.execute(update(tables.chain).values(count=rows[-1]["seq"], hash=rows[-1]["hash"]))


def test_a_head_is_read_as_it_was_written_and_holds(store: Store, heads: StoreHeads) -> None:
    append(store, 2)
    head = heads.sign()
    assert list(read_heads([head.line()], "here")) == [head]
    assert (head.count, head.key) == (2, open_key(store.folder / "signing.key").key)
    assert heads.verify([head]) == [head]


def test_an_empty_record_has_a_head_too(store: Store, heads: StoreHeads) -> None:
    first = heads.sign()
    append(store)
    assert first.count == 0
    assert heads.verify([heads.sign(), first])[0] == first


@pytest.mark.parametrize("field", ["count", "at", "hash", "key", "signature"])
def test_one_changed_field_of_a_head_is_noticed(store: Store, heads: StoreHeads, field: str) -> None:
    append(store, 3)
    head = heads.sign()
    changed = {
        "count": 2,
        "at": head.at + timedelta(microseconds=1),
        "hash": bytes(32),
        "key": "0" * 16,
        "signature": bytes(64),
    }
    with pytest.raises(Tampered, match=r"The (signature of the )?head of"):
        heads.verify([replace(head, **{field: changed[field]})])  # type: ignore[arg-type]


def test_no_signature_of_an_event_passes_for_a_head(store: Store, heads: StoreHeads) -> None:
    append(store)
    row = copied(store)[0]
    forged = replace(heads.sign(), signature=row["signature"])  # type: ignore[arg-type]
    with pytest.raises(Tampered, match="The signature of the head of"):
        heads.verify([forged])


def test_an_older_copy_of_the_whole_database_is_not_the_record_of_the_newest_head(
    store: Store, heads: StoreHeads
) -> None:
    append(store, 2)
    old, early = copied(store), heads.sign()
    append(store)
    late = heads.sign()
    put_back(store, old)
    auditor = heads_of(store)
    assert auditor.verify([early]) == [early]
    with pytest.raises(Tampered, match=r"ends before the head of .* \(event 3\). The end was cut off. It is still the"):
        auditor.verify([late, early])


def test_a_record_that_went_another_way_after_it_was_put_back_is_told_with_the_last_head_that_fits(
    store: Store, heads: StoreHeads
) -> None:
    append(store, 2)
    old, early = copied(store), heads.sign()
    append(store)
    late = heads.sign()
    put_back(store, old)
    heads_of(store)
    append(store, 2)
    with pytest.raises(
        Tampered, match=r"not the one of the head of .* \(event 3\): it was rewritten. .* \(event 2\).$"
    ):
        heads_of(store).verify([early, late])


def test_a_record_rewritten_from_the_beginning_fits_no_head(store: Store, heads: StoreHeads) -> None:
    append(store, 2)
    head = heads.sign()
    thief = open_key(store.folder / "signing.key").signer()
    put_back(store, [row_of(thief.seal(bytes(32), 1, store.database.now(), "odd", None, {}))])
    append(store)
    with pytest.raises(Tampered, match=r"it was rewritten. No head before it fits.$"):
        heads_of(store).verify([head])


def row_of(sealed: object) -> dict[str, object]:
    return {name: getattr(sealed, name) for name in sealed.__slots__}  # type: ignore[attr-defined]


def test_a_head_of_a_foreign_key_says_nothing(store: Store, heads: StoreHeads) -> None:
    append(store)
    foreign = Signer(Ed25519PrivateKey.generate())
    for count in (1, 9):
        head = foreign.head(count, bytes(32), store.database.now())
        with pytest.raises(Tampered, match=f"is signed with a key that .* \\({foreign.key}\\)"):
            heads.verify([head])


def test_each_head_holds_by_the_key_that_signed_then(store: Store, heads: StoreHeads) -> None:
    append(store)
    kept = [heads.sign()]
    thief = open_key(store.folder / "signing.key").signer()
    Rotation(store.folder / "signing.key", store.ledger, store.trail).rotate()
    kept.append(heads.sign())
    append(store)
    kept.append(heads.sign())
    assert [head.key == thief.key for head in kept] == [True, False, False]
    assert list(heads_of(store).verify(kept)) == kept
    with store.database.read() as connection:
        digest = connection.execute(select(tables.chain.c.hash)).scalar_one()
    with pytest.raises(Tampered, match="with a key that did not sign then"):
        heads.verify([thief.head(3, digest, store.database.now())])


def test_many_heads_are_verified_in_several_statements(
    store: Store, heads: StoreHeads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jitbot.store.trail.AT_ONCE", 2)
    kept = []
    for _ in range(5):
        append(store)
        kept.append(heads.sign())
    assert list(heads.verify(reversed(kept))) == kept


def test_no_head_is_signed_over_an_event_that_was_not_ours(store: Store, heads: StoreHeads) -> None:
    append(store, 2)
    heads.sign()
    append(store, 2)
    with store.database.write() as connection:
        connection.execute(update(tables.events).where(tables.events.c.seq == 3).values(kind="approve"))
    with pytest.raises(Tampered, match="Event 3 does not follow"):
        heads.sign()


def test_no_head_is_signed_where_the_one_before_is_gone(store: Store, heads: StoreHeads) -> None:
    append(store, 2)
    old = copied(store)
    append(store)
    heads.sign()
    put_back(store, old)
    store.database.sealed = (0, b"")
    with pytest.raises(Tampered, match="Event 3 is not the one of the head before, or it is gone"):
        heads.sign()


ODD = ["{", "no brace", "[]", "{}", '{"at":"x","count":1,"hash":"","key":"","signature":""}']


@pytest.mark.parametrize("line", ODD)
def test_what_is_no_head_is_named_with_its_line(line: str) -> None:
    with pytest.raises(SettingsError, match=r"heads.jsonl, line 2, is no head of a record"):
        list(read_heads(["\n", line], "heads.jsonl"))


def test_heads_are_read_out_of_the_lines_of_a_syslog(store: Store, heads: StoreHeads) -> None:
    append(store)
    head = heads.sign()
    line = f"Nov 26 06:10:00 host jitbot[12]: {head.line()}\n"
    assert list(read_heads([line], "syslog")) == [head]


def test_a_head_is_one_line_of_json(store: Store, heads: StoreHeads) -> None:
    line = heads.sign().line()
    assert "\n" not in line
    assert sorted(json.loads(line)) == ["at", "count", "hash", "key", "signature"]


def test_what_arrived_is_kept_for_each_sink(store: Store, heads: StoreHeads, tmp_path: Path) -> None:
    with store.ledger.begin() as entry:
        waiting = entry.arrival("siem")
        arrived = Arrival("file", 7, entry.now, error="", alarmed_at=None)
        entry.arrival("file")
        entry.arrived(arrived)
    assert heads.arrivals() == {"siem": waiting, "file": arrived}
    assert (waiting.count, waiting.error, waiting.alarmed_at) == (0, "", None)
    with store.ledger.begin() as entry:
        assert entry.arrival("file") == arrived
        entry.arrived(replace(arrived, error="x", alarmed_at=entry.now))
    assert heads.arrivals()["file"].error == "x"
