"""Several grants on one target: the last to end gives the target back as the first found it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from jitbot.model import Answer, DeliveryKind, Request, State
from tests.town import ANN, BO, CY, FakeInputs, Town

TARGET = "prod/work_mem"


def test_another_value_on_a_held_target_is_refused_naming_the_holder(town: Town) -> None:
    held = town.ask(ANN, "tune", value=200)
    answer = town.try_to_ask(BO, "tune", value=300)
    assert answer.refused
    assert answer.text == f"JIT-{held.id} holds this now, with other values. Ask again when it has ended."
    assert town.runner.world[TARGET] == 200


def test_another_value_approved_meanwhile_is_refused_before_it_runs(town: Town) -> None:
    early = town.take_in(DeliveryKind.ASK, BO, action="tune", params={"value": 300}, reason="x")
    assert town.service.intake.work(early) is not None
    late = town.ledger.find()[0]
    town.queue.items.clear()
    key = town.take_in(DeliveryKind.ASK, ANN, action="tune", params={"value": 200}, reason="x")
    town.service.intake.work(key)
    town.service.sweep.attend(town.ledger.find()[0].id)
    town.settle()
    assert town.state(late) is State.DENIED
    assert f"JIT-{late.id + 1} holds this now" in town.see(late).outcome
    assert town.runner.world[TARGET] == 200


def test_the_last_of_two_holders_restores_what_was_there_before_the_first(town: Town) -> None:
    first, second = town.ask(ANN, "tune", value=200), town.ask(BO, "tune", value=200)
    town.drop(ANN, first)
    assert (town.state(first), town.see(first).outcome) == (State.REVOKED, f"handed over to JIT-{second.id}")
    assert (town.see(first).handed_to, town.runner.world[TARGET]) == (second.id, 200)
    town.drop(BO, second)
    assert (town.state(second), town.runner.world[TARGET]) == (State.REVOKED, 100)


def test_the_earlier_end_does_not_take_away_what_the_later_one_still_gives(town: Town) -> None:
    short, long = town.ask(ANN, "tune", ttl="30m", value=200), town.ask(BO, "tune", ttl="2h", value=200)
    town.forward(minutes=31)
    town.settle()
    assert (town.state(short), town.state(long)) == (State.EXPIRED, State.ACTIVE)
    assert town.runner.world[TARGET] == 200
    town.forward(hours=2)
    town.settle()
    assert (town.state(long), town.runner.world[TARGET]) == (State.EXPIRED, 100)


def test_the_first_may_outlast_the_second(town: Town) -> None:
    long, short = town.ask(ANN, "tune", ttl="2h", value=200), town.ask(BO, "tune", ttl="30m", value=200)
    town.forward(minutes=31)
    town.settle()
    assert (town.state(short), town.see(short).handed_to, town.runner.world[TARGET]) == (State.EXPIRED, long.id, 200)
    town.forward(hours=2)
    town.settle()
    assert (town.state(long), town.runner.world[TARGET]) == (State.EXPIRED, 100)


def test_two_that_end_in_the_same_instant_still_give_the_target_back(town: Town) -> None:
    both = [town.ask(ANN, "tune", value=200), town.ask(BO, "tune", value=200)]
    town.forward(hours=1)
    town.settle()
    assert [town.state(each) for each in both] == [State.EXPIRED, State.EXPIRED]
    assert town.runner.world[TARGET] == 100


def test_an_end_waits_for_somebody_who_is_just_starting_on_the_same_target(town: Town) -> None:
    first = town.ask(ANN, "tune", value=200)
    ended: list[State] = []

    def end_the_first(inputs: FakeInputs, run: object) -> None:
        town.service.intake.work(town.take_in(DeliveryKind.DROP, ANN, first.id))
        town.service.sweep.attend(first.id)
        ended.append(town.state(first))

    town.runner.on_start = end_the_first
    second = town.ask(BO, "tune", value=200)
    assert ended == [State.UNDOING]
    town.forward(seconds=2)
    town.settle()
    assert (town.see(first).handed_to, town.runner.world[TARGET]) == (second.id, 200)


def test_a_start_waits_for_an_undo_on_the_same_target(town: Town) -> None:
    first = town.ask(ANN, "tune", value=200)
    seen: list[State] = []

    def ask_meanwhile(inputs: FakeInputs, run: object) -> None:
        key = town.take_in(DeliveryKind.ASK, BO, action="tune", params={"value": 200}, reason="x")
        town.service.intake.work(key)
        second = town.ledger.find()[0]
        town.service.sweep.attend(second.id)
        seen.append(town.state(second))

    town.runner.on_undo = ask_meanwhile
    town.drop(ANN, first)
    town.runner.on_undo = lambda inputs, run: None
    assert seen == [State.APPROVED]
    town.forward(seconds=2)
    town.settle()
    assert [each.state for each in town.ledger.find()] == [State.ACTIVE, State.REVOKED]
    assert town.ledger.find()[0].receipt == {"before": 100}


def test_a_run_without_an_end_holds_nothing(town: Town) -> None:
    for _ in range(2):
        assert town.state(town.ask(ANN, "restart", service="api", env="staging")) is State.SUCCEEDED


ROUNDS = 6


@pytest.mark.timeout(60)
def test_two_starts_on_one_target_in_the_same_instant_never_overlap(town: Town) -> None:
    inside, overlaps, guard = [0], [0], threading.Lock()

    def enter(inputs: FakeInputs, run: object) -> None:
        with guard:
            inside[0] += 1
            overlaps[0] = max(overlaps[0], inside[0])

    def leave() -> None:
        threading.Event().wait(0.02)
        with guard:
            inside[0] -= 1

    town.runner.on_start, town.runner.after_start = enter, leave
    twin = town.twin()
    with ThreadPoolExecutor(2) as pool:
        for number in range(ROUNDS):
            requests = [approved(town, who, 200 + number) for who in (ANN, BO)]
            both = threading.Barrier(2)

            def attend(there: Town, request: Request, both: threading.Barrier = both) -> None:
                both.wait()
                there.service.sweep.attend(request.id)

            list(pool.map(attend, (town, twin), requests))
            town.queue.items.clear()
            for _ in range(4):
                town.forward(hours=1)
                town.settle()
            assert all(town.see(each).ended_at for each in requests)
    twin.close()
    assert overlaps == [1]
    assert town.runner.world[TARGET] == 100


def approved(town: Town, user: str, value: int) -> Request:
    """Have a request allowed, and not started yet."""
    key = town.take_in(DeliveryKind.ASK, user, action="tune", params={"value": value}, reason="x")
    answer = town.service.intake.work(key)
    assert isinstance(answer, Answer)
    assert answer.request is not None
    return town.ledger.get(answer.request)


def test_a_holder_whose_column_was_bent_is_still_seen_once_it_runs(town: Town) -> None:
    request = approved(town, ANN, 200)
    with town.database.write() as connection:
        connection.exec_driver_sql("UPDATE requests SET target = 'elsewhere'")
    town.settle()
    assert town.state(request) is State.ACTIVE
    assert town.try_to_ask(CY, "tune", value=300).refused
