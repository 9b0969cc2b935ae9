"""Undo: tried until it is done, whatever comes in between."""

import threading

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import DeliveryKind, HealthState, Request, State, UndoCause
from tests.town import ANN, BO, DI, FakeInputs, Town

TARGET = "prod/work_mem"


def fail(inputs: FakeInputs, run: object) -> None:
    raise RunnerUnsure("the database does not answer")


def quiet(inputs: FakeInputs, run: object) -> None:
    pass


def alarms(town: Town) -> list[str]:
    return town.said("alarm")


def test_an_undo_that_fails_is_tried_again_further_and_further_apart_and_never_called_ended(town: Town) -> None:
    request = town.ask(ANN, "tune", value=200)
    town.runner.on_undo = fail
    town.drop(ANN, request)
    waits = []
    for tries in range(1, 9):
        now = town.see(request)
        assert (now.state, now.undo_attempts, now.ended_at) == (State.UNDOING, tries, None)
        assert now.outcome == "the database does not answer"
        assert now.due_at is not None
        waits.append((now.due_at - town.trail.events(request.id)[-1].at).total_seconds())
        town.forward(seconds=waits[-1] + 1)
        town.settle()
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [text for text in town.said("notice") if "was dropped" in text] == []
    town.runner.on_undo = quiet
    town.forward(minutes=2)
    town.settle()
    assert (town.state(request), town.runner.world[TARGET]) == (State.REVOKED, 100)


def test_the_third_failed_undo_is_told_to_the_operators_once(town: Town) -> None:
    request = town.ask(ANN, "tune", value=200)
    town.runner.on_undo = fail
    town.drop(ANN, request)
    heard = [len(alarms(town))]
    for _ in range(4):
        town.forward(minutes=2)
        town.settle()
        heard.append(len(alarms(town)))
    assert heard == [0, 0, 1, 1, 1]
    assert "the undo has failed 3 times and is tried on: the database does not answer" in alarms(town)[0]


def test_an_undo_whose_runner_is_gone_is_tried_on_and_told(town: Town) -> None:
    request = town.ask(ANN, "tune", value=200)
    town.catalog.gone = True
    town.drop(ANN, request)
    for _ in range(3):
        town.forward(minutes=2)
        town.settle()
    assert town.state(request) is State.UNDOING
    assert "the runner fake is not installed here any more" in alarms(town)[0]
    town.catalog.gone = False
    town.forward(minutes=2)
    town.settle()
    assert town.state(request) is State.REVOKED


def test_a_start_whose_runner_is_gone_is_refused(town: Town) -> None:
    town.service.intake.work(town.take_in(DeliveryKind.ASK, ANN, action="tune", params={"value": 200}, reason="x"))
    town.catalog.gone = True
    town.settle()
    assert "is not installed here any more" in town.ledger.find()[0].outcome
    assert town.ledger.find()[0].state is State.DENIED


@pytest.fixture
def unsure(town: Town) -> Request:
    """Have a grant whose start came to nothing that anybody knows."""
    town.runner.on_start = fail
    request = town.ask(ANN, "tune", value=200)
    town.runner.on_start = quiet
    assert town.state(request) is State.UNSURE
    return request


@pytest.fixture
def unsure_run(town: Town) -> Request:
    """Have a run without an end whose start came to nothing that anybody knows."""
    town.runner.on_start = fail
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.approve(BO, request)
    town.runner.on_start = quiet
    assert town.state(request) is State.UNSURE
    return request


def check(town: Town, health: HealthState) -> None:
    town.runner.health = health
    town.forward(seconds=31)
    town.settle()


def test_what_is_unsure_is_told_to_the_requester_and_the_operators(town: Town, unsure: Request) -> None:
    assert "we don't know whether it happened: the database does not answer" in town.said("notice")[-1]
    assert alarms(town) == [f"JIT-{unsure.id}: unsure: the database does not answer"]


