"""Watched after the start, undone when unhealthy, and looked at once more to see whether that has helped."""

from datetime import timedelta

import pytest

from jitbot.errors import Conflict, RunnerUnsure
from jitbot.model import HealthState, Request, State, UndoCause, UserId
from tests.town import ANN, BO, CY, DI, PEOPLE, Town

WATCHED = """
team: payments
channel: "#payments-oncall"
actions:
  rollback:
    title: Roll back
    runner: fake
    with: {what: "{service}", where: prod}
    parameters:
      service: {type: choice, options: [api, worker]}
    requesters: [group:engineering]
    facts:
      firing: {source: fake, name: firing, about: "{service}"}
    verify: {for: 1m, every: 10s, unhealthy_when: facts.firing > before.facts.firing}
    rules: [{name: free, allow: true}]
  tune:
    title: Tune a parameter
    runner: fake
    with: {what: work_mem, where: prod, value: 200}
    requesters: [group:engineering]
    timebox: {default: 30m, max: 4h}
    verify: {for: 1m, every: 10s}
    rules: [{name: free, allow: true}]
"""


@pytest.fixture
def watched(town: Town) -> Town:
    town.facts.values = {"firing": 1}
    town.runner.health = HealthState.HEALTHY
    town.files = {"payments.yml": WATCHED, "people.yml": PEOPLE}
    town.service.book.reload()
    assert town.book.fault == ""
    return town


def rollback(town: Town) -> Request:
    return town.ask(ANN, "rollback", service="api")


def look(town: Town, times: int = 1) -> None:
    """Let so many readings come due and be taken."""
    for _ in range(times):
        town.forward(seconds=10)
        town.settle()


def test_what_stays_healthy_is_done_when_it_has_been_watched(watched: Town) -> None:
    request = rollback(watched)
    assert watched.state(request) is State.VERIFYING
    assert any("its health is watched for 1m" in each for each in watched.said("notice"))
    look(watched, 5)
    assert watched.state(request) is State.VERIFYING
    look(watched)
    done = watched.see(request)
    assert done.state is State.SUCCEEDED
    assert "watched for 1m: healthy" in done.outcome
    assert watched.runner.undone == []
    watched.trail.verify()


def test_what_is_unhealthy_in_two_readings_running_is_undone_by_itself(watched: Town) -> None:
    request = rollback(watched)
    assert watched.runner.world == {"prod/api": 0}
    watched.facts.values["firing"] = 2
    look(watched)
    assert watched.state(request) is State.VERIFYING
    look(watched)
    assert watched.runner.world == {"prod/api": 100}
    undone = watched.see(request)
    assert (undone.state, undone.undo_cause) == (State.UNDOING, UndoCause.UNHEALTHY)
    watched.facts.values["firing"] = 1
    look(watched)
    ended = watched.see(request)
    assert ended.state is State.ROLLED_BACK
    assert ended.outcome == "facts.firing is 2 (1 before the start); afterwards healthy again."
    assert watched.runner.undone == [request.run_key]
    assert any(
        "unhealthy after the start, and being undone: facts.firing is 2" in each for each in watched.said("alarm")
    )
    kinds = watched.kinds(request)
    assert [each for each in kinds if each in ("verify", "unhealthy", "undone", "end_rolled_back")] == [
        "verify",
        "unhealthy",
        "undone",
        "end_rolled_back",
    ]
    watched.trail.verify()


def test_one_unhealthy_reading_alone_undoes_nothing(watched: Town) -> None:
    request = rollback(watched)
    for firing in (2, 1, 2, 1, 1):
        watched.facts.values["firing"] = firing
        look(watched)
    assert watched.state(request) is State.VERIFYING
    look(watched)
    assert watched.state(request) is State.SUCCEEDED


