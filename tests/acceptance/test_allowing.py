"""How much one person may do whatever the actions are: open requests, asks within a minute, refusals on record."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jitbot.model import Allowance, DeliveryKind, Request, State, UserId
from jitbot.service.allowing import MOST_REFUSALS
from jitbot.store import tallies
from tests.town import ANN, BO, CY, Town


@pytest.fixture(autouse=True)
def allowance(town: Town) -> None:
    town.allowance = Allowance(open=3, a_minute=5)
    town.restart()


def waits(town: Town, user: UserId = ANN) -> Request:
    """Ask for something that waits for people."""
    return town.ask(user, "restart", service="api", env="prod")


def ended(town: Town, user: UserId = ANN) -> Request:
    """Ask for something that runs and ends at once."""
    return town.ask(user, "restart", service="api", env="staging")


def refusal(town: Town, user: UserId = ANN) -> str:
    answer = town.try_to_ask(user, "restart", service="worker", env="prod")
    assert answer.refused
    assert answer.request is None
    return answer.text


def test_so_many_may_wait_and_the_next_is_refused_with_what_to_do(town: Town) -> None:
    mine = [waits(town) for _ in range(3)]
    town.forward(minutes=2)
    assert refusal(town) == (
        "3 of your requests wait for a decision or their start, and nobody may have more. "
        "Withdraw what is not needed any more (/jit mine lists yours), then ask again."
    )
    town.withdraw(ANN, mine[0])
    assert town.state(waits(town)) is State.PENDING


def test_what_has_run_does_not_count_as_open_and_others_are_not_affected(town: Town) -> None:
    for _ in range(3):
        assert town.state(ended(town)) is State.SUCCEEDED
    for _ in range(2):
        waits(town)
    assert [town.state(waits(town, BO)) for _ in range(3)] == [State.PENDING] * 3


def test_nobody_asks_more_often_than_so_many_times_in_a_minute(town: Town) -> None:
    for _ in range(5):
        ended(town)
    assert "You have asked 5 times within a minute" in refusal(town)
    town.forward(seconds=61)
    assert town.state(ended(town)) is State.SUCCEEDED


def test_it_holds_across_processes_and_restarts(town: Town) -> None:
    for _ in range(3):
        waits(town)
    twin = town.twin()
    assert "3 of your requests wait" in refusal(twin)
    twin.close()
    town.restart()
    assert "3 of your requests wait" in refusal(town)


def test_an_extension_is_an_ask_too_and_ending_is_not(town: Town) -> None:
    grant = town.ask(ANN, "tune", value=8)
    for _ in range(4):
        ended(town)
    assert town.try_to_extend(ANN, grant, "1h").text.startswith("You have asked 5 times")
    assert not town.drop(ANN, grant).refused
    assert town.state(grant) is State.REVOKED


def test_two_at_the_same_instant_do_not_both_take_the_last_place(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    twin = town.twin()
    together, counted = threading.Barrier(2, timeout=0.5), tallies.asked

    def counted_slowly(*what: Any) -> object:
        found = counted(*what)
        try:  # whoever counts waits for the other to count too: with a lock, nobody ever comes
            together.wait()
        except threading.BrokenBarrierError:
            together.reset()
        return found

    for _ in range(2):
        waits(town)
    body = {"action": "restart", "params": {"service": "api", "env": "prod"}, "reason": "INC-1"}
    keys = [(there, there.take_in(DeliveryKind.ASK, ANN, **body)) for there in (town, twin)]
    monkeypatch.setattr(tallies, "asked", counted_slowly)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda each: each[0].service.intake.work(each[1]), keys))
    monkeypatch.undo()
    twin.close()
    assert sorted(answer is not None and answer.refused for answer in answers) == [False, True]
    assert len(town.ledger.find(requester=ANN, states=[State.PENDING])) == 3


def refusals_on_record(town: Town) -> list[Mapping[str, Any]]:
    return [event.body or {} for event in town.trail.events(limit=1000) if event.kind == "refused"]


def test_a_refusal_is_on_record_and_many_of_one_person_do_not_flood_it(town: Town) -> None:
    request = waits(town)
    for _ in range(MOST_REFUSALS + 7):
        assert town.approve(ANN, request).refused
    assert town.approve(BO, waits(town, CY)).refused is False
    found = refusals_on_record(town)
    assert len(found) == MOST_REFUSALS
    assert ["note" in body for body in found] == [False] * (MOST_REFUSALS - 1) + [True]
    assert "stands only in the log" in found[-1]["note"]
    assert town.withdraw(BO, request).refused, "another person's refusals are counted by themselves"
    assert len(refusals_on_record(town)) == MOST_REFUSALS + 1
    town.forward(minutes=1)
    town.approve(ANN, request)
    assert len(refusals_on_record(town)) == MOST_REFUSALS + 2
    assert town.trail.verify()


@pytest.mark.parametrize(
    ("given", "words"), [(Allowance(3, 0), "3 of your requests wait"), (Allowance(0, 5), "You have asked 5 times")]
)
def test_either_limit_holds_without_the_other(town: Town, given: Allowance, words: str) -> None:
    town.allowance = given
    town.restart()
    for _ in range(given.open or given.a_minute):
        waits(town)
    assert words in refusal(town)


def test_without_limits_nobody_is_counted(town: Town) -> None:
    town.allowance = Allowance()
    town.restart()
    assert [town.state(waits(town)) for _ in range(7)] == [State.PENDING] * 7
