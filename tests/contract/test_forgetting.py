"""What is old is forgotten, the record says so and verifies as before; what is missing and not stated is told."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from jitbot.audit import Forgotten
from jitbot.errors import Conflict, NotFound, Tampered
from jitbot.lifecycle import Event
from jitbot.model import (
    Chunk,
    Copy,
    Delivery,
    DeliveryKind,
    Obligation,
    Outgoing,
    Output,
    Phase,
    Portion,
    Request,
    RequestId,
    State,
    Topic,
)
from jitbot.store import tables
from jitbot.store.forgetting import StoreForgetting
from tests.contract.conftest import LEASE, Store
from tests.unit.core.builders import ANN, BO, a_review

DAYS = 400
GONE = ("requests", "reviews", "outputs", "output_chunks", "copies")


@pytest.fixture
def forgetting(store: Store) -> StoreForgetting:
    return StoreForgetting(store.database, store.ledger, store.trail)


def forget(store: Store, forgetting: StoreForgetting, limit: int = 100) -> int:
    return forgetting.record(store.ledger.now() - timedelta(days=DAYS), limit)


def ask(store: Store, **changes: Any) -> Request:
    return store.add(reason="INC-42: the queue is stuck", **changes)


def end(store: Store, request: Request) -> Request:
    with store.ledger.begin() as entry:
        return entry.move(entry.get(request.id), Event.WITHDRAW, ANN)


def note(store: Store, request: RequestId | None = None) -> None:
    with store.ledger.begin() as entry:
        entry.record("refused", BO, request, what="approve", why="too late")


def bodies(store: Store) -> list[bool]:
    """Tell of each event whether its body is there; salt and body go together."""
    query = select(tables.events.c.body, tables.events.c.salt).order_by(tables.events.c.seq)
    with store.database.read() as connection:
        rows = connection.execute(query).all()
    assert all((row.body is None) == (row.salt is None) for row in rows)
    return [row.body is not None for row in rows]


def rows_in(store: Store, name: str) -> int:
    with store.database.read() as connection:
        return connection.execute(select(func.count()).select_from(tables.metadata.tables[name])).scalar_one()


def test_a_request_that_is_long_over_goes_with_all_that_hangs_on_it(store: Store, forgetting: StoreForgetting) -> None:
    request = ask(store)
    with store.ledger.begin() as entry:
        entry.review(request, a_review(BO, "dba", comment="fine"))
        output = entry.keep(Output(request.id, Phase.START, 1), Portion([Chunk(0, b"x\n")], range(0), 2, 0))
    store.outbox.keep(Copy(request.id, "#a"))
    end(store, request)
    store.forward(days=DAYS + 1)
    before = store.trail.verify()
    assert output.id
    assert forget(store, forgetting) == before
    assert bodies(store) == [False] * before + [True]
    assert {name: rows_in(store, name) for name in GONE} == dict.fromkeys(GONE, 0)
    assert store.trail.verify() == before + 1
    first = store.trail.events(request.id)[0]
    assert (first.kind, first.deleted, first.body) == ("requested", True, {})
    with pytest.raises(NotFound, match=f"JIT-{request.id} is long over. What was kept of it is deleted"):
        store.ledger.get(request.id)


def test_nothing_is_forgotten_that_is_not_old_enough(store: Store, forgetting: StoreForgetting) -> None:
    end(store, ask(store))
    store.forward(days=DAYS - 1)
    assert forget(store, forgetting) == 0
    assert bodies(store) == [True, True]


def test_a_request_that_was_not_over_by_then_stays_whole_until_it_is(store: Store, forgetting: StoreForgetting) -> None:
    open_one, over = ask(store), ask(store)
    end(store, over)
    store.forward(days=DAYS + 1)
    assert forget(store, forgetting) == 3
    assert bodies(store) == [True, False, False, True]
    assert store.trail.rebuild(open_one.id)[0].reason == "INC-42: the queue is stuck"
    end(store, open_one)
    assert forget(store, forgetting) == 0
    store.forward(days=DAYS + 1)
    assert forget(store, forgetting) == 2
    assert bodies(store) == [False, False, False, True, False, True]
    assert store.trail.verify() == 6
    assert rows_in(store, "requests") == 0


def test_a_request_whose_end_lies_in_a_later_stretch_goes_with_that(store: Store, forgetting: StoreForgetting) -> None:
    request = ask(store)
    for _ in range(3):
        note(store)
    end(store, request)
    store.forward(days=DAYS + 1)
    assert forget(store, forgetting, limit=2) == 2
    assert bodies(store)[:2] == [True, False]
    assert store.trail.verify()
    while forget(store, forgetting, limit=2):
        assert store.trail.verify()
    assert bodies(store)[:5] == [False] * 5
    assert rows_in(store, "requests") == 0


def test_what_was_said_of_a_request_after_it_was_forgotten_is_forgotten_too(
    store: Store, forgetting: StoreForgetting
) -> None:
    request = ask(store)
    end(store, request)
    store.forward(days=DAYS + 1)
    forget(store, forgetting)
    note(store, request.id)
    store.forward(days=DAYS + 1)
    assert forget(store, forgetting) == 2
    assert bodies(store) == [False, False, True, False, True]
    assert store.trail.verify() == 5


def test_a_request_whose_review_is_still_owed_stays(store: Store, forgetting: StoreForgetting) -> None:
    request = ask(store)
    with store.ledger.begin() as entry:
        owed = Obligation(entry.now, ("group:leads",))
        entry.amend(entry.get(request.id), "owed", "policy", obligation=owed)
    end(store, request)
    store.forward(days=DAYS + 1)
    assert forget(store, forgetting) == 3
    assert bodies(store) == [True, True, True, True]
    assert [each.id for each in store.trail.owing()] == [request.id]
    with store.ledger.begin() as entry:
        entry.amend(entry.get(request.id), "reviewed_after", BO, obligation=None)
    store.forward(days=DAYS + 1)
    forget(store, forgetting)
    assert bodies(store) == [False, False, False, True, False, True]
    assert (store.trail.owing(), store.trail.verify()) == ([], 6)


def test_a_row_that_says_that_a_request_is_over_does_not_have_it_forgotten(
    store: Store, forgetting: StoreForgetting
) -> None:
    request = ask(store)
    with store.database.write() as connection:
        connection.execute(update(tables.requests).values(state=State.WITHDRAWN, ended_at=store.ledger.now()))
    store.forward(days=DAYS + 1)
    forget(store, forgetting)
    assert bodies(store)[0]
    assert rows_in(store, "requests") == 1
    assert store.trail.rebuild(request.id)


def test_what_the_record_says_of_itself_is_never_forgotten(store: Store, forgetting: StoreForgetting) -> None:
    with store.ledger.begin() as entry:
        entry.record("policies", "files", digest="d")
        entry.record("delegated", BO)
        entry.record("restored", "operator", events=2)
    for _ in range(2):
        store.forward(days=DAYS + 1)
        forget(store, forgetting)
    assert bodies(store) == [True, False, True, True, True]
    assert store.trail.latest("policies")
    assert store.trail.verify() == 5


def test_a_longer_keeping_time_later_does_not_make_what_is_gone_a_fault(
    store: Store, forgetting: StoreForgetting
) -> None:
    end(store, ask(store))
    note(store)
    store.forward(days=DAYS + 1)
    forget(store, forgetting, limit=2)
    forgetting.record(store.ledger.now() - timedelta(days=DAYS, hours=12), 2)
    assert store.trail.verify() == 5


@pytest.fixture
def partly_forgotten(store: Store, forgetting: StoreForgetting) -> Iterator[Store]:
    """Give a record of which one open request, and what came later, is not forgotten."""
    ask(store)
    end(store, ask(store))
    with store.ledger.begin() as entry:
        entry.record("policies", "files", digest="d")
    store.forward(days=DAYS + 1)
    forget(store, forgetting)
    note(store)
    assert bodies(store) == [True, False, False, True, True, True]
    yield store


def take_away(store: Store, *numbers: int) -> None:
    with store.database.write() as connection:
        gone = tables.events.c.seq.in_(numbers)
        connection.execute(update(tables.events).where(gone).values(body=None, salt=None))


@pytest.mark.parametrize(
    "number", [1, 4, 6], ids=["of an open request", "of what is never forgotten", "of what is newer"]
)
def test_a_body_that_is_gone_without_a_word_is_tampering(partly_forgotten: Store, number: int) -> None:
    take_away(partly_forgotten, number)
    with pytest.raises(Tampered, match=f"Event {number}: its body is gone, and the record does not say"):
        partly_forgotten.trail.verify()


def test_the_statement_itself_cannot_be_taken_away(partly_forgotten: Store) -> None:
    take_away(partly_forgotten, 5)
    with pytest.raises(Tampered, match="Event 5 says that bodies were deleted, and not which"):
        partly_forgotten.trail.verify()


def test_a_statement_cannot_be_made_larger(partly_forgotten: Store) -> None:
    store = partly_forgotten
    with store.database.write() as connection:
        body = '{"before":"9999","but":[],"by":"clock","upto":6}'
        connection.execute(update(tables.events).where(tables.events.c.seq == 5).values(body=body))
    take_away(store, 6)
    with pytest.raises(Tampered, match="Event 5: the body is not the one that was signed"):
        store.trail.verify()


def test_a_body_that_comes_back_has_to_be_the_one_that_was_signed(partly_forgotten: Store) -> None:
    store = partly_forgotten
    with store.database.write() as connection:
        connection.execute(update(tables.events).where(tables.events.c.seq == 2).values(body="{}", salt=bytes(16)))
    with pytest.raises(Tampered, match="Event 2: the body is not the one that was signed"):
        store.trail.verify()


def test_what_was_tampered_with_is_not_swept_away(store: Store, forgetting: StoreForgetting) -> None:
    end(store, ask(store))
    with store.database.write() as connection:
        connection.execute(update(tables.events).where(tables.events.c.seq == 2).values(kind="approve"))
    store.forward(days=DAYS + 1)
    with pytest.raises(Tampered, match="Event 2 does not follow"):
        forget(store, forgetting)
    assert bodies(store) == [True, True]


def test_a_body_that_went_before_its_time_stops_the_forgetting(store: Store, forgetting: StoreForgetting) -> None:
    end(store, ask(store))
    take_away(store, 2)
    store.forward(days=DAYS + 1)
    with pytest.raises(Tampered, match="Event 2: its body is gone"):
        forget(store, forgetting)


def test_what_was_kept_the_last_time_is_verified_again_before_it_goes(
    partly_forgotten: Store, forgetting: StoreForgetting
) -> None:
    store = partly_forgotten
    with store.database.write() as connection:
        changed = update(tables.events).where(tables.events.c.seq == 1)
        connection.execute(changed.values(body='{"changes":{"state":"withdrawn"}}'))
    store.forward(days=DAYS + 1)
    with pytest.raises(Tampered, match="Event 1: the body is not the one that was signed"):
        forget(store, forgetting)


def test_two_at_once_do_not_both_state_it(store: Store, forgetting: StoreForgetting) -> None:
    end(store, ask(store))
    store.forward(days=DAYS + 1)
    slow = StoreForgetting(store.database, store.ledger, store.trail)
    old = slow._old

    def others_are_faster(*arguments: Any) -> Any:
        found = old(*arguments)
        forget(store, forgetting)
        return found

    slow._old = others_are_faster  # type: ignore[method-assign]
    with pytest.raises(Conflict, match="Another process has forgotten it meanwhile"):
        forget(store, slow)
    assert store.trail.verify() == 3


def test_bodies_that_go_while_the_record_is_verified_are_no_fault(
    store: Store, forgetting: StoreForgetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    end(store, ask(store))
    store.forward(days=DAYS + 1)
    states = iter([Forgotten()])
    real = store.trail.forgotten
    monkeypatch.setattr(store.trail, "forgotten", lambda: next(states, None) or real())
    forgetting._trail = type(store.trail)(store.database, store.trail.verifier())
    forget(store, forgetting)
    assert store.trail.verify() == 3


def test_past_delegations_go_too(store: Store, forgetting: StoreForgetting) -> None:
    with store.database.write() as connection:
        now = store.database.now(connection)
        row = {"delegator": ANN, "delegate": BO, "team": "T", "created_at": now, "note": "on leave"}
        connection.execute(insert(tables.delegations).values(ends_at=now + timedelta(days=14), **row))
    note(store)
    store.forward(days=DAYS + 1)
    forget(store, forgetting)
    assert rows_in(store, "delegations") == 1
    note(store)
    store.forward(days=DAYS + 1)
    forget(store, forgetting)
    assert rows_in(store, "delegations") == 0


def test_deliveries_that_are_done_and_messages_that_were_given_up_go_and_all_others_stay(
    store: Store, forgetting: StoreForgetting
) -> None:
    for key in ("done", "undone"):
        store.inbox.put(Delivery(key, DeliveryKind.ASK, ANN, "T", {}, store.ledger.now()), LEASE)
    with store.ledger.begin() as entry:
        entry.settle("done")
        entry.say(Outgoing("given up", Topic.NOTICE, None, "x", ANN))
        entry.say(Outgoing("waits", Topic.NOTICE, None, "x", ANN))
    given_up = [each for each in store.outbox.claim(9, timedelta(0)) if each.key == "given up"]
    store.outbox.park(given_up[0], "no such channel")
    week = timedelta(days=7)
    assert forgetting.messages(store.ledger.now() - week, 10) == 0
    store.forward(days=8)
    assert forgetting.messages(store.ledger.now() - week, 10) == 1
    assert (rows_in(store, "inbox"), rows_in(store, "outbox"), store.outbox.parked()) == (1, 1, [])
