"""What every inbox does: a delivery is kept once, had by one at a time, and never forgotten before it is done."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from jitbot.model import Delivery, DeliveryKind, RequestId
from tests.contract.conftest import Store
from tests.unit.core.builders import BO

HELD = timedelta(seconds=10)


def a_delivery(store: Store, key: str = "k", **changes: object) -> Delivery:
    body = {"revision": 1, "comment": "ü “quoted” 🎉", "n": [1, None, True]}
    given: dict[str, object] = {"key": key, "kind": DeliveryKind.DENY, "user": BO, "team": "T0ACME", "body": body}
    given |= {"received_at": store.ledger.now(), "request": RequestId(7)} | changes
    return Delivery(**given)  # type: ignore[arg-type]


def test_a_delivery_comes_back_as_it_was_put_in(store: Store) -> None:
    for delivery in (a_delivery(store), a_delivery(store, "other", request=None, body={})):
        assert store.inbox.put(delivery, timedelta(0))
        assert store.inbox.get(delivery.key) == delivery


def test_the_same_key_is_taken_once(store: Store) -> None:
    first = a_delivery(store)
    assert store.inbox.put(first, timedelta(0))
    assert not store.inbox.put(a_delivery(store, body={"revision": 2}), timedelta(0))
    assert store.inbox.get("k") == first


def test_of_many_who_put_the_same_key_at_once_one_is_first(store: Store) -> None:
    deliveries = [a_delivery(store, body={"n": number}) for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(lambda each: store.inbox.put(each, HELD), deliveries)) == 1


def test_a_delivery_in_hand_is_had_by_nobody_else_for_half_a_minute(store: Store) -> None:
    store.inbox.put(a_delivery(store), timedelta(0))
    assert store.inbox.get("k")
    assert store.inbox.get("k") is None
    assert store.inbox.waiting(10) == []
    store.forward(seconds=31)
    assert store.inbox.waiting(10) == ["k"]
    assert store.inbox.get("k")


def test_a_delivery_is_in_the_hands_of_whoever_put_it_in(store: Store) -> None:
    store.inbox.put(a_delivery(store), HELD)
    assert store.inbox.get("k") is None
    assert store.inbox.waiting(10) == []
    store.forward(seconds=11)
    assert store.inbox.waiting(10) == ["k"]
    assert store.inbox.get("k")


def test_of_many_who_get_a_delivery_at_once_one_has_it(store: Store) -> None:
    store.inbox.put(a_delivery(store), timedelta(0))
    with ThreadPoolExecutor(6) as pool:
        assert sum(each is not None for each in pool.map(store.inbox.get, ["k"] * 6)) == 1


def test_what_is_done_is_done(store: Store) -> None:
    store.inbox.put(a_delivery(store), HELD)
    with store.ledger.begin() as entry:
        entry.settle("k")
    assert store.inbox.get("k") is None
    assert store.inbox.waiting(10) == []
    assert not store.inbox.put(a_delivery(store), HELD)


def test_what_is_not_there_is_none(store: Store) -> None:
    assert store.inbox.get("nothing") is None


def test_what_waits_is_told_oldest_first(store: Store) -> None:
    now = store.ledger.now()
    for number, key in enumerate("cab"):
        store.inbox.put(a_delivery(store, key, received_at=now + timedelta(seconds=number)), HELD)
    assert store.inbox.waiting(10) == []
    store.forward(seconds=13)
    assert store.inbox.waiting(10) == ["c", "a", "b"]
    assert store.inbox.waiting(2) == ["c", "a"]
