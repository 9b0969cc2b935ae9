"""Reads a calendar feed in a process of its own: `python -m jitbot.facts.ical_reader`.

Calendars are written by others, and some take for ever to expand; a process can be ended, and what it does holds up
nobody else. It gets one line of JSON (`start`, `end`, `zone`) and the feed, and answers with JSON: events or a fault.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import recurring_ical_events
from icalendar import Calendar

MOST_EVENTS = 5000
_TIMES = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_BY_THE_CLOCK = ("BYHOUR", "BYMINUTE", "BYSECOND")
_NO_PEOPLE = ("ROOM", "RESOURCE")


class Unfit(Exception):
    """A calendar that cannot be relied on, said in words for people."""


def events(text: str, start: datetime, end: datetime, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Return what takes place in a stretch of time, with repetitions; days and floating times are those of `zone`.

    Raises: Unfit, and whatever the libraries raise on a calendar that they cannot read.
    """
    text = text.removeprefix("\ufeff").strip()
    if not text.upper().startswith("BEGIN:VCALENDAR"):
        raise Unfit("this is no calendar; a page to log in, perhaps")
    if not text.upper().endswith("END:VCALENDAR"):
        raise Unfit("the calendar ends in the middle")
    calendar = Calendar.from_ical(text)
    named = str(calendar.get("X-WR-TIMEZONE", "UTC"))
    if named not in available_timezones():
        raise Unfit(f"it goes by a time zone that is not known: {named[:60]}")
    for event in calendar.walk("VEVENT"):
        _check(event)
    day = timedelta(days=1)  # days and floating times are placed by `zone` only afterwards
    found = recurring_ical_events.of(calendar).between(start - day, end + day)
    told = [_told(event, zone) for event in found if str(event.get("STATUS", "")).upper() != "CANCELLED"]
    return _within(told, start, end)


def _within(told: Iterable[dict[str, Any]], start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Keep what touches the stretch and lasts at all, and write its times."""
    kept = [each for each in told if each["start"] < end and each["end"] > start and each["start"] < each["end"]]
    if len(kept) > MOST_EVENTS:
        raise Unfit(f"there are more than {MOST_EVENTS} events in it")
    return [{**each, "start": each["start"].isoformat(), "end": each["end"].isoformat()} for each in kept]


def _check(event: Any) -> None:
    """Refuse an event whose times the libraries would guess, or that repeats within a day. Raises: Unfit."""
    name = f"the event {_title(event)}"
    broken = [said for said, _ in event.errors if said in _TIMES]
    if broken or "DTSTART" not in event or "EXRULE" in event:
        raise Unfit(f"the {', '.join(broken) or 'times'} of {name} cannot be read")
    for rule in _several(event.get("RRULE")):
        _check_rule(rule, name)
    for value in (value for part in _TIMES for value in _several(event.get(part))):
        zone = getattr(value, "params", {}).get("TZID")
        if zone is not None and any(_floats(each) for each in _instants(value)):
            raise Unfit(f"{name} goes by a time zone that is not known: {str(zone)[:60]}")
    if _length(event) < timedelta(0):
        raise Unfit(f"{name} ends before it begins")


def _check_rule(rule: Any, name: str) -> None:
    frequency = [str(each).upper() for each in rule.get("FREQ", [])]
    if len(frequency) != 1:
        raise Unfit(f"the RRULE of {name} cannot be read")
    if frequency[0] not in _FREQUENCIES or any(len(rule.get(part, [])) > 1 for part in _BY_THE_CLOCK):
        raise Unfit(f"{name} repeats within a day, which a calendar of freezes or shifts has no need of")


def _length(event: Any) -> timedelta:
    if "DTEND" in event and "DURATION" in event:
        raise Unfit(f"the event {_title(event)} has two ends")
    if "DTEND" not in event:
        return event["DURATION"].dt if "DURATION" in event else timedelta(0)
    return _placed(event["DTEND"].dt, ZoneInfo("UTC")) - _placed(event["DTSTART"].dt, ZoneInfo("UTC"))


def _title(event: Any) -> str:
    return repr(str(event.get("SUMMARY", "") or event.get("UID", ""))[:60])


def _instants(value: Any) -> list[Any]:
    """Return the times of a property, which may be a list of its own."""
    return [each.dt for each in value.dts] if hasattr(value, "dts") else [getattr(value, "dt", None)]


def _floats(value: object) -> bool:
    return isinstance(value, datetime) and value.tzinfo is None


def _told(event: Any, zone: ZoneInfo) -> dict[str, Any]:
    start, end = _placed(event.start, zone), _placed(event.end, zone)
    if end == start and not isinstance(event.start, datetime):  # some write one whole day like this
        end = _placed(event.start + timedelta(days=1), zone)
    return {
        "start": start,
        "end": end,
        "summary": str(event.get("SUMMARY", "")),
        "description": str(event.get("DESCRIPTION", "")),
        "attendee": list(_addresses(_several(event.get("ATTENDEE")))),
        "organizer": list(_addresses(_several(event.get("ORGANIZER")))),
    }


def _addresses(people: Iterable[Any]) -> Iterator[str]:
    """Yield the e-mail addresses of people who have not declined."""
    for person in people:
        scheme, _, address = str(person).partition(":")
        declined = str(person.params.get("PARTSTAT", "")).upper() == "DECLINED"
        somebody = str(person.params.get("CUTYPE", "")).upper() not in _NO_PEOPLE
        if scheme.lower() == "mailto" and address and somebody and not declined:
            yield address


def _several(value: Any) -> list[Any]:
    """Return a property's values: it may stand there once, several times, or not at all."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _placed(value: date | datetime, zone: ZoneInfo) -> datetime:
    """Return an instant: a day begins at midnight in the zone, and a floating time is its wall clock's."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), zone)
    return value if value.tzinfo is not None else value.replace(tzinfo=zone)


def main() -> None:
    """Read the question and the feed, and write the answer."""
    question, _, feed = sys.stdin.buffer.read().decode(errors="replace").partition("\n")
    asked = json.loads(question)
    start, end = (datetime.fromisoformat(asked[name]) for name in ("start", "end"))
    try:
        answer: dict[str, Any] = {"events": events(feed, start, end, ZoneInfo(asked["zone"]))}
    except Unfit as error:
        answer = {"fault": str(error)}
    except Exception as error:  # noqa: BLE001 - the libraries raise many kinds, and each means that it cannot be read
        said = str(error).partition(":")[0][:100] or type(error).__name__  # what follows is a piece of the calendar
        answer = {"fault": f"the calendar cannot be read: {said}"}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
