"""Moments as people type them: `until Friday 18:00`, `until 2026-12-01`, `for 3d`.

All are read in the time zone of whoever typed them. A day without a time means its end.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jitbot.errors import InvalidInput
from jitbot.policy.durations import parse_duration
from jitbot.policy.wording import shown

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HOW = "Write it like `until Friday 18:00`, `until 2026-12-01`, `until tomorrow 9:00`, `until 18:00` or `for 3d`."

_TIME = re.compile(r"([01]?[0-9]|2[0-3])[:.]([0-5][0-9])")
_MOST_WORDS = 3


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its name, UTC where it is empty or not known here."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def parse_end(text: str, now: datetime, zone: ZoneInfo) -> tuple[datetime, str]:
    """Read `until …` or `for …` at the beginning of a text; return the instant in UTC, and the words behind it.

    Raises: InvalidInput, with how it is written.
    """
    word, *words = text.split() or [""]
    if word.lower() not in ("until", "for") or not words:
        raise InvalidInput(f"Until when? {HOW}")
    for count in range(min(_MOST_WORDS, len(words)), 0, -1):
        end = _read(word.lower(), " ".join(words[:count]), now, zone)
        if end is not None:
            return end, " ".join(words[count:])
    raise InvalidInput(f"{shown(' '.join(words[:_MOST_WORDS]))} is not a time that I understand. {HOW}")


def _read(word: str, text: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    if word == "for":
        try:
            return now + parse_duration(text)
        except InvalidInput:
            return None
    local = _moment(text.lower().replace(" at ", " "), now.astimezone(zone))
    return None if local is None else local.replace(tzinfo=zone).astimezone(UTC)


def _moment(text: str, here: datetime) -> datetime | None:
    """Read a moment by the wall clock; naive."""
    clock = _clock(text)
    if clock is not None:
        today = datetime.combine(here.date(), clock)
        return today if today > here.replace(tzinfo=None) else today + timedelta(days=1)
    first, _, rest = text.replace("t", " ", 1).partition(" ") if _dated(text) else text.partition(" ")
    clock = _clock(rest)
    day = _day(first, here, clock)
    if day is None or (rest and clock is None):
        return None
    return datetime.combine(day, clock) if clock is not None else datetime.combine(day + timedelta(days=1), time())


def _dated(text: str) -> bool:
    return text[:4].isdecimal()


def _clock(text: str) -> time | None:
    found = _TIME.fullmatch(text)
    return time(int(found[1]), int(found[2])) if found else None


def _day(word: str, here: datetime, clock: time | None) -> date | None:
    """Return the day a word names; a day of the week is the next one that is not over."""
    if word in ("today", "tomorrow"):
        return here.date() + timedelta(days=word == "tomorrow")
    days = [number for number, name in enumerate(DAYS) if word in (name, name[:3])]
    if days:
        ahead = (days[0] - here.weekday()) % 7
        over = ahead == 0 and clock is not None and clock <= here.time()
        return here.date() + timedelta(days=7 if over else ahead)
    try:
        return date.fromisoformat(word) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", word) else None
    except ValueError:
        return None
