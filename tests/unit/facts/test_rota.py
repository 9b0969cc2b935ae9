"""A rota written in YAML: turns by the wall clock, overrides, layers, and faults named where they stand."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitbot.errors import PolicyError
from jitbot.facts.registry import FactRegistry
from jitbot.facts.rota import Rota, RotaArguments
from jitbot.model import FactKind
from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.files.load import load

SITE = EnvironmentSite((), {})
BERLIN = ZoneInfo("Europe/Berlin")
WEEKLY: dict[str, Any] = {
    "zone": "Europe/Berlin",
    "people": ["U0ANN", "U0BO", "cy@acme.example"],
    "starts": "2026-10-05",
}


def on_call(at: str, **arguments: Any) -> set[str]:
    """Return who is on call at a local time in Berlin."""
    local = datetime.fromisoformat(at).replace(tzinfo=BERLIN)
    return at_instant(local.astimezone(UTC), **arguments)


def at_instant(at: datetime, **arguments: Any) -> set[str]:
    rota = Rota(SITE)
    told = RotaArguments.model_validate({**WEEKLY, **arguments})
    assert rota.kind(told) is FactKind.PEOPLE
    return set(rota.read(told, at))


@pytest.mark.parametrize(
    ("at", "who"),
    [
        ("2026-10-05 08:59", None),
        ("2026-10-05 09:00", "U0ANN"),
        ("2026-10-12 08:59", "U0ANN"),
        ("2026-10-12 09:00", "U0BO"),
        ("2026-10-19 09:00", "cy@acme.example"),
        ("2026-10-26 08:59", "cy@acme.example"),
        ("2026-10-26 09:00", "U0ANN"),
        ("2027-03-29 09:00", "U0BO"),
    ],
)
def test_turns_are_handed_over_at_the_wall_clocks_time_also_when_the_clocks_change(at: str, who: str | None) -> None:
    assert on_call(at) == ({who} if who else set())


def test_half_days_are_counted_by_the_wall_clock_too() -> None:
    half = {"every": "12h", "handover": "08:00", "starts": "2026-10-24", "people": ["U0ANN", "U0BO"]}
    for day in ("24", "25", "26"):  # the 25th has 25 hours
        assert on_call(f"2026-10-{day} 08:00", **half) == {"U0ANN"}
        assert on_call(f"2026-10-{day} 19:59", **half) == {"U0ANN"}
        assert on_call(f"2026-10-{day} 20:00", **half) == {"U0BO"}


def test_days_can_be_counted_in_twos() -> None:
    assert [on_call(f"2026-10-0{day} 12:00", every="2d") for day in (5, 6, 7, 8, 9)] == [
        {"U0ANN"},
        {"U0ANN"},
        {"U0BO"},
        {"U0BO"},
        {"cy@acme.example"},
    ]


@given(
    st.integers(0, 500 * 24 * 60),
    st.sampled_from(["1d", "12h", "1h", "1w"]),
    st.sampled_from(["00:30", "02:30", "03:00", "09:00"]),
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "UTC"]),
)
def test_turns_never_go_back_whatever_the_clocks_do(minutes: int, every: str, handover: str, zone: str) -> None:
    people = [f"U{number}" for number in range(100)]
    rota: dict[str, Any] = {
        "zone": zone,
        "people": people,
        "starts": "2026-03-01",
        "every": every,
        "handover": handover,
    }
    start = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=minutes)
    (now,) = at_instant(start, **rota)
    (later,) = at_instant(start + timedelta(minutes=20), **rota)
    assert (people.index(later) - people.index(now)) % 100 in (0, 1)


def test_an_override_goes_before_the_turn_and_the_last_one_before_the_others() -> None:
    overrides = [
        {"from": "2026-10-06", "until": "2026-10-08", "who": "U0DI"},
        {"from": "2026-10-07 12:00", "until": "2026-10-07T14:00", "who": ["U0EVE", "U0FLO"]},
        {"from": "2026-10-09 12:00", "until": "2026-10-09 13:00", "who": []},
    ]
    seen = {
        at: on_call(f"2026-10-{at}", overrides=overrides)
        for at in ("05 23:59", "06 00:00", "07 12:00", "07 14:00", "08 00:00", "09 12:30")
    }
    assert seen == {
        "05 23:59": {"U0ANN"},
        "06 00:00": {"U0DI"},
        "07 12:00": {"U0EVE", "U0FLO"},
        "07 14:00": {"U0DI"},
        "08 00:00": {"U0ANN"},
        "09 12:30": set(),
    }


LAYERS = [
    {"people": ["U0ANN"], "starts": "2026-10-05"},
    {"people": ["U0BO"], "starts": "2026-10-05", "handover": "00:00", "between": "09:00-17:00", "days": ["mon", "tue"]},
    {"people": ["U0CY"], "starts": "2026-10-05", "handover": "00:00", "between": "22:00-06:00", "days": ["fri"]},
]


@pytest.mark.parametrize(
    ("at", "who"),
    [
        ("2026-10-06 08:59", "U0ANN"),
        ("2026-10-06 09:00", "U0BO"),
        ("2026-10-06 17:00", "U0ANN"),
        ("2026-10-07 12:00", "U0ANN"),
        ("2026-10-09 22:00", "U0CY"),
        ("2026-10-10 05:59", "U0CY"),
        ("2026-10-10 06:00", "U0ANN"),
        ("2026-10-10 23:00", "U0ANN"),
    ],
)
def test_the_last_layer_on_duty_decides(at: str, who: str) -> None:
    assert on_call(at, people=None, starts=None, layers=LAYERS) == {who}


def test_nobody_is_on_call_where_no_layer_is_on_duty() -> None:
    assert on_call("2026-10-07 12:00", people=None, starts=None, layers=LAYERS[1:]) == set()


FAULTS = {
    "nobody": ("{source: rota, starts: 2026-11-02, people: [»bo]}", "'bo' is nobody; write a Slack id"),
    "no day": ("{source: rota, starts: »2026-02-30, people: [U0BO]}", "'2026-02-30' is not a day"),
    "a day in words": ("{source: rota, starts: »monday, people: [U0BO]}", "'monday' is not a day"),
    "no time": ("{source: rota, starts: 2026-11-02, people: [U0BO], handover: »9}", "valid string"),
    "a time in words": ("{source: rota, starts: 2026-11-02, people: [U0BO], handover: »noon}", "'noon' is not a time"),
    "no zone": ("{source: rota, starts: 2026-11-02, people: [U0BO], zone: »Mars}", "'Mars' is not a time zone"),
    "no length": ("{source: rota, starts: 2026-11-02, people: [U0BO], every: »weekly}", "is not the length of a shift"),
    "odd hours": ("{source: rota, starts: 2026-11-02, people: [U0BO], every: »5h}", "hours have to divide a day"),
    "days written as hours": (
        "{source: rota, starts: 2026-11-02, people: [U0BO], every: »24h}",
        "write days, as in 1d",
    ),
    "an override backwards": (
        "{source: rota, starts: 2026-11-02, people: [U0BO], "
        "overrides: [»{from: 2026-12-02, until: 2026-12-01, who: U0CY}]}",
        "has to end after it begins",
    ),
    "an override by nobody": (
        "{source: rota, starts: 2026-11-02, people: [U0BO], "
        "overrides: [{from: 2026-12-01, until: 2026-12-02, who: »cy}]}",
        "'cy' is nobody",
    ),
    "a layer in half a time": (
        "{source: rota, layers: [»{people: [U0BO], starts: 2026-11-02, between: 09:00}]}",
        "'' is not a time",
    ),
    "a layer of no time": (
        "{source: rota, layers: [»{people: [U0BO], starts: 2026-11-02, between: 09:00-09:00}]}",
        "`between` needs two different times",
    ),
    "an unknown key": ("{source: rota, starts: 2026-11-02, people: [U0BO], turns: »1w}", "turns"),
    "layers and people": (
        "{source: »rota, people: [U0BO], layers: [{people: [U0BO], starts: 2026-11-02}]}",
        "belongs into",
    ),
    "neither": ("{source: »rota, zone: UTC}", "write `people` and `starts`, or `layers`"),
}


class NoRunners:
    def names(self) -> list[str]:
        return []

    def inputs(self, name: str, values: Mapping[str, Any]) -> object:
        return values


def loaded(people: str) -> None:
    load({"people.yml": people}, NoRunners(), FactRegistry(["rota"], SITE))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_where_it_stands_in_people_yml(name: str) -> None:
    written, why = FAULTS[name]
    text = f"groups: {{}}\non_call:\n  primary: {written}\n"
    column = text.split("\n")[2].index("»") + 1
    with pytest.raises(PolicyError, match=re.escape(why)) as caught:
        loaded(text.replace("»", ""))
    place = str(caught.value).split(": ")[0]
    assert place in (f"people.yml:3:{column}", "people.yml:3:3"), (place, column)


def test_a_rota_is_a_source_like_any_other() -> None:
    loaded("groups: {}\non_call:\n  primary: {source: rota, starts: 2026-11-02, people: [U0BO, cy@acme.example]}\n")


def test_a_handover_in_the_hour_that_is_left_out_or_comes_twice_happens_once() -> None:
    daily = {"people": ["U0ANN", "U0BO"], "starts": "2026-10-24", "every": "1d", "handover": "02:30"}
    autumn = [datetime(2026, 10, 25, hour, minute, tzinfo=UTC) for hour, minute in ((0, 29), (0, 30), (1, 10), (1, 40))]
    assert [at_instant(at, **daily) for at in autumn] == [{"U0ANN"}, {"U0BO"}, {"U0BO"}, {"U0BO"}]
    daily |= {"starts": "2027-03-27"}
    spring = [datetime(2027, 3, 28, 1, minute, tzinfo=UTC) for minute in (10, 29, 30)]
    assert [at_instant(at, **daily) for at in spring] == [{"U0ANN"}, {"U0ANN"}, {"U0BO"}]