def test_a_check_that_finds_it_settles_it(town: Town, unsure: Request) -> None:
    check(town, HealthState.HEALTHY)
    assert town.state(unsure) is State.ACTIVE


def test_a_check_that_does_not_find_it_has_a_grant_undone_all_the_same(town: Town, unsure: Request) -> None:
    check(town, HealthState.ABSENT)
    assert (town.state(unsure), town.see(unsure).undo_cause) == (State.FAILED, UndoCause.NOT_STARTED)
    assert town.runner.undone == [f"jit-{unsure.id}-1"]


def test_a_check_that_does_not_find_a_run_without_an_end_ends_it(town: Town, unsure_run: Request) -> None:
    check(town, HealthState.ABSENT)
    assert (town.state(unsure_run), town.see(unsure_run).outcome) == (State.FAILED, "it did not happen")
    assert town.runner.undone == []


def test_a_check_that_knows_nothing_settles_nothing(town: Town, unsure: Request) -> None:
    for health in (HealthState.UNKNOWN, HealthState.UNHEALTHY):
        check(town, health)
        assert town.state(unsure) is State.UNSURE


def test_a_check_that_cannot_be_made_settles_nothing(town: Town, unsure: Request) -> None:
    town.catalog.gone = True
    check(town, HealthState.HEALTHY)
    assert town.state(unsure) is State.UNSURE


def test_what_stays_unsure_ends_with_its_time(town: Town, unsure: Request) -> None:
    town.forward(hours=1)
    town.settle()
    assert town.state(unsure) is State.EXPIRED
    assert town.runner.undone == [f"jit-{unsure.id}-1"]


def test_a_person_says_that_it_happened(town: Town) -> None:
    town.runner.on_start = fail
    request = town.ask(ANN, "admin")
    town.approve(BO, request)
    town.approve(DI, request)
    assert town.settle_unsure(ANN, request, happened=True).text.startswith("Who asked cannot settle this")
    assert town.state(request) is State.UNSURE
    town.settle_unsure(DI, request, happened=True)
    assert town.state(request) is State.ACTIVE
    assert town.settle_unsure(BO, request, happened=False).text == f"JIT-{request.id} is settled: it is active."


def test_a_person_says_that_it_did_not_happen(town: Town, unsure_run: Request) -> None:
    assert town.settle_unsure(DI, unsure_run, happened=False).refused
    town.settle_unsure(BO, unsure_run, happened=False)
    assert town.state(unsure_run) is State.FAILED
    assert town.settle_unsure(BO, unsure_run, happened=True).text.startswith("Too late")


def test_a_person_says_that_a_run_without_an_end_happened(town: Town, unsure_run: Request) -> None:
    town.settle_unsure(BO, unsure_run, happened=True)
    assert town.state(unsure_run) is State.SUCCEEDED


def test_a_start_that_is_refused_has_failed_and_nothing_is_undone(town: Town) -> None:
    def refuse(inputs: FakeInputs, run: object) -> None:
        raise RunnerRefused("no such role")

    town.runner.on_start = refuse
    request = town.ask(ANN, "tune", value=200)
    assert (town.state(request), town.see(request).outcome) == (State.FAILED, "no such role")
    assert town.runner.undone == []


class SlowStart:
    """A start that hangs in a thread of its own until it is let go; meanwhile its worker counts as lost."""

    def __init__(self, town: Town, action: str, **params: object) -> None:
        self._town = town
        self._go, self._reached = threading.Event(), threading.Event()
        town.runner.on_start = self._wait
        town.service.intake.work(town.take_in(DeliveryKind.ASK, ANN, action=action, params=params, reason="x"))
        self.request = town.ledger.find()[0]
        town.queue.items.clear()
        self.elsewhere = town.twin()
        self._thread = threading.Thread(target=self.elsewhere.service.sweep.attend, args=(self.request.id,))
        self._thread.start()
        assert self._reached.wait(10)
        town.runner.on_start = quiet

    def _wait(self, inputs: FakeInputs, run: object) -> None:
        self._reached.set()
        assert self._go.wait(10)

    def land(self) -> None:
        self._go.set()
        self._thread.join(10)
        self.elsewhere.close()


