"""The clock is set, forth and back and over a change to summer time: nothing is lost, done twice, or held for long."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers import base

from jitbot.clock import ticker as ticker_module
from jitbot.clock.ticker import Ticker
from jitbot.model import DeliveryKind, Request, State
from jitbot.store.steady import SteadyClock
from tests.town import ANN, BO, Town

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Still:
    """Seconds of a clock that nobody can set, and that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_clock_that_is_set_forward_is_followed_at_once() -> None:
    steady = SteadyClock(Still())
    assert [steady.follow(each) for each in (NOON, NOON + HOUR)] == [NOON, NOON + HOUR]


def test_one_that_is_set_back_is_not_followed_and_time_goes_on_until_it_has_caught_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    still = Still()
    steady = SteadyClock(still)
    steady.follow(NOON)
    shown = []
    for minutes in range(0, 660, 60):
        still.seconds = minutes * 60
        shown.append(steady.follow(NOON - HOUR + timedelta(minutes=minutes)))
    assert shown[:2] == [NOON, NOON + timedelta(minutes=54)]
    assert shown == sorted(shown)
    assert shown[10] == NOON - HOUR + timedelta(hours=10), "it has caught up"
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "set back by 3600 s" in caplog.text


def set_clock(town: Town, by: timedelta, *, anew: bool = False) -> None:
    """Set the clock that a process follows; `anew` for one that was started since."""
    town.database.offset += by
    if anew:
        town.database.steady = SteadyClock()


def granted(town: Town) -> Request:
    grant = town.ask(ANN, "tune", value=200)
    assert town.state(grant) is State.ACTIVE
    return grant


def test_a_grant_ends_after_its_time_though_the_clock_was_set_back(on_file: Town) -> None:
    town, still = on_file, Still()
    town.database.steady = SteadyClock(still)
    grant = granted(town)
    set_clock(town, -HOUR)
    still.seconds += 29 * 60
    town.settle()
    assert town.state(grant) is State.ACTIVE
    still.seconds += 5 * 60  # a ninth more than half an hour has passed, and the clock shows half an hour before noon
    town.settle()
    assert (town.state(grant), town.runner.undone) == (State.EXPIRED, ["jit-1-1"])


def test_a_clock_that_jumps_forth_and_back_ends_a_grant_early_and_once(on_file: Town) -> None:
    town = on_file
    grant = granted(town)
    for jump in (HOUR, -HOUR, HOUR, -HOUR):
        set_clock(town, jump)
        town.settle()
    assert (town.state(grant), town.runner.started, town.runner.undone) == (State.EXPIRED, ["jit-1-1"], ["jit-1-1"])
    town.trail.verify()


def test_requests_go_through_while_the_clock_is_behind(on_file: Town) -> None:
    town = on_file
    set_clock(town, -HOUR)
    request = town.ask(ANN, "restart", service="api", env="prod")
    set_clock(town, -HOUR)
    town.approve(BO, request)
    assert town.state(request) is State.SUCCEEDED
    at = [event.at for event in town.trail.events()]
    assert at == sorted(at)


def test_a_worker_that_died_before_the_clock_was_set_back_does_not_hold_its_claim_for_that_long(on_file: Town) -> None:
    town = on_file
    grant = granted(town)
    town.forward(hours=2)
    assert town.ledger.claim(grant.id, "a process that died", timedelta(seconds=20)) is not None
    set_clock(town, -HOUR, anew=True)
    town.settle()
    assert town.state(grant) is State.EXPIRED


def test_what_was_taken_in_before_the_clock_was_set_back_is_not_forgotten(on_file: Town) -> None:
    town, still = on_file, Still()
    town.take_in(DeliveryKind.ASK, ANN, action="tune", params={"value": 200}, reason="x")
    set_clock(town, -HOUR)
    town.database.steady = SteadyClock(still)
    town.restart()
    assert town.inbox.waiting(10)
    town.ledger.resume()
    still.seconds = 12
    town.settle()
    assert [each.state for each in town.ledger.find()] == [State.ACTIVE]


def test_a_process_begins_where_the_record_ends_unless_that_is_far_ahead(on_file: Town) -> None:
    town = on_file
    granted(town)
    before = town.ledger.now()
    set_clock(town, -HOUR, anew=True)
    town.ledger.resume()
    assert timedelta(0) <= before - town.ledger.now() < timedelta(minutes=1)
    town.forward(days=700)
    granted(town)
    set_clock(town, timedelta(days=-700), anew=True)
    town.ledger.resume()
    assert before - timedelta(hours=2) < town.ledger.now() < before


def test_a_process_that_is_started_long_after_the_records_end_says_nothing_of_a_clock(
    on_file: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town = on_file
    granted(town)
    set_clock(town, HOUR, anew=True)
    town.ledger.resume()
    town.settle()
    assert "set back" not in caplog.text


def test_a_message_that_was_being_said_when_the_clock_was_set_back_is_said(on_file: Town) -> None:
    town = on_file
    granted(town)
    town.forward(hours=2)
    assert town.outbox.claim(100, timedelta(minutes=2))
    set_clock(town, -HOUR, anew=True)
    assert town.outbox.claim(100, timedelta(0))


@pytest.mark.parametrize("change", ["2027-03-28T01:00:00+00:00", "2027-10-31T01:00:00+00:00"], ids=["spring", "autumn"])
def test_half_an_hour_is_half_an_hour_when_the_clocks_change(on_file: Town, change: str) -> None:
    town = on_file
    town.forward(seconds=(datetime.fromisoformat(change) - town.ledger.now()).total_seconds() - 15 * 60)
    grant = granted(town)
    town.forward(minutes=29)
    town.settle()
    assert town.state(grant) is State.ACTIVE
    town.forward(minutes=1, seconds=1)
    town.settle()
    assert town.state(grant) is State.EXPIRED


class Settable(datetime):
    """This machine's clock, as APScheduler reads it, with `behind` taken off."""

    behind = timedelta(0)

    @classmethod
    def now(cls, tz: object = None) -> datetime:
        return datetime.now(tz) - cls.behind  # type: ignore[arg-type]


def test_ticks_go_on_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """APScheduler waits for an hour then: its next tick is due at an instant that is an hour away again."""
    monkeypatch.setattr(base, "datetime", Settable)
    monkeypatch.setattr(Settable, "behind", timedelta(0))
    monkeypatch.setattr(ticker_module, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(ticker_module, "time", _Times())
    ticks = threading.Semaphore(0)
    ticker = Ticker()
    ticker.every(timedelta(seconds=0.05), ticks.release)
    ticker.start()
    assert ticks.acquire(timeout=20)
    Settable.behind = HOUR
    for _ in range(5):
        assert ticks.acquire(timeout=20)
    ticker.stop()


class _Times:
    """The module `time`, as that clock shows it."""

    def time(self) -> float:
        return Settable.now(UTC).timestamp()

    def monotonic(self) -> float:
        return time.monotonic()


def test_a_result_that_comes_after_the_clock_was_set_back_is_taken(on_file: Town) -> None:
    town = on_file
    town.runner.after_start = once(lambda: set_clock(town, -HOUR))
    grant = town.ask(ANN, "tune", value=200)
    assert town.state(grant) is State.ACTIVE
    assert town.runner.started == ["jit-1-1"]


def once(do: Callable[[], None]) -> Callable[[], None]:
    left = [do]
    return lambda: left.pop()() if left else None
