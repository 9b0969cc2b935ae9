"""The main loop through the service: ask, decide, approve, run, end on time, on record."""

from datetime import datetime, timedelta

import pytest

from jitbot.errors import InvalidInput
from jitbot.model import DeliveryKind, State, UndoCause
from tests.town import ANN, BO, CY, DI, Town


def test_what_policy_allows_runs_at_once(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="staging")
    assert town.state(request) is State.SUCCEEDED
    assert town.runner.started == [f"jit-{request.id}-1"]


def test_what_needs_approval_waits_for_it_and_then_runs(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert town.state(request) is State.PENDING
    assert town.runner.started == []
    town.approve(BO, request)
    assert town.state(request) is State.SUCCEEDED


def test_every_step_is_on_record_and_the_record_holds(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.approve(BO, request)
    assert town.kinds(request) == ["requested", "ask", "reviewed", "approve", "start", "succeed"]
    assert town.trail.verify() == 8  # the first says which policies are in force, the last but one what the run said


def test_the_clock_of_a_timebox_starts_when_it_is_granted(town: Town) -> None:
    request = town.ask(ANN, "admin", ttl="1h")
    town.forward(minutes=20)
    town.approve(BO, request)
    town.approve(DI, request)
    granted = town.see(request)
    assert granted.state is State.ACTIVE
    assert granted.granted_at is not None
    assert granted.expires_at == granted.granted_at + timedelta(hours=1)


def test_the_runner_is_told_when_a_grant_ends_at_the_latest(town: Town) -> None:
    told: list[datetime | None] = []
    town.runner.on_start = lambda inputs, run: told.append(run.until)
    began = town.see(town.ask(ANN, "tune", value=200))
    assert began.expires_at is not None
    assert began.start_deadline is not None
    town.ask(ANN, "restart", service="api", env="staging")
    assert told == [began.start_deadline + timedelta(minutes=30), None]
    assert began.expires_at <= told[0]


def test_a_grant_ends_on_time_and_is_really_gone(town: Town) -> None:
    request = town.ask(ANN, "tune", value=200)
    assert town.runner.world == {"prod/work_mem": 200}
    town.forward(minutes=29)
    town.settle()
    assert town.state(request) is State.ACTIVE
    town.forward(minutes=2)
    town.settle()
    ended = town.see(request)
    assert (ended.state, ended.undo_cause) == (State.EXPIRED, UndoCause.EXPIRY)
    assert town.runner.world == {"prod/work_mem": 100}


def test_a_grant_ends_after_a_restart_and_missed_ticks_too(town: Town) -> None:
    request = town.ask(ANN, "tune", value=200)
    town.restart()
    town.forward(days=3)
    town.settle()
    assert town.state(request) is State.EXPIRED
    assert town.runner.world == {"prod/work_mem": 100}


def test_the_requester_drops_a_grant_early(town: Town) -> None:
    request = town.ask(ANN, "tune", value=200)
    town.drop(ANN, request)
    assert town.state(request) is State.REVOKED
    assert town.runner.world == {"prod/work_mem": 100}


def test_an_approver_ends_a_grant_early(town: Town) -> None:
    request = town.ask(ANN, "admin")
    town.approve(BO, request)
    town.approve(DI, request)
    assert town.drop(CY, request).refused is False
    assert town.see(request).undo_cause is UndoCause.REVOCATION


def test_an_outsider_cannot_end_a_grant(town: Town) -> None:
    request = town.ask(ANN, "tune", value=200)
    answer = town.drop(DI, request)
    assert answer.refused
    assert town.state(request) is State.ACTIVE


def test_one_denial_ends_it_with_its_reason(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.deny(BO, request, "wait for the backup")
    denied = town.see(request)
    assert (denied.state, denied.outcome) == (State.DENIED, "wait for the backup")


def test_a_denial_wants_a_reason(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert town.deny(BO, request, "  ").refused
    assert town.state(request) is State.PENDING


def test_a_request_nobody_reviews_lapses(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.forward(minutes=61)
    town.settle()
    assert town.state(request) is State.LAPSED


def test_the_requester_withdraws(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.withdraw(ANN, request)
    assert town.state(request) is State.WITHDRAWN
    assert town.approve(BO, request).refused


def test_nobody_else_withdraws(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert town.withdraw(BO, request).refused
    assert town.state(request) is State.PENDING


@pytest.mark.parametrize("character", ["\0", "\ud800"])
def test_what_no_database_can_keep_is_refused_before_it_is_taken_in(town: Town, character: str) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    for body in ({"comment": f"a{character}b"}, {"params": {"list": [f"a{character}b"]}}, {f"a{character}b": 1}):
        with pytest.raises(InvalidInput, match=f"U\\+{ord(character):04X}.* Take it out, and try again"):
            town.take_in(DeliveryKind.DENY, BO, request.id, revision=1, **body)
    town.deny(BO, request, "a \\u0000 is only text")
    assert town.see(request).outcome == "a \\u0000 is only text"


def test_values_of_which_the_runner_can_make_no_target_are_refused_in_words(town: Town) -> None:
    def too_long(inputs: object) -> str:
        return "x" * 501

    town.runner.target = too_long  # type: ignore[assignment]
    answer = town.try_to_ask(ANN, "restart", service="api", env="prod")
    assert answer.refused
    assert answer.text.startswith("It cannot be told what this would touch. The runner 'fake' failed")
    assert town.ledger.find() == []