def test_an_unhealthy_reading_at_the_very_end_wants_another_one(watched: Town) -> None:
    request = rollback(watched)
    look(watched, 5)
    watched.facts.values["firing"] = 5
    look(watched)
    assert watched.state(request) is State.VERIFYING
    look(watched)
    assert watched.see(request).undo_cause is UndoCause.UNHEALTHY


def test_an_unhealthy_reading_at_the_end_after_which_nobody_can_look_is_not_waited_on_for_ever(watched: Town) -> None:
    request = rollback(watched)
    look(watched, 5)
    watched.facts.values["firing"] = 5
    look(watched)
    watched.facts.down = True
    look(watched)
    ended = watched.see(request)
    assert ended.state is State.SUCCEEDED
    assert "not verified" in ended.outcome
    assert any("nobody can tell whether it is healthy" in each for each in watched.said("alarm"))


def test_what_cannot_be_read_is_neither_and_nothing_is_called_verified(watched: Town) -> None:
    request = rollback(watched)
    watched.facts.values["firing"] = 2
    look(watched)
    watched.facts.down = True
    look(watched, 3)
    assert watched.state(request) is State.VERIFYING
    watched.facts.down = False
    watched.facts.values["firing"] = 1
    look(watched)
    watched.facts.down = True
    look(watched)
    done = watched.see(request)
    assert done.state is State.SUCCEEDED
    assert "not verified: facts.firing could not be read (fake: it does not answer)" in done.outcome
    assert any("nobody can tell whether it is healthy" in each for each in watched.said("alarm"))


def test_unread_readings_between_two_unhealthy_ones_take_nothing_back(watched: Town) -> None:
    request = rollback(watched)
    watched.facts.values["firing"] = 2
    look(watched)
    watched.facts.down = True
    look(watched)
    watched.facts.down = False
    look(watched)
    assert watched.see(request).undo_cause is UndoCause.UNHEALTHY


def test_what_could_not_be_read_before_the_start_lets_nothing_be_called_verified(watched: Town) -> None:
    watched.facts.down = True
    request = rollback(watched)
    assert watched.state(request) is State.VERIFYING
    watched.facts.down = False
    look(watched, 6)
    assert "not verified: before.facts.firing could not be read before the start" in watched.see(request).outcome


def test_readings_are_taken_anew_and_never_from_memory(watched: Town) -> None:
    rollback(watched)
    before = len(watched.facts.seen)
    look(watched, 3)
    assert len(watched.facts.seen) == before + 3
    assert {each.about for each in watched.facts.seen} == {"api"}


def test_the_runners_own_check_counts_where_no_condition_is_written(watched: Town) -> None:
    request = watched.ask(ANN, "tune")
    assert watched.state(request) is State.VERIFYING
    watched.runner.health = HealthState.UNHEALTHY
    look(watched, 2)
    assert watched.runner.world == {"prod/work_mem": 100}
    watched.runner.health = HealthState.ABSENT
    look(watched)
    assert watched.state(request) is State.ROLLED_BACK


def test_what_has_gone_by_itself_is_unhealthy(watched: Town) -> None:
    request = watched.ask(ANN, "tune")
    watched.runner.health = HealthState.ABSENT
    look(watched, 2)
    assert watched.see(request).undo_cause is UndoCause.UNHEALTHY


def test_a_grant_is_held_from_its_start_and_ends_on_time(watched: Town) -> None:
    request = watched.ask(ANN, "tune")
    granted = watched.see(request)
    assert granted.granted_at is not None
    look(watched, 6)
    active = watched.see(request)
    assert active.state is State.ACTIVE
    assert active.expires_at == granted.granted_at + timedelta(minutes=30)
    watched.forward(minutes=29)
    watched.settle()
    assert watched.state(request) is State.EXPIRED


def test_a_grant_that_ends_while_it_is_watched_ends(watched: Town) -> None:
    watched.edit("default: 30m", "default: 25s")
    request = watched.ask(ANN, "tune")
    look(watched, 2)
    assert watched.state(request) is State.VERIFYING
    watched.forward(seconds=5)
    watched.settle()
    assert watched.state(request) is State.EXPIRED
    assert watched.runner.world == {"prod/work_mem": 100}


