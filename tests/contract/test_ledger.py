"""What every ledger does: one truth, moved by compare-and-set, claimed by one at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jitbot.errors import Conflict, NotFound
from jitbot.lifecycle import Event
from jitbot.model import (
    Checked,
    Decision,
    Delivery,
    DeliveryKind,
    Extension,
    FactCall,
    FactKind,
    Health,
    HealthState,
    Mark,
    Need,
    Obligation,
    Outcome,
    Owed,
    Part,
    Plan,
    Progress,
    Reason,
    Request,
    RequestId,
    Selector,
    Snapshot,
    Stage,
    State,
    Tier,
    UndoCause,
    Verdict,
    Verification,
    Waiting,
    Watch,
    Waves,
)
from tests.contract.conftest import LEASE, Store
from tests.unit.core.builders import ANN, BO, CY, a_request, a_review, a_snapshot

INSTANT = datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)
NEED = Need("r", (Selector("group", "dba"),), 2, (BO,), (CY,), 3, (ANN,), True)
TREE = Reason(Mark.OPEN, "ASK", "detail “quoted”", "a.yml:1", (Reason(Mark.YES, "below"),))
FULL = Request(
    id=RequestId(0),
    revision=3,
    state=State.UNDOING,
    action="restart",
    requester=ANN,
    team="T0ACME",
    beneficiary=BO,
    source="api",
    params={"n": 1, "flag": True, "list": ["a"], "text": "ü <!channel> \t 🎉", "nothing": None},
    reason="fix: db / Account: x#999\nsecond line",
    snapshot=Snapshot(
        "Restart", "payments", "#p", "fake", {"a": [1, {"b": None}]}, "prod/api", timedelta(minutes=5),
        "high", "d" * 64, Plan("restarts", "f", "- a\n+ b", True, 7),
        Verification(timedelta(minutes=2), timedelta(seconds=5), "facts.n > 0", {"facts.n": FactKind.INTEGER},
            (FactCall("n", "fake", {"about": "{service}"}, FactKind.INTEGER, "a.yml:2"),), False, False, True, "a:3"),
        True, Waves("hosts", (1, 2), timedelta(seconds=30), False, False),
        (Part("web1", "prod/web1"), Part("web2", "prod/web2")),
    ),
    digest="e" * 64,
    created_at=INSTANT,
    ttl=timedelta(hours=1, microseconds=500_000),
    starts_at=INSTANT,
    changed_by=BO,
    quota="three an hour",
    extension=Extension(RequestId(3), INSTANT, INSTANT),
    break_glass=True,
    obligation=Obligation(INSTANT, ("group:x",), ("#s",), INSTANT, False, CY, INSTANT, "never again"),
    decision=Decision(
        Outcome.REVIEW,
        "r",
        "s",
        TREE,
        "a.yml:1",
        needs=(NEED,),
        sources=NEED.sources,
        unread=("facts.x",),
        denied_by=CY,
        apart=(BO,),
        waiting=Waiting(timedelta(minutes=1), timedelta(hours=1), (Tier(timedelta(minutes=2), NEED.sources),)),
        owes=Owed(timedelta(days=1), ("group:x",), ("#s",), (BO,)),
    ),
    policy_digest="f" * 64,
    lapses_at=INSTANT + timedelta(hours=1),
    waits_since=INSTANT,
    escalated_at=INSTANT,
    reminded_at=INSTANT,
    reminders=3,
    approved_at=INSTANT,
    start_by=INSTANT,
    start_deadline=INSTANT,
    started_at=INSTANT,
    granted_at=INSTANT,
    expires_at=INSTANT,
    target_ends_at=INSTANT,
    extended_by=RequestId(10),
    ended_at=INSTANT,
    undo_cause=UndoCause.DROP,
    attempts=2,
    stopped_by=CY,
    attempt_open=True,
    undo_attempts=4,
    receipt={"before": 100, "more": ["x"]},
    progress=(Progress(Stage.DONE, {"before": 1}, "did it"), Progress()),
    watch=Watch({"facts.n": 1}, INSTANT, 1, "facts.n is 2", True),
    checked=Checked(INSTANT, Health(HealthState.UNKNOWN, "two of three")),
    settled_by=CY,
    handed_to=RequestId(9),
    outcome="said",
    due_at=INSTANT,
    version=5,
    owner="me",
    lease_until=INSTANT,
    fence=6,
    last_line="4 of 6",
    halted="everything is halted",
)  # fmt: skip


def test_a_request_comes_back_as_it_was_put_in(store: Store) -> None:
    for request in (FULL, a_request()):
        with store.ledger.begin() as entry:
            added = entry.add(request, by=ANN)
        assert store.ledger.get(added.id) == replace(request, id=added.id)


def test_the_full_request_has_a_value_in_every_field() -> None:
    assert all(getattr(FULL, field.name) not in (None, "", ()) for field in fields(Request))


def test_ids_only_ever_grow(store: Store) -> None:
    first, second = store.add(), store.add()
    assert second.id > first.id > 0


def test_what_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="There is no request JIT-7"):
        store.ledger.get(RequestId(7))
    with store.ledger.begin() as entry, pytest.raises(NotFound):
        entry.get(RequestId(7))


def test_a_move_changes_the_state_and_what_comes_with_it(store: Store) -> None:
    request = store.add()
    with store.ledger.begin() as entry:
        moved = entry.move(entry.get(request.id), Event.ASK, BO, lapses_at=INSTANT)
    assert (moved.state, moved.version, moved.lapses_at) == (State.PENDING, 1, INSTANT)
    assert store.ledger.get(request.id) == moved


def test_a_move_to_an_end_says_when_and_is_never_due_again(store: Store) -> None:
    request = store.add()
    with store.ledger.begin() as entry:
        moved = entry.move(entry.get(request.id), Event.DENY, BO)
        assert (moved.ended_at, moved.due_at) == (entry.now, None)
    assert store.ledger.due(10) == []


def test_a_move_that_is_not_in_the_table_is_a_conflict(store: Store) -> None:
    request = store.add()
    with store.ledger.begin() as entry, pytest.raises(Conflict, match="deciding: start is not possible"):
        entry.move(entry.get(request.id), Event.START, BO)


STALE: dict[str, Any] = {"state": State.PENDING, "version": 7, "fence": 7}


@pytest.mark.parametrize("column", STALE)
def test_a_row_that_somebody_else_has_moved_is_a_conflict(store: Store, column: str) -> None:
    request = store.add()
    with store.ledger.begin() as entry, pytest.raises(Conflict, match="was moved by somebody else"):
        entry.amend(replace(entry.get(request.id), **{column: STALE[column]}), "counted", BO, outcome="late")
    assert store.ledger.get(request.id) == request


def test_of_two_who_move_the_same_row_one_wins(store: Store) -> None:
    request = store.add()

    def move(event: Event) -> str:
        try:
            with store.ledger.begin() as entry:
                entry.move(request, event, BO)
        except Conflict:
            return "conflict"
        return "won"

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(move, [Event.ASK, Event.DENY, Event.ALLOW, Event.WITHDRAW]))
    assert sorted(results) == ["conflict"] * 3 + ["won"]


def test_nothing_of_a_transaction_that_fails_is_kept(store: Store) -> None:
    request = store.add()
    before = store.trail.verify()
    with pytest.raises(ZeroDivisionError), store.ledger.begin() as entry:
        entry.move(entry.get(request.id), Event.ASK, BO)
        entry.record("refused", BO)
        raise ZeroDivisionError
    assert store.ledger.get(request.id) == request
    assert store.trail.verify() == before


def test_a_move_ends_the_claim_unless_it_says_otherwise(store: Store) -> None:
    request = store.add()
    claimed = store.ledger.claim(request.id, "me", LEASE)
    assert claimed is not None
    with store.ledger.begin() as entry:
        kept = entry.move(claimed, Event.ALLOW, BO, owner="me", lease_until=claimed.lease_until)
        assert (kept.owner, kept.lease_until) == ("me", claimed.lease_until)
        ended = entry.move(kept, Event.WITHDRAW, BO)
    assert (ended.owner, ended.lease_until) == ("", None)


def test_reviews_are_kept_one_a_person_and_revision(store: Store) -> None:
    request = store.add()
    with store.ledger.begin() as entry:
        entry.review(request, a_review(BO, "dba"))
        entry.review(request, a_review(CY, "dba", at=INSTANT))
        entry.review(request, a_review(BO, "dba", verdict=Verdict.DENY, comment="no", at=INSTANT + timedelta(1)))
        entry.review(request, a_review(CY, "leads", revision=2))
        inside = list(entry.reviews(request))
    assert [(each.reviewer, each.verdict) for each in inside] == [(CY, Verdict.APPROVE), (BO, Verdict.DENY)]
    assert list(store.ledger.reviews(request)) == inside
    assert [each.reviewer for each in store.ledger.reviews(replace(request, revision=2))] == [CY]


def test_what_is_due_and_free_is_found_longest_due_first(store: Store) -> None:
    now = store.ledger.now()
    late = store.add(due_at=now - timedelta(minutes=5))
    later = store.add(due_at=now - timedelta(minutes=1))
    store.add(due_at=now + timedelta(minutes=5))
    store.add(due_at=None)
    taken = store.add(due_at=now - timedelta(minutes=9))
    assert store.ledger.claim(taken.id, "other", LEASE)
    assert store.ledger.due(10) == [late.id, later.id]
    assert store.ledger.due(1) == [late.id]


def test_a_claim_is_had_by_one_until_its_lease_runs_out(store: Store) -> None:
    request = store.add()
    first = store.ledger.claim(request.id, "one", LEASE)
    assert first is not None
    assert (first.owner, first.fence) == ("one", 1)
    assert store.ledger.claim(request.id, "two", LEASE) is None
    store.forward(seconds=21)
    second = store.ledger.claim(request.id, "two", LEASE)
    assert second is not None
    assert second.fence == 2
    with store.ledger.begin() as entry, pytest.raises(Conflict):
        entry.move(first, Event.ALLOW, "worker")


def test_of_many_who_claim_at_once_one_has_it(store: Store) -> None:
    for _ in range(5):
        request = store.add()
        with ThreadPoolExecutor(6) as pool:
            claims = list(pool.map(lambda name, key=request.id: store.ledger.claim(key, name, LEASE), "abcdef"))
        assert sum(claim is not None for claim in claims) == 1


def test_what_is_not_due_cannot_be_claimed(store: Store) -> None:
    assert store.ledger.claim(store.add(due_at=None).id, "me", LEASE) is None
    assert store.ledger.claim(RequestId(99), "me", LEASE) is None


def test_a_claim_is_kept_for_longer_while_it_is_ours(store: Store) -> None:
    request = store.add()
    first = store.ledger.claim(request.id, "one", LEASE)
    assert first is not None
    store.forward(seconds=15)
    assert store.ledger.renew(first, LEASE)
    store.forward(seconds=15)
    assert store.ledger.claim(request.id, "two", LEASE) is None
    store.forward(seconds=15)
    assert store.ledger.claim(request.id, "two", LEASE)
    assert not store.ledger.renew(first, LEASE)


def test_a_claim_that_was_let_go_is_not_kept(store: Store) -> None:
    request = store.add()
    claimed = store.ledger.claim(request.id, "one", LEASE)
    assert claimed is not None
    with store.ledger.begin() as entry:
        entry.amend(claimed, "waits", "worker", owner="", lease_until=None)
    assert not store.ledger.renew(claimed, LEASE)
    assert store.ledger.get(request.id).lease_until is None


def test_requests_are_found_newest_first_by_state_and_requester(store: Store) -> None:
    mine, theirs = store.add(), store.add(requester=BO)
    waiting = store.add(state=State.PENDING)
    assert [each.id for each in store.ledger.find()] == [waiting.id, theirs.id, mine.id]
    assert [each.id for each in store.ledger.find(states=[State.PENDING])] == [waiting.id]
    assert [each.id for each in store.ledger.find(requester=BO)] == [theirs.id]
    assert [each.id for each in store.ledger.find(limit=1)] == [waiting.id]


def test_holders_of_a_target_are_those_who_may_have_touched_it(store: Store) -> None:
    target = a_snapshot(target="prod/db")
    held = [store.add(state=state, snapshot=target) for state in State]
    store.add(state=State.ACTIVE)
    with store.ledger.begin() as entry:
        holders = entry.holders("prod/db")
    assert [each.state for each in holders] == [
        State.RUNNING,
        State.VERIFYING,
        State.ACTIVE,
        State.UNDOING,
        State.UNSURE,
    ]
    assert [each.id for each in holders] == sorted(each.id for each in held if each in holders)


def test_each_of_many_targets_has_its_holder_and_a_new_revision_lets_go_of_others(store: Store) -> None:
    many = replace(a_snapshot(target="a, b"), parts=(Part("a", "prod/a"), Part("b", "prod/b")))
    held = store.add(state=State.ACTIVE, snapshot=many)
    with store.ledger.begin() as entry:
        assert [each.id for each in entry.holders("prod/b")] == [held.id]
        assert [each.id for each in entry.holders("prod/c", "prod/a")] == [held.id]
        fewer = replace(many, target="prod/b", parts=many.parts[1:])
        entry.amend(entry.get(held.id), "revised", ANN, snapshot=fewer)
    with store.ledger.begin() as entry:
        assert entry.holders("prod/a") == []
        assert [each.id for each in entry.holders("prod/b")] == [held.id]
        entry.amend(entry.get(held.id), "revised", ANN, snapshot=a_snapshot(target="prod/c"))
    with store.ledger.begin() as entry:
        assert entry.holders("prod/b") == []
        assert [each.id for each in entry.holders("prod/c")] == [held.id]


def test_whoever_looks_at_a_target_has_it_to_themselves_though_nobody_holds_it_yet(store: Store) -> None:
    looked, seen = threading.Event(), []

    def look() -> None:
        looked.set()
        with store.ledger.begin() as entry:
            seen.extend(entry.holders("prod/db"))

    other = threading.Thread(target=look)
    with store.ledger.begin() as entry:
        assert entry.holders("prod/db") == []
        other.start()
        assert looked.wait(10)
        other.join(0.2)
        assert other.is_alive()
        entry.add(a_request(state=State.RUNNING, snapshot=a_snapshot(target="prod/db")), by=ANN)
    other.join(10)
    assert [each.state for each in seen] == [State.RUNNING]


def test_a_new_snapshot_moves_the_holder_to_its_target(store: Store) -> None:
    request = store.add(state=State.APPROVED)
    with store.ledger.begin() as entry:
        revised = entry.amend(entry.get(request.id), "revised", "policy", snapshot=a_snapshot(target="elsewhere"))
        entry.move(revised, Event.START, "worker")
    with store.ledger.begin() as entry:
        assert [each.id for each in entry.holders("elsewhere")] == [request.id]


def test_a_delivery_is_settled_with_its_effects_and_once(store: Store) -> None:
    request = store.add()
    store.inbox.put(Delivery("k", DeliveryKind.DENY, BO, "T", {}, store.ledger.now(), request.id), timedelta(0))
    with store.ledger.begin() as entry:
        assert entry.waiting(request.id)
        entry.settle("k")
        assert not entry.waiting(request.id)
    with store.ledger.begin() as entry, pytest.raises(Conflict, match="worked on already"):
        entry.settle("k")


def test_the_clock_is_aware_and_moves_with_the_offset(store: Store) -> None:
    before = store.ledger.now()
    store.forward(hours=1)
    assert before.utcoffset() == timedelta(0)
    assert timedelta(minutes=59) < store.ledger.now() - before < timedelta(minutes=61)
    with store.ledger.begin() as entry:
        assert entry.now >= before


def test_what_waits_by_any_other_policy_set_is_found_oldest_first(store: Store) -> None:
    digests = ("c", "b", "a", "c", "a")
    waiting = [store.add(state=State.PENDING, policy_digest=digest) for digest in digests]
    store.add(state=State.APPROVED, policy_digest="a")

    found = store.ledger.outdated("b", 10)
    assert [each.id for each in found] == [waiting[place].id for place in (0, 2, 3, 4)]
    assert [each.policy_digest for each in found] == ["c", "a", "c", "a"]
    assert len(store.ledger.outdated("b", 2)) == 2


def test_the_present_instant_is_reckoned_without_asking(store: Store) -> None:
    """The gate before each act looks at the clock, and waits for no database."""
    read = store.database.now()
    assert timedelta(0) <= store.database.reckoned() - read < timedelta(seconds=5)
