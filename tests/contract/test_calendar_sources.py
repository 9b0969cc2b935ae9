"""The published contract suite, passed by the sources that read calendars."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from jitbot.facts.ical import CalendarEvents, CalendarOnCall
from jitbot.model import Span
from jitbot.testing import FarSide, HttpSourceContract

LINES = (
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:test",
    "BEGIN:VEVENT",
    "UID:1",
    "SUMMARY:Launch",
    "DTSTART;TZID=Europe/Berlin:20261118T090000",
    "DTEND;TZID=Europe/Berlin:20261118T170000",
    "RRULE:FREQ=WEEKLY;COUNT=2",
    "ATTENDEE:mailto:ann@acme.example",
    "END:VEVENT",
    "END:VCALENDAR",
    "",
)
BROKEN = ({"zone": "Berlin"}, {"summary": "("}, {"secret": "a b"}, {"url": "ftp://a.example/x"}, {"url": None})


class CalendarContract(HttpSourceContract):
    """What both are told: a feed behind a token."""

    secrets: ClassVar = {"calendar-token": "abcdefgh12345678"}

    @pytest.fixture
    def arguments(self, far: FarSide) -> Mapping[str, Any]:
        far.say("/cal.ics", "\r\n".join(LINES))
        far.demand("authorization", "Bearer abcdefgh12345678")
        return {"url": f"{far.url}/cal.ics", "secret": "calendar-token"}

    @pytest.fixture
    def broken_arguments(self, arguments: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [{**arguments, **wrong} for wrong in BROKEN]


class TestCalendarEvents(CalendarContract):
    @pytest.fixture
    def make(self) -> Callable[..., Any]:
        return lambda site: CalendarEvents(site=site)

    @pytest.fixture
    def expected(self) -> Any:
        day = datetime(2026, 11, 25, tzinfo=UTC)
        return (Span(day.replace(hour=8), day.replace(hour=16), "Launch"),)


class TestCalendarOnCall(CalendarContract):
    @pytest.fixture
    def make(self) -> Callable[..., Any]:
        return lambda site: CalendarOnCall(site=site)

    @pytest.fixture
    def expected(self) -> Any:
        return frozenset({"ann@acme.example"})
