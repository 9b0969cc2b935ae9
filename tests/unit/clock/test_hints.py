"""What is rung for in one process comes into another one's queue, and nothing else does."""

import pytest

from jitbot.clock.hints import Hints, pass_on
from jitbot.model import RequestId
from tests.town import HandQueue


def test_what_one_process_rings_for_comes_into_the_queue_of_another() -> None:
    queue, woken = HandQueue(), []
    hints = Hints(lambda word: pass_on(word, queue), lambda: woken.append("notifier"))
    hints.request(RequestId(12))
    hints.delivery("click:T0ACME:U0BO 1")
    hints.messages()
    assert list(queue.items) == [("request", 12), ("delivery", "click:T0ACME:U0BO 1")]
    assert woken == ["notifier"]


@pytest.mark.parametrize("word", ["", "request", "request twelve", "request ٣x", "messages", "person U0ANN", "groups"])
def test_what_is_no_work_of_ours_is_left_alone(word: str) -> None:
    queue = HandQueue()
    pass_on(word, queue)
    assert not queue.items
