"""What every outbox does: say each thing once, the most urgent first, and lose none."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from jitbot.model import Copy, Outgoing, RequestId, Topic
from tests.contract.conftest import LEASE, Store


def say(store: Store, *messages: Outgoing) -> None:
    with store.ledger.begin() as entry:
        for message in messages:
            entry.say(message)


def a_message(key: str = "card:1", topic: Topic = Topic.CARD, text: str = "", to: str = "") -> Outgoing:
    return Outgoing(key, topic, RequestId(1), text, to)


def claim(store: Store, limit: int = 10) -> list[Outgoing]:
    return list(store.outbox.claim(limit, LEASE))


def test_a_message_is_had_as_it_was_said(store: Store) -> None:
    say(store, Outgoing("notice:k", Topic.NOTICE, None, "ü 🎉", "U0BO"))
    (message,) = claim(store)
    assert (message.key, message.topic, message.request) == ("notice:k", Topic.NOTICE, None)
    assert (message.text, message.to, message.attempts) == ("ü 🎉", "U0BO", 1)


def test_the_most_urgent_comes_first_and_of_equals_the_oldest(store: Store) -> None:
    topics = [Topic.THREAD, Topic.SUMMARY, Topic.NOTICE, Topic.CARD, Topic.ALARM, Topic.CARD]
    say(store, *(a_message(f"{number}", topic) for number, topic in enumerate(topics)))
    assert [message.key for message in claim(store, 2)] == ["4", "3"]
    assert [message.key for message in claim(store)] == ["5", "2", "1", "0"]


def test_what_waits_under_one_key_is_said_once_as_it_was_last(store: Store) -> None:
    say(store, a_message(text="first"), a_message(text="second"))
    assert [message.text for message in claim(store)] == ["second"]


def test_a_message_in_hand_is_had_by_nobody_else(store: Store) -> None:
    say(store, a_message())
    assert claim(store)
    assert claim(store) == []
    store.forward(seconds=21)
    assert [message.attempts for message in claim(store)] == [2]


def test_of_many_who_claim_at_once_each_message_has_one(store: Store) -> None:
    say(store, *(a_message(f"{number}") for number in range(12)))
    with ThreadPoolExecutor(4) as pool:
        had = [message.key for some in pool.map(lambda _: claim(store, 3), range(6)) for message in some]
    had += [message.key for message in claim(store, 12)]
    assert sorted(had) == sorted(f"{number}" for number in range(12))


def test_what_was_said_is_forgotten(store: Store) -> None:
    say(store, a_message())
    store.outbox.done(claim(store)[0])
    store.forward(hours=1)
    assert claim(store) == []


def test_what_was_said_again_meanwhile_stays(store: Store) -> None:
    say(store, a_message(text="old"))
    (old,) = claim(store)
    say(store, a_message(text="new"))
    store.outbox.done(old)
    assert [(message.text, message.attempts) for message in claim(store)] == [("new", 1)]


def test_a_message_that_is_kept_for_later_comes_later(store: Store) -> None:
    say(store, a_message())
    store.outbox.retry(claim(store)[0], timedelta(minutes=5), "ratelimited" * 100)
    assert claim(store) == []
    store.forward(minutes=6)
    assert [message.attempts for message in claim(store)] == [2]


def test_what_was_said_again_while_it_failed_is_due_at_once(store: Store) -> None:
    say(store, a_message(text="old"))
    (old,) = claim(store)
    say(store, a_message(text="new"))
    store.outbox.retry(old, timedelta(hours=5), "ratelimited")
    assert [message.text for message in claim(store)] == ["new"]


def test_a_message_that_was_given_up_is_shown_with_its_error(store: Store) -> None:
    say(store, a_message(text="lost"))
    store.outbox.park(claim(store)[0], "channel_not_found")
    store.forward(days=1)
    assert claim(store) == []
    assert [(message.text, error) for message, error in store.outbox.parked()] == [("lost", "channel_not_found")]


def test_a_message_that_was_given_up_and_said_again_begins_anew(store: Store) -> None:
    say(store, a_message(text="lost"))
    store.outbox.park(claim(store)[0], "channel_not_found")
    say(store, a_message(text="again"))
    assert store.outbox.parked() == []
    assert [(message.text, message.attempts) for message in claim(store)] == [("again", 1)]


@pytest.fixture
def request_id(store: Store) -> RequestId:
    return store.add().id


def test_copies_are_kept_by_place(store: Store, request_id: RequestId) -> None:
    copies = [Copy(request_id, "#b", "C2", "2.0", 3), Copy(request_id, "#a", "C1", None, -1, True)]
    for copy in copies:
        store.outbox.keep(copy)
    assert store.outbox.copies(request_id) == copies[::-1]
    assert store.outbox.copies(RequestId(99)) == []


def test_an_older_drawing_never_replaces_a_newer_one(store: Store, request_id: RequestId) -> None:
    newer, older = Copy(request_id, "#a", "C1", "2.0", 5), Copy(request_id, "#a", "C1", "1.0", 4)
    store.outbox.keep(newer)
    store.outbox.keep(older)
    assert store.outbox.copies(request_id) == [newer]
    same = Copy(request_id, "#a", "C1", "3.0", 5)
    store.outbox.keep(same)
    assert store.outbox.copies(request_id) == [same]
