"""Started more than once: what came of one start says nothing of the others, until none of them can land any more."""

from collections.abc import Callable

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Request, Stage, State
from jitbot.ports import Run
from tests.acceptance.killing import Killed
from tests.town import ANN, BO, PEOPLE, FakeInputs, Town

TARGET = "prod/work_mem"
REFUSED = RunnerRefused("its secret is not set any more")
HOSTS = """
team: web
channel: "#web"
actions:
  tune:
    runner: fake
    with: {what: "{hosts}", where: prod, value: 7}
    parameters:
      hosts: {type: multi-choice, options: [web1, web2, web3]}
    requesters: [group:engineering]
    for_each: hosts
    rules: [{name: free, allow: true}]
"""


def nothing(*_: object) -> None:
    pass


@pytest.fixture
def town(town: Town) -> Town:
    town.runner.repeatable = True
    town.restart()
    return town


def die_having_started(town: Town, ask: Callable[[], object]) -> Request:
    """Have a start happen whose worker is killed before it writes that down."""

    def killed() -> None:
        raise Killed

    town.runner.after_start = killed
    with pytest.raises(Killed):
        ask()
    town.runner.after_start = nothing
    town.restart()
    return town.ledger.find()[0]


def begin_again(town: Town, result: Exception | None = None) -> None:
    """Have the next worker begin again, with this result."""

    def on_start(inputs: FakeInputs, run: Run) -> None:
        if result is not None:
            raise result

    town.runner.on_start = on_start
    town.forward(seconds=21)
    town.settle()
    town.runner.on_start = nothing


def test_a_refusal_of_the_second_start_does_not_hide_the_first(town: Town) -> None:
    request = die_having_started(town, lambda: town.ask(ANN, "tune", value=200))
    begin_again(town, REFUSED)
    assert town.state(request) is State.UNSURE
    first = "an earlier start may have happened, and the repeated one was refused: its secret is not set any more"
    assert town.see(request).outcome == first
    town.forward(hours=1)
    town.settle()
    assert (town.state(request), town.runner.world) == (State.EXPIRED, {TARGET: 100})


def test_a_refusal_after_a_repeated_start_settles_nothing(town: Town) -> None:
    """The first worker wakes up and is refused: the second start is as unsure as before."""
    request = overtaken(town, result=RunnerUnsure("the connection broke"), wakes_up_with=REFUSED)
    assert town.state(request) is State.UNSURE
    town.forward(hours=1)
    town.settle()
    assert town.state(request) is State.EXPIRED


def test_a_first_start_that_is_refused_late_does_not_contradict_the_second(town: Town) -> None:
    request = overtaken(town, result=None, wakes_up_with=REFUSED)
    assert (town.state(request), town.said("alarm")) == (State.ACTIVE, [])


def overtaken(town: Town, *, result: Exception | None, wakes_up_with: Exception) -> Request:
    """Have a worker freeze before it starts, another one begin again, and the first one wake up with its result."""

    def frozen(inputs: FakeInputs, run: Run) -> None:
        other = town.twin()
        begin_again(other, result)
        town.database.offset = other.database.offset
        other.close()
        raise wakes_up_with

    town.runner.on_start = frozen
    return town.ask(ANN, "tune", value=200)


def test_a_grant_is_undone_once_more_when_no_start_of_it_can_land_any_more(town: Town) -> None:
    """The first order is still on its way when the second one is done and undone, and then it arrives."""

    def sent(inputs: FakeInputs, run: Run) -> None:
        raise Killed

    town.runner.on_start = sent
    with pytest.raises(Killed):
        town.ask(ANN, "tune", value=200)
    town.restart()
    request = town.ledger.find()[0]
    begin_again(town)
    assert town.state(request) is State.ACTIVE
    town.drop(ANN, request)
    assert (town.state(request), town.runner.world[TARGET]) == (State.UNDOING, 100)
    town.runner.world[TARGET] = 200
    town.forward(minutes=5)
    town.settle()
    assert (town.state(request), town.runner.world[TARGET]) == (State.REVOKED, 100)


def test_one_of_many_that_is_refused_the_second_time_is_undone_like_those_that_were_done(town: Town) -> None:
    town.files = {"web.yml": HOSTS, "people.yml": PEOPLE}
    town.service.book.reload()
    assert town.book.fault == ""
    request = die_having_started(town, lambda: town.ask(ANN, "tune", hosts=["web1", "web2"]))
    assert 7 in town.runner.world.values()
    begin_again(town, REFUSED)
    assert [each.stage for each in town.see(request).progress] == [Stage.UNDONE, Stage.WAITING]
    assert set(town.runner.world.values()) == {100}
    assert town.state(request) is State.ROLLED_BACK


def test_a_run_without_an_end_that_was_started_twice_waits_for_somebody_to_look(town: Town) -> None:
    def ask() -> None:
        request = town.ask(ANN, "restart", service="api", env="prod")
        town.approve(BO, request)

    request = die_having_started(town, ask)
    begin_again(town, REFUSED)
    assert town.state(request) is State.UNSURE
    town.settle_unsure(BO, request, happened=True)
    assert town.state(request) is State.SUCCEEDED
