"""When a request shall start: what people write, in their own zone, and what is refused instead of guessed."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitbot.errors import InvalidInput
from jitbot.policy.starting import format_instant, needs_zone, parse_instant, parse_start
from tests.unit.core.builders import an_action

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
LATER = replace(an_action(), start_later=timedelta(days=7))

READ = {
    "18:30": datetime(2026, 11, 25, 17, 30, tzinfo=UTC),
    "18:00": datetime(2026, 11, 26, 17, 0, tzinfo=UTC),
    "9:05": datetime(2026, 11, 26, 8, 5, tzinfo=UTC),
    "18:30:30": datetime(2026, 11, 25, 17, 30, 30, tzinfo=UTC),
    "2026-12-01T09:00": datetime(2026, 12, 1, 8, 0, tzinfo=UTC),
    "2026-12-01 09:00": datetime(2026, 12, 1, 8, 0, tzinfo=UTC),
    " 2026-12-01t09:00z ": datetime(2026, 12, 1, 9, 0, tzinfo=UTC),
    "2026-12-01T09:00-05:00": datetime(2026, 12, 1, 14, 0, tzinfo=UTC),
    "2026-12-01T08:00:00+00:00": datetime(2026, 12, 1, 8, 0, tzinfo=UTC),
    "18:30+01:00": datetime(2026, 11, 25, 17, 30, tzinfo=UTC),
    "18:30Z": datetime(2026, 11, 25, 18, 30, tzinfo=UTC),
}


@pytest.mark.parametrize("text", READ)
def test_a_start_is_read_in_the_askers_own_zone_or_with_its_offset(text: str) -> None:
    assert parse_instant(text, NOW, BERLIN) == READ[text]
    assert parse_instant(text, NOW, BERLIN).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "soon", "25:00", "18:60", "18.30", "1830", "2026-13-01T09:00", "2026-02-30T09:00", "2026-12-01",
     "2026-12-01T9", "18:30+25:00", "18:30 Berlin", "0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00", "1 8:30"],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a time; write it like 18:30, 2026-12-01T09:00 or"):
        parse_instant(text, NOW, BERLIN)


@pytest.mark.parametrize("text", ["2026-03-29T02:30", "2026-10-25T02:30"])
def test_a_time_that_is_twice_or_never_is_refused_instead_of_guessed(text: str) -> None:
    with pytest.raises(InvalidInput, match="is in the hour in which clocks are changed; write it with its offset"):
        parse_instant(text, NOW, BERLIN)
    assert parse_instant(f"{text}+01:00", NOW, BERLIN)


def test_the_night_in_which_clocks_are_changed_is_counted_rightly() -> None:
    evening = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)
    assert parse_instant("08:00", evening, BERLIN) == datetime(2026, 3, 29, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-11-25T17:59", "2026-11-25 16:59 UTC has passed. Leave the start out to start at once."),
        ("2026-12-02T18:01", "2026-12-02 17:01 UTC is too far ahead; 7d is the most."),
        ("now", "'now' is not a time"),
    ],
)
def test_a_start_lies_ahead_and_not_too_far(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        parse_start(LATER, text, NOW, BERLIN)
    assert set(caught.value.fields) == {"at"}


def test_the_furthest_start_is_fine() -> None:
    assert parse_start(LATER, "2026-12-02T18:00", NOW, BERLIN) == NOW + timedelta(days=7)


def test_an_action_that_starts_at_once_takes_no_start() -> None:
    assert parse_start(an_action(), " ", NOW, BERLIN) is None
    with pytest.raises(InvalidInput, match="restart starts at once, so leave `at` out"):
        parse_start(an_action(), "18:30", NOW, BERLIN)


def test_without_a_zone_only_the_form_of_a_time_on_the_wall_is_looked_at() -> None:
    assert parse_start(LATER, "18:30", NOW, None) is None
    assert parse_start(LATER, "18:30Z", NOW, None) == NOW + timedelta(minutes=90)
    with pytest.raises(InvalidInput, match="is not a time"):
        parse_start(LATER, "18:75", NOW, None)
    assert (needs_zone("18:30"), needs_zone("18:30Z"), needs_zone("soon")) == (True, False, False)


def test_an_instant_is_said_where_it_is_meant_and_in_utc() -> None:
    assert format_instant(NOW, BERLIN) == "2026-11-25 18:00 CET (17:00 UTC)"
    assert format_instant(NOW, UTC) == "2026-11-25 17:00 UTC"


@given(st.text(max_size=40))
def test_nothing_that_is_typed_breaks_it(text: str) -> None:
    with suppress(InvalidInput):
        assert parse_instant(text, NOW, BERLIN).tzinfo is UTC


@given(st.datetimes(datetime(2026, 11, 25), datetime(2026, 11, 27)), st.integers(0, 1439))
def test_a_time_on_the_wall_is_the_next_one(now: datetime, minute: int) -> None:
    asked = parse_instant(f"{minute // 60}:{minute % 60:02}", now.replace(tzinfo=UTC), BERLIN)
    assert timedelta(0) < asked - now.replace(tzinfo=UTC) <= timedelta(days=1)
    assert (asked.astimezone(BERLIN).hour, asked.astimezone(BERLIN).minute) == divmod(minute, 60)