@pytest.mark.parametrize("what", ["condition", "check"])
def test_a_target_that_is_unhealthy_already_is_left_alone(watched: Town, what: str) -> None:
    if what == "check":
        watched.runner.health = HealthState.UNHEALTHY
        request = watched.ask(ANN, "tune")
        why = "the runner says so"
    else:
        watched.edit("facts.firing > before.facts.firing", "facts.firing > 0")
        request = rollback(watched)
        why = "facts.firing is 1"
    assert watched.state(request) is State.DENIED
    assert watched.see(request).outcome == f"The target is unhealthy already, so nothing was done: {why}"
    assert watched.runner.started == []


def test_a_policy_can_say_that_it_is_to_be_started_all_the_same(watched: Town) -> None:
    watched.edit("{for: 1m, every: 10s}", "{for: 1m, every: 10s, even_if_unhealthy: true}")
    watched.runner.health = HealthState.UNHEALTHY
    request = watched.ask(ANN, "tune")
    assert watched.state(request) is State.VERIFYING
    watched.runner.health = HealthState.HEALTHY
    look(watched, 6)
    assert watched.state(request) is State.ACTIVE


def test_what_cannot_be_undone_ends_as_failed_and_somebody_is_told(watched: Town) -> None:
    watched.runner.can_undo = False
    request = rollback(watched)
    watched.facts.values["firing"] = 2
    look(watched, 2)
    failed = watched.see(request)
    assert failed.state is State.FAILED
    assert failed.outcome.startswith("unhealthy, it cannot be undone: facts.firing is 2")
    assert watched.runner.undone == []
    assert any("it cannot be undone" in each for each in watched.said("alarm"))


def test_what_a_policy_wants_left_is_left_and_told(watched: Town) -> None:
    watched.edit("before.facts.firing}", "before.facts.firing, when_unhealthy: tell}")
    request = rollback(watched)
    watched.facts.values["firing"] = 2
    look(watched, 2)
    assert watched.see(request).outcome.startswith("unhealthy, left as it is: facts.firing is 2")
    assert watched.runner.world == {"prod/api": 0}


def test_an_undo_that_did_not_help_is_told_loudly(watched: Town) -> None:
    request = rollback(watched)
    watched.facts.values["firing"] = 2
    look(watched, 2)
    look(watched, 5)
    assert watched.state(request) is State.UNDOING
    look(watched)
    ended = watched.see(request)
    assert ended.state is State.ROLLED_BACK
    assert "afterwards STILL UNHEALTHY: facts.firing is 2" in ended.outcome
    assert any("STILL UNHEALTHY" in each for each in watched.said("alarm"))


def test_an_undo_after_which_nobody_can_look_is_not_called_healthy(watched: Town) -> None:
    request = rollback(watched)
    watched.facts.values["firing"] = 2
    look(watched, 2)
    watched.facts.down = True
    look(watched, 6)
    assert "afterwards not verified" in watched.see(request).outcome


def test_an_undo_that_fails_is_tried_on_before_anybody_looks(watched: Town) -> None:
    def fails(*_: object) -> None:
        raise RunnerUnsure("the connection is gone")

    request = rollback(watched)
    watched.facts.values["firing"] = 2
    watched.runner.on_undo = fails
    look(watched, 3)
    waiting = watched.see(request)
    assert waiting.state is State.UNDOING
    assert waiting.undo_attempts > 1
    watched.runner.on_undo = lambda inputs, run: None
    watched.facts.values["firing"] = 1
    watched.forward(minutes=1)
    watched.settle()
    assert watched.state(request) is State.ROLLED_BACK


