"""Runners that hang: what they do is unsure soon after their deadline, and nobody else is held up by them."""

import threading
from collections.abc import Callable, Iterator

import pytest

from jitbot.clock import queue as queue_module
from jitbot.clock.queue import WorkQueue
from jitbot.model import DeliveryKind, Request, State
from jitbot.ports import Run
from tests.town import ANN, BO, FakeInputs, Town

HANGING = 16
WAIT_SECONDS = 20.0


class Busy:
    """A town whose work is done by real threads; `api` hangs in its start until it is let go."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)
        town.runner.on_start = self._start
        self.queue = WorkQueue(HANGING)
        sweep = town.service.sweep
        self.queue.start(request=sweep.attend, delivery=sweep.delivery, messages=lambda: None)

    def _start(self, inputs: FakeInputs, run: Run) -> None:
        if inputs.what.startswith("work"):
            self.begun.release()
            self.go.wait(WAIT_SECONDS)

    def ask(self, action: str, **params: object) -> Request:
        """Ask, and wait until it is in a thread's hands or has got as far as it gets."""
        town = self.town
        answer = town.service.intake.work(town.take_in(DeliveryKind.ASK, ANN, action=action, params=params, reason="x"))
        town.queue.items.clear()
        assert answer is not None
        assert answer.request is not None
        self.queue.request(answer.request)
        return town.ledger.get(answer.request)

    def until(self, request: Request, state: State) -> None:
        """Tick until a request is in a state, as the bot does every second."""
        passed = threading.Event()
        for _ in range(400):
            if self.town.state(request) is state:
                return
            for each in self.town.ledger.due(200):
                self.queue.request(each)
            passed.wait(WAIT_SECONDS / 400)
        raise AssertionError(f"it is {self.town.state(request)}")


@pytest.fixture
def busy(make_town: Callable[[], Town], monkeypatch: pytest.MonkeyPatch) -> Iterator[Busy]:
    monkeypatch.setattr(queue_module, "SLOW_SECONDS", 0.1)
    town = make_town()
    town.edit('with: {what: "{service}", where: "{env}"}', 'with: {what: "{service}", where: "{place}"}')
    town.edit("      env: {type: choice, options: [staging, prod]}", "      place: {type: text}")
    town.edit("when: params.env == 'staging'", "when: params.place.startsWith('s')")
    assert town.book.fault == ""
    busy = Busy(town)
    yield busy
    busy.go.set()
    busy.queue.stop()
    town.close()


@pytest.mark.timeout(90)
def test_sixteen_that_hang_keep_nobody_from_anything_and_end_unsure(busy: Busy) -> None:
    town = busy.town
    hanging = [busy.ask("restart", service="worker", place=f"s{number}") for number in range(HANGING)]
    for _ in hanging:
        assert busy.begun.acquire(timeout=WAIT_SECONDS)
    other = busy.ask("restart", service="api", place="s")
    busy.until(other, State.SUCCEEDED)
    town.forward(minutes=5, seconds=10)
    town.service.sweep.renew()
    assert town.state(hanging[0]) is State.RUNNING
    town.forward(seconds=31)
    town.service.sweep.renew()
    for each in hanging:
        busy.until(each, State.UNSURE)
        assert town.see(each).outcome == "it has not ended in its time limit"
    busy.go.set()
    for each in hanging:
        busy.until(each, State.SUCCEEDED)
    assert len(town.runner.started) == HANGING + 1


@pytest.mark.timeout(90)
def test_a_grant_ends_on_time_though_its_workers_hang(busy: Busy) -> None:
    town = busy.town
    town.runner.on_start = lambda inputs, run: None
    grant = town.ask(BO, "tune", value=200)
    town.runner.on_start = busy._start
    for number in range(HANGING):
        busy.ask("restart", service="worker", place=f"s{number}")
        assert busy.begun.acquire(timeout=WAIT_SECONDS)
    town.forward(minutes=30)
    busy.until(grant, State.EXPIRED)
    assert town.runner.world["prod/work_mem"] == 100
