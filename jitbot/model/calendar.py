"""When things are done: weekly windows, the days they are closed on, and freezes with who may pass them.

Windows go by the clock on the wall of their own time zone: a stretch that the clocks skip never comes, and one that
they show twice comes twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo

from jitbot.model.facts import FactCall, Span
from jitbot.model.people import Selector

DAY = 24 * 60
"""Minutes that the wall clock shows in a day."""


@dataclass(frozen=True, slots=True)
class WeeklySpan:
    """From `start` until before `end`, in minutes since midnight, beginning on these days (0 is Monday).

    An `end` that is not after `start` lies on the next day; the stretch then still belongs to the day it begins on.
    """

    days: frozenset[int]
    start: int = 0
    end: int = DAY


@dataclass(frozen=True, slots=True)
class Holidays:
    """Days by date, with what they are called. Whether a day in no year of `years` is one of them, nobody knows."""

    days: Mapping[date, str]
    years: range = range(1, 10_000)


@dataclass(frozen=True, slots=True)
class Window:
    """A named part of the week. No span of it begins on a day of `closed_on`."""

    name: str
    zone: tzinfo
    spans: tuple[WeeklySpan, ...]
    closed_on: tuple[Holidays, ...] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time in which nothing changes: by dates (`spans`), by a calendar, or both; for some actions or (empty) for all.

    It does not hold for whoever is named by one of `passed_by`. Its end is told in `zone`.
    """

    name: str
    zone: tzinfo
    spans: tuple[Span, ...] = ()
    calendar: FactCall | None = None
    passed_by: tuple[Selector, ...] = ()
    applies_to: tuple[str, ...] = ()
    where: str = ""

    def covers(self, action: str) -> bool:
        """Tell whether this freeze holds for that action."""
        return not self.applies_to or action in self.applies_to


@dataclass(frozen=True, slots=True)
class Calendar:
    """All windows and freezes of one policy set, by their names."""

    windows: Mapping[str, Window] = field(default_factory=dict)
    freezes: Mapping[str, Freeze] = field(default_factory=dict)
