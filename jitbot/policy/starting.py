"""When a request shall start: instants as people write them, in their own time zone or with an offset from UTC.

`18:30` is the next time that the clock on their wall shows it. What would be two instants, or none, because clocks are
changed in that night, is refused instead of guessed.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from jitbot.errors import InvalidInput
from jitbot.model import Action
from jitbot.policy.durations import format_duration
from jitbot.policy.wording import shown

_INSTANT = re.compile(
    r"(?:(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ])?(?P<time>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)"
    r"(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})?"
)


def parse_start(action: Action, asked: str, now: datetime, zone: tzinfo | None) -> datetime | None:
    """Return when the request shall start, in UTC; None for at once. Raises: InvalidInput.

    Where `zone` is None and the text needs one, only its form is looked at, and None is returned.
    """
    if not asked.strip():
        return None
    try:
        return _start(action, asked, now, zone)
    except InvalidInput as error:
        raise InvalidInput(str(error), {"at": str(error)}) from None


def _start(action: Action, asked: str, now: datetime, zone: tzinfo | None) -> datetime | None:
    if action.start_later is None:
        raise InvalidInput(f"{action.name} starts at once, so leave `at` out.")
    if zone is None and needs_zone(asked):
        _parts(asked)
        return None
    return within(parse_instant(asked, now, zone or UTC), now, action.start_later)


def within(at: datetime, now: datetime, most: timedelta) -> datetime:
    """See that an instant lies ahead, and not too far. Raises: InvalidInput."""
    if at <= now:
        raise InvalidInput(f"{format_instant(at, UTC)} has passed. Leave the start out to start at once.")
    if at > now + most:
        raise InvalidInput(f"{format_instant(at, UTC)} is too far ahead; {format_duration(most)} is the most.")
    return at


def needs_zone(text: str) -> bool:
    """Tell whether a text says a time on somebody's wall, without an offset from UTC."""
    match = _INSTANT.fullmatch(text.strip().upper())
    return match is not None and not match["offset"]


def parse_instant(text: str, now: datetime, zone: tzinfo) -> datetime:
    """Read an instant, in UTC; `zone` is where a time without an offset is meant. Raises: InvalidInput."""
    day, at, own = _parts(text)
    there = zone if own is None else own
    try:
        if day is not None:
            return _exactly(datetime.combine(day, at, there))
        today = now.astimezone(there).date()
        first = _exactly(datetime.combine(today, at, there))
        return first if first > now else _exactly(datetime.combine(today + timedelta(days=1), at, there))
    except OverflowError:
        raise _not_a_time(text) from None


def format_instant(at: datetime, zone: tzinfo) -> str:
    """Write an instant for people: `2026-12-01 09:00 CET (08:00 UTC)`."""
    there, utc = at.astimezone(zone), at.astimezone(UTC)
    words = f"{there:%Y-%m-%d %H:%M %Z}"
    return words if there.utcoffset() == timedelta(0) else f"{words} ({utc:%H:%M} UTC)"


def _parts(text: str) -> tuple[date | None, time, tzinfo | None]:
    match = _INSTANT.fullmatch(text.strip().upper())
    if match is None:
        raise _not_a_time(text)
    clock = match["time"].zfill(len(match["time"]) + (match["time"].index(":") < 2))
    try:
        day = date.fromisoformat(match["date"]) if match["date"] else None
        read = time.fromisoformat(clock + (match["offset"] or ""))
    except ValueError:
        raise _not_a_time(text) from None
    return day, read.replace(tzinfo=None), read.tzinfo


def _exactly(local: datetime) -> datetime:
    """Return the one instant that a time on the wall is. Raises: InvalidInput for a time that is twice or never."""
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        there = f"{local:%Y-%m-%d %H:%M} is in the hour in which clocks are changed"
        raise InvalidInput(f"{there}; write it with its offset from UTC, as in {local:%Y-%m-%dT%H:%M}Z.")
    return local.astimezone(UTC)


def _not_a_time(text: str) -> InvalidInput:
    return InvalidInput(
        f"{shown(text)} is not a time; write it like 18:30, 2026-12-01T09:00 or 2026-12-01T09:00+01:00."
    )
