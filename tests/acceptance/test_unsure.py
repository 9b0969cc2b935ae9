"""Unsure: what may have happened is looked at, shown, and settled by the check or by somebody who has looked."""

from collections.abc import Callable, Iterator

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Request, State
from jitbot.ports import Run
from tests.acceptance.test_undoing import SlowStart, fail, lose, quiet
from tests.town import ANN, BO, CY, DI, EVE, PEOPLE, FakeInputs, Town

WATCHED = """
team: payments
channel: "#payments-oncall"
actions:
  rollback:
    title: Roll back
    runner: fake
    with: {what: api, where: prod}
    requesters: [group:engineering]
    facts: {firing: {source: fake, name: firing}}
    verify: {for: 1m, every: 10s, unhealthy_when: facts.firing > before.facts.firing}
    rules: [{review: [{from: [group:oncall]}]}]
  tune:
    title: Tune a parameter
    runner: fake
    with: {what: work_mem, where: prod, value: 200}
    requesters: [group:engineering]
    timebox: {default: 30m, max: 4h}
    facts: {firing: {source: fake, name: firing}}
    verify: {for: 1m, every: 10s, unhealthy_when: facts.firing > before.facts.firing}
    rules: [{review: [{from: [group:oncall]}]}]
"""


@pytest.fixture
def town(make_town: Callable[[], Town]) -> Iterator[Town]:
    town = make_town()
    yield town
    town.close()


@pytest.fixture
def unsure(town: Town) -> Request:
    """Have a run of which nobody knows whether it happened; Bo or Cy may approve it."""
    return lost(town, "restart", service="api", env="prod")


def lost(town: Town, action: str, **params: object) -> Request:
    town.runner.on_start = fail
    request = town.ask(ANN, action, **params)
    town.approve(BO, request)
    town.runner.on_start = quiet
    assert town.state(request) is State.UNSURE
    return town.see(request)


def watched(town: Town, action: str) -> Request:
    town.facts.values = {"firing": 1}
    town.files = {"payments.yml": WATCHED, "people.yml": PEOPLE}
    town.service.book.reload()
    assert town.book.fault == ""
    return lost(town, action)


def look(town: Town, times: int) -> None:
    for _ in range(times):
        town.forward(seconds=10)
        town.settle()


@pytest.mark.parametrize(("action", "end"), [("rollback", State.SUCCEEDED), ("tune", State.ACTIVE)])
def test_what_somebody_says_has_happened_is_watched_like_any_other(town: Town, action: str, end: State) -> None:
    request = watched(town, action)
    town.settle_unsure(CY, request, happened=True)
    assert town.state(request) is State.VERIFYING
    look(town, 7)
    assert (town.state(request), town.see(request).settled_by) == (end, CY)


@pytest.mark.parametrize("action", ["rollback", "tune"])
def test_what_turns_out_unhealthy_after_it_was_settled_is_undone(town: Town, action: str) -> None:
    request = watched(town, action)
    town.settle_unsure(CY, request, happened=True)
    town.facts.values["firing"] = 2
    look(town, 2)
    town.facts.values["firing"] = 1
    look(town, 1)
    assert (town.state(request), town.runner.undone) == (State.ROLLED_BACK, [request.run_key])


def test_what_the_check_finds_is_watched_too(town: Town) -> None:
    request = watched(town, "rollback")
    town.runner.health = HealthState.HEALTHY
    town.forward(seconds=31)
    town.settle()
    assert (town.state(request), town.see(request).settled_by) == (State.VERIFYING, None)


def test_who_said_it_is_on_record_and_in_the_request(town: Town, unsure: Request) -> None:
    town.settle_unsure(CY, unsure, happened=False)
    assert (town.state(unsure), town.see(unsure).settled_by) == (State.FAILED, CY)
    settled = next(each for each in town.trail.events(unsure.id) if each.kind == "settled")
    assert (settled.body["by"], settled.body["happened"]) == (CY, False)
    town.trail.verify()


def test_look_again_asks_the_check_at_once_and_says_what_it_said(town: Town, unsure: Request) -> None:
    checks = town.runner.check
    town.runner.check = lambda inputs, receipt: Health(HealthState.UNKNOWN, "two of three pods answer")  # type: ignore[method-assign]
    answer = town.look(ANN, unsure)
    assert answer.text == (
        "The check cannot tell: two of three pods answer. "
        "Look at the target yourself, or have somebody who may approve it say which it was."
    )
    checked = town.see(unsure).checked
    assert checked is not None
    assert checked.health == Health(HealthState.UNKNOWN, "two of three pods answer")
    looked = next(each for each in town.trail.events(unsure.id) if each.kind == "looked_at")
    assert looked.body["by"] == ANN
    town.runner.check = checks  # type: ignore[method-assign]
    town.runner.health = HealthState.HEALTHY
    assert town.look(BO, unsure).text == f"{unsure.name} is settled by the check: it is succeeded."


def test_a_check_that_says_the_same_again_leaves_no_further_event(town: Town, unsure: Request) -> None:
    before = len(town.kinds(unsure))
    for _ in range(3):
        town.forward(seconds=31)
        town.settle()
    assert len(town.kinds(unsure)) == before
    assert "checked" in town.kinds(unsure)


