"""The database's clock is asked for once a second, and gone on from by this machine's own count."""

from datetime import UTC, datetime, timedelta

from jitbot.store.far_clock import ASKED_AGAIN_SECONDS, PROMPT_SECONDS, FarClock

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


class Elsewhere:
    """A clock elsewhere, and this machine's count of seconds; an answer takes `takes` seconds to arrive."""

    def __init__(self, takes: float = 0.0) -> None:
        self.shows, self.count, self.takes, self.asked = NOON, 0.0, takes, 0
        self.clock = FarClock(lambda: self.count)

    def ask(self) -> datetime:
        self.asked += 1
        shown = self.shows
        self.passes(self.takes)
        return shown

    def passes(self, seconds: float) -> None:
        self.count += seconds
        self.shows += timedelta(seconds=seconds)

    def now(self) -> datetime:
        return self.clock.now(self.ask)


def test_it_is_asked_once_a_second() -> None:
    elsewhere = Elsewhere()
    for _ in range(100):
        assert elsewhere.now() == elsewhere.shows
        elsewhere.passes(ASKED_AGAIN_SECONDS / 20)
    assert 4 <= elsewhere.asked <= 6


def test_a_clock_that_is_set_is_followed_within_a_second() -> None:
    elsewhere = Elsewhere()
    elsewhere.now()
    elsewhere.shows -= timedelta(hours=1)
    elsewhere.passes(ASKED_AGAIN_SECONDS)
    assert elsewhere.now() == elsewhere.shows


def test_a_process_that_was_stopped_asks_before_it_goes_on() -> None:
    elsewhere = Elsewhere()
    elsewhere.now()
    elsewhere.passes(3600)
    assert elsewhere.now() == elsewhere.shows
    assert elsewhere.asked == 2


def test_an_answer_that_took_long_is_not_gone_on_from() -> None:
    elsewhere = Elsewhere(takes=2 * PROMPT_SECONDS)
    elsewhere.now()
    elsewhere.takes = 0.0
    assert elsewhere.now() == elsewhere.shows
    assert elsewhere.asked == 2


def test_what_it_shows_is_never_ahead_and_hardly_behind() -> None:
    elsewhere = Elsewhere(takes=PROMPT_SECONDS / 2)
    for _ in range(50):
        behind = elsewhere.shows - elsewhere.now()
        assert timedelta(0) <= behind + timedelta(seconds=elsewhere.takes) <= timedelta(seconds=2 * PROMPT_SECONDS)
        elsewhere.passes(0.05)
