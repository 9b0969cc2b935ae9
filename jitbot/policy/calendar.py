"""Windows and freezes, held against one instant for one request.

What cannot be told (a calendar that was not read, members of a group that may pass) leaves its names unbound, so that
conditions over them err. A person who may pass a freeze does not see it, and the tree says why.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from jitbot.model import (
    CALENDAR_AHEAD,
    Calendar,
    Facts,
    Freeze,
    Request,
    Rule,
    Selector,
    Span,
    UserId,
    WeeklySpan,
    Window,
)

ACTIVE, UNTIL, NAMES = "freeze.active", "freeze.until", "freeze.names"
WINDOWS = "windows"


def planned_start(request: Request, facts: Facts) -> datetime:
    """Return the instant for which windows and freezes are judged: the planned start while it lies ahead."""
    return facts.now if request.starts_at is None else max(facts.now, request.starts_at)


def on_calendar(calendar: Calendar, request: Request, facts: Facts, at: datetime) -> Facts:
    """Return the facts with what the calendar says of this request at an instant (aware)."""
    if not calendar.windows and not calendar.freezes:
        return replace(facts, values={**facts.values, WINDOWS: [], ACTIVE: False, UNTIL: at, NAMES: []})
    values: dict[str, Any] = {}
    unread, notes = dict(facts.unread), dict(facts.notes)
    names = open_windows(calendar.windows.values(), at)
    if names is None:
        unread[WINDOWS] = "nobody knows the holidays of that year"
    else:
        values[WINDOWS] = names
    covering = [freeze for freeze in calendar.freezes.values() if freeze.covers(request.action)]
    judged = [_judge(freeze, request.requester, facts, at) for freeze in covering]
    values |= _frozen(judged, at)
    for name in (ACTIVE, UNTIL, NAMES):
        why = "; ".join(each.unknown for each in judged if each.unknown)
        if name not in values and why:
            unread[name] = why
    notes |= _notes(judged, values)
    return replace(facts, values={**facts.values, **values}, unread=unread, notes=notes)


def until_when(rule: Rule, facts: Facts) -> str:
    """Return a sentence to end the message of a rule that looked at a freeze, or nothing."""
    looked = rule.when is not None and any(name.startswith("freeze.") for name in rule.when.names)
    return f"It lasts until {facts.notes[UNTIL]}." if looked and UNTIL in facts.notes else ""


def open_windows(windows: Iterable[Window], at: datetime) -> list[str] | None:
    """Return the names of the windows that an instant lies in; None where that cannot be told."""
    found = []
    walls: dict[tzinfo, datetime] = {}
    for window in windows:
        if window.zone not in walls:
            walls[window.zone] = at.astimezone(window.zone)
        is_open = _is_open(window, walls[window.zone])
        if is_open is None:
            return None
        if is_open:
            found.append(window.name)
    return found


def _is_open(window: Window, wall: datetime) -> bool | None:
    """Tell whether the wall clock of a window's zone shows one of its minutes."""
    minute = wall.hour * 60 + wall.minute
    today, yesterday = wall.date(), wall.date() - timedelta(days=1)
    begun = {today for span in window.spans if _holds(span, today, minute)}
    begun |= {yesterday for span in window.spans if _reaches(span, yesterday, minute)}
    closed = {_closed(window, day) for day in begun}
    if False in closed:
        return True
    return None if None in closed else False


def _holds(span: WeeklySpan, day: date, minute: int) -> bool:
    """Tell whether a span that begins on this day is open at a minute of the same day."""
    return day.weekday() in span.days and span.start <= minute and (minute < span.end or span.end <= span.start)


def _reaches(span: WeeklySpan, day: date, minute: int) -> bool:
    """Tell whether a span that begins on this day is still open at a minute of the next day."""
    return day.weekday() in span.days and minute < span.end <= span.start


def _closed(window: Window, day: date) -> bool | None:
    if any(day in holidays.days for holidays in window.closed_on):
        return True
    return False if all(day.year in holidays.years for holidays in window.closed_on) else None


@dataclass(frozen=True, slots=True)
class _Judged:
    """One freeze for one person at one instant.

    `spans` are those known, and `active` is None where it cannot be told; `unknown` says what is not known of it.
    """

    freeze: Freeze
    spans: tuple[Span, ...] = ()
    active: bool | None = False
    passed_by: Selector | None = None
    unknown: str = ""


def _judge(freeze: Freeze, user: UserId, facts: Facts, at: datetime) -> _Judged:
    spans, unread = _spans(freeze, facts, at)
    passed_by = next((who for who in freeze.passed_by if user in facts.members.get(str(who), ())), None)
    active = any(span.start <= at < span.end for span in spans)
    if passed_by is not None:
        return _Judged(freeze, (), False, passed_by if active else None)
    hidden = [who for who in freeze.passed_by if str(who) not in facts.members]
    if hidden and any(at < span.end for span in spans):
        why = facts.unread.get(str(hidden[0]), "it was not read")
        unread = unread or f"whether whoever asks may pass {freeze.name} could not be told: {hidden[0]}: {why}"
        return _Judged(freeze, spans, None if active else False, unknown=unread)
    return _Judged(freeze, spans, active or (None if unread else False), unknown=unread)


def _spans(freeze: Freeze, facts: Facts, at: datetime) -> tuple[tuple[Span, ...], str]:
    """Return the spans that are known, and what is not known of them."""
    if freeze.calendar is None:
        return freeze.spans, ""
    read = facts.spans.get(freeze.name)
    if read is None:
        why = facts.unread.get(f"freeze:{freeze.name}", "it was not read")
        return freeze.spans, f"the calendar of {freeze.name}: {why}"
    if at >= facts.now + CALENDAR_AHEAD:
        return freeze.spans, f"the calendar of {freeze.name} is read for {CALENDAR_AHEAD.days} days ahead"
    return (*freeze.spans, *read), ""


def _frozen(judged: Sequence[_Judged], at: datetime) -> Mapping[str, Any]:
    """Bind what is certain: one freeze that is known to hold is enough, and none only if every one is known."""
    active = [each for each in judged if each.active]
    values: dict[str, Any] = {}
    if active or all(each.active is False for each in judged):
        values[ACTIVE] = bool(active)
    if not any(each.unknown for each in judged):
        values[NAMES] = [each.freeze.name for each in active]
        values[UNTIL] = _end(judged, at)
    return values


def _end(judged: Iterable[_Judged], at: datetime) -> datetime:
    """Return when nothing is frozen any more, one span after the other; the instant itself where nothing is."""
    end = at
    for span in sorted((span for each in judged for span in each.spans), key=lambda span: span.start):
        if span.start <= end < span.end:
            end = span.end
    return end


def _notes(judged: Sequence[_Judged], values: Mapping[str, Any]) -> Mapping[str, str]:
    """Say which freezes there are until when, and by what right one does not hold for whoever asks."""
    active = [each.freeze for each in judged if each.active]
    said = [freeze.name for freeze in active]
    said += [f"{each.passed_by} may pass {each.freeze.name}" for each in judged if each.passed_by is not None]
    notes = {ACTIVE: ", ".join(said)} if said else {}
    if active and UNTIL in values:
        notes[UNTIL] = _moment(values[UNTIL], active[-1].zone)
    return notes


def _moment(at: datetime, zone: tzinfo) -> str:
    """Write an instant as the clock on the wall of a zone shows it."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M} {zone}"
