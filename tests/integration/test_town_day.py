"""The simulated day of a large company, on a small one."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import town_day
from benchmarks.simulation import Day, Simulation, Town
from benchmarks.town_day import Costs, uses

PAGE = Path(__file__).parents[2] / "docs/why/scale.md"
SMALL = Town(engineers=4_000, a_day=0.1, incidents=2, burst=20)
CROWDED = Town(engineers=10_000, a_day=1.1, incidents=2)


@pytest.fixture(scope="module")
def crowded() -> Day:
    return Simulation(CROWDED).run()


def test_everything_that_is_asked_for_is_posted_and_drawn_to_its_end() -> None:
    day = Simulation(SMALL).run()

    asked = day.minutes["asked"].total()
    assert asked == 400 + 2 * 20
    assert len(day.posted) == len(day.drawn) == asked
    assert day.minutes["chat.postMessage"].total() == 5 * asked, "as was measured of one request"
    assert 4 * asked <= day.minutes["chat.update"].total() <= 5 * asked
    assert day.running == 0


def test_slack_never_gets_more_than_it_takes_in_a_minute(crowded: Day) -> None:
    assert max(crowded.minutes["chat.postMessage"].values()) <= 2 * 300, "any 60 seconds hold 300; a minute touches two"
    assert crowded.longest > 15
    assert max(crowded.drawn) > 40


def test_more_workspaces_take_more(crowded: Day) -> None:
    spread = Simulation(replace(CROWDED, workspaces=10)).run()
    assert max(spread.drawn) < max(crowded.drawn) / 4


def test_redraws_bind_first(crowded: Day) -> None:
    first, *others = uses(crowded, CROWDED, Costs())
    assert first.name.startswith("chat.update")
    assert first.part > max(each.part for each in others)


def test_the_same_seed_gives_the_same_day() -> None:
    first, second, other = (Simulation(replace(SMALL, seed=seed)).run() for seed in (1, 1, 2))
    assert first.minutes == second.minutes != other.minutes


def test_the_tables_are_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["town_day", "--engineers", "1000", "--incidents", "1"])
    town_day.main()
    printed = capsys.readouterr().out
    assert "| chat.update, in a workspace |" in printed and "| End drawn, median |" in printed


@pytest.mark.long
def test_the_page_shows_what_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["town_day"])
    town_day.main()
    page = PAGE.read_text()
    assert [line for line in capsys.readouterr().out.splitlines() if line not in page] == []
