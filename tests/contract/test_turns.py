"""A turn belongs to one process until its end, and to whoever asks first after that."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from jitbot.store.engine import Database
from jitbot.store.turns import StoreTurns
from tests.contract.conftest import LEASE, Store


def test_the_first_one_has_it_and_keeps_it_as_long_as_it_says_so_in_time(store: Store) -> None:
    turns = StoreTurns(store.database)
    assert turns.take("clock", "a", LEASE)
    for _ in range(3):
        store.forward(seconds=19)
        assert not turns.take("clock", "b", LEASE)
        assert turns.take("clock", "a", LEASE)


def test_another_one_has_it_after_its_end_and_then_it_is_the_others_no_more(store: Store) -> None:
    turns = StoreTurns(store.database)
    turns.take("clock", "a", LEASE)
    store.forward(seconds=21)
    assert turns.take("clock", "b", LEASE)
    assert not turns.take("clock", "a", LEASE)


def test_one_that_is_given_up_can_be_had_at_once_but_not_given_up_by_others(store: Store) -> None:
    turns = StoreTurns(store.database)
    turns.take("clock", "a", LEASE)
    turns.leave("clock", "b")
    assert not turns.take("clock", "b", LEASE)
    turns.leave("clock", "a")
    assert turns.take("clock", "b", LEASE)


def test_turns_of_different_names_have_nothing_to_do_with_each_other(store: Store) -> None:
    turns = StoreTurns(store.database)
    assert turns.take("clock", "a", LEASE)
    assert turns.take("notifier", "b", LEASE)


def test_older_code_hands_it_to_newer_code_that_waits_and_does_not_get_it_back_meanwhile(store: Store) -> None:
    older, newer = StoreTurns(store.database, "0007"), StoreTurns(store.database, "0008")
    assert older.take("notifier", "a", LEASE)
    assert not newer.take("notifier", "c", LEASE), "never two at a time"
    assert not older.take("notifier", "a", LEASE), "a newer one waits"
    assert not older.take("notifier", "b", LEASE)
    store.forward(seconds=1)
    assert not older.take("notifier", "a", LEASE)
    assert newer.take("notifier", "c", LEASE)
    store.forward(seconds=19)
    assert newer.take("notifier", "c", LEASE)
    assert not older.take("notifier", "a", LEASE)
    newer.leave("notifier", "c")
    assert older.take("notifier", "a", LEASE), "back to the release before"


@pytest.mark.parametrize("hands_over", [True, False])
def test_newer_code_that_waits_and_is_gone_before_it_has_it_is_not_waited_for(store: Store, hands_over: bool) -> None:
    older, newer = StoreTurns(store.database, "0007"), StoreTurns(store.database, "0008")
    assert older.take("notifier", "a", LEASE)
    assert not newer.take("notifier", "c", LEASE)
    assert not (hands_over and older.take("notifier", "a", LEASE))
    for _ in range(4):
        store.forward(seconds=8)
        assert not older.take("notifier", "b", timedelta(seconds=40)), "it is kept for the newer one"
    store.forward(seconds=21)
    assert older.take("notifier", "b", LEASE)
    assert older.take("notifier", "b", LEASE), "nobody newer waits by now"


def test_of_many_who_ask_in_the_same_instant_one_has_it(store: Store) -> None:
    names = [str(number) for number in range(6)]
    for round_ in range(5):
        store.forward(seconds=21)
        barrier = Barrier(len(names))

        def ask(name: str, barrier: Barrier = barrier) -> bool:
            database = Database(store.url)
            database.offset = store.database.offset
            barrier.wait(10)
            taken = StoreTurns(database).take("clock", name, LEASE)
            database.close()
            return taken

        with ThreadPoolExecutor(len(names)) as pool:
            assert sum(pool.map(ask, names)) == 1, round_
