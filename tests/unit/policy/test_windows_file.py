"""`windows.yml`: what it means, and every fault of it at its place."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import jsonschema
import pytest
import yaml

from jitbot.model import DAY, FactCall, FactKind, Policy, Selector, WeeklySpan
from jitbot.policy.files.load import load
from jitbot.policy.files.public_holidays import LAST, public
from jitbot.policy.files.schema import schema
from tests.fake_sources import FakeSource, FakeSources
from tests.unit.policy.conftest import PEOPLE, Runners, action_text

Fault = Callable[..., str]

WINDOWS = """
zone: Europe/Berlin
windows:
  business-hours: {days: [mon-fri], from: "09:00", until: "17:00", holidays: closed}
  night-shift:
    zone: America/New_York
    spans:
      - {days: [fri-mon, wed], from: "22:00", until: "06:00"}
      - {days: [sun]}
  always: {}
  evening: {from: "18:00", until: "24:00", holidays: [company]}
holidays:
  berlin: {country: DE, subdivision: BE, days: [2026-12-24]}
  company: {days: ["2026-12-31"]}
freezes:
  year-end: {from: 2026-12-19, until: 2027-01-03, except: [group:leads], applies_to: [restart]}
  launch: {from: 2026-11-27 08:00, until: 2026-11-30 18:00, zone: UTC}
  fair: {calendar: {source: fake, name: fair, as: spans}}
