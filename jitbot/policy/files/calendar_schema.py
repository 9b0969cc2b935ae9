"""The keys of `windows.yml`, as pydantic models; its days, times and dates are read here."""

import re
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, PlainValidator, WithJsonSchema

from jitbot.model import DAY
from jitbot.policy.files.strict import FactKeys, Strict, wrong
from jitbot.policy.wording import did_you_mean, shown

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} (?:[01][0-9]|2[0-3]):[0-5][0-9]")


def _days(value: object) -> frozenset[int]:
    words = str(value).split("-")
    unknown = [word for word in words if word not in DAYS]
    if len(words) > 2 or unknown:
        guess = did_you_mean(unknown[0].lower()[:3], DAYS) if unknown else ""
        raise wrong(f"{shown(str(value))} is no day; write {', '.join(DAYS)}, or from one to another: mon-fri.{guess}")
    first, last = DAYS.index(words[0]), DAYS.index(words[-1])
    return frozenset((first + step) % 7 for step in range((last - first) % 7 + 1))


def _time(value: object) -> int:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise wrong(f"{shown(str(value))} is no time of day; write it with two digits each, as in '09:00'.")
    return int(match[1]) * 60 + int(match[2]) if match[1] else DAY


def _zone(value: object) -> ZoneInfo:
    known = _zones()
    if not isinstance(value, str) or value not in known:
        guess = did_you_mean(str(value), sorted(known))
        raise wrong(f"{shown(str(value))} is no time zone; write it like Europe/Berlin or UTC.{guess}")
    return ZoneInfo(value)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _date(value: object) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) and _DATE.fullmatch(value) else "")
    except ValueError:
        raise wrong(f"{shown(str(value))} is no date; write it like 2026-12-24.") from None


def _moment(value: object) -> date | datetime:
    """Read a whole day, or a time on the wall clock (naive)."""
    text = value if isinstance(value, str) else ""
    try:
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text)
        return date.fromisoformat(text if _DATE.fullmatch(text) else "")
    except ValueError:
        raise wrong(f"{shown(str(value))} is no date; write 2026-12-24, or with a time '2026-12-24 18:00'.") from None


_DATE_SCHEMA = {"type": "string", "pattern": f"^{_DATE.pattern}$"}
_MOMENT_SCHEMA = {"type": "string", "pattern": f"^{_DATE.pattern}( ([01][0-9]|2[0-3]):[0-5][0-9])?$"}
_DAY = "|".join(DAYS)

Days = Annotated[
    frozenset[int],
    PlainValidator(_days),
    WithJsonSchema({"type": "string", "pattern": f"^({_DAY})(-({_DAY}))?$"}),
]
Time = Annotated[
    int, PlainValidator(_time), WithJsonSchema({"type": "string", "pattern": f"^({_TIME.pattern.replace('?:', '')})$"})
]
Zone = Annotated[ZoneInfo, PlainValidator(_zone), WithJsonSchema({"type": "string"})]
Date = Annotated[date, PlainValidator(_date), WithJsonSchema(_DATE_SCHEMA)]
Moment = Annotated[date | datetime, PlainValidator(_moment), WithJsonSchema(_MOMENT_SCHEMA)]


class SpanKeys(Strict):
    """One part of the week."""

    days: list[Days] | None = Field(None, min_length=1, description="Days it begins on; every day if left out.")
    start: Time | None = Field(None, alias="from", description="When it opens; with `until`, or the whole day.")
    end: Time | None = Field(None, alias="until", description="When it closes; not after `from` means the next day.")


class WindowKeys(SpanKeys):
    """One window: a named part of the week."""

    spans: list[SpanKeys] | None = Field(None, min_length=1, description="Several parts, instead of days and times.")
    zone: Zone | None = Field(None, description="Whose wall clock counts; the file's zone if left out.")
    holidays: Literal["closed"] | list[str] | None = Field(
        None, description="Holidays it is closed on, by name; `closed` for all of them."
    )


class HolidayKeys(Strict):
    """Days on which windows are closed."""

    country: str | None = Field(None, description="Country whose public holidays these are: two letters (ISO 3166-1).")
    subdivision: str | None = Field(None, description="Its state or region (ISO 3166-2, without the country).")
    days: list[Date] = Field([], description="More days, by date.")


class FreezeKeys(Strict):
    """One freeze: by dates, by a calendar, or both."""

    start: Moment | None = Field(None, alias="from", description="When it begins: a day, or a day and a time.")
    end: Moment | None = Field(None, alias="until", description="When it ends; a day without a time is frozen whole.")
    calendar: FactKeys | None = Field(None, description="Where more of its times are read: a source of spans.")
    zone: Zone | None = Field(None, description="Time zone of its dates; the file's zone if left out.")
    passed_by: list[str] = Field([], alias="except", description="Selectors of who may pass it.")
    applies_to: list[str] | None = Field(None, min_length=1, description="Actions it holds for; all if left out.")


class CalendarHead(Strict):
    """`windows.yml`, its entries not looked at yet."""

    windows: dict[str, Any] = Field({})
    holidays: dict[str, Any] = Field({})
    freezes: dict[str, Any] = Field({})
    zone: Zone | None = None


class CalendarFile(CalendarHead):
    """`windows.yml`: windows, holidays and freezes."""

    zone: Zone | None = Field(None, description="Time zone of all windows and freezes that name none.")
    windows: dict[str, WindowKeys] = Field({}, description="Parts of the week, by name.")
    holidays: dict[str, HolidayKeys] = Field({}, description="Days on which windows may be closed, by name.")
    freezes: dict[str, FreezeKeys] = Field({}, description="Times in which nothing changes, by name.")