def lose(town: Town, **length: float) -> None:
    """Let the lease of a worker run out, and settle what follows."""
    town.forward(**length)
    town.settle()


def test_a_start_that_lands_late_settles_what_was_unsure(town: Town) -> None:
    slow = SlowStart(town, "tune", value=200)
    lose(town, seconds=21)
    assert town.state(slow.request) is State.UNSURE
    slow.land()
    assert (town.state(slow.request), town.see(slow.request).receipt) == (State.ACTIVE, {"before": 100})


def test_a_refusal_that_comes_late_settles_what_was_unsure(town: Town) -> None:
    slow = SlowStart(town, "tune", value=200)
    lose(town, seconds=21)

    def refuse() -> None:
        raise RunnerRefused("no such parameter")

    town.runner.after_start = refuse
    slow.land()
    assert (town.state(slow.request), town.see(slow.request).outcome) == (State.FAILED, "no such parameter")


def test_an_unsure_end_that_comes_late_changes_nothing(town: Town) -> None:
    slow = SlowStart(town, "tune", value=200)
    lose(town, seconds=21)

    def fail_late() -> None:
        raise RunnerUnsure("the connection broke")

    town.runner.after_start = fail_late
    slow.land()
    assert (town.state(slow.request), town.see(slow.request).attempt_open) == (State.UNSURE, False)
    assert "late_result" in town.kinds(slow.request)


def test_the_undo_came_first_and_the_late_start_is_undone_all_the_same(town: Town) -> None:
    slow = SlowStart(town, "tune", value=200)
    lose(town, seconds=21)
    town.runner.health = HealthState.ABSENT
    undo_by_hand(town, slow.request)
    assert town.state(slow.request) is State.UNDOING
    assert town.runner.undone == [f"jit-{slow.request.id}-1"]
    slow.land()
    town.settle()
    assert (town.state(slow.request), town.runner.world[TARGET]) == (State.FAILED, 100)


def undo_by_hand(town: Town, request: Request) -> None:
    """Have somebody who may approve say that it did not happen."""
    town.edit("rules: [{name: free, allow: true}]", "rules: [{review: [{from: [group:oncall]}]}]")
    town.settle_unsure(BO, request, happened=False)


def test_no_undo_is_accepted_while_the_start_may_still_land(town: Town) -> None:
    slow = SlowStart(town, "tune", value=200)
    lose(town, seconds=21)
    undo_by_hand(town, slow.request)
    now = town.see(slow.request)
    assert (now.state, now.due_at) == (State.UNDOING, now.start_deadline)
    lose(town, minutes=6)
    assert (town.state(slow.request), len(town.runner.undone)) == (State.FAILED, 2)
    slow.land()


def test_a_start_that_lands_in_the_midst_of_its_undo_is_undone_once_more(town: Town) -> None:
    slow = SlowStart(town, "tune", value=200)
    lose(town, seconds=21)

    def land(inputs: FakeInputs, run: object) -> None:
        town.runner.on_undo = quiet

    def landed() -> None:
        town.runner.after_undo = lambda: None
        slow.land()

    town.runner.on_undo, town.runner.after_undo = land, landed
    undo_by_hand(town, slow.request)
    town.settle()
    assert (town.state(slow.request), town.runner.world[TARGET]) == (State.FAILED, 100)


def test_a_start_that_lands_after_the_end_is_cleaned_up_with_an_alarm(town: Town) -> None:
    slow = SlowStart(town, "tune", value=200)
    lose(town, hours=1)
    assert town.state(slow.request) is State.EXPIRED
    slow.land()
    town.settle()
    assert town.runner.world[TARGET] == 100
    assert town.kinds(slow.request)[-2:] == ["late_result", "cleaned_up"]
    assert "came through after the end" in alarms(town)[-1]