"""


def loads(windows: str, **files: str) -> Policy:
    texts = {"people.yml": PEOPLE, "payments.yml": action_text(""), "windows.yml": windows, **files}
    return load(texts, Runners(), FakeSources(FakeSource()))


@pytest.fixture
def fault(fault_in: Fault) -> Fault:
    """Load `windows.yml` with a mark in it and return the only fault, which must stand at the mark."""
    return lambda text: fault_in(text, "windows.yml", payments=action_text(""))


def test_windows_have_spans_in_their_own_zone_or_the_files() -> None:
    windows = loads(WINDOWS).calendar.windows
    assert list(windows) == ["business-hours", "night-shift", "always", "evening"]
    hours = windows["business-hours"]
    assert (hours.zone, hours.spans) == (ZoneInfo("Europe/Berlin"), (WeeklySpan(frozenset(range(5)), 540, 1020),))
    assert hours.where == "windows.yml:4"
    night = windows["night-shift"]
    assert night.zone == ZoneInfo("America/New_York")
    assert night.spans == (
        WeeklySpan(frozenset({4, 5, 6, 0, 2}), 1320, 360),
        WeeklySpan(frozenset({6}), 0, DAY),
    )
    assert windows["always"].spans == (WeeklySpan(frozenset(range(7)), 0, DAY),)
    assert windows["evening"].spans[0].end == DAY


def test_a_window_is_closed_on_all_holidays_or_on_those_it_names() -> None:
    windows = loads(WINDOWS).calendar.windows
    berlin, company = windows["business-hours"].closed_on
    assert date(2027, 3, 8) in berlin.days, "a holiday of the subdivision"
    assert {date(2026, 12, 24), date(2026, 12, 25)} <= berlin.days.keys()
    assert berlin.years == range(2020, LAST + 1)
    assert list(company.days) == [date(2026, 12, 31)]
    assert date(3000, 1, 1).year in company.years
    assert windows["evening"].closed_on == (company,)
    assert windows["always"].closed_on == ()


def test_a_country_is_known_as_far_as_the_package_knows_it() -> None:
    assert public("IN", None).years.stop <= 2036, "it warns of what it does not know from there on"
    assert public("GB", "SCT").days[date(2026, 1, 2)]
    assert date(2021, 12, 31) in public("US", None).days, "the observed day of a New Year"


def test_a_freeze_by_days_covers_them_whole_and_one_by_times_its_times() -> None:
    freezes = loads(WINDOWS).calendar.freezes
    year_end, launch = freezes["year-end"], freezes["launch"]
    (span,) = year_end.spans
    assert span.start == datetime(2026, 12, 18, 23, tzinfo=UTC)
    assert span.end == datetime(2027, 1, 3, 23, tzinfo=UTC)
    assert year_end.passed_by == (Selector("group", "leads"),)
    assert (year_end.applies_to, year_end.where) == (("restart",), "windows.yml:16")
    (span,) = launch.spans
    assert (span.start.hour, span.end.hour, launch.passed_by) == (8, 18, ())


def test_a_freeze_by_a_time_that_comes_twice_is_the_longer_one() -> None:
    text = "freezes: {f: {from: 2026-10-25 02:30, until: 2026-10-25 02:30, zone: Europe/Berlin}}"
    (span,) = loads(text).calendar.freezes["f"].spans
    assert (span.start.hour, span.end.hour) == (0, 1)


def test_a_freeze_by_a_calendar_is_read_where_the_policy_says() -> None:
    freeze = loads(WINDOWS).calendar.freezes["fair"]
    assert freeze.calendar == FactCall(
        "fair", "fake", {"name": "fair", "as": "spans"}, FactKind.SPANS, "windows.yml:18"
    )
    assert freeze.spans == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("windows: {w: {zone: »Europe/Berln}}", "'Europe/Berln' is no time zone; write it like Europe/Berlin or UTC."),
        ("zone: »CET+1\nwindows: {w: {}}", "'CET+1' is no time zone"),
        ("zone: »[UTC]\nwindows: {w: {}}", "\"['UTC']\" is no time zone"),
        ("zone: UTC\nfreezes: {f: {from: »'on 2026-12-24 18:00 sharp', until: 2026-12-26}}", "is no date; write"),
        ("zone: UTC\nwindows: {w: {days: [mon, »fry]}}", "'fry' is no day; write mon, tue, wed, thu, fri, sat, sun"),
        ("zone: UTC\nwindows: {w: {days: [»Monday]}}", "from one to another: mon-fri. Did you mean mon?"),
        ("zone: UTC\nwindows: {w: {days: [»mon-wed-fri]}}", "'mon-wed-fri' is no day"),
        ("zone: UTC\nwindows: {w: {days: »[]}}", "this is empty"),
        ("zone: UTC\nwindows: {w: {from: »9:00, until: '17:00'}}", "'9:00' is no time of day; write it with two"),
        ("zone: UTC\nwindows: {w: {from: »9, until: '17:00'}}", "'9' is no time of day"),
        ("zone: UTC\nwindows: {w: {from: '09:00', until: »'24:01'}}", "'24:01' is no time of day"),
        ("zone: UTC\nwindows: {w: {from: '09:00', until: »'09:00'}}", "this window closes when it opens"),
        ("zone: UTC\nwindows: {w: {from: »'24:00', until: '09:00'}}", "a window cannot begin at 24:00"),
        ("zone: UTC\nwindows: {w: {from: »'09:00'}}", "`from` and `until` go together"),
        ("zone: UTC\nwindows: {w: {until: »'09:00'}}", "`from` and `until` go together"),
        ("windows: {»w: {days: [mon]}}", "`zone` is missing here, and the file has none for all"),
        ("zone: UTC\nwindows: {»a b: {}}", "'a b' cannot name a window"),
        ("zone: UTC\nwindows: {w: {days: [mon], spans: »[{}]}}", "a window has either `spans`, or"),
        ("zone: UTC\nwindows: {w: {spans: [{from: '09:00', until: »'09:00'}]}}", "this window closes when it opens"),
        ("zone: UTC\nwindows: {w: {holidays: [»brln]}}\nholidays: {berlin: {days: [2026-01-01]}}", "holidays 'brln'"),
        ("zone: UTC\nwindows: {w: {holidays: »closed}}", "there are no `holidays` in this file"),
        ("holidays: {h: {country: »XX}}", "'XX' is no country whose holidays are known; write its two letters"),
        ("holidays: {h: {country: »de}}", "Did you mean DE?"),
        ("holidays: {h: {country: DE, subdivision: »ZZ}}", "DE has no subdivision 'ZZ'. There is BB, BE, BW,"),
        ("holidays: {h: {subdivision: »BE}}", "these holidays need a `country`, or `days`."),
        ("holidays: {h: »{}}", "these holidays need a `country`, or `days`."),
        ("holidays: {h: {days: [»2026-02-30]}}", "'2026-02-30' is no date; write it like 2026-12-24."),
        ("holidays: {h: {days: [»20261224]}}", "'20261224' is no date"),
        ("zone: UTC\nfreezes: {f: {from: 2026-12-24, until: »2026-12-23}}", "this freeze ends before it begins."),
        ("zone: UTC\nfreezes: {f: {from: 2026-12-24 10:00, until: »2026-12-24 10:00}}", "ends before it begins"),
        ("zone: UTC\nfreezes: {f: {from: »2026-12-24T10:00, until: 2026-12-25}}", "'2026-12-24T10:00' is no date"),
        ("zone: UTC\nfreezes: {f: {from: »2026-12-24 25:00, until: 2026-12-25}}", "'2026-12-24 25:00' is no date"),
        ("zone: UTC\nfreezes: {f: {from: »12, until: 2026-12-25}}", "'12' is no date"),
        ("zone: UTC\nfreezes: {»f: {from: 2026-12-24}}", "that is never lifted is refused: `until` is missing."),
        ("zone: UTC\nfreezes: {»f: {until: 2026-12-24}}", "`from` is missing."),
        ("zone: UTC\nfreezes: {»f: {}}", "a freeze needs `from` and `until`, a `calendar`, or all of them."),
        ("freezes: {»f: {from: 2026-12-24, until: 2026-12-25}}", "`zone` is missing here"),
        ("zone: UTC\nfreezes: {»f g: {from: 2026-12-24, until: 2026-12-25}}", "'f g' cannot name a freeze"),
        ("zone: UTC\nfreezes: {f: {from: 2026-12-24, until: 2026-12-25, except: [»group:srr]}}", "'srr' is not"),
        ("zone: UTC\nfreezes: {f: {from: 2026-12-24, until: 2026-12-25, applies_to: [»restrt]}}", "you mean restart?"),
        ("zone: UTC\nfreezes: {f: {calendar: {source: »ical}}}", "there is no source 'ical'"),
        ("zone: UTC\nfreezes: {f: {calendar: {source: »fake, name: a}}}", "comes to integer, and here spans is needed"),
        ("zone: UTC\nfreezes: {f: {calendar: {source: fake, name: '»{x}', as: spans}}}", "`{x}` names no parameter"),
        ("»window: {}", "'window' is not a key here. Did you mean windows?"),
    ],
)  # fmt: skip
def test_a_fault_is_told_at_its_place(fault: Fault, text: str, words: str) -> None:
    assert words in fault(text + "\n")


def test_a_window_that_is_not_defined_is_told_inside_the_condition(fault_in: Fault) -> None:
    rules = "rules: [{when: \"»'busness-hours' in windows\", allow: true}, {deny: true}]"
    told = fault_in(action_text(rules), windows=WINDOWS)
    assert told.startswith("'busness-hours' is never in windows, which knows business-hours, night-shift, always and")
    assert told.endswith("Did you mean business-hours?")
    rules = "rules: [{when: \"»'launches' in freeze.names\", deny: true}, {allow: true}]"
    assert "'launches' is never in freeze.names, which knows year-end" in fault_in(action_text(rules), windows=WINDOWS)


def test_without_the_file_no_window_can_be_named(fault_in: Fault) -> None:
    told = fault_in(action_text("rules: [{when: \"»'x' in windows\", allow: true}, {deny: true}]"))
    assert told == "'x' is never in windows, which knows nothing."


def test_a_condition_is_not_blamed_for_a_window_that_has_a_fault(faults: Callable[..., list[str]]) -> None:
    rules = "rules: [{when: \"'hours' in windows\", allow: true}, {deny: true}]"
    for broken in ("windows: {hours: {}}", "windows: [", "windows: 3"):
        told = faults({"payments.yml": action_text(rules), "windows.yml": broken})
        assert [line.split(":")[0] for line in told] == ["windows.yml"]


def test_all_faults_are_told_at_once(faults: Callable[..., list[str]]) -> None:
    broken = """windows:
  a: {days: [mon-fry], zone: UTC}
  b: {from: "09:00", until: "09:00", zone: UTC, holidays: [h, c]}
  c: 3
