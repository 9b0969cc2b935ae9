"""Every way in which something starts, and a halt that comes before it."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from jitbot.errors import RunnerUnsure
from jitbot.model import DeliveryKind, HealthState, Phase, Request, Stage, State
from jitbot.service.runlog import PartLog, RunLog
from tests import halting
from tests.acceptance.killing import Killed
from tests.halting import a_while, halt, lifted
from tests.town import ANN, BO, DI, PEOPLE, POLICY, FakeInputs, Town

GUARDRAILS = (
    halting.GUARDRAILS
    + """
break_glass:
  - {who: [group:oncall], max: 1h, review_within: 24h, tell: ["#security"]}
"""
)
WAVES = """
team: web
channel: "#web"
actions:
  tune:
    runner: fake
    with: {what: "{hosts}", where: prod, value: 7}
    parameters:
      hosts: {type: multi-choice, options: [web1, web2, web3]}
    requesters: [group:engineering]
    for_each: {parameter: hosts, pause: 1m}
    rules: [{name: free, allow: true}]
"""


@pytest.fixture
def town(make_town: Callable[[], Town]) -> Iterator[Town]:
    """Give a town on SQLite, where Eve may halt anything and Cy and Di lift it."""
    town = make_town()
    halting.watched(town)
    yield town
    town.close()


def grant(town: Town) -> Request:
    request = town.ask(ANN, "admin")
    town.approve(BO, request)
    town.approve(DI, request)
    assert town.state(request) is State.ACTIVE
    return town.see(request)


def test_a_planned_start_waits_and_comes_late_but_never_too_late(town: Town) -> None:
    town.write(
        "payments.yml",
        POLICY.replace("lapse_after: 1h", "lapse_after: 1h\n    start_later: {max: 1d}\n    start_within: 10m"),
    )
    at = f"{town.ledger.now() + timedelta(hours=1):%Y-%m-%dT%H:%MZ}"
    soon, late = (town.ask(ANN, "restart", service=each, env="staging", at=at) for each in ("api", "worker"))
    halt(town)
    town.forward(minutes=62)
    town.settle()
    assert [town.state(each) for each in (soon, late)] == [State.APPROVED] * 2
    lifted(town)
    assert town.state(soon) is State.SUCCEEDED
    halt(town)
    another = town.ask(ANN, "restart", service="api", env="staging")
    town.forward(minutes=11)
    town.settle()
    assert town.state(another) is State.MISSED


def test_broken_glass_is_stopped_too(town: Town) -> None:
    town.write("guardrails.yml", GUARDRAILS)
    halt(town)
    body = {"action": "admin", "params": {}, "reason": "all is down", "ttl": "30m", "break_glass": True}
    answer = town.do(DeliveryKind.ASK, BO, **body)
    assert answer.request is not None
    request = town.ledger.get(answer.request)
    assert (request.state, request.obligation, town.runner.started) == (State.APPROVED, None, [])
    lifted(town)
    assert town.state(request) is State.ACTIVE


def test_an_extension_waits_and_comes_to_nothing_where_its_grant_has_ended(town: Town) -> None:
    held = grant(town)
    extension = town.extend(ANN, held, "1h")
    halt(town)
    for approver in (BO, DI):
        town.approve(approver, extension)
    assert (town.state(extension), town.see(held).expires_at) == (State.APPROVED, held.expires_at)
    town.forward(minutes=31)
    town.settle()
    assert (town.state(held), town.state(extension)) == (State.EXPIRED, State.MISSED)


def test_an_extension_takes_effect_once_the_halt_is_lifted_in_time(town: Town) -> None:
    held = grant(town)
    extension = town.extend(ANN, held, "1h")
    halt(town, "action", "admin")
    for approver in (BO, DI):
        town.approve(approver, extension)
    lifted(town)
    assert town.state(extension) is State.SUCCEEDED
    assert held.expires_at is not None
    assert town.see(held).expires_at == held.expires_at + timedelta(hours=1)


def test_an_extension_that_a_halted_person_has_approved_waits(town: Town) -> None:
    held = grant(town)
    extension = town.extend(ANN, held, "1h")
    town.approve(BO, extension)
    halt(town, "person", BO)
    town.approve(DI, extension)
    assert (town.state(extension), town.see(held).expires_at) == (State.APPROVED, held.expires_at)


def test_a_target_that_could_not_be_told_is_not_told_again(town: Town) -> None:
    tries: list[str] = []

    def extend(inputs: FakeInputs, receipt: object, run: object) -> None:
        tries.append("told")
        raise RunnerUnsure("no answer")

    town.runner.ends_by_itself = True  # type: ignore[attr-defined]
    town.runner.extend = extend  # type: ignore[attr-defined]
    town.restart()
    held = grant(town)
    extension = town.extend(ANN, held, "1h")
    for approver in (BO, DI):
        town.approve(approver, extension)
    assert (town.state(extension), len(tries)) == (State.RUNNING, 1)
    halt(town)
    a_while(town)
    failed = town.see(extension)
    assert (failed.state, len(tries)) == (State.FAILED, 1)
    assert "everything is halted" in failed.outcome
    assert town.see(held).expires_at == held.expires_at


def test_the_next_wave_of_many_targets_waits(town: Town) -> None:
    town.write("payments.yml", WAVES)
    request = town.ask(ANN, "tune", hosts=["web1", "web2", "web3"])
    halt(town)
    town.forward(minutes=2)
    town.settle()
    held = town.see(request)
    assert (held.state, [each.stage for each in held.progress]) == (
        State.RUNNING,
        [Stage.DONE, Stage.WAITING, Stage.WAITING],
    )
    assert "everything is halted" in held.halted
    lifted(town)
    for _ in range(2):
        town.forward(minutes=2)
        town.settle()
    done = town.see(request)
    assert (done.state, done.halted) == (State.SUCCEEDED, "")


def test_the_waves_that_a_halt_has_held_back_for_too_long_are_left_out(town: Town) -> None:
    town.write("payments.yml", WAVES)
    request = town.ask(ANN, "tune", hosts=["web1", "web2"])
    halt(town)
    town.forward(hours=2)
    town.settle()
    assert town.state(request) is State.ROLLED_BACK, "as its policy has what is not done whole"
    assert town.runner.started == ["jit-1-1-1"]


@pytest.mark.parametrize("halted", [False, True], ids=["free", "halted"])
def test_a_start_whose_worker_was_lost_is_repeated_only_while_nothing_is_halted(town: Town, halted: bool) -> None:
    town.runner.repeatable = True
    town.runner.health = HealthState.UNKNOWN
    town.restart()

    def die(inputs: FakeInputs, run: object) -> None:
        raise Killed

    town.runner.on_start = die  # type: ignore[assignment]
    with pytest.raises(Killed):
        town.ask(ANN, "restart", service="api", env="staging")
    town.runner.on_start = lambda inputs, run: None
    town.restart()
    if halted:
        halt(town, "action", "restart")
    town.forward(seconds=21)
    town.settle()
    [request] = town.ledger.find()
    wanted = (State.UNSURE, 0) if halted else (State.SUCCEEDED, 1)
    assert (request.state, len(town.runner.started)) == wanted
    assert not halted or "and action restart is halted" in request.outcome


def test_a_wave_whose_worker_was_lost_is_not_begun_again(town: Town) -> None:
    town.runner.repeatable = True
    town.write("payments.yml", WAVES)
    town.restart()

    def die(inputs: FakeInputs, run: object) -> None:
        if inputs.what == "web2":
            raise Killed

    town.runner.on_start = die  # type: ignore[assignment]
    request = town.ask(ANN, "tune", hosts=["web1", "web2"])
    town.forward(minutes=2)
    with pytest.raises(Killed):
        town.settle()
    town.restart()
    town.runner.on_start = lambda inputs, run: None
    halt(town)
    town.forward(seconds=21)
    town.settle()
    assert town.state(request) is State.UNDOING
    assert "and everything is halted" in town.see(request).outcome
    assert town.runner.started == ["jit-1-1-1"]


def test_a_halt_of_a_pool_stops_what_runs_there_and_nothing_else(town: Town) -> None:
    town.catalog.pools = lambda: ["prod-eu"]  # type: ignore[attr-defined]
    town.catalog.pool = lambda name: town.catalog  # type: ignore[attr-defined]
    there = POLICY.replace(
        "  tune:\n    title: Tune a parameter\n    runner: fake\n", "  tune:\n    runner: fake\n    pool: prod-eu\n"
    )
    town.write("payments.yml", there)
    assert not town.book.fault, town.book.fault
    assert not halt(town, "pool", "prod-eu").refused
    held = town.ask(ANN, "tune", value=200)
    free = town.ask(ANN, "restart", service="api", env="staging")
    assert (town.state(held), town.state(free)) == (State.APPROVED, State.SUCCEEDED)
    assert "pool prod-eu is halted" in town.see(held).halted


def test_a_run_is_told_that_it_is_halted_and_an_undo_never_is(town: Town) -> None:
    held = grant(town)
    halt(town, "person", BO)
    at = town.ledger.now() + timedelta(minutes=1)
    with RunLog(town.world, held, at) as start, RunLog(town.world, held, at, Phase.UNDO) as undo:
        part = PartLog(start, "web1", 0, timedelta(seconds=9))
        assert (
            start.halted() == part.halted() == "everything of <@U0BO> is halted by <@U0EVE>, H-1: “something is wrong”"
        )
        assert undo.halted() == ""


def test_every_open_card_says_so_and_is_redrawn_behind_everything_else(town: Town) -> None:
    waiting = [town.ask(BO, "restart", service="api", env="prod") for _ in range(60)]
    town.said("card")
    halt(town)
    town.settle()
    redrawn = [each for each in town.outbox.claim(1000, timedelta(0)) if each.topic == "redraw"]
    assert {town.see(each).halted for each in waiting} == {
        "everything is halted by <@U0EVE>, H-1: “something is wrong”"
    }
    assert len(redrawn) == 60
    for each in redrawn:
        town.outbox.done(each)
    town.settle()
    assert town.said("redraw") == []
    lifted(town)
    town.settle()
    assert {town.see(each).halted for each in waiting} == {""}


def test_the_form_says_beforehand_that_it_would_not_start(town: Town) -> None:
    halt(town)
    queries = town.service.queries
    ahead = queries.preview(ANN, queries.action("tune"), {"params": {"value": "200"}})
    assert "everything is halted" in ahead.halted


def test_the_operators_are_shown_a_halt_at_once(town: Town) -> None:
    halt(town)
    assert town.said("halt") == ["1"]
    lifted(town)
    assert town.said("alarm") == ["H-1 is lifted by <@U0CY> and <@U0DI>. Everything may start again."]


def test_what_stands_is_known_after_a_restart(town: Town) -> None:
    halt(town, "action", "restart")
    town.restart()
    held = town.ask(ANN, "restart", service="api", env="staging")
    assert town.state(held) is State.APPROVED
    assert town.ask(ANN, "tune", value=3).state is not State.APPROVED
    assert PEOPLE in town.files["people.yml"]
