"""What every trail does: give back what was signed, and believe nothing else."""

import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, update

from jitbot.audit import Mark
from jitbot.errors import Conflict, Tampered
from jitbot.lifecycle import Event
from jitbot.model import RequestId, State, Verdict
from jitbot.store import tables
from jitbot.store.rows import without_workers_own
from tests.contract.conftest import LEASE, Store
from tests.contract.test_ledger import FULL
from tests.unit.core.builders import ANN, BO, CY, a_review


def test_a_request_is_rebuilt_as_it_is(store: Store) -> None:
    with store.ledger.begin() as entry:
        full = entry.add(FULL, by=ANN)
    assert store.trail.rebuild(full.id) == (without_workers_own(full), [])


def test_a_request_is_rebuilt_as_it_became(store: Store) -> None:
    request = store.add()
    with store.ledger.begin() as entry:
        moved = entry.move(entry.get(request.id), Event.ASK, "policy", due_at=None)
        entry.review(moved, a_review(BO, "dba"))
        entry.review(moved, a_review(CY, "leads"))
        entry.review(moved, a_review(BO, "dba", verdict=Verdict.DENY, comment="no"))
        moved = entry.amend(moved, "counted", BO, outcome="said")
    rebuilt, reviews = store.trail.rebuild(request.id)
    assert rebuilt == without_workers_own(store.ledger.get(request.id)) == without_workers_own(moved)
    assert sorted(reviews, key=lambda each: each.reviewer) == sorted(
        store.ledger.reviews(request), key=lambda each: each.reviewer
    )


def test_reviews_of_older_revisions_are_not_rebuilt(store: Store) -> None:
    request = store.add()
    with store.ledger.begin() as entry:
        entry.review(request, a_review(BO, "dba"))
        entry.amend(entry.get(request.id), "revised", "policy", revision=2)
    assert store.trail.rebuild(request.id)[1] == []


def test_claims_and_waits_leave_no_event(store: Store) -> None:
    request = store.add()
    claimed = store.ledger.claim(request.id, "me", LEASE)
    assert claimed is not None
    with store.ledger.begin() as entry:
        entry.amend(claimed, "waits", "worker", due_at=entry.now, owner="", lease_until=None)
    assert [event.kind for event in store.trail.events(request.id)] == ["requested"]


def test_a_request_is_folded_by_its_own_events_whatever_lies_between_them(store: Store) -> None:
    request, other = store.add(), store.add()
    with store.ledger.begin() as entry:
        moved = entry.move(entry.get(request.id), Event.ASK, "policy", due_at=None)
    with store.database.write() as connection:
        connection.execute(update(tables.events).where(tables.events.c.request == other.id).values(body="{}"))
    assert store.trail.signed(request.id) == without_workers_own(moved)
    with pytest.raises(Tampered, match="body is not the one that was signed"):
        store.trail.signed(other.id)
    with pytest.raises(Tampered, match="no signed record of JIT-99"):
        store.trail.signed(RequestId(99))


def test_a_request_without_a_record_is_not_believed(store: Store) -> None:
    store.add()
    with pytest.raises(Tampered, match="no signed record of JIT-99"):
        store.trail.rebuild(RequestId(99))


def test_a_record_without_its_beginning_is_not_believed(store: Store) -> None:
    request = store.add()
    with store.ledger.begin() as entry:
        entry.record("odd", BO, RequestId(77), changes={"reason": "x"})
    with pytest.raises(Tampered, match="JIT-77 is not whole: TypeError"):
        store.trail.rebuild(RequestId(77))
    assert store.trail.rebuild(request.id)


def test_a_record_that_says_odd_things_is_not_believed(store: Store) -> None:
    request = store.add()
    with store.ledger.begin() as entry:
        entry.record("odd", BO, request.id, changes={"state": "dancing"})
    with pytest.raises(Tampered, match="is not whole: ValidationError"):
        store.trail.rebuild(request.id)


