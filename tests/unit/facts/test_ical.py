"""Calendar feeds: what they say is read as they mean it, and what cannot be relied on is unread."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from jitbot.errors import FactUnavailable, InvalidInput
from jitbot.facts import ical
from jitbot.facts.ical import CalendarEvents, CalendarOnCall, Feed, Rota
from jitbot.facts.ical_reader import MOST_EVENTS, Unfit, events
from jitbot.facts.registry import FactRegistry
from jitbot.model import CALENDAR_AHEAD, FactKind, Span
from jitbot.outbound.site import EnvironmentSite
from tests.servers import AServer

Start = Callable[[], AServer]
AT = datetime(2026, 11, 20, 11, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def feed(*told: str, head: str = "") -> str:
    """Write a calendar; each event is given without its frame, with `;;` between lines."""
    blocks = (f"BEGIN:VEVENT;;UID:{number};;{event};;END:VEVENT;;" for number, event in enumerate(told))
    return f"BEGIN:VCALENDAR;;VERSION:2.0;;PRODID:test;;{head}{''.join(blocks)}END:VCALENDAR;;".replace(";;", "\r\n")


def taking_place(text: str, zone: ZoneInfo = BERLIN) -> list[tuple[str, str]]:
    found = events(text, datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC), zone)
    utc = [[datetime.fromisoformat(each[name]).astimezone(UTC) for name in ("start", "end")] for each in found]
    return [(f"{start:%m-%d %H:%M}", f"{end:%m-%d %H:%M}") for start, end in sorted(utc)]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART:20261120T100000Z;;DTEND:20261120T120000Z", ("11-20 10:00", "11-20 12:00")),
        ("DTSTART:20261120T100000Z;;DURATION:PT2H", ("11-20 10:00", "11-20 12:00")),
        ("DTSTART;TZID=America/New_York:20261120T100000;;DURATION:PT1H", ("11-20 15:00", "11-20 16:00")),
        ("DTSTART;TZID=W. Europe Standard Time:20261120T100000;;DURATION:PT1H", ("11-20 09:00", "11-20 10:00")),
        ("DTSTART:20261120T100000;;DURATION:PT1H", ("11-20 09:00", "11-20 10:00")),
        ("DTSTART;VALUE=DATE:20261120;;DTEND;VALUE=DATE:20261122", ("11-19 23:00", "11-21 23:00")),
        ("DTSTART;VALUE=DATE:20261120", ("11-19 23:00", "11-20 23:00")),
        ("DTSTART;VALUE=DATE:20261120;;DTEND;VALUE=DATE:20261120", ("11-19 23:00", "11-20 23:00")),
        ("DTSTART:20261031T100000Z;;DTEND:20270301T100000Z", ("10-31 10:00", "03-01 10:00")),
    ],
    ids=["utc", "length", "zone", "windows zone", "floating", "days", "a day", "a day by another habit", "longer"],
)  # fmt: skip
def test_an_event_takes_place_when_its_calendar_means(event: str, expected: tuple[str, str]) -> None:
    assert taking_place(feed(event)) == [expected]


def test_a_weekly_event_keeps_its_hour_when_the_clocks_change() -> None:
    text = feed("DTSTART;TZID=Europe/Berlin:20261018T100000;;DURATION:PT1H;;RRULE:FREQ=WEEKLY;COUNT=3")
    found = events(text, datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), BERLIN)
    starts = sorted(datetime.fromisoformat(each["start"]).astimezone(UTC) for each in found)
    assert [start.hour for start in starts] == [8, 9, 9]


def test_a_date_taken_out_and_a_shift_that_was_swapped_are_seen() -> None:
    series = "DTSTART:20261102T100000Z;;DURATION:PT2H;;RRULE:FREQ=WEEKLY;COUNT=4;;EXDATE:20261116T100000Z"
    swapped = "RECURRENCE-ID:20261109T100000Z;;DTSTART:20261109T130000Z;;DURATION:PT2H"
    text = feed(series, swapped).replace("UID:1", "UID:0")
    assert [start for start, _ in taking_place(text)] == ["11-02 10:00", "11-09 13:00", "11-23 10:00"]


def test_what_was_called_off_or_takes_no_time_does_not_count() -> None:
    length = "DTSTART:20261120T100000Z;;DURATION:PT2H;;"
    assert taking_place(feed(length + "STATUS:CANCELLED", "DTSTART:20261120T100000Z")) == []
    assert len(taking_place(feed(length + "STATUS:TENTATIVE"))) == 1


def test_a_calendar_says_itself_in_which_zone_its_floating_times_are() -> None:
    event = "DTSTART:20261120T100000;;DURATION:PT1H"
    text = feed(event, head="X-WR-TIMEZONE:America/New_York;;")
    assert taking_place(text) == [("11-20 15:00", "11-20 16:00")]


LENGTH = "DTSTART:20261120T100000Z;;DURATION:PT2H;;"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<!doctype html><title>Log in</title>", "this is no calendar; a page to log in"),
        ("", "this is no calendar"),
        (feed(LENGTH)[:-20], "ends in the middle"),
        (feed("SUMMARY:x"), "the times of the event 'x' cannot be read"),
        (feed("SUMMARY:x;;DTSTART:banana"), "the DTSTART of the event 'x' cannot be read"),
        (feed("DTSTART:20261120T100000Z;;DTEND:banana"), "the DTEND of the event '0'"),
        (feed("DTSTART:20261120T100000Z;;DTEND:20261120T090000Z"), "the event '0' ends before it begins"),
        (feed("DTSTART:20261120T100000Z;;DURATION:-PT1H"), "the event '0' ends before it begins"),
        (feed(LENGTH + "DTEND:20261120T110000Z"), "the event '0' has two ends"),
        (feed("DTSTART;TZID=No/Where:20261120T100000;;DURATION:PT1H"), "a time zone that is not known: No/Where"),
        (feed(LENGTH + "RRULE:FREQ=DAILY;;EXDATE;TZID=No/Where:20261121T100000"), "not known: No/Where"),
        (feed(LENGTH, head="X-WR-TIMEZONE:No/Where;;"), "it goes by a time zone that is not known: No/Where"),
        (feed(LENGTH + "RRULE:banana"), "the RRULE of the event '0' cannot be read"),
        (feed(LENGTH + "RRULE:FREQ=BANANA"), "the RRULE of the event '0' cannot be read"),
        (feed(LENGTH + "RRULE:FREQ=DAILY;;EXDATE:banana"), "the EXDATE of the event '0' cannot be read"),
        (feed(LENGTH + "EXRULE:FREQ=DAILY"), "the times of the event '0' cannot be read"),
        (feed(LENGTH + "RRULE:FREQ=SECONDLY"), "repeats within a day"),
        (feed(LENGTH + "RRULE:FREQ=HOURLY;COUNT=3"), "repeats within a day"),
        (feed(LENGTH + "RRULE:FREQ=DAILY;BYHOUR=1,2,3"), "repeats within a day"),
    ],
)  # fmt: skip
def test_a_calendar_that_cannot_be_relied_on_is_refused(text: str, words: str) -> None:
    with pytest.raises(Unfit, match=words):
        taking_place(text)


def test_a_fault_that_does_not_touch_the_times_does_not_matter() -> None:
    assert taking_place(feed(LENGTH + "GEO:banana;;PRIORITY:banana"))


def test_more_events_than_anybody_needs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitbot.facts.ical_reader.MOST_EVENTS", 3)
    daily = "DTSTART:20261101T100000Z;;DURATION:PT2H;;RRULE:FREQ=DAILY;COUNT="
    assert len(taking_place(feed(daily + "3"))) == 3
    with pytest.raises(Unfit, match=r"more than 3 events"):
        taking_place(feed(daily + "4"))
    assert MOST_EVENTS == 5000


def source(server: AServer, secrets: dict[str, str] | None = None) -> EnvironmentSite:
    return EnvironmentSite([server.host], secrets or {})


def serve(server: AServer, *told: str, path: str = "/cal.ics") -> str:
    server.answers[path] = (200, {"Content-Type": "text/calendar"}, feed(*told).encode())
    return f"{server.url}{path}"


def test_events_are_spans_with_their_titles(a_server: Start) -> None:
    server = a_server()
    url = serve(server, LENGTH + "SUMMARY:Freeze: Black Friday", LENGTH + "SUMMARY:Lunch")
    events = CalendarEvents(site=source(server))
    span = Span(datetime(2026, 11, 20, 10, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC), "Freeze: Black Friday")
    assert events.read(Feed(url=url, summary="(?i)^freeze"), AT) == (span,)
    assert len(events.read(Feed(url=url), AT)) == 2
    assert server.seen[0].headers["accept"] == "text/calendar, */*"
    assert events.kind(Feed(url=url)) is FactKind.SPANS


def test_events_are_told_as_far_ahead_as_promised(a_server: Start) -> None:
    server = a_server()
    url = serve(server, "DTSTART:20241120T100000Z;;DURATION:PT30H;;RRULE:FREQ=YEARLY")
    spans = CalendarEvents(site=source(server)).read(Feed(url=url), AT)
    assert [span.start.year for span in spans] == [2026, 2027]
    last = AT + CALENDAR_AHEAD - timedelta(minutes=1)
    url = serve(server, f"DTSTART:{last:%Y%m%dT%H%M%SZ};;DURATION:PT1H", path="/far.ics")
    assert len(CalendarEvents(site=source(server)).read(Feed(url=url), AT)) == 1


def test_a_private_address_and_a_token_are_secrets(a_server: Start) -> None:
    server = a_server()
    url = serve(server, LENGTH)
    site = source(server, {"JITBOT_SECRET_CAL": url, "JITBOT_SECRET_TOKEN": "abcdefgh12345678"})
    assert CalendarEvents(site=site).read(Feed(url_from="cal", secret="token"), AT)
    assert server.seen[0].headers["authorization"] == "Bearer abcdefgh12345678"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "needs either `url`, or `url_from`"),
        ({"url": "https://a.example/x", "url_from": "cal"}, "needs either"),
        ({"url": "webcal://a.example/x"}, "begins with https://"),
        ({"url": "https://a.example/x y"}, "begins with https://"),
        ({"url": "https://a.example/x", "zone": "Berlin"}, "is no time zone"),
        ({"url": "https://a.example/x", "summary": "("}, r"is not a pattern \(RE2\): missing \)"),
        ({"url": "https://a.example/x", "named_by": []}, "at least 1 item"),
        ({"url": "https://a.example/x", "people": {"ann": "Ann"}}, "'Ann' is neither an e-mail address nor a Slack"),
        ({"url": "https://a.example/x", "named_by": ["location"]}, "'attendee', 'organizer', 'summary' or 'desc"),
    ],
)
def test_arguments_are_looked_at_when_policies_are_loaded(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Rota.model_validate(arguments)


def on_call(server: AServer, url: str, **more: Any) -> frozenset[str]:
    return CalendarOnCall(site=source(server)).read(Rota(url=url, **more), AT)


def test_whoever_an_event_invites_is_on_call_while_it_takes_place(a_server: Start) -> None:
    server = a_server()
    url = serve(
        server,
        LENGTH + "ATTENDEE;CN=Ann:mailto:Ann@acme.example",
        "DTSTART:20261120T120000Z;;DURATION:PT2H;;ATTENDEE:mailto:later@acme.example",
    )
    assert on_call(server, url) == {"ann@acme.example"}
    calendar = CalendarOnCall(site=source(server))
    assert calendar.read(Rota(url=url), AT + timedelta(hours=1)) == {"later@acme.example"}
    assert calendar.read(Rota(url=url), AT + timedelta(hours=4)) == frozenset(), "nobody, as the calendar says"
    assert calendar.kind(Rota(url=url)) is FactKind.PEOPLE


def test_who_declined_and_what_is_a_room_is_not_on_call(a_server: Start) -> None:
    server = a_server()
    people = (
        "ATTENDEE;PARTSTAT=DECLINED:mailto:ann@acme.example;;ATTENDEE;CUTYPE=ROOM:mailto:room@acme.example;;"
        "ATTENDEE;PARTSTAT=ACCEPTED:MAILTO:bo@acme.example;;ATTENDEE:urn:uuid:x"
    )
    assert on_call(server, serve(server, LENGTH + people)) == {"bo@acme.example"}


def test_a_title_names_people_where_nobody_is_invited(a_server: Start) -> None:
    server = a_server()
    url = serve(server, LENGTH + "SUMMARY:[L1] ann@acme.example\\, bo@acme.example;;ORGANIZER:mailto:cal@acme.example")
    assert on_call(server, url) == {"ann@acme.example", "bo@acme.example"}
    assert on_call(server, url, named_by=["organizer"]) == {"cal@acme.example"}
    assert on_call(server, url, named_by=["description", "summary"]) == {"ann@acme.example", "bo@acme.example"}


def test_a_rota_that_titles_its_shifts_with_names_is_told_who_they_are(a_server: Start) -> None:
    server = a_server()
    people = {"ann": "ann@acme.example", "bo": "U024BE7LH"}
    assert on_call(server, serve(server, LENGTH + "SUMMARY:[L1] ann\\, bo"), people=people) == set(people.values())
    assert on_call(server, serve(server, LENGTH + "SUMMARY:ann"), people=people) == {"ann@acme.example"}
    with pytest.raises(FactUnavailable, match=r"no name of `people`"):
        on_call(server, serve(server, LENGTH + "SUMMARY:ann\\, zoe"), people=people)


def test_a_shift_that_names_nobody_is_unread_and_not_empty(a_server: Start) -> None:
    server = a_server()
    url = serve(server, LENGTH + "SUMMARY:Ann;;ORGANIZER:mailto:cal@acme.example")
    with pytest.raises(FactUnavailable, match="the event 'Ann' has no e-mail address in its attendee or summary"):
        on_call(server, url)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"<html>Log in</html>", "this is no calendar"),
        (200, b"", "this is no calendar"),
        (401, b"", "does not accept our credentials"),
        (503, b"", "it answers 503"),
        (200, b"BEGIN:VCALENDAR\r\n\xff\xfe=;\r\nEND:VCALENDAR", "the calendar cannot be read: "),
        (200, b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR", "be read: Found multiple"),
    ],
    ids=["login page", "empty", "401", "503", "nonsense", "two"],
)  # fmt: skip
def test_a_feed_that_cannot_be_read_is_unread(a_server: Start, status: int, body: bytes, words: str) -> None:
    server = a_server()
    server.answers["/cal.ics"] = (status, {}, body)
    with pytest.raises(FactUnavailable, match=words):
        CalendarEvents(site=source(server)).read(Feed(url=f"{server.url}/cal.ics"), AT)


def test_a_feed_that_takes_for_ever_is_ended(a_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ical, "SECONDS", 0.6)
    server = a_server()
    url = serve(server, LENGTH + "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")  # it is looked for until the year 9999
    with pytest.raises(FactUnavailable, match=r"takes longer than 0\.6 s to be read"):
        CalendarEvents(site=source(server)).read(Feed(url=url), AT)


def test_a_reader_that_breaks_is_unread(a_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server = a_server()
    monkeypatch.setattr(ical, "_COMMAND", ("/bin/false",))
    with pytest.raises(FactUnavailable, match="could not be read here"):
        CalendarEvents(site=source(server)).read(Feed(url=serve(server, LENGTH)), AT)


def test_the_reader_is_given_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch, a_server: Start) -> None:
    given: list[Any] = []
    real = subprocess.run

    def watched(*args: Any, **more: Any) -> Any:
        given.append(more["env"])
        return real(*args, **more)

    monkeypatch.setattr(subprocess, "run", watched)
    monkeypatch.setenv("JITBOT_SECRET_OTHER", "abcdefgh12345678")
    server = a_server()
    assert CalendarEvents(site=source(server)).read(Feed(url=serve(server, LENGTH)), AT)
    assert given == [{}]


def test_both_sources_are_installed_and_guarded(a_server: Start) -> None:
    server = a_server()
    registry = FactRegistry(["ical.events", "ical.on_call"], source(server))
    url = serve(server, LENGTH + "ATTENDEE:mailto:ann@acme.example")
    arguments = registry.arguments("ical.on_call", {"url": url})
    assert registry.source("ical.on_call").read(arguments, AT) == {"ann@acme.example"}
    assert registry.kind("ical.events", {"url": url}) is FactKind.SPANS
    with pytest.raises(InvalidInput, match="zone: is no time zone"):
        registry.arguments("ical.events", {"url": url, "zone": "x"})