def test_a_clean_up_survives_a_restart(town: Town) -> None:
    slow = SlowStart(town, "tune", value=200)
    lose(town, hours=1)
    slow.land()
    town.restart()
    lose(town, seconds=21)
    assert town.runner.world[TARGET] == 100


def test_a_clean_up_that_fails_is_told_and_tried_on(town: Town) -> None:
    slow = SlowStart(town, "tune", value=200)
    lose(town, hours=1)
    town.runner.on_undo = fail
    slow.land()
    town.settle()
    assert "CANNOT BE UNDONE" in alarms(town)[-1]
    assert town.kinds(slow.request)[-1] == "clean_up_failed"
    town.runner.on_undo = quiet
    lose(town, minutes=2)
    assert (town.runner.world[TARGET], town.kinds(slow.request)[-1]) == (100, "cleaned_up")
    assert town.state(slow.request) is State.EXPIRED


def test_a_late_result_of_what_has_succeeded_is_not_undone(town: Town) -> None:
    slow = SlowStart(town, "restart", service="api", env="staging")
    lose(town, seconds=21)
    town.edit("allow: true}\n      - name: prod", "review: [{from: [group:oncall]}]}\n      - name: prod")
    town.settle_unsure(BO, slow.request, happened=True)
    assert town.state(slow.request) is State.SUCCEEDED
    slow.land()
    town.settle()
    assert (town.runner.undone, alarms(town)[1:]) == ([], [])
    assert town.see(slow.request).receipt == {"before": 100}


def test_a_check_is_not_believed_while_the_start_may_still_land(town: Town) -> None:
    slow = SlowStart(town, "restart", service="api", env="staging")
    town.runner.health = HealthState.ABSENT
    lose(town, seconds=21)
    assert town.state(slow.request) is State.UNSURE
    slow.land()
    assert town.state(slow.request) is State.SUCCEEDED


def test_a_check_after_the_deadline_of_the_start_is_believed(town: Town) -> None:
    slow = SlowStart(town, "restart", service="api", env="staging")
    town.runner.health = HealthState.ABSENT
    lose(town, seconds=21)
    lose(town, minutes=5)
    assert town.state(slow.request) is State.FAILED
    slow.land()


def test_a_repeatable_start_is_begun_again_with_the_same_key(town: Town) -> None:
    town.runner.repeatable = True
    town.restart()
    slow = SlowStart(town, "tune", value=200)
    lose(town, seconds=21)
    assert (town.state(slow.request), town.see(slow.request).attempts) == (State.ACTIVE, 2)
    slow.land()
    town.settle()
    assert set(town.runner.started) == {f"jit-{slow.request.id}-1"}
    assert (town.state(slow.request), town.see(slow.request).receipt) == (State.ACTIVE, {"before": 100})


def test_a_lost_start_whose_time_is_over_is_undone(town: Town) -> None:
    slow = SlowStart(town, "tune", value=200)
    lose(town, hours=2)
    assert town.state(slow.request) is State.EXPIRED
    slow.land()


def test_the_claim_on_a_start_that_takes_long_is_kept_and_in_the_end_given_up(town: Town) -> None:
    slow = SlowStart(town, "tune", value=200)
    for _ in range(3):
        for each in (town, slow.elsewhere):
            each.forward(seconds=15)
        slow.elsewhere.service.sweep.renew()
        town.settle()
        assert town.state(slow.request) is State.RUNNING
    for each in (town, slow.elsewhere):
        each.forward(minutes=6)
    slow.elsewhere.service.sweep.renew()
    town.settle()
    assert town.state(slow.request) is State.UNSURE
    slow.land()


def test_output_of_a_run_and_of_its_undo_both_reach_the_thread(town: Town) -> None:
    town.runner.on_undo = lambda inputs, run: run.log("took it back")
    request = town.ask(ANN, "tune", value=200)
    town.drop(ANN, request)
    assert town.said("thread") == ["changed prod/work_mem", "took it back"]