def test_a_record_that_reaches_back_beyond_what_is_there_is_not_believed(store: Store) -> None:
    store.add()
    second = store.add()
    with store.database.write() as connection:
        connection.execute(update(tables.events).where(tables.events.c.seq == 1).values(seq=-5))
    with pytest.raises(Tampered, match="Event 2 does not follow"):
        store.trail.rebuild(second.id)


def test_events_come_in_order_and_a_page_at_a_time(store: Store) -> None:
    requests = [store.add() for _ in range(3)]
    with store.ledger.begin() as entry:
        entry.record("refused", BO, None, what="approve", why="too late", nothing="")
    assert [(event.seq, event.kind) for event in store.trail.events(limit=2)] == [(1, "requested"), (2, "requested")]
    assert [event.seq for event in store.trail.events(after=2)] == [3, 4]
    assert [event.request for event in store.trail.events(requests[1].id)] == [requests[1].id]
    last = store.trail.events(after=3)[0]
    assert (last.request, last.body) == (None, {"by": BO, "what": "approve", "why": "too late"})


def test_one_event_is_verified_by_itself_and_not_what_comes_after_it(store: Store) -> None:
    for word in ("first", "second", "third"):
        with store.ledger.begin() as entry:
            entry.record("refused", BO, None, why=word)
    with store.database.write() as connection:
        connection.execute(delete(tables.events).where(tables.events.c.seq == 3))
    assert [store.trail.numbered(seq).body["why"] for seq in (1, 2)] == ["first", "second"]
    with pytest.raises(Tampered, match="Event 3 is gone"):
        store.trail.numbered(3)


@pytest.mark.parametrize(
    "bent", [{"body": '{"by":"U0BO","why":"other"}'}, {"kind": "halts"}, {"body": None, "salt": None}], ids=str
)
def test_one_event_that_was_changed_is_not_believed(store: Store, bent: dict[str, Any]) -> None:
    with store.ledger.begin() as entry:
        entry.record("refused", BO, None, why="first")
    with store.database.write() as connection:
        connection.execute(update(tables.events).values(**bent))
    with pytest.raises(Tampered):
        store.trail.numbered(1)


def test_the_head_names_the_newest_event_about_halts(store: Store) -> None:
    assert store.trail.halted() == 0
    for kind in ("refused", "halts", "refused"):
        with store.ledger.begin() as entry:
            entry.record(kind, BO, None)
            entry.record("refused", BO, None)
    assert store.trail.halted() == 3


def test_what_is_to_be_committed_only_unless_halts_changed_is_refused_where_they_have(store: Store) -> None:
    with store.ledger.begin() as entry:
        entry.record("halts", BO, None)
    for as_of in (0, 2):
        with pytest.raises(Conflict, match="same moment"), store.ledger.begin() as entry:
            entry.unless_halted(as_of)
            entry.record("refused", BO, None)
    with store.ledger.begin() as entry:
        entry.unless_halted(1)
        entry.record("refused", BO, None)
    assert store.trail.count() == 2


def test_an_emptied_event_is_shown_empty_and_is_tampering_where_the_record_does_not_say_so(store: Store) -> None:
    request = store.add()
    with store.database.write() as connection:
        connection.execute(update(tables.events).values(body=None, salt=None))
    shown = store.trail.events(request.id)[0]
    assert (shown.body, shown.deleted) == ({}, True)
    with pytest.raises(Tampered, match="Event 1: its body is gone"):
        store.trail.verify()
    with pytest.raises(Tampered, match="event 1 is empty"):
        store.trail.rebuild(request.id)


def test_an_empty_record_holds(store: Store) -> None:
    assert store.trail.verify() == 0


def test_a_long_record_is_verified_over_its_pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitbot.store.trail.STRETCH", 3)
    monkeypatch.setattr("jitbot.store.proof.PAGE", 2)
    for _ in range(7):
        store.add()
    assert store.trail.verify() == 7


