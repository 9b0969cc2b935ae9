"""A planned start: approved early waits, missed is never run late, and what was understood is said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jitbot.model import State
from tests.town import ANN, BO, CY, ZONE, Town

PLAN = "    lapse_after: 1h\n"
LATER = "    lapse_after: 30h\n    start_later: {max: 7d}\n    start_within: 20m\n"


@pytest.fixture
def later(town: Town) -> Town:
    """Have restarts that can be planned."""
    town.edit(PLAN, LATER)
    return town


def in_hours(town: Town, hours: float) -> str:
    return (town.ledger.now() + timedelta(hours=hours)).isoformat(timespec="seconds")


def test_what_was_approved_early_waits_for_its_planned_start(later: Town) -> None:
    request = later.ask(ANN, "restart", service="api", env="prod", at=in_hours(later, 24))
    later.approve(BO, request)
    assert later.state(request) is State.APPROVED
    later.forward(hours=23.9)
    later.settle()
    assert later.runner.started == []
    later.forward(hours=0.2)
    later.settle()
    assert later.state(request) is State.SUCCEEDED


def test_what_runs_at_once_elsewhere_waits_for_its_planned_start_too(later: Town) -> None:
    request = later.ask(ANN, "restart", service="api", env="staging", at=in_hours(later, 2))
    assert (later.state(request), later.runner.started) == (State.APPROVED, [])
    assert later.see(request).start_by == later.see(request).starts_at + timedelta(minutes=20)  # type: ignore[operator]
    later.forward(hours=2, seconds=1)
    later.settle()
    assert later.state(request) is State.SUCCEEDED


def test_a_missed_start_is_missed_and_never_run_late(later: Town) -> None:
    request = later.ask(ANN, "restart", service="api", env="staging", at=in_hours(later, 2))
    later.forward(hours=2, minutes=21)
    later.settle()
    assert later.state(request) is State.MISSED
    assert later.runner.started == []


def test_a_due_date_that_somebody_moved_starts_nothing_early(later: Town) -> None:
    request = later.ask(ANN, "restart", service="api", env="staging", at=in_hours(later, 2))
    with later.ledger.begin() as entry:
        entry.amend(entry.get(request.id), "poked", "test", due_at=entry.now)
    later.settle()
    assert (later.state(request), later.runner.started) == (State.APPROVED, [])


def test_reviews_are_not_waited_for_beyond_the_last_instant_to_start(later: Town) -> None:
    request = later.ask(ANN, "restart", service="api", env="prod", at=in_hours(later, 2))
    later.forward(hours=2, minutes=21)
    later.settle()
    assert later.state(request) is State.LAPSED


def test_an_approval_within_the_window_starts_at_once(later: Town) -> None:
    request = later.ask(ANN, "restart", service="api", env="prod", at=in_hours(later, 2))
    later.forward(hours=2, minutes=10)
    later.approve(BO, request)
    assert later.state(request) is State.SUCCEEDED


def test_withdrawing_and_denying_work_while_the_start_is_waited_for(later: Town) -> None:
    first, second = (later.ask(ANN, "restart", service="api", env="prod", at=in_hours(later, 2)) for _ in range(2))
    later.approve(BO, first)
    later.approve(BO, second)
    later.withdraw(ANN, first)
    later.deny(CY, second)
    later.forward(hours=3)
    later.settle()
    assert (later.state(first), later.state(second)) == (State.WITHDRAWN, State.DENIED)
    assert later.runner.started == []


def test_it_is_decided_anew_at_the_planned_start(later: Town) -> None:
    request = later.ask(ANN, "restart", service="api", env="staging", at=in_hours(later, 2))
    later.edit("allow: true}\n      - name: prod", "deny: not today}\n      - name: prod")
    later.forward(hours=2, seconds=1)
    later.settle()
    assert (later.state(request), later.see(request).outcome) == (State.DENIED, "not today")


def test_the_start_is_in_the_digest(later: Town) -> None:
    at = in_hours(later, 2)
    first = later.ask(ANN, "restart", service="api", env="prod", at=at)
    second = later.ask(ANN, "restart", service="api", env="prod", at=at)
    third = later.ask(ANN, "restart", service="api", env="prod", at=in_hours(later, 3))
    assert later.see(first).digest == later.see(second).digest != later.see(third).digest


def test_a_time_on_the_wall_is_the_askers_own_and_what_was_understood_is_said(later: Town) -> None:
    answer = later.try_to_ask(ANN, "restart", service="api", env="prod", at="18:30")
    assert answer.request is not None
    starts_at = later.ledger.get(answer.request).starts_at
    assert starts_at is not None
    there = starts_at.astimezone(ZoneInfo(ZONE))
    said = f"is to start at {there:%Y-%m-%d} 18:30 {there:%Z} ({starts_at:%H:%M} UTC), not before."
    assert answer.text == f"JIT-{answer.request} {said}"
    assert timedelta(0) < starts_at - datetime.now(UTC) <= timedelta(days=1)


@pytest.mark.parametrize("zone", ["", "Atlantis/Lost", "../etc"])
def test_a_zone_that_nobody_knows_is_never_guessed(later: Town, zone: str) -> None:
    later.directory.people[ANN] = replace(later.directory.people[ANN], zone=zone)
    answer = later.try_to_ask(ANN, "restart", service="api", env="prod", at="18:30")
    assert answer.refused
    assert "Write the start with its offset from UTC" in answer.text
    assert not later.try_to_ask(ANN, "restart", service="api", env="prod", at=in_hours(later, 2)).refused


def test_a_directory_that_is_down_leaves_no_guess_either(later: Town) -> None:
    later.directory.down = True
    assert "Your time zone could not be looked up." in later.try_to_ask(ANN, "restart", at="18:30").text


def test_an_action_that_starts_at_once_refuses_a_start(town: Town) -> None:
    answer = town.try_to_ask(ANN, "restart", service="api", env="prod", at="18:30")
    assert (answer.refused, answer.text) == (True, "restart starts at once, so leave `at` out.")


def test_a_changed_plan_keeps_the_planned_start(later: Town) -> None:
    request = later.ask(ANN, "restart", service="api", env="staging", at=in_hours(later, 2))
    later.runner.fingerprint = "another plan"
    later.forward(hours=2, seconds=1)
    later.settle()
    assert (later.state(request), later.see(request).revision) == (State.SUCCEEDED, 2)


def test_a_typed_start_becomes_an_instant_for_the_form_and_nonsense_stays_as_it_is(later: Town) -> None:
    queries = later.service.queries
    assert datetime.fromisoformat(queries.instant("18:30", ANN)).tzinfo is not None
    assert queries.instant("soon", ANN) == "soon"


def test_windows_and_freezes_are_judged_for_the_planned_start(later: Town) -> None:
    first, last = (later.ledger.now() + timedelta(days=days) for days in (1, 3))
    later.write(
        "windows.yml",
        f"freezes:\n  holidays: {{from: '{first:%Y-%m-%d}', until: '{last:%Y-%m-%d}', zone: UTC}}\n",
    )
    later.write("guardrails.yml", "guardrails: [{name: freeze, when: freeze.active, deny: Frozen.}]")
    assert not later.service.book.fault
    frozen = later.ask(ANN, "restart", service="api", env="prod", at=in_hours(later, 48))
    assert later.state(frozen) is State.DENIED
    assert later.see(frozen).outcome.startswith("Frozen. It lasts until")
    assert later.state(later.ask(ANN, "restart", service="api", env="prod", at=in_hours(later, 120))) is State.PENDING
    assert later.state(later.ask(ANN, "restart", service="api", env="prod")) is State.PENDING
