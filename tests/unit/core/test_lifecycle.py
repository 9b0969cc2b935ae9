"""The table is the state machine, and the drawing is the table."""

import re

import pytest

from jitbot import lifecycle
from jitbot.lifecycle import ENDED_BY, HOLDING, TERMINAL, TRANSITIONS, Event, after
from jitbot.model import State, UndoCause

IMPOSSIBLE = [(state, event) for state in State for event in Event if (state, event) not in TRANSITIONS]


@pytest.mark.parametrize(("state", "event"), IMPOSSIBLE, ids=lambda value: value.value)
def test_every_move_that_is_not_in_the_table_is_refused(state: State, event: Event) -> None:
    assert after(state, event) is None


@pytest.mark.parametrize("move", TRANSITIONS, ids=lambda move: "-".join(each.value for each in move))
def test_every_move_of_the_table_leads_where_it_says(move: tuple[State, Event]) -> None:
    assert after(*move) is TRANSITIONS[move]


def drawn() -> dict[tuple[State, Event], State]:
    """Read the drawing in the module's docstring."""
    drawing = (lifecycle.__doc__ or "").split("```")[1]
    found, state = {}, State.DECIDING
    for line in drawing.strip().splitlines():
        if not line.startswith(" "):
            state = State[line.split()[0]]
        for event, to in re.findall(r"([a-z_]+) -> ([A-Z_]+)", line):
            found[state, Event(event)] = State[to]
    return found


def test_the_drawing_is_the_table() -> None:
    assert drawn() == TRANSITIONS


def test_nothing_leaves_a_terminal_state_and_something_every_other() -> None:
    assert {state.name for state in TERMINAL} == {
        "DENIED",
        "WITHDRAWN",
        "LAPSED",
        "MISSED",
        "SUCCEEDED",
        "FAILED",
        "EXPIRED",
        "REVOKED",
        "ROLLED_BACK",
    }
    assert {state for state, _ in TRANSITIONS} == set(State) - TERMINAL


def test_every_state_can_be_reached() -> None:
    assert set(TRANSITIONS.values()) == set(State) - {State.DECIDING}


def test_every_event_is_used() -> None:
    assert {event for _, event in TRANSITIONS} == set(Event)


def test_every_cause_of_an_undo_says_how_it_ends() -> None:
    assert set(ENDED_BY) == set(UndoCause)
    assert all(after(State.UNDOING, event) in TERMINAL for event in ENDED_BY.values())


def test_who_revoked_or_dropped_ends_as_revoked_and_the_clock_as_expired() -> None:
    ends = {cause: after(State.UNDOING, event) for cause, event in ENDED_BY.items()}
    assert ends == {
        UndoCause.EXPIRY: State.EXPIRED,
        UndoCause.REVOCATION: State.REVOKED,
        UndoCause.DROP: State.REVOKED,
        UndoCause.REQUESTER_GONE: State.REVOKED,
        UndoCause.STOP: State.ROLLED_BACK,
        UndoCause.PARTWAY: State.ROLLED_BACK,
        UndoCause.UNHEALTHY: State.ROLLED_BACK,
        UndoCause.NOT_STARTED: State.FAILED,
    }


def test_what_has_started_and_not_ended_holds_its_target() -> None:
    waiting = {State.DECIDING, State.PENDING, State.APPROVED}
    assert set(State) - TERMINAL - waiting == HOLDING