holidays: {h: {country: GE, days: 3}, c: {country: XX}}
freezes:
  f: {from: 2026-12-24, until: 2026-12-20, zone: UTC, except: [group:sree]}
"""
    told = faults({"payments.yml": action_text(""), "windows.yml": broken})
    assert [line.split(": ")[0].removeprefix("windows.yml:") for line in told] == [
        "2:14", "3:29", "4:6", "5:35", "5:52", "7:32", "7:64",
    ]  # fmt: skip
    assert told[2].endswith("this must be a mapping (`key: value` lines), not 3.")


def test_a_second_file_is_refused(faults: Callable[..., list[str]]) -> None:
    told = faults({"payments.yml": action_text(""), "windows.yaml": WINDOWS, "windows.yml": WINDOWS})
    assert told == ["windows.yml:1:1: there is windows.yaml already; keep one of the two."]


def test_editors_take_what_the_loader_takes() -> None:
    validator = jsonschema.Draft202012Validator({**schema(), "anyOf": [{"$ref": "#/$defs/CalendarFile"}]})
    quoted = yaml.load(WINDOWS, yaml.BaseLoader)  # as we read it: dates and times are text
    assert not list(validator.iter_errors(quoted))
    for wrong in (
        {"windows": {"w": {"days": ["monday"]}}},
        {"windows": {"w": {"from": "9:00", "until": "17:00"}}},
        {"windows": {"w": {"from": "25:00", "until": "17:00"}}},
        {"freezes": {"f": {"from": "24.12.2026", "until": "2026-12-26"}}},
        {"holidays": {"h": {"days": ["Christmas"]}}},
    ):
        assert list(validator.iter_errors(wrong)), wrong
