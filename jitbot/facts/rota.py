"""Who is on call by a rota written in the policy itself: people in turn, handed over by the wall clock.

Shifts are counted in days and hours of the rota's own zone, so that a handover at 09:00 stays at 09:00 when the clocks
change. Of several layers the last one on duty decides, and an override goes before them all.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from jitbot.model import FactKind
from jitbot.ports import Site

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EVERY = re.compile(r"([1-9][0-9]?)([wdh])")
_PERSON = re.compile(r"[UW][A-Z0-9_]{1,30}|[^\s@<>,:]{1,64}@[^\s@<>,]+\.[^\s@<>,]+")
_HOURS = (1, 2, 3, 4, 6, 8, 12)
"""Shifts of hours divide a day, or else a handover would move round the clock."""


def _person(text: str) -> str:
    if not _PERSON.fullmatch(text):
        raise ValueError(f"{text!r} is nobody; write a Slack id (U024BE7LH) or an e-mail address")
    return text


def _day(text: str) -> str:
    _as_date(text)
    return text


def _clock(text: str) -> str:
    _as_time(text)
    return text


def _moment(text: str) -> str:
    _as_moment(text)
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text!r} is not a time zone; write it like Europe/Berlin") from None
    return text


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _length(text: str) -> str:
    found = _EVERY.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not the length of a shift; write 1w, 2d or 12h")
    if found[2] == "h" and int(found[1]) not in _HOURS:
        raise ValueError("hours have to divide a day: 1h, 2h, 3h, 4h, 6h, 8h or 12h; for more write days, as in 1d")
    return text


Who = Annotated[str, AfterValidator(_person)]
Day = Annotated[str, AfterValidator(_day)]
Clock = Annotated[str, AfterValidator(_clock)]
Moment = Annotated[str, AfterValidator(_moment)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Layer(_Strict):
    """People in turn. With `days` or `between` they are on duty only then."""

    people: list[Who] = Field(min_length=1, max_length=100, description="Who takes turns, in this order")
    starts: Day = Field(description="The day on which the first of them begins, like 2026-11-02")
    every: Annotated[str, AfterValidator(_length)] = Field("1w", description="How long a turn is: 1w, 2d or 12h")
    handover: Clock = Field("09:00", description="When turns begin, by the wall clock")
    days: list[Weekday] | None = Field(None, min_length=1, description="Only on these days of the week")
    between: str | None = Field(None, description="Only between these times, like 09:00-17:00; may go over midnight")

    @model_validator(mode="after")
    def _two_times(self) -> Self:
        if self.between is not None:
            start, _, end = self.between.partition("-")
            if _as_time(start) == _as_time(end):
                raise ValueError("`between` needs two different times, like 09:00-17:00")
        return self

    def on_duty(self, local: datetime) -> bool:
        """Tell whether this layer is on duty at a local instant; a night belongs to the day on which it begins."""
        start, end = map(_as_time, (self.between or "00:00-00:00").split("-"))
        clock, day = local.time(), local.date()
        over_midnight = start >= end
        inside = start <= clock < end if not over_midnight else clock >= start or clock < end
        if over_midnight and clock < end:
            day -= timedelta(days=1)
        return inside and (self.days is None or DAYS[day.weekday()] in self.days)

    def turn(self, at: datetime, zone: ZoneInfo) -> str | None:
        """Return whose turn it is, None before the first."""
        first = datetime.combine(_as_date(self.starts), _as_time(self.handover))
        step = _as_length(self.every)
        number = (at.astimezone(zone).replace(tzinfo=None) - first) // step
        while _instant(first + (number + 1) * step, zone) <= at:
            number += 1
        while _instant(first + number * step, zone) > at:
            number -= 1
        return self.people[number % len(self.people)] if number >= 0 else None


class Override(_Strict):
    """Somebody else for a while."""

    begins: Moment = Field(alias="from", description="When it begins, like 2026-12-24 09:00")
    until: Moment = Field(description="When it ends")
    who: Annotated[list[Who], BeforeValidator(_as_list)] = Field(
        max_length=100, description="Who is on call instead: one person or a list; an empty list for nobody"
    )

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if _as_moment(self.begins) >= _as_moment(self.until):
            raise ValueError("an override has to end after it begins")
        return self


class RotaArguments(_Strict):
    """What `rota` takes: one layer's keys, or `layers`."""

    zone: Annotated[str, AfterValidator(_zone)] = Field("UTC", description="The time zone of all its times")
    people: list[Who] | None = Field(None, min_length=1, max_length=100, description="Who takes turns, in this order")
    starts: Day | None = Field(None, description="The day on which the first of them begins, like 2026-11-02")
    every: Annotated[str, AfterValidator(_length)] | None = Field(
        None, description="How long a turn is; 1w if left out"
    )
    handover: Clock | None = Field(None, description="When turns begin, by the wall clock; 09:00 if left out")
    layers: list[Layer] = Field(
        [], max_length=10, description="Several rotas over one another; the last on duty decides"
    )
    overrides: list[Override] = Field([], max_length=200, description="Somebody else for a while")

    @model_validator(mode="after")
    def _either_or(self) -> Self:
        own = [name for name in ("people", "starts", "every", "handover") if getattr(self, name) is not None]
        if self.layers and own:
            raise ValueError(f"`{own[0]}` belongs into one of the `layers`")
        if not self.layers and (self.people is None or self.starts is None):
            raise ValueError("write `people` and `starts`, or `layers`")
        return self

    def all_layers(self) -> Sequence[Layer]:
        """Return the layers, which may be one that is not called so."""
        if self.people is None or self.starts is None:
            return self.layers
        return [
            Layer(
                people=self.people,
                starts=self.starts,
                every=self.every or "1w",
                handover=self.handover or "09:00",
                days=None,
                between=None,
            )
        ]


