"""Runners and sources that hang, while the database goes away too; and stopping in the middle of all that."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jitbot.clock.queue import WorkQueue
from jitbot.errors import StoreUnavailable
from jitbot.model import DeliveryKind, RequestId, State
from jitbot.ports import Run
from jitbot.service.memory import FactMemory
from tests.fake_sources import FakeSource
from tests.outages.test_results import broken, wait_for
from tests.town import ANN, FakeInputs, Town

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_a_runner_that_hangs_over_an_outage_is_unsure_once_and_settled_when_it_comes_back(on_file: Town) -> None:
    town = on_file
    go, begun = threading.Event(), threading.Event()

    def hang(inputs: FakeInputs, run: Run) -> None:
        begun.set()
        go.wait(60)

    town.runner.on_start = hang
    request = asked(town)
    thread = threading.Thread(target=lambda: town.service.sweep.attend(request), daemon=True)
    thread.start()
    assert begun.wait(20)
    mend = broken(town)
    town.forward(minutes=1)
    town.service.sweep.tick()
    town.service.sweep.renew()
    mend()
    town.service.sweep.attend(request)
    assert town.ledger.get(request).state is State.RUNNING, "it is in our hands, though its claim ran out meanwhile"
    town.forward(minutes=5)
    town.settle()
    assert town.ledger.get(request).state is State.UNSURE
    mend = broken(town)
    go.set()
    wait_for(lambda: town.world.results.waits(request))
    mend()
    thread.join(20)
    assert town.ledger.get(request).state is State.ACTIVE
    assert [event.kind for event in town.trail.events(request)].count("lose") == 1
    assert town.runner.started == ["jit-1-1"]


def asked(town: Town) -> RequestId:
    """Ask for something that is allowed, and leave it to the test to run it."""
    delivery = town.take_in(DeliveryKind.ASK, ANN, action="tune", params={"value": 200}, reason="x")
    town.service.intake.work(delivery)
    return town.ledger.find()[0].id


def test_a_source_that_answers_in_a_minute_holds_six_threads_whatever_asks_it() -> None:
    source, go = FakeSource(), threading.Event()
    source.read = lambda arguments, at: go.wait(60)  # type: ignore[method-assign, assignment]
    memory = FactMemory(lambda: NOON)
    before = threading.active_count()
    asked = [memory.ask("slow", source, {"n": n}, None) for n in range(300)]
    assert threading.active_count() - before <= 6
    assert not any(each.done() for each in asked)
    go.set()
    for each in asked:
        each.result(20)
    memory.close()


SLOW = """
team: payments
channel: "#payments-oncall"
actions:
  restart:
    title: Restart a service
    runner: fake
    with: {what: api, where: "{place}"}
    parameters: {place: {type: text}}
    requesters: [group:engineering]
    facts: {firing: {source: fake, name: firing, about: "{place}"}}
    rules:
      - {name: nothing fires, when: facts.firing == 0, allow: true}
      - {name: somebody decides, review: [{from: [group:oncall]}]}
"""
MANY, WORKERS, FACT_THREADS = 36, 6, 6


def test_many_that_need_a_source_that_hangs_go_to_people_and_few_threads_wait_for_it(on_file: Town) -> None:
    town, go = on_file, threading.Event()
    town.write("payments.yml", SLOW)
    assert town.book.fault == ""
    town.facts.on_read = lambda arguments: go.wait(60) and None
    town.service._facts._deadline = timedelta(seconds=0.5)  # five seconds in the bot
    queue = WorkQueue(WORKERS)
    queue.start(request=town.service.sweep.attend, delivery=town.service.sweep.delivery, messages=lambda: None)
    for number in range(MANY):
        queue.delivery(
            town.take_in(DeliveryKind.ASK, ANN, action="restart", params={"place": f"p{number}"}, reason="x")
        )
    most = [0, 0]

    def all_wait_for_people() -> bool:
        names = [thread.name for thread in threading.enumerate()]
        most[0] = max(most[0], sum(name.startswith("facts fake") for name in names))
        most[1] = max(most[1], queue.threads())
        for each in town.ledger.due(200):
            queue.request(each)
        found = town.ledger.find(limit=100)
        return len(found) == MANY and all(each.state is State.PENDING for each in found)

    wait_for(all_wait_for_people)
    go.set()
    queue.stop()
    assert most[0] <= FACT_THREADS
    assert most[1] <= WORKERS + 2
    assert town.runner.started == []


def test_a_worker_that_waits_for_the_database_with_a_result_does_not_keep_the_process_from_ending(
    on_file: Town,
) -> None:
    town, mend = on_file, []
    request = asked(town)
    town.runner.after_start = lambda: mend.append(broken(town))
    queue = WorkQueue(2)
    queue.start(request=town.service.sweep.attend, delivery=lambda key: None, messages=lambda: None)
    queue.request(request)
    wait_for(lambda: town.world.results.waits(request))
    began = time.monotonic()
    queue.stop(timeout=0.2)
    town.service.close()
    wait_for(lambda: not queue.threads())
    assert time.monotonic() - began < 5
    mend[0]()
    assert town.ledger.get(request).state is State.RUNNING, "the next process finds it"


def test_a_worker_goes_on_with_the_next_after_the_database_has_failed_it(
    on_file: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town = on_file
    grant = town.ask(ANN, "tune", value=200)
    town.forward(minutes=31)
    mend = broken(town)
    town.service.sweep.attend(grant.id)
    assert "JIT-1 has to wait for the database" in caplog.text
    mend()
    town.forward(seconds=21)
    town.settle()
    assert town.state(grant) is State.EXPIRED


def test_a_delivery_that_cannot_be_worked_on_is_left_for_the_next_sweep(
    on_file: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town = on_file
    delivery = town.take_in(DeliveryKind.ASK, ANN, action="tune", params={"value": 200}, reason="x")
    mend = broken(town)
    town.service.sweep.delivery(delivery)
    assert "a delivery has to wait for the database" in caplog.text
    mend()
    town.forward(seconds=31)
    town.settle()
    assert [each.state for each in town.ledger.find()] == [State.ACTIVE]


def test_the_sweep_says_that_it_has_to_wait(on_file: Town, caplog: pytest.LogCaptureFixture) -> None:
    town = on_file

    def down(*_: object) -> Any:
        raise StoreUnavailable("it is away")

    town.ledger.due = down  # type: ignore[method-assign]
    town.service.sweep.tick()
    assert "the sweep has to wait" in caplog.text
