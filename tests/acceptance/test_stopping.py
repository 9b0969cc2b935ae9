"""Stopped by hand while it runs: the runner is told, and what it has done by then is undone."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from jitbot.errors import RunnerCutOff, RunnerRefused, RunnerUnsure, StoreUnavailable
from jitbot.model import DeliveryKind, HealthState, Request, State, UndoCause, UserId
from jitbot.ports import Run
from jitbot.service import runlog
from tests.town import ANN, BO, CY, DI, FakeInputs, Town

OnStart = Callable[[FakeInputs, Run], None]


@pytest.fixture
def stoppable(town: Town, monkeypatch: pytest.MonkeyPatch) -> Town:
    """Give a town whose runner heeds that somebody wants it to stop, and looks all the time."""
    monkeypatch.setattr(runlog, "LOOK_SECONDS", 0.0)
    town.runner.stoppable = True
    town.restart()
    return town


def stop(town: Town, user: UserId, request: int = 1) -> str:
    """Press Stop while the run goes on, and work on it at once."""
    answer = town.service.intake.work(town.take_in(DeliveryKind.DROP, user, request))
    return answer.text if answer else ""


def stopped_by(
    town: Town, user: UserId, ending: Callable[[], None] = lambda: None
) -> Callable[[FakeInputs, Run], None]:
    def on_start(inputs: FakeInputs, run: Run) -> None:
        assert not run.stopping()
        assert stop(town, user) == "JIT-1 is being stopped."
        assert run.stopping()
        ending()

    return on_start


def raising(error: Exception) -> Callable[[], None]:
    def ending() -> None:
        raise error

    return ending


def ask(town: Town) -> Request:
    return town.ask(ANN, "restart", service="api", env="staging")


def test_what_was_done_before_it_could_stop_is_undone(stoppable: Town) -> None:
    stoppable.runner.on_start = stopped_by(stoppable, ANN)
    request = stoppable.see(ask(stoppable))
    assert (request.state, request.undo_cause) == (State.ROLLED_BACK, UndoCause.STOP)
    assert (request.stopped_by, request.outcome) == (ANN, "stopped by hand")
    assert stoppable.runner.world == {"staging/api": 100}
    assert [kind for kind in stoppable.kinds(request) if kind.startswith("stop")] == ["stopping", "stop"]
    stoppable.trail.verify()


def test_what_was_cut_off_in_the_middle_is_undone_without_a_receipt(stoppable: Town) -> None:
    stoppable.runner.on_start = stopped_by(stoppable, ANN, raising(RunnerUnsure("stopped in the middle")))
    request = ask(stoppable)
    assert stoppable.state(request) is State.ROLLED_BACK
    assert stoppable.runner.undone == [request.run_key]


def test_what_was_cut_off_and_may_happen_yet_is_undone_once_more(stoppable: Town) -> None:
    stoppable.runner.on_start = stopped_by(stoppable, ANN, raising(RunnerCutOff("nobody waited for the answer")))
    request = stoppable.see(ask(stoppable))
    assert (request.state, stoppable.runner.undone) == (State.UNDOING, [request.run_key])
    stoppable.runner.world["staging/api"] = 7  # it lands now, and nobody is told
    stoppable.forward(minutes=6)
    stoppable.settle()
    assert stoppable.state(request) is State.ROLLED_BACK
    assert stoppable.runner.undone == [request.run_key] * 2


def test_what_was_cut_off_is_not_said_to_be_absent_as_long_as_it_may_happen_yet(stoppable: Town) -> None:
    stoppable.runner.on_start = lambda inputs, run: raising(RunnerCutOff("the connection ended"))()
    stoppable.runner.health = HealthState.ABSENT
    request = ask(stoppable)
    assert stoppable.state(request) is State.UNSURE
    stoppable.forward(minutes=6)
    stoppable.settle()
    assert stoppable.state(request) is State.FAILED


def test_what_had_not_begun_ends_as_failed(stoppable: Town) -> None:
    stoppable.runner.on_start = stopped_by(stoppable, ANN, raising(RunnerRefused("stopped before anything happened")))
    request = ask(stoppable)
    assert stoppable.state(request) is State.FAILED
    assert stoppable.runner.undone == []


def test_what_cannot_be_undone_is_done_or_unsure(stoppable: Town) -> None:
    stoppable.runner.can_undo = False
    stoppable.runner.on_start = stopped_by(stoppable, ANN)
    assert stoppable.state(ask(stoppable)) is State.SUCCEEDED
    stoppable.runner.on_start = lambda inputs, run: (stop(stoppable, ANN, 2), raising(RunnerUnsure("cut"))())[0]
    assert stoppable.state(ask(stoppable)) is State.UNSURE
    assert stoppable.runner.undone == []


def test_a_grant_that_is_stopped_is_not_held(stoppable: Town) -> None:
    stoppable.runner.on_start = stopped_by(stoppable, ANN)
    request = stoppable.ask(ANN, "tune", value=200)
    assert stoppable.state(request) is State.ROLLED_BACK
    assert stoppable.runner.world == {"prod/work_mem": 100}


def test_an_undo_is_never_stopped(stoppable: Town) -> None:
    asked: list[bool] = []
    stoppable.runner.on_start = stopped_by(stoppable, ANN)
    stoppable.runner.on_undo = lambda inputs, run: asked.append(run.stopping())
    ask(stoppable)
    assert asked == [False]


def test_an_approver_may_stop_it_and_nobody_else(stoppable: Town) -> None:
    said: list[str] = []
    stoppable.runner.on_start = lambda inputs, run: said.extend(
        [stop(stoppable, DI), stop(stoppable, CY), stop(stoppable, CY)]
    )
    request = stoppable.ask(ANN, "restart", service="api", env="prod")
    stoppable.approve(BO, request)
    assert said == [
        "Only who asked for JIT-1, or who may approve it, can end it.",
        "JIT-1 is being stopped.",
        "JIT-1 is being stopped already.",
    ]
    assert stoppable.state(request) is State.ROLLED_BACK


def test_a_runner_that_cannot_be_stopped_is_waited_for(town: Town) -> None:
    said: list[str] = []
    town.runner.on_start = lambda inputs, run: said.append(stop(town, ANN))
    assert town.state(ask(town)) is State.SUCCEEDED
    assert said == ["JIT-1 is running, and its runner cannot be stopped. Wait until it has ended."]


def test_it_is_looked_up_every_second_at_most_and_silence_is_no_wish(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def on_start(inputs: FakeInputs, run: Run) -> None:
        stop(town, ANN)
        asked.append(run.stopping())
        monkeypatch.setattr(runlog, "LOOK_SECONDS", 0.0)
        with monkeypatch.context() as broken:
            broken.setattr(town.world.ledger, "get", lambda request: raising(StoreUnavailable("gone"))())
            asked.append(run.stopping())
        asked.extend([run.stopping(), run.stopping()])

    town.runner.stoppable = True
    town.restart()
    town.runner.on_start = on_start
    ask(town)
    assert asked == [False, False, True, True]


def test_a_worker_that_dies_while_it_is_stopped_repeats_nothing(stoppable: Town) -> None:
    class Killed(BaseException):
        """The process is gone."""

    def on_start(inputs: FakeInputs, run: Run) -> None:
        stop(stoppable, ANN)
        raise Killed

    stoppable.runner.repeatable = True
    stoppable.restart()
    stoppable.runner.on_start = on_start
    with pytest.raises(Killed):
        ask(stoppable)
    stoppable.runner.on_start = lambda inputs, run: None
    stoppable.restart()
    stoppable.forward(seconds=30)
    stoppable.settle()
    request = stoppable.ledger.find()[0]
    assert (request.state, request.undo_cause) == (State.UNDOING, UndoCause.STOP)
    stoppable.database.offset += timedelta(minutes=5)
    stoppable.settle()
    assert stoppable.state(request) is State.ROLLED_BACK
    assert stoppable.runner.started == []
