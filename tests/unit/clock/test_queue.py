"""The in-process queue: wakes, never does one thing twice at once, loses nothing that it was told in time."""

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from jitbot.clock import queue as queue_module
from jitbot.clock.queue import WorkQueue
from jitbot.model import RequestId

WAIT = 10.0


class Worker:
    """Does the work of a queue, and lets a test hold it in the middle."""

    def __init__(self) -> None:
        self.done: list[tuple[str, object]] = []
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.held = False
        self.at_once = 0
        self.most_at_once = 0
        self._turn = threading.Lock()

    def request(self, request: RequestId) -> None:
        self._work(("request", request))

    def delivery(self, key: str) -> None:
        self._work(("delivery", key))

    def messages(self) -> None:
        self.done.append(("messages", None))

    def _work(self, item: tuple[str, object]) -> None:
        with self._turn:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.begun.release()
        if self.held:
            assert self.go.acquire(timeout=WAIT)
        with self._turn:
            self.at_once -= 1
            self.done.append(item)


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def start(worker: Worker) -> Iterator[Callable[[int], WorkQueue]]:
    queues: list[WorkQueue] = []

    def start(workers: int = 2) -> WorkQueue:
        queue = WorkQueue(workers)
        queue.start(request=worker.request, delivery=worker.delivery, messages=worker.messages)
        queues.append(queue)
        return queue

    yield start
    worker.held = False
    for queue in queues:
        worker.go.release(10)
        queue.stop()


def until_idle(queue: WorkQueue) -> None:
    passed = threading.Event()
    for _ in range(1000):
        if queue.idle():
            return
        passed.wait(0.005)
    raise AssertionError("the queue does not come to rest")


def test_what_is_put_is_done(start: Callable[..., WorkQueue], worker: Worker) -> None:
    queue = start()
    queue.request(RequestId(1))
    queue.delivery("key")
    until_idle(queue)
    assert sorted(worker.done, key=str) == [("delivery", "key"), ("request", 1)]


def test_messages_only_wake_the_notifier(start: Callable[..., WorkQueue], worker: Worker) -> None:
    start().messages()
    assert worker.done == [("messages", None)]


def test_before_it_is_started_messages_wake_nobody() -> None:
    WorkQueue().messages()


def test_the_same_item_waits_once(start: Callable[..., WorkQueue], worker: Worker) -> None:
    worker.held = True
    queue = start(1)
    queue.request(RequestId(1))
    assert worker.begun.acquire(timeout=WAIT)
    for _ in range(3):
        queue.request(RequestId(2))
    assert queue.depth() == 1
    worker.go.release(2)
    until_idle(queue)
    assert worker.done == [("request", 1), ("request", 2)]


def test_what_is_put_again_while_it_is_in_hand_is_done_once_more_after(
    start: Callable[..., WorkQueue], worker: Worker
) -> None:
    worker.held = True
    queue = start(4)
    queue.request(RequestId(1))
    assert worker.begun.acquire(timeout=WAIT)
    for _ in range(5):
        queue.request(RequestId(1))
    assert not queue.idle()
    worker.go.release(2)
    until_idle(queue)
    assert worker.done == [("request", 1)] * 2
    assert worker.most_at_once == 1


def test_different_items_are_done_side_by_side(start: Callable[..., WorkQueue], worker: Worker) -> None:
    worker.held = True
    queue = start(2)
    queue.request(RequestId(1))
    queue.request(RequestId(2))
    assert worker.begun.acquire(timeout=WAIT)
    assert worker.begun.acquire(timeout=WAIT)
    worker.go.release(2)
    until_idle(queue)
    assert worker.most_at_once == 2


def test_one_that_fails_stops_nothing_else(
    start: Callable[..., WorkQueue], worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(request: RequestId) -> None:
        raise ZeroDivisionError

    worker.request = fail  # type: ignore[method-assign]
    queue = start(1)
    with caplog.at_level(logging.ERROR):
        queue.request(RequestId(1))
        queue.delivery("key")
        until_idle(queue)
    assert worker.done == [("delivery", "key")]
    assert "working on request 1 failed; the sweep will find it again" in caplog.text


def test_stopping_waits_for_what_is_in_hand_and_takes_nothing_more(
    start: Callable[..., WorkQueue], worker: Worker
) -> None:
    worker.held = True
    queue = start(1)
    queue.request(RequestId(1))
    queue.request(RequestId(2))
    assert worker.begun.acquire(timeout=WAIT)
    threading.Timer(0.05, worker.go.release).start()
    queue.stop()
    assert worker.done == [("request", 1)]


@pytest.fixture
def slow_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every thread count as slow as soon as it has begun."""
    monkeypatch.setattr(queue_module, "SLOW_SECONDS", 0.0)


@pytest.mark.usefixtures("slow_at_once")
def test_threads_that_hang_hold_up_nobody_and_go_when_they_come_back(
    start: Callable[..., WorkQueue], worker: Worker
) -> None:
    worker.held = True
    queue = start(2)
    for number in range(5):
        queue.request(RequestId(number))
        assert worker.begun.acquire(timeout=WAIT)
    worker.held = False
    queue.delivery("key")
    assert worker.begun.acquire(timeout=WAIT)
    until(lambda: worker.done == [("delivery", "key")])
    worker.go.release(5)
    until_idle(queue)
    until(lambda: queue.threads() <= 3)


@pytest.mark.usefixtures("slow_at_once")
def test_what_hangs_can_be_taken_up_again(start: Callable[..., WorkQueue], worker: Worker) -> None:
    worker.held = True
    queue = start(2)
    for _ in range(3):
        queue.request(RequestId(1))
        assert worker.begun.acquire(timeout=WAIT)
    assert queue.depth() == 0
    worker.go.release(3)
    until_idle(queue)


@pytest.mark.usefixtures("slow_at_once")
def test_there_is_an_end_to_the_threads_and_it_is_said(
    start: Callable[..., WorkQueue], worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queue_module, "MOST_SLOW", 1)
    worker.held = True
    queue = start(1)
    for number in range(2):
        queue.request(RequestId(number))
        assert worker.begun.acquire(timeout=WAIT)
    queue.request(RequestId(3))
    assert (queue.depth(), queue.threads()) == (1, 2)
    assert "2 pieces of work hang" in caplog.text
    worker.go.release(3)
    until_idle(queue)


def test_threads_that_are_not_slow_are_not_replaced(start: Callable[..., WorkQueue], worker: Worker) -> None:
    worker.held = True
    queue = start(1)
    queue.request(RequestId(1))
    assert worker.begun.acquire(timeout=WAIT)
    queue.request(RequestId(2))
    assert (queue.depth(), queue.threads()) == (1, 1)
    worker.go.release(2)
    until_idle(queue)


def until(holds: Callable[[], bool]) -> None:
    passed = threading.Event()
    for _ in range(1000):
        if holds():
            return
        passed.wait(0.005)
    raise AssertionError("it never came to that")