@pytest.mark.parametrize("who", [ANN, CY])
def test_it_is_rolled_back_by_hand_while_it_is_watched(watched: Town, who: UserId) -> None:
    watched.edit("[{name: free, allow: true}]\n  tune", "[{name: leads, review: [{from: [group:leads]}]}]\n  tune")
    request = rollback(watched)
    watched.approve(DI, request)
    watched.drop(who, request)
    ended = watched.see(request)
    assert (ended.state, ended.undo_cause) == (State.ROLLED_BACK, UndoCause.STOP)
    assert ended.outcome == "rolled back by hand; afterwards healthy again."
    assert watched.runner.world == {"prod/api": 100}


def test_nobody_else_rolls_it_back_and_what_cannot_be_undone_is_not(watched: Town) -> None:
    request = rollback(watched)
    assert "Only who asked for JIT-1, or who may approve it, can end it." in watched.drop(BO, request).text
    watched.runner.can_undo = False
    look(watched, 6)
    other = rollback(watched)
    assert "cannot be taken back" in watched.drop(ANN, other).text
    assert watched.state(other) is State.VERIFYING


def test_an_edit_of_the_policy_changes_nothing_for_what_runs(watched: Town) -> None:
    request = rollback(watched)
    watched.edit("facts.firing > before.facts.firing", "facts.firing < 0")
    watched.facts.values["firing"] = 2
    look(watched, 2)
    assert watched.see(request).undo_cause is UndoCause.UNHEALTHY


def test_an_edit_of_how_it_is_watched_voids_the_approvals(watched: Town) -> None:
    watched.edit("[{name: free, allow: true}]\n  tune", "[{name: leads, review: [{from: [group:leads]}]}]\n  tune")
    request = rollback(watched)
    before = watched.see(request).digest
    watched.edit("for: 1m, every: 10s, unhealthy_when", "for: 2m, every: 10s, unhealthy_when")
    watched.reload()
    now = watched.see(request)
    assert (now.revision, now.digest != before) == (2, True)


def test_a_worker_that_dies_while_it_is_watched_only_delays_it(watched: Town) -> None:
    request = rollback(watched)
    watched.forward(seconds=10)
    assert watched.ledger.claim(request.id, "a worker that dies", watched.world.lease) is not None
    watched.restart()
    watched.settle()
    assert watched.state(request) is State.VERIFYING
    watched.facts.values["firing"] = 2
    watched.forward(seconds=30)
    watched.settle()
    look(watched)
    assert watched.see(request).undo_cause is UndoCause.UNHEALTHY


def test_a_target_is_not_started_on_while_it_is_watched(watched: Town) -> None:
    first = rollback(watched)
    second = rollback(watched)
    assert watched.state(second) is State.APPROVED
    before = len(watched.facts.seen)
    watched.forward(seconds=1)
    watched.settle()
    assert len(watched.facts.seen) == before, "what waits for its target asks nobody anything"
    look(watched, 6)
    assert watched.state(first) is State.SUCCEEDED
    watched.forward(seconds=1)
    watched.settle()
    assert watched.state(second) is State.VERIFYING


def test_a_check_that_cannot_be_made_tells_nothing(watched: Town) -> None:
    request = watched.ask(ANN, "tune")
    watched.catalog.gone = True
    look(watched, 6)
    active = watched.see(request)
    assert active.state is State.ACTIVE
    assert "not verified: the runner fake is not installed here any more" in active.outcome


def test_a_worker_that_has_lost_its_claim_judges_nothing(watched: Town) -> None:
    request = rollback(watched)
    watched.facts.values["firing"] = 2
    watched.forward(seconds=10)
    claimed = watched.ledger.claim(request.id, "a worker that stops here", watched.world.lease)
    assert claimed is not None
    look(watched, 3)
    with pytest.raises(Conflict, match="is in other hands"):
        watched.service.sweep._next[State.VERIFYING](claimed)
    assert watched.runner.undone == [request.run_key]