def test_nobody_else_can_have_it_looked_at(town: Town, unsure: Request) -> None:
    answer = town.look(EVE, unsure)
    assert (answer.refused, answer.text) == (
        True,
        "Only who asked for JIT-1, or who may approve it, can have it looked at.",
    )


def test_what_is_settled_is_not_looked_at_again(town: Town, unsure: Request) -> None:
    town.settle_unsure(BO, unsure, happened=True)
    assert town.look(ANN, unsure).text == "Too late: JIT-1 has ended (succeeded)."


def test_a_look_while_somebody_else_looks_says_so(town: Town, unsure: Request) -> None:
    said: list[str] = []

    def meanwhile(inputs: object, receipt: object) -> Health:
        town.runner.check = lambda inputs, receipt: Health(HealthState.UNKNOWN)  # type: ignore[method-assign]
        answer = town.look(ANN, unsure)
        said.append(answer.text)
        return Health(HealthState.UNKNOWN)

    town.forward(seconds=31)
    town.runner.check = meanwhile  # type: ignore[method-assign]
    town.settle()
    assert said == ["JIT-1 is being looked at just now. Its card will say what was found."]


def test_only_who_may_approve_settles_it(town: Town, unsure: Request) -> None:
    for user in (ANN, DI, EVE):
        assert town.settle_unsure(user, unsure, happened=True).refused
    assert town.state(unsure) is State.UNSURE


@pytest.mark.parametrize("happened", [True, False])
def test_a_receipt_that_comes_after_somebody_has_said_so_is_kept_and_acted_on(town: Town, happened: bool) -> None:
    town.edit("rules: [{name: free, allow: true}]", "rules: [{review: [{from: [group:oncall]}]}]")
    town.edit("rules: [{review: [{from: [group:oncall]}]}]", "rules: [{name: free, allow: true}]")
    slow = SlowStart(town, "tune", value=200)
    lose(town, seconds=21)
    town.edit("rules: [{name: free, allow: true}]", "rules: [{review: [{from: [group:oncall]}]}]")
    town.settle_unsure(BO, slow.request, happened=happened)
    slow.land()
    town.settle()
    assert town.see(slow.request).receipt == {"before": 100}
    if happened:
        assert town.state(slow.request) is State.ACTIVE
        town.drop(ANN, slow.request)
    assert town.runner.world["prod/work_mem"] == 100


def test_a_refusal_that_comes_after_somebody_said_it_happened_is_told_to_the_operators(town: Town) -> None:
    slow = SlowStart(town, "restart", service="api", env="staging")
    lose(town, seconds=21)
    town.edit("allow: true}\n      - name: prod", "review: [{from: [group:oncall]}]}\n      - name: prod")
    town.settle_unsure(BO, slow.request, happened=True)

    def refuse() -> None:

        raise RunnerRefused("no such service")

    town.runner.after_start = refuse
    slow.land()
    assert (
        "it was settled as done, and its runner says now that nothing happened: no such service"
        in (town.said("alarm")[-1])
    )


# once more only where the runner says that its start may be repeated


@pytest.mark.parametrize("repeatable", [False, True], ids=["once only", "repeatable"])
def test_a_lost_start_is_begun_again_only_where_its_runner_says_so(town: Town, repeatable: bool) -> None:
    town.runner.repeatable = repeatable
    town.restart()
    slow = SlowStart(town, "tune", value=200)
    lose(town, seconds=21)
    now = town.see(slow.request)
    assert (now.state, now.attempts) == ((State.ACTIVE, 2) if repeatable else (State.UNSURE, 1))
    assert len(town.runner.started) == int(repeatable)
    slow.land()


def test_an_unsure_answer_is_never_begun_again_by_itself(town: Town) -> None:
    tries: list[str] = []

    def cut(inputs: FakeInputs, run: Run) -> None:
        tries.append(run.key)
        raise RunnerUnsure("the connection broke")

    town.runner.repeatable = True
    town.restart()
    town.runner.on_start = cut
    request = town.ask(ANN, "tune", value=200)
    for _ in range(3):
        town.forward(minutes=1)
        town.settle()
    assert (town.state(request), len(tries)) == (State.UNSURE, 1)


def test_after_its_deadline_not_even_a_repeatable_start_is_begun_again(town: Town) -> None:
    town.runner.repeatable = True
    town.restart()
    slow = SlowStart(town, "tune", value=200)
    lose(town, minutes=6)
    assert (town.state(slow.request), town.see(slow.request).attempts) == (State.UNSURE, 1)
    slow.land()


def test_a_frozen_worker_that_thaws_overwrites_nothing(town: Town) -> None:
    """Its claim is in other hands: the second attempt's result stands, and it may not even renew its claim."""
    town.runner.repeatable = True
    town.restart()
    slow = SlowStart(town, "tune", value=200)
    lose(town, seconds=21)
    town.drop(ANN, slow.request)
    ended = town.see(slow.request)
    assert ended.state is State.REVOKED or ended.state is State.UNDOING
    slow.land()
    town.forward(minutes=6)
    town.settle()
    assert town.see(slow.request).state is State.REVOKED
    assert town.runner.world["prod/work_mem"] == 100
    assert town.kinds(slow.request).count("grant") == 1
