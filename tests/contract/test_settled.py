"""Which deliveries were worked on: read once off the record, and from then on only what is new."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from jitbot.audit import Mark
from jitbot.errors import Tampered
from jitbot.model import Delivery, DeliveryKind, RequestId
from jitbot.store import raw, settled, tables
from jitbot.store.deliveries import name_of
from tests.contract.conftest import Store
from tests.unit.core.builders import BO

HOUR = timedelta(hours=1)


@pytest.fixture
def read(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect the numbers of the events that are read."""
    numbers: list[int] = []
    page = raw.page

    def watched(*asked: Any) -> Any:
        rows = page(*asked)
        numbers.extend(row[0] for row in rows)
        return rows

    monkeypatch.setattr(raw, "page", watched)
    return numbers


def work(store: Store, key: str) -> datetime:
    """Take a delivery in and work on it; when it came."""
    request = store.add()
    came = store.ledger.now()
    store.inbox.put(Delivery(key, DeliveryKind.DENY, BO, "T", {}, came, request.id), timedelta(0))
    with store.ledger.begin() as entry:
        entry.settle(key)
        entry.amend(entry.get(request.id), "counted", BO, outcome=f"said {key}")
    return came


def holds(store: Store, key: str, since: datetime) -> bool:
    return store.trail.settled(name_of(key), since)


def test_only_what_was_worked_on_is_told(store: Store) -> None:
    came = work(store, "one")
    assert holds(store, "one", came)
    assert not holds(store, "two", came)


def test_what_was_read_once_is_not_read_again(store: Store, read: list[int]) -> None:
    came = work(store, "one")
    assert holds(store, "one", came)
    assert sorted(read) == [1, 2]
    work(store, "two")
    assert holds(store, "two", came)
    assert holds(store, "one", came)
    assert not holds(store, "three", came + HOUR)
    assert sorted(read) == [1, 2, 3, 4]


def test_what_came_before_all_that_was_read_is_looked_for_there(store: Store) -> None:
    came = work(store, "one")
    work(store, "another")
    store.forward(days=1)
    assert not holds(store, "two", store.ledger.now())
    assert holds(store, "one", came)


def test_what_was_long_ago_is_dropped_and_read_again_when_it_is_asked_for(
    store: Store, read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settled, "MOST", 2)
    first = work(store, "0")
    assert holds(store, "0", first)
    store.forward(days=1)
    for number in range(1, 5):
        assert holds(store, str(number), work(store, str(number)))
    assert 1 not in read[2:]
    assert holds(store, "0", first)
    del read[:]
    assert holds(store, "4", store.ledger.now())
    assert read == []


def test_nothing_is_kept_of_a_stretch_that_does_not_hold(store: Store) -> None:
    came = work(store, "one")
    reader = Store(store.url, store.folder)
    assert not holds(reader, "two", came)
    head = store.trail.verify_from(Mark())
    work(store, "two")
    behind = tables.events.c.seq > head.count
    with store.database.write() as connection:
        connection.execute(update(tables.events).where(behind).values(signature=bytes(64)))
    for _ in range(2):
        with pytest.raises(Tampered, match="signature"):
            holds(reader, "two", came)
    with store.database.write() as connection:
        connection.execute(delete(tables.events).where(behind))
        connection.execute(update(tables.chain).values(count=head.count, hash=head.hash))
    assert not holds(reader, "two", came)
    assert holds(reader, "one", came)
    reader.database.close()


def test_an_event_that_says_nothing_any_more_may_have_said_it(store: Store) -> None:
    came = work(store, "one")
    with store.database.write() as connection:
        connection.execute(update(tables.events).where(tables.events.c.seq == 2).values(body=None, salt=None))
    assert holds(store, "two", came)
    store.forward(days=1)
    assert not holds(store, "two", store.ledger.now())
    assert store.ledger.get(RequestId(1)).outcome == "said one"


def test_one_from_before_it_came_that_says_nothing_any_more_says_nothing_of_it(store: Store) -> None:
    work(store, "one")
    with store.database.write() as connection:
        connection.execute(update(tables.events).where(tables.events.c.seq == 2).values(body=None, salt=None))
    store.forward(days=1)
    assert not holds(store, "two", store.ledger.now())
