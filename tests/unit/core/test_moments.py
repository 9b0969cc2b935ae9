"""Moments as people type them, in their own zone, across changes of the clock."""

from datetime import UTC, datetime, timedelta

import pytest

from jitbot.errors import InvalidInput
from jitbot.service.moments import parse_end, zone_of

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
"""A Wednesday; half past ten in Berlin."""

UNDERSTOOD = {
    "for 3d": "2026-11-28 09:30",
    "for 1h30m": "2026-11-25 11:00",
    "until Friday 18:00": "2026-11-27 17:00",
    "Until fri 18:00": "2026-11-27 17:00",
    "until Friday at 18:00": "2026-11-27 17:00",
    "until friday": "2026-11-27 23:00",
    "until Wednesday 18:00": "2026-11-25 17:00",
    "until Wednesday 10:30": "2026-12-02 09:30",
    "until Wednesday": "2026-11-25 23:00",
    "until today": "2026-11-25 23:00",
    "until tomorrow 9:00": "2026-11-26 08:00",
    "until 18:00": "2026-11-25 17:00",
    "until 8.15": "2026-11-26 07:15",
    "until 2026-12-01": "2026-12-01 23:00",
    "until 2026-12-01 08:00": "2026-12-01 07:00",
    "until 2026-12-01T08:00": "2026-12-01 07:00",
}


@pytest.mark.parametrize("text", UNDERSTOOD)
def test_a_moment_is_understood_in_the_persons_zone(text: str) -> None:
    end, rest = parse_end(text, NOW, zone_of("Europe/Berlin"))
    assert f"{end:%Y-%m-%d %H:%M}" == UNDERSTOOD[text]
    assert rest == ""


@pytest.mark.parametrize("text", ["until Friday 18:00 on leave", "until friday at 18:00 on leave", "for 3d on leave"])
def test_what_is_behind_it_is_left_over(text: str) -> None:
    assert parse_end(text, NOW, zone_of(""))[1] == "on leave"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Friday",
        "until",
        "for",
        "for ever",
        "until noon",
        "until 25:00",
        "until 2026-13-01",
        "until 2026-1-1",
        "until 01.12.2026",
        "for 0d",
        "for Friday",
        "until 3d",
    ],
)
def test_what_is_no_moment_is_refused_with_how_it_is_written(text: str) -> None:
    with pytest.raises(InvalidInput, match="Write it like `until Friday 18:00`"):
        parse_end(text, NOW, zone_of(""))


def test_the_end_of_a_day_is_midnight_by_the_wall_clock_whatever_the_day_is_long() -> None:
    berlin = zone_of("Europe/Berlin")
    before = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
    end, _ = parse_end("until 2026-10-25", before, berlin)  # 25 hours long
    assert end == datetime(2026, 10, 25, 23, 0, tzinfo=UTC)
    assert parse_end("until 2026-10-24", before, berlin)[0] - end == -timedelta(hours=25)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "x" * 300])
def test_a_zone_that_nobody_knows_is_utc(name: str) -> None:
    assert zone_of(name).key == "UTC"
