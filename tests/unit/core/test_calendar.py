"""Windows by the wall clock, and freezes: held against one instant, with nothing concluded from silence."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitbot.model import (
    CALENDAR_AHEAD,
    DAY,
    Calendar,
    Condition,
    FactCall,
    FactKind,
    Facts,
    Freeze,
    Guardrail,
    Holidays,
    Mark,
    Outcome,
    Selector,
    Span,
    Truth,
    WeeklySpan,
    Window,
)
from jitbot.model import Tested as Result
from jitbot.policy.calendar import on_calendar, open_windows, planned_start
from jitbot.policy.decide import decide
from jitbot.policy.wanted import wanted
from tests.unit.core.builders import ANN, NOW, a_policy, a_request, allow, deny, facts

BERLIN = ZoneInfo("Europe/Berlin")
EVERY_DAY = frozenset(range(7))
WEEKDAYS = frozenset(range(5))
SRE = Selector("group", "sre")
DBA = Selector("group", "dba")
FEED = FactCall("launches", "ical.events", {}, FactKind.SPANS)


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


def a_window(*spans: WeeklySpan, zone: ZoneInfo = BERLIN, **more: Any) -> Window:
    return Window("w", zone, spans, **more)


def is_open(window: Window, instant: datetime) -> bool:
    names = open_windows([window], instant)
    assert names is not None
    return names == ["w"]


def minutes(text: str) -> int:
    hours, _, rest = text.partition(":")
    return int(hours) * 60 + int(rest)


def weekly(days: frozenset[int], start: str, end: str) -> WeeklySpan:
    return WeeklySpan(days, minutes(start), minutes(end))


NIGHT = a_window(weekly(frozenset({4}), "22:00", "06:00"))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-27 21:59", False),
        ("2026-11-27 22:00", True),
        ("2026-11-27 23:00", True),
        ("2026-11-28 01:00", True),
        ("2026-11-28 05:59", True),
        ("2026-11-28 06:00", False),
        ("2026-11-28 07:00", False),
        ("2026-11-28 23:00", False),
        ("2026-11-27 01:00", False),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(moment: str, expected: bool) -> None:
    assert is_open(NIGHT, at(moment)) is expected


def test_a_window_goes_by_its_own_time_zone() -> None:
    hours = weekly(EVERY_DAY, "09:00", "17:00")
    instant = at("2026-11-25 08:30", ZoneInfo("UTC"))
    assert is_open(a_window(hours, zone=BERLIN), instant)
    assert not is_open(a_window(hours, zone=ZoneInfo("America/New_York")), instant)


def test_every_window_that_is_open_is_named_in_the_order_of_the_file() -> None:
    day, night = weekly(EVERY_DAY, "09:00", "17:00"), weekly(EVERY_DAY, "20:00", "08:00")
    windows = [Window("b", BERLIN, (day,)), Window("night", BERLIN, (night,)), Window("a", ZoneInfo("UTC"), (day,))]
    assert open_windows(windows, at("2026-11-25 10:30")) == ["b", "a"]
    assert open_windows([], NOW) == []


def test_a_time_that_the_clocks_skip_never_comes() -> None:
    window = a_window(weekly(EVERY_DAY, "02:15", "02:45"))
    night = at("2026-03-29 00:00")
    assert not any(is_open(window, night + timedelta(minutes=minute)) for minute in range(DAY))
    longer = a_window(weekly(EVERY_DAY, "02:30", "03:30"))
    opened = [minute for minute in range(DAY) if is_open(longer, night + timedelta(minutes=minute))]
    assert opened == list(range(120, 150)), "the clock goes from 2:00 to 3:00 and then shows half an hour of it"


def test_a_time_that_the_clocks_show_twice_comes_twice() -> None:
    window = a_window(weekly(EVERY_DAY, "02:15", "02:45"))
    for fold in (0, 1):
        assert is_open(window, at("2026-10-25 02:30", fold=fold))
        assert not is_open(window, at("2026-10-25 02:45", fold=fold))


@pytest.mark.parametrize("night", ["2026-03-28", "2026-10-24"])
def test_a_night_over_a_change_of_the_clocks_ends_at_its_hour(night: str) -> None:
    window = a_window(weekly(EVERY_DAY, "22:00", "06:00"))
    morning = str(date.fromisoformat(night) + timedelta(days=1))
    for shown, expected in ((f"{night} 23:00", True), (f"{morning} 05:59", True), (f"{morning} 06:00", False)):
        assert is_open(window, at(shown)) is expected


ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")]
)
SPANS = st.builds(
    WeeklySpan,
    st.frozensets(st.integers(0, 6), max_size=7),
    st.integers(0, DAY - 1),
    st.integers(1, DAY),
).filter(lambda span: span.start != span.end)
STARTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 30)) | st.sampled_from(
    [datetime(2026, 3, 29), datetime(2026, 10, 25), datetime(2026, 3, 8), datetime(2026, 11, 1), datetime(2026, 4, 5)]
)


def shown_minutes(spans: Sequence[WeeklySpan], first: date, days: int, closed: frozenset[date]) -> set[datetime]:
    """Walk the wall clock minute by minute from each beginning to its end, the slow way."""
    found: set[datetime] = set()
    for day in (first + timedelta(days=number) for number in range(days)):
        for span in spans:
            if day.weekday() not in span.days or day in closed:
                continue
            clock = datetime(day.year, day.month, day.day) + timedelta(minutes=span.start)
            while True:
                found.add(clock)
                clock += timedelta(minutes=1)
                if (clock.hour * 60 + clock.minute) == span.end % DAY:
                    break
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(SPANS, max_size=3), ZONES, STARTS, st.integers(0, 3))
def test_an_instant_is_in_a_window_when_the_wall_clock_shows_one_of_its_minutes(
    spans: list[WeeklySpan], zone: ZoneInfo, start: datetime, holiday: int
) -> None:
    day = start.date()
    closed = frozenset({day + timedelta(days=holiday)})
    window = a_window(*spans, zone=zone, closed_on=(Holidays(dict.fromkeys(closed, "closed")),))
    shown = shown_minutes(spans, day - timedelta(days=3), 8, closed)
    instant = start.replace(hour=0, minute=0, second=30, microsecond=0, tzinfo=UTC)
    for step in range(0, DAY, 7):
        moment = instant + timedelta(minutes=step)
        wall = moment.astimezone(zone).replace(tzinfo=None, second=0)
        assert is_open(window, moment) is (wall in shown)


def test_a_holiday_closes_what_begins_on_it_and_not_what_began_before() -> None:
    friday = Holidays({date(2026, 12, 25): "Christmas"})
    window = a_window(weekly(EVERY_DAY, "22:00", "06:00"), closed_on=(friday,))
    assert is_open(window, at("2026-12-25 03:00"))
    assert not is_open(window, at("2026-12-25 23:00"))
    assert not is_open(window, at("2026-12-26 03:00"))
    assert is_open(window, at("2026-12-26 22:00"))


def test_two_spans_of_one_window_are_asked_each_for_its_own_day() -> None:
    closed = Holidays({date(2026, 12, 24): "closed"})
    window = a_window(weekly(EVERY_DAY, "22:00", "06:00"), weekly(EVERY_DAY, "05:00", "08:00"), closed_on=(closed,))
    assert is_open(window, at("2026-12-25 05:30")), "the night is closed, the morning is not"


def test_a_year_whose_holidays_nobody_knows_leaves_the_windows_unbound() -> None:
    window = a_window(weekly(EVERY_DAY, "09:00", "17:00"), closed_on=(Holidays({}, range(2020, 2027)),))
    assert open_windows([window], at("2027-01-04 10:00")) is None
    assert open_windows([window], at("2027-01-04 20:00")) == [], "outside its hours it is closed in any case"
    seen = on_calendar(Calendar({"w": window}), a_request(), facts(), at("2027-01-04 10:00"))
    assert "windows" not in seen.values
    assert seen.unread["windows"] == "nobody knows the holidays of that year"


def test_a_known_day_off_closes_even_where_other_holidays_are_unknown() -> None:
    unknown, company = Holidays({}, range(2020, 2021)), Holidays({date(2027, 1, 4): "closed"})
    window = a_window(weekly(EVERY_DAY, "09:00", "17:00"), closed_on=(unknown, company))
    assert open_windows([window], at("2027-01-04 10:00")) == []


def hours(start: float, end: float) -> Span:
    return Span(NOW + timedelta(hours=start), NOW + timedelta(hours=end))


def seen(*freezes: Freeze, read: Facts | None = None, later: timedelta = timedelta(0)) -> Facts:
    calendar = Calendar(freezes={freeze.name: freeze for freeze in freezes})
    return on_calendar(calendar, a_request(), read or facts(), NOW + later)


def a_freeze(*spans: Span, name: str = "f", **more: Any) -> Freeze:
    return Freeze(name, BERLIN, spans, **more)


def test_without_a_freeze_nothing_is_frozen() -> None:
    values = seen().values
    assert (values["freeze.active"], values["freeze.until"], values["freeze.names"]) == (False, NOW, [])


@pytest.mark.parametrize(("start", "end", "active"), [(0, 1, True), (-1, 0, False), (-1, 1, True), (1, 2, False)])
def test_a_freeze_holds_from_its_beginning_until_before_its_end(start: float, end: float, active: bool) -> None:
    found = seen(a_freeze(hours(start, end)))
    assert found.values["freeze.active"] is active
    assert found.values["freeze.names"] == (["f"] if active else [])
    assert found.values["freeze.until"] == (NOW + timedelta(hours=end) if active else NOW)


def test_freezes_that_follow_one_another_last_until_the_end_of_the_last() -> None:
    found = seen(a_freeze(hours(2, 5), name="b"), a_freeze(hours(-1, 2), name="a"), a_freeze(hours(6, 7), name="c"))
    assert found.values["freeze.until"] == NOW + timedelta(hours=5)
    assert found.values["freeze.names"] == ["a"]
    assert found.notes == {"freeze.active": "a", "freeze.until": "Mon 23 Nov 2026, 15:00 Europe/Berlin"}


def test_a_freeze_of_other_actions_is_not_seen() -> None:
    assert seen(a_freeze(hours(-1, 1), applies_to=("admin",))).values["freeze.active"] is False
    assert seen(a_freeze(hours(-1, 1), applies_to=("restart",))).values["freeze.active"] is True


def test_who_may_pass_does_not_see_the_freeze_and_it_is_said_why() -> None:
    found = seen(a_freeze(hours(-1, 1), passed_by=(DBA, SRE)), read=facts({"dba": (), "sre": (ANN,)}))
    assert found.values["freeze.active"] is False
    assert found.values["freeze.until"] == NOW
    assert found.notes == {"freeze.active": "group:sre may pass f"}


def test_passing_one_freeze_does_not_pass_the_other() -> None:
    passing = a_freeze(hours(-1, 3), name="mine", passed_by=(SRE,))
    found = seen(passing, a_freeze(hours(-1, 1), name="theirs"), read=facts({"sre": (ANN,)}))
    assert found.values["freeze.names"] == ["theirs"]
    assert found.values["freeze.until"] == NOW + timedelta(hours=1)
    assert found.notes["freeze.active"] == "theirs, group:sre may pass mine"


def test_when_it_is_unknown_who_may_pass_a_freeze_is_not_held_to_be_over() -> None:
    found = seen(a_freeze(hours(-1, 1), passed_by=(SRE,)), read=replace(facts(), unread={"group:sre": "no answer"}))
    assert not {"freeze.active", "freeze.until", "freeze.names"} & found.values.keys()
    assert found.unread["freeze.active"] == "whether whoever asks may pass f could not be told: group:sre: no answer"


def test_being_named_by_one_group_is_enough_though_another_is_unread() -> None:
    found = seen(a_freeze(hours(-1, 1), passed_by=(DBA, SRE)), read=facts({"sre": (ANN,)}))
    assert found.values["freeze.active"] is False


def test_who_may_pass_does_not_matter_while_nothing_is_frozen() -> None:
    later = seen(a_freeze(hours(1, 2), passed_by=(SRE,)))
    assert later.values["freeze.active"] is False
    assert "freeze.until" not in later.values
    over = seen(a_freeze(hours(-2, -1), passed_by=(SRE,)))
    assert over.values["freeze.until"] == NOW


def test_a_calendar_that_was_not_read_is_not_empty() -> None:
    freeze = a_freeze(calendar=FEED, name="launches")
    found = seen(freeze, read=replace(facts(), unread={"freeze:launches": "it does not answer"}))
    assert not {"freeze.active", "freeze.until", "freeze.names"} & found.values.keys()
    assert found.unread["freeze.until"] == "the calendar of launches: it does not answer"
    assert seen(freeze).unread["freeze.active"] == "the calendar of launches: it was not read"


def test_a_calendar_freezes_what_it_says() -> None:
    freeze = a_freeze(hours(5, 6), calendar=FEED, name="launches")
    read = replace(facts(), spans={"launches": (hours(-1, 1), hours(20, 30))})
    assert seen(freeze, read=read).values["freeze.until"] == NOW + timedelta(hours=1)
    assert seen(freeze, read=read, later=timedelta(hours=5)).values["freeze.active"] is True
    assert seen(freeze, read=read, later=timedelta(hours=25)).values["freeze.active"] is True
    assert seen(freeze, read=read, later=timedelta(hours=10)).values["freeze.active"] is False


def test_one_freeze_that_is_certain_is_enough_whatever_else_is_unread() -> None:
    found = seen(a_freeze(hours(-1, 1)), a_freeze(calendar=FEED, name="launches"))
    assert found.values["freeze.active"] is True
    assert "freeze.until" not in found.values, "the other one may last longer"
    assert found.notes == {"freeze.active": "f"}
    both = seen(a_freeze(hours(-1, 1), calendar=FEED))
    assert both.values["freeze.active"] is True


def test_whoever_may_pass_an_unread_calendar_needs_no_more_of_it() -> None:
    freeze = a_freeze(calendar=FEED, passed_by=(SRE,))
    assert seen(freeze, read=facts({"sre": (ANN,)})).values["freeze.active"] is False


def test_a_calendar_says_nothing_of_what_lies_further_ahead_than_it_was_read() -> None:
    freeze = a_freeze(calendar=FEED)
    read = replace(facts(), spans={"f": ()})
    assert "freeze.active" not in seen(freeze, read=read, later=CALENDAR_AHEAD).values
    assert seen(freeze, read=read, later=CALENDAR_AHEAD - timedelta(hours=1)).values["freeze.active"] is False


def looking(*names: str) -> Condition:
    def test(values: Any) -> Result:
        found = {name: values[name] for name in names if name in values}
        if len(found) < len(names):
            return Result(Truth.ERROR, found, tuple(name for name in names if name not in found))
        return Result(Truth.TRUE if values["freeze.active"] else Truth.FALSE, found)

    return Condition("freeze.active", "guardrails.yml:3", test, names)


@pytest.mark.parametrize("message", ["Nothing changes now", "Nothing changes now. ", ""])
def test_a_refusal_by_a_freeze_says_until_when(message: str) -> None:
    frozen = Guardrail(deny("frozen", looking("freeze.active"), message))
    policy = replace(a_policy(allow(), guardrails=[frozen]), calendar=Calendar(freezes={"f": a_freeze(hours(-1, 1))}))
    decision = decide(policy, a_request(), (), facts())
    assert decision.outcome is Outcome.DENY
    said = message.strip(" .") or "Refused by “frozen”"
    assert decision.summary == f"{said}. It lasts until Mon 23 Nov 2026, 11:00 Europe/Berlin."
    (guardrail,) = decision.tree.children[1].children
    assert (guardrail.mark, guardrail.detail) == (Mark.DENIED, "freeze.active is true (f)")


def test_a_refusal_that_looked_at_no_freeze_says_nothing_of_one() -> None:
    policy = replace(
        a_policy(allow(), guardrails=[Guardrail(deny("never"))]),
        calendar=Calendar(freezes={"f": a_freeze(hours(-1, 1))}),
    )
    assert decide(policy, a_request(), (), facts()).summary == "Refused by “never”."


def test_an_unread_calendar_refuses_where_a_guardrail_looks_at_it() -> None:
    frozen = Guardrail(deny("frozen", looking("freeze.active")))
    policy = replace(a_policy(allow(), guardrails=[frozen]), calendar=Calendar(freezes={"f": a_freeze(calendar=FEED)}))
    decision = decide(policy, a_request(), (), facts())
    assert decision.outcome is Outcome.DENY
    assert decision.unread == ("freeze.active",)
    (guardrail,) = decision.tree.children[1].children
    assert guardrail.detail == (
        "could not be told: freeze.active could not be read (the calendar of f: it was not read)"
    )


def test_calendars_and_who_may_pass_are_read_only_where_a_condition_looks_at_freezes() -> None:
    freezes = {"f": a_freeze(calendar=FEED, passed_by=(SRE,)), "other": a_freeze(calendar=FEED, applies_to=("admin",))}
    looked = replace(a_policy(allow("a", looking("freeze.until"))), calendar=Calendar(freezes=freezes))
    assert wanted(looked, "restart").calendars == (FEED,)
    assert "group:sre" in wanted(looked, "restart").selectors
    assert "group:sre" not in wanted(looked, "restart").reviewers
    careless = replace(a_policy(allow()), calendar=Calendar(freezes=freezes))
    assert wanted(careless, "restart").calendars == ()
    assert "group:sre" not in wanted(careless, "restart").selectors


def test_what_is_judged_is_the_planned_start() -> None:
    assert planned_start(a_request(), facts()) == NOW


INSTANTS = st.integers(-50, 50).map(lambda number: NOW + timedelta(hours=number))


@st.composite
def freezes(draw: st.DrawFn) -> tuple[dict[str, Freeze], Facts]:
    """Draw freezes, and facts in which everything about them is known."""
    found, members, spans = {}, {}, {}
    for name in draw(st.sets(st.sampled_from("abc"), min_size=1)):
        stretches = tuple(
            Span(start, start + timedelta(hours=draw(st.integers(1, 30))))
            for start in draw(st.lists(INSTANTS, max_size=3))
        )
        passed_by = (Selector("group", f"g{name}"),) if draw(st.booleans()) else ()
        fed = draw(st.booleans())
        found[name] = Freeze(name, BERLIN, () if fed else stretches, FEED if fed else None, passed_by)
        if fed:
            spans[name] = stretches
        members |= {str(who): frozenset({ANN}) if draw(st.booleans()) else frozenset() for who in passed_by}
    return found, replace(facts(), members=members, spans=spans)


@settings(max_examples=300)
@given(freezes(), st.data())
def test_what_is_missing_never_changes_what_is_concluded_only_whether_anything_is(
    drawn: Any, data: st.DataObject
) -> None:
    found, known = drawn
    whole = on_calendar(Calendar(freezes=found), a_request(), known, NOW)
    assert {"freeze.active", "freeze.until", "freeze.names"} <= whole.values.keys()
    kept = {name: who for name, who in known.members.items() if data.draw(st.booleans())}
    read = {name: spans for name, spans in known.spans.items() if data.draw(st.booleans())}
    less = on_calendar(Calendar(freezes=found), a_request(), replace(known, members=kept, spans=read), NOW)
    for name, value in less.values.items():
        assert value == whole.values[name], name
