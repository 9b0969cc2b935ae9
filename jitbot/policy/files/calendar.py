"""`windows.yml`: windows by the wall clock of their zone, holidays as dates, and freezes as stretches of time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from jitbot.model import DAY, Calendar, FactKind, Freeze, Holidays, Span, WeeklySpan, Window
from jitbot.policy.files.calendar_schema import (
    CalendarHead,
    FreezeKeys,
    HolidayKeys,
    SpanKeys,
    WindowKeys,
)
from jitbot.policy.files.complaints import check
from jitbot.policy.files.facts import FactReader, Sources
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.public_holidays import countries, public, subdivisions
from jitbot.policy.files.selectors import GROUP_NAME, People, read_selectors
from jitbot.policy.files.yaml_events import Document, Path
from jitbot.policy.wording import did_you_mean, listed, shown

Keys = TypeVar("Keys", WindowKeys, HolidayKeys, FreezeKeys)


@dataclass(frozen=True, slots=True)
class Dates:
    """What `windows.yml` defines; `whole` is False when it has faults, so that some of it may be missing."""

    calendar: Calendar = field(default_factory=Calendar)
    whole: bool = True


def read_calendar(
    documents: Sequence[Document | None], people: People, actions: Collection[str], sources: Sources, issues: Issues
) -> Dates:
    """Read `windows.yml`; None stands for a file that could not be read."""
    windows: dict[str, Window] = {}
    freezes: dict[str, Freeze] = {}
    whole = True
    for document in documents:
        keys = check(CalendarHead, document, (), issues) if document else None
        if document is None or keys is None:
            whole = False
            continue
        before = len(issues)
        reader = _Reader(document, keys, people, actions, issues)
        windows |= reader.windows()
        freezes |= reader.freezes(FactReader(document, sources, issues))
        whole = whole and len(issues) == before
    return Dates(Calendar(windows, freezes), whole)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one document whose keys are as they should be."""

    document: Document
    keys: CalendarHead
    people: People
    actions: Collection[str]
    issues: Issues

    def windows(self) -> dict[str, Window]:
        """Read the windows, and the holidays on which they are closed; those with faults are left out."""
        known: dict[str, Holidays | None] = dict.fromkeys(self.keys.holidays)
        for name, days in self._entries("holidays", HolidayKeys):
            known[name] = self._holidays(("holidays", name), days)
        found = self._entries("windows", WindowKeys)
        return {name: self._window(("windows", name), keys, known) for name, keys in found}

    def freezes(self, facts: FactReader) -> dict[str, Freeze]:
        """Read the freezes; those with faults are left out."""
        found = self._entries("freezes", FreezeKeys)
        return {name: self._freeze(("freezes", name), keys, facts) for name, keys in found}

    def _entries(self, part: str, model: type[Keys]) -> Iterator[tuple[str, Keys]]:
        """Yield the entries of one part of the file that are what they should be; the others are noted."""
        for name in getattr(self.keys, part):
            keys = check(model, self.document, (part, name), self.issues)
            if keys is not None:
                yield name, keys

    def _holidays(self, path: Path, keys: HolidayKeys) -> Holidays:
        self._check_name(path, "holidays")
        own = {day: "closed" for day in keys.days}
        if keys.country is None:
            if keys.subdivision is not None or not keys.days:
                self._note((*path, "subdivision"), "these holidays need a `country`, or `days`.")
            return Holidays(own)
        codes = subdivisions(keys.country)
        if codes is None:
            known = countries()
            guess = did_you_mean(keys.country.upper(), known)
            message = f"{shown(keys.country)} is no country whose holidays are known; write its two letters, as in DE."
            self._note((*path, "country"), message + guess)
        elif keys.subdivision is not None and keys.subdivision not in codes:
            there = f"There is {listed(codes, 'and', 99)}."
            message = f"{keys.country} has no subdivision {shown(keys.subdivision)}. {there}"
            self._note((*path, "subdivision"), message)
        else:
            found = public(keys.country, keys.subdivision)
            return Holidays({**found.days, **own}, found.years)
        return Holidays(own)

    def _window(self, path: Path, keys: WindowKeys, holidays: Mapping[str, Holidays | None]) -> Window:
        self._check_name(path, "window")
        single = [name for name in ("days", "start", "end") if name in keys.model_fields_set]
        if keys.spans is None:
            spans = [self._span(path, keys)]
        else:
            spans = [self._span((*path, "spans", index), item) for index, item in enumerate(keys.spans)]
            if single:
                self._note((*path, "spans"), "a window has either `spans`, or days and times of its own.")
        names = list(holidays) if keys.holidays == "closed" else keys.holidays or []
        for index, name in enumerate(names):
            if name not in holidays:
                self._note((*path, "holidays", index), _undefined("holidays", name, holidays))
        if keys.holidays == "closed" and not holidays:
            self._note((*path, "holidays"), "there are no `holidays` in this file that it could be closed on.")
        closed_on = tuple(days for days in map(holidays.get, names) if days is not None)
        return Window(str(path[-1]), self._zone(path, keys.zone), tuple(spans), closed_on, self._where(path))

    def _span(self, path: Path, keys: SpanKeys) -> WeeklySpan:
        days = frozenset(range(7)) if keys.days is None else frozenset().union(*keys.days)
        if (keys.start is None) != (keys.end is None):
            given = "from" if keys.end is None else "until"
            self._note((*path, given), "`from` and `until` go together; without both, it is the whole day.")
        start, end = keys.start or 0, DAY if keys.end is None else keys.end
        if start == DAY:
            self._note((*path, "from"), "a window cannot begin at 24:00; that is 00:00 of the next day.")
        if start == end:
            self._note((*path, "until"), "this window closes when it opens; for a whole day, leave both times out.")
        return WeeklySpan(days, start, end)

    def _freeze(self, path: Path, keys: FreezeKeys, facts: FactReader) -> Freeze:
        self._check_name(path, "freeze")
        name, zone = str(path[-1]), self._zone(path, keys.zone)
        calendar = None
        if keys.calendar is not None:
            calendar = facts.call((*path, "calendar"), name, keys.calendar, {FactKind.SPANS}, places=False)
        elif keys.start is None and keys.end is None:
            self._note(path, "a freeze needs `from` and `until`, a `calendar`, or all of them.")
        if (keys.start is None) != (keys.end is None):
            lacking = "from" if keys.start is None else "until"
            self._note(path, f"a freeze that is never lifted is refused: `{lacking}` is missing.")
        for index, action in enumerate(keys.applies_to or ()):
            if action not in self.actions:
                self._note((*path, "applies_to", index), _undefined("action", action, self.actions))
        return Freeze(
            name=name,
            zone=zone,
            spans=self._stretch(path, keys, zone),
            calendar=calendar,
            passed_by=read_selectors(self.document, (*path, "except"), keys.passed_by, self.people, self.issues),
            applies_to=tuple(keys.applies_to or ()),
            where=self._where(path),
        )

    def _stretch(self, path: Path, keys: FreezeKeys, zone: ZoneInfo) -> tuple[Span, ...]:
        if keys.start is None or keys.end is None:
            return ()
        start, end = _begins(keys.start, zone), _ends(keys.end, zone)
        if end <= start:
            self._note((*path, "until"), "this freeze ends before it begins.")
        return (Span(start, end, str(path[-1])),)

    def _zone(self, path: Path, own: ZoneInfo | None) -> ZoneInfo:
        zone = own or self.keys.zone
        if zone is None:
            self._note(path, "`zone` is missing here, and the file has none for all; write it like Europe/Berlin.")
        return zone or ZoneInfo("UTC")

    def _check_name(self, path: Path, what: str) -> None:
        if not GROUP_NAME.fullmatch(str(path[-1])):
            message = f"{shown(str(path[-1]))} cannot name a {what}; use letters, digits, `-`, `_` and `.`."
            self.issues.add(self.document.key(path), message)

    def _note(self, path: Path, message: str) -> None:
        """Note a fault at a value; at the key where the whole entry is at fault."""
        place = self.document.at(path) if len(path) > 2 else self.document.key(path)
        self.issues.add(place, message)

    def _where(self, path: Path) -> str:
        place = self.document.key(path)
        return f"{place.file}:{place.line}"


def _undefined(what: str, name: str, known: Collection[str]) -> str:
    names = sorted(known)
    return f"there is no {what} {shown(name)}.{did_you_mean(name, names)} There is {listed(names, 'and', 40)}."


def _begins(moment: date | datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of a time on the wall clock; of a time that comes twice, the first."""
    wall = moment if isinstance(moment, datetime) else datetime.combine(moment, time())
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _ends(moment: date | datetime, zone: ZoneInfo) -> datetime:
    """Return the instant at which a whole day is over, or of a time; of a time that comes twice, the second."""
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _begins(moment + timedelta(days=1), zone)
