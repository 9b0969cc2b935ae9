"""Our own account of Slack's rate limits: outcomes go before progress, and a refusal is respected."""

from datetime import timedelta

import pytest

from jitbot.slack.limits import UPDATES_A_MINUTE
from jitbot.slack.pace import POST, UPDATE, Pace

NONE = timedelta(0)


class Watch:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def watch() -> Watch:
    return Watch()


def made(pace: Pace, method: str, channel: str = "", *, tries: int, progress: bool = False) -> int:
    return sum(pace.take(method, channel, progress=progress) == NONE for _ in range(tries))


def test_a_channel_gets_a_short_burst_and_then_a_message_a_second(watch: Watch) -> None:
    pace = Pace(watch)
    assert made(pace, POST, "C1", tries=10) == 3
    assert made(pace, POST, "C2", tries=1) == 1
    for _ in range(20):
        watch.at += 1
        made(pace, POST, "C1", tries=5)
    assert len([at for at in pace._made[POST, "C1"] if at > 1000]) <= 21


def test_updates_stay_below_what_the_workspace_may_do_in_any_minute(watch: Watch) -> None:
    pace = Pace(watch)
    total = 0
    for _ in range(60):
        total += made(pace, UPDATE, tries=10)
        watch.at += 1
    assert total < UPDATES_A_MINUTE


def test_progress_leaves_room_for_outcomes(watch: Watch) -> None:
    pace = Pace(watch)
    assert made(pace, UPDATE, tries=100, progress=True) < 40
    assert made(pace, UPDATE, tries=100) >= 10


def test_how_long_to_wait_is_told_and_is_enough(watch: Watch) -> None:
    pace = Pace(watch)
    made(pace, POST, "C1", tries=3)
    wait = pace.take(POST, "C1")
    assert wait > NONE
    watch.at += wait.total_seconds() + 0.001
    assert pace.take(POST, "C1") == NONE


def test_what_slack_refused_is_not_called_before_its_time(watch: Watch) -> None:
    pace = Pace(watch)
    pace.refused(UPDATE, timedelta(seconds=30))
    assert pace.take(UPDATE) == timedelta(seconds=30)
    assert pace.take(POST, "C1") == NONE
    watch.at += 31
    assert pace.take(UPDATE) == NONE