class Rota:
    """Tells who is on call by a rota in the policy. It reads nothing, so nothing is remembered either."""

    Arguments = RotaArguments
    keep = timedelta(0)

    def __init__(self, site: Site) -> None:
        """Take the site, as every source does; a rota needs nothing of it."""

    def kind(self, arguments: BaseModel) -> FactKind:
        """Tell that it comes to people."""
        return FactKind.PEOPLE

    def read(self, arguments: BaseModel, at: datetime) -> Any:
        """Return who is on call: by the last override that holds, else by the last layer on duty."""
        assert isinstance(arguments, RotaArguments)  # noqa: S101 - the registry has validated them
        zone = ZoneInfo(arguments.zone)
        for each in reversed(arguments.overrides):
            if _instant(_as_moment(each.begins), zone) <= at < _instant(_as_moment(each.until), zone):
                return frozenset(each.who)
        for layer in reversed(arguments.all_layers()):
            who = layer.turn(at, zone) if layer.on_duty(at.astimezone(zone)) else None
            if who is not None:
                return frozenset({who})
        return frozenset()


def _instant(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of a wall clock's time: the first of two, and after the gap where there is none."""
    return local.replace(tzinfo=zone).astimezone(UTC)


def _as_date(text: str) -> date:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not a day; write it like 2026-11-02")


def _as_time(text: str) -> time:
    found = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])", text)
    if not found:
        raise ValueError(f"{text!r} is not a time; write it in quotes, like '09:00'")
    return time(int(found[1]), int(found[2]))


def _as_moment(text: str) -> datetime:
    day, _, clock = text.replace("T", " ").partition(" ")
    return datetime.combine(_as_date(day), _as_time(clock or "00:00"))


def _as_length(text: str) -> timedelta:
    count, unit = int(text[:-1]), text[-1]
    return {"w": timedelta(weeks=count), "d": timedelta(days=count), "h": timedelta(hours=count)}[unit]
