"""Quotas and limits: counted in the ledger, in the transaction that decides, on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from jitbot.errors import RunnerRefused
from jitbot.explain import explain
from jitbot.model import DeliveryKind, Request, State
from jitbot.store import tallies
from tests.town import ANN, BO, CY, DI, Town

POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  restart:
    runner: fake
    with: {what: "{service}", where: prod}
    parameters: {service: {type: choice, options: [api, worker]}}
    requesters: [group:engineering]
    start_later: {max: 7d}
    rules:
      - {name: a few, allow: {at_most: 2, per: 1h}}
      - {name: people, review: [{from: [group:oncall]}]}
  db:
    title: The database
    runner: fake
    with: {what: db, where: prod}
    requesters: [group:engineering]
    timebox: {default: 30m, max: 4h}
    limits: {held: 2, held_by_one: 1}
    rules: [{allow: true}]
  drain:
    runner: fake
    with: {what: "{node}", where: prod}
    parameters: {node: {type: choice, options: [one, two]}}
    requesters: [group:engineering]
    limits: {cool_down: 15m}
    rules: [{allow: true}]
"""


@pytest.fixture(autouse=True)
def policy(town: Town) -> None:
    town.write("payments.yml", POLICY)
    assert not town.service.book.fault


def restart(town: Town, user: str = ANN, **more: str) -> Request:
    return town.ask(user, "restart", service="api", **more)  # type: ignore[arg-type]


# CASES 8


def test_so_many_run_at_once_the_next_goes_to_people_and_others_are_unaffected(town: Town) -> None:
    states = [town.state(restart(town)) for _ in range(3)]
    assert states == [State.SUCCEEDED, State.SUCCEEDED, State.PENDING]
    assert town.state(restart(town, BO)) is State.SUCCEEDED


def test_the_tree_says_how_much_is_used(town: Town) -> None:
    def ahead() -> str:
        queries = town.service.queries
        body = {"params": {"service": "api"}, "reason": "INC-1"}
        return explain(queries.preview(ANN, queries.action("restart"), body).decision, str)  # type: ignore[arg-type]

    assert "✓ a few   payments.yml:12   used 0 of 2 in the last hour" in ahead()
    ran = restart(town)
    assert "used 1 of 2" in ahead()
    restart(town)
    assert "– a few   payments.yml:12   used 2 of 2 in the last hour" in ahead()  # noqa: RUF001 - as it is drawn
    assert "✓ a few   payments.yml:12   has its place of 2" in explain(town.see(ran).decision, str)  # type: ignore[arg-type]


def test_a_place_is_free_again_after_the_interval(town: Town) -> None:
    for _ in range(2):
        restart(town)
    town.forward(minutes=59)
    assert town.state(restart(town)) is State.PENDING
    town.forward(minutes=1, seconds=5)
    assert town.state(restart(town)) is State.SUCCEEDED


def test_whatever_becomes_of_it_a_place_is_used(town: Town) -> None:
    def refuse(*_: object) -> None:
        raise RunnerRefused("no")

    town.runner.on_start = refuse
    assert [town.state(restart(town)) for _ in range(3)] == [State.FAILED, State.FAILED, State.PENDING]


def test_what_people_approved_uses_no_place(town: Town) -> None:
    for _ in range(2):
        restart(town)
    third = restart(town)
    town.approve(BO, third)
    assert (town.state(third), town.see(third).quota) == (State.SUCCEEDED, None)
    town.forward(hours=1, seconds=5)
    assert [town.state(restart(town)) for _ in range(3)] == [State.SUCCEEDED, State.SUCCEEDED, State.PENDING]


def test_planned_starts_cannot_be_heaped_up_beyond_the_quota(town: Town) -> None:
    at = (town.ledger.now() + timedelta(hours=10)).isoformat(timespec="seconds")
    states = []
    for _ in range(3):
        states.append(town.state(restart(town, at=at)))
        town.forward(hours=2)
    assert states == [State.APPROVED, State.APPROVED, State.PENDING]
    town.forward(hours=3.5)
    assert town.state(restart(town)) is State.PENDING


def test_a_place_is_kept_until_the_planned_start(town: Town) -> None:
    at = (town.ledger.now() + timedelta(hours=2)).isoformat(timespec="seconds")
    planned = [restart(town, at=at) for _ in range(2)]
    town.forward(hours=2, seconds=5)
    town.settle()
    assert [town.state(each) for each in planned] == [State.SUCCEEDED, State.SUCCEEDED]


def test_the_preview_counts_too(town: Town) -> None:
    body = {"params": {"service": "api"}, "reason": "x"}
    action = town.service.queries.action("restart")
    for expected in ("allow", "allow", "review"):
        ahead = town.service.queries.preview(ANN, action, body)
        assert ahead.decision is not None
        assert ahead.decision.outcome.value == expected
        restart(town)


