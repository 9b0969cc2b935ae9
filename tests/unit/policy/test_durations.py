from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitbot.errors import InvalidInput
from jitbot.policy.durations import LONGEST, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("30m", 1800), ("90m", 5400), ("1h30m", 5400), ("2h", 7200), ("2d", 172_800), ("1d1h1m1s", 90_061)],
)
def test_a_duration_is_read_by_its_units(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "h",
        "30",
        "-1h",
        "1h ",
        "30m1h",
        "1h1h",
        "1.5h",
        "1M",
        "1w",
        "٣h",
        "1:30",
        "PT1H",
        "1h\n",
        "99999999999h",
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"is not a duration; write it like 45s, 30m, 1h30m or 2d\."):
        parse_duration(text)


@pytest.mark.parametrize(("text", "guess"), [("30", "30m"), ("1H", "1h"), ("1h 30m", "1h30m")])
def test_a_near_miss_gets_a_suggestion(text: str, guess: str) -> None:
    with pytest.raises(InvalidInput, match=rf"Did you mean {guess}\?"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0s", "0m", "0d0h0m0s"])
def test_no_time_at_all_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="longer than zero"):
        parse_duration(text)


def test_the_longest_duration_is_taken_and_one_second_more_is_not() -> None:
    assert parse_duration("366d") == LONGEST
    with pytest.raises(InvalidInput, match=r"'366d1s' is too long; 366d is the most\."):
        parse_duration("366d1s")
    with pytest.raises(InvalidInput, match="too long"):
        parse_duration("99999999d")


@given(st.integers(1, int(LONGEST.total_seconds())))
def test_what_is_written_is_read_back(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(format_duration(length)) == length


@given(st.text(max_size=30))
def test_any_text_is_a_duration_or_invalid_input(text: str) -> None:
    try:
        length = parse_duration(text)
    except InvalidInput:
        return
    assert timedelta(0) < length <= LONGEST
    assert text.isascii()


def test_zero_and_parts_of_a_second_can_be_written() -> None:
    assert format_duration(timedelta(0)) == "0s"
    assert format_duration(timedelta(seconds=90, microseconds=7)) == "1m30s"
