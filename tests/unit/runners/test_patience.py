"""How long is waited: never beyond the end, and no longer than somebody wants."""

import time

import pytest

from jitbot.errors import RunnerRefused
from jitbot.runners.answers import NoWord
from jitbot.runners.patience import Patience, seen_within, unrepeated


def test_a_wait_never_goes_beyond_the_end() -> None:
    patience = Patience(0.05)
    patience.sleep(60)
    assert patience.left == 0


def test_a_wait_ends_where_somebody_wants_that() -> None:
    patience = Patience(60, stopping=lambda: True)
    patience.sleep(60)
    assert patience.left > 50
    with pytest.raises(RunnerRefused, match="before anything was done"):
        patience.demand_wanted()


def test_a_wish_that_is_heeded_shortens_no_other_wait() -> None:
    patience = Patience(60, stopping=lambda: True)
    patience.heeded()
    began = time.monotonic()
    patience.sleep(0.05)
    assert time.monotonic() - began >= 0.05
    patience.demand_wanted()


def test_what_shows_late_is_seen_and_what_is_in_the_way_is_told_once() -> None:
    looks = iter([NoWord("gone"), NoWord("gone"), None, "there"])
    lines: list[str] = []

    def look() -> str | None:
        found = next(looks)
        if isinstance(found, NoWord):
            raise found
        return found

    assert seen_within(60, 0.001, look, lines.append) == "there"
    assert lines == ["nothing is to be seen, and it is looked again: gone"]


def test_what_does_not_show_was_looked_for_once_at_least() -> None:
    looks: list[int] = []
    assert seen_within(0, 1, lambda: looks.append(1), print) is None
    assert looks == [1]


def test_nothing_is_said_twice_running() -> None:
    lines: list[str] = []
    tell = unrepeated(lines.append)
    for line in "aabba":
        tell(line)
    assert "".join(lines) == "aba"