@pytest.mark.timeout(90)
def test_requests_in_the_same_instant_cannot_both_take_the_last_place(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = town.twin()
    together = threading.Barrier(2, timeout=0.5)
    count = tallies.count

    def counted_slowly(*what: object) -> object:
        found = count(*what)  # type: ignore[arg-type]
        try:  # whoever counts waits for the other to count too: with a lock, nobody ever comes
            together.wait()
        except threading.BrokenBarrierError:
            together.reset()
        return found

    body = {"action": "restart", "params": {"service": "api"}, "reason": "x"}
    restart(town)
    keys = [(there, there.take_in(DeliveryKind.ASK, ANN, **body)) for there in (town, twin)]
    monkeypatch.setattr(tallies, "count", counted_slowly)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: each[0].service.intake.work(each[1]), keys))
    monkeypatch.undo()
    twin.close()
    states = sorted(each.state.value for each in town.ledger.find() if each.decision and each.decision.rule == "people")
    assert states == ["pending"]
    assert len([each for each in town.ledger.find() if each.quota == "a few"]) == 2


# Limits on grants


def test_one_person_holds_one_at_a_time_and_is_told_which(town: Town) -> None:
    first = town.ask(ANN, "db")
    assert town.state(first) is State.ACTIVE
    answer = town.try_to_ask(ANN, "db")
    assert answer.refused
    assert f"One person may hold 1 at a time: <@{ANN}> holds {first.name} until" in answer.text
    town.drop(ANN, first)
    assert town.state(town.ask(ANN, "db")) is State.ACTIVE


def test_so_many_are_held_in_all_and_the_refusal_says_who_holds_them(town: Town) -> None:
    first, second = town.ask(ANN, "db"), town.ask(BO, "db")
    refused = town.ask(CY, "db")
    assert town.state(refused) is State.DENIED
    assert f"<@{ANN}> holds {first.name} until" in town.see(refused).outcome
    assert f"<@{BO}> holds {second.name} until" in town.see(refused).outcome
    town.forward(minutes=31)
    town.settle()
    assert town.state(town.ask(CY, "db")) is State.ACTIVE


def test_limits_are_judged_again_at_the_start(town: Town) -> None:
    town.edit("    limits: {held: 2, held_by_one: 1}\n    rules: [{allow: true}]", REVIEWED)
    first, second = town.ask(ANN, "db"), town.ask(BO, "db")
    town.approve(CY, first)
    assert town.state(first) is State.ACTIVE
    town.approve(CY, second)
    assert town.state(second) is State.DENIED
    assert first.name in town.see(second).outcome
    assert town.see(second).decision.tree.children[1].label == "limits"  # type: ignore[union-attr]


REVIEWED = "    limits: {held: 1}\n    rules: [{review: [{from: [group:leads]}]}]"


@pytest.mark.timeout(90)
def test_two_starts_in_the_same_instant_cannot_both_take_the_last_grant(town: Town) -> None:
    town.edit("    limits: {held: 2, held_by_one: 1}", "    limits: {held: 1}")
    twin = town.twin()
    keys = [
        (there, there.take_in(DeliveryKind.ASK, who, action="db", params={}, reason="x"))
        for there, who in ((town, ANN), (twin, BO), (town, CY), (twin, DI))
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: each[0].service.intake.work(each[1]), keys))
        waiting = [each.id for each in town.ledger.find(states=[State.APPROVED])]
        acts = [(there, request) for request in waiting for there in (town, twin)]
        list(pool.map(lambda each: each[0].service.sweep.attend(each[1]), acts))
    twin.queue.items.clear()
    town.settle()
    twin.close()
    states = [each.state for each in town.ledger.find()]
    assert states.count(State.ACTIVE) == 1
    assert states.count(State.DENIED) == 3


def test_after_a_failure_the_same_target_waits_and_others_do_not(town: Town) -> None:
    def refuse(*_: object) -> None:
        raise RunnerRefused("the disk is full")

    town.runner.on_start = refuse
    failed = town.ask(ANN, "drain", node="one")
    assert town.state(failed) is State.FAILED
    town.runner.on_start = lambda inputs, run: None
    answer = town.try_to_ask(BO, "drain", node="one")
    assert answer.refused
    assert answer.text.startswith(f"{failed.name} failed on this target. 15m have to pass before the next try: until")
    assert town.state(town.ask(BO, "drain", node="two")) is State.SUCCEEDED
    town.forward(minutes=15, seconds=5)
    assert town.state(town.ask(BO, "drain", node="one")) is State.SUCCEEDED