def test_a_record_is_verified_by_several_processes_as_by_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitbot.store.trail.STRETCH", 3)
    monkeypatch.setattr("jitbot.store.proof.WORTH_A_PROCESS", 1)
    monkeypatch.setattr("jitbot.store.proof.hands", lambda: 2)
    for _ in range(7):
        store.add()
    assert store.trail.verify() == 7
    change(store, 5, signature=bytes(64))
    with pytest.raises(Tampered, match="Event 5: the signature does not hold"):
        store.trail.verify()


def test_others_help_where_there_are_signatures_enough_to_verify(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    helped: list[int] = []

    def helpers(number: int, *given: Any) -> ProcessPoolExecutor:
        helped.append(number)
        return ProcessPoolExecutor(number, *given)

    monkeypatch.setattr("jitbot.store.proof.ProcessPoolExecutor", helpers)
    monkeypatch.setattr("jitbot.store.trail.STRETCH", 3)
    monkeypatch.setattr("jitbot.store.proof.WORTH_A_PROCESS", 100)
    monkeypatch.setattr("jitbot.store.proof.hands", lambda: 2)
    for _ in range(7):
        store.add()
    mark = store.trail.verify_from(Mark())
    assert helped == [2], "to verify seven signatures takes as long as 175 events besides"
    assert store.trail.verify_from(mark) == mark
    assert helped == [2], "and seven events without them are not worth it"


def change(store: Store, seq: int, **fields: object) -> None:
    """Change an event past the ledger."""
    with store.database.write() as connection:
        connection.execute(update(tables.events).where(tables.events.c.seq == seq).values(**fields))


def test_behind_a_mark_only_new_signatures_are_verified_and_the_whole_chain(store: Store) -> None:
    for _ in range(3):
        store.add()
    mark = store.trail.verify_from(Mark())
    change(store, 2, signature=bytes(64))
    store.add()
    assert store.trail.verify_from(mark).count == 4
    change(store, 4, signature=bytes(64))
    with pytest.raises(Tampered, match="Event 4: the signature does not hold"):
        store.trail.verify_from(mark)
    change(store, 1, kind="odd")
    with pytest.raises(Tampered, match="Event 1 does not follow"):
        store.trail.verify_from(mark)


def test_a_record_that_does_not_lead_through_the_mark_is_noticed(store: Store) -> None:
    for _ in range(3):
        store.add()
    for mark in (Mark(2, bytes(32)), Mark(4, bytes(32))):
        with pytest.raises(
            Tampered, match=f"Event {mark.count} is not the one that was verified before, or it is gone"
        ):
            store.trail.verify_from(mark)


def test_an_event_that_is_gone_is_noticed_wherever_it_was(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitbot.store.trail.STRETCH", 2)
    for _ in range(5):
        store.add()
    with store.database.write() as connection:
        connection.execute(delete(tables.events).where(tables.events.c.seq == 2))
    with pytest.raises(Tampered, match="Event 2 is missing"):
        store.trail.verify()


def test_many_who_write_at_once_make_one_chain_and_verifying_it_meanwhile_is_no_alarm(store: Store) -> None:
    begin = threading.Barrier(4)

    def write(number: int) -> None:
        if number < 4:
            begin.wait()
        request = store.add(reason=f"{number}")
        with store.ledger.begin() as entry:
            entry.move(entry.get(request.id), Event.ASK, "policy")
        store.trail.verify()
        assert store.trail.rebuild(request.id)[0].state is State.PENDING

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(12)))
    assert store.trail.verify() == 24


def test_a_head_that_names_another_event_is_noticed(store: Store) -> None:
    request = store.add()
    with store.database.write() as connection:
        connection.execute(update(tables.chain).values(hash=bytes(32)))
    for look in (store.trail.verify, lambda: store.trail.rebuild(request.id)):
        with pytest.raises(Tampered, match="Event 1 is not the one that the head names"):
            look()


def test_nothing_but_the_workers_own_is_left_out() -> None:
    left_out = replace(FULL, due_at=None, version=0, owner="", lease_until=None, fence=0, last_line="", halted="")
    assert without_workers_own(FULL) == left_out
