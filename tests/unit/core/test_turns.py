"""A process's part in a turn: what it does in it ends when its own clock says that it may be another's."""

from datetime import timedelta

import pytest

from jitbot.errors import Conflict, StoreUnavailable
from jitbot.service.turns import LENGTH, Turn


class Row:
    """Implements `ports.Turns` for one turn; `away` is a database that does not answer, `other` another process."""

    def __init__(self) -> None:
        self.away = self.other = False
        self.left: list[str] = []

    def take(self, name: str, owner: str, length: timedelta) -> bool:
        if self.away:
            raise StoreUnavailable("it is away")
        return not self.other

    def leave(self, name: str, owner: str) -> None:
        if self.away:
            raise StoreUnavailable("it is away")
        self.left.append(f"{name} of {owner}")


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def row() -> Row:
    return Row()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def turn(row: Row, clock: Clock) -> Turn:
    return Turn(row, "notifier", "a", clock)


def test_nobody_has_it_who_has_not_asked(turn: Turn) -> None:
    assert not turn.held()


def test_it_is_ours_until_its_length_after_we_asked(turn: Turn, clock: Clock) -> None:
    turn.keep()
    clock.seconds += LENGTH.total_seconds() - 0.1
    assert turn.held()
    clock.seconds += 0.1
    assert not turn.held()


def test_it_is_not_ours_while_it_is_anothers(turn: Turn, row: Row) -> None:
    row.other = True
    turn.keep()
    assert not turn.held()


def test_one_that_was_kept_goes_on_without_a_new_beginning(turn: Turn, clock: Clock) -> None:
    turn.keep()
    assert turn.begin()
    clock.seconds += 2
    turn.keep()
    clock.seconds += 4
    assert turn.held()
    assert not turn.begin()
    turn.assure()


def test_what_was_begun_before_it_was_lost_and_had_again_is_not_gone_on_with(turn: Turn, clock: Clock) -> None:
    turn.keep()
    turn.begin()
    clock.seconds += 6
    with pytest.raises(Conflict, match="another process is the notifier"):
        turn.assure()
    turn.keep()
    with pytest.raises(Conflict):
        turn.assure()
    assert turn.begin()
    turn.assure()


def test_without_the_database_it_ends_by_our_own_clock(turn: Turn, row: Row, clock: Clock) -> None:
    turn.keep()
    row.away = True
    clock.seconds += 4
    turn.keep()
    assert turn.held()
    clock.seconds += 2
    turn.keep()
    assert not turn.held()


def test_one_that_is_given_up_is_not_ours_any_more(turn: Turn, row: Row) -> None:
    turn.keep()
    turn.give_up()
    assert not turn.held()
    assert row.left == ["notifier of a"]


def test_giving_up_what_one_has_not_gives_up_nothing(turn: Turn, row: Row) -> None:
    turn.give_up()
    assert row.left == []


def test_one_that_cannot_be_given_up_ends_by_itself(turn: Turn, row: Row) -> None:
    turn.keep()
    row.away = True
    turn.give_up()
    assert not turn.held()


def test_where_there_is_no_other_process_it_is_always_ours() -> None:
    turn = Turn(None, "notifier", "a")
    turn.keep()
    assert turn.begin()
    turn.assure()
    turn.give_up()
    assert turn.held()
