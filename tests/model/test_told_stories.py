"""Stories in which the oracle took for wrong what was right, told once more; and that it still sees what is wrong."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jitbot.model import DeliveryKind, State
from tests.model.runner import LOST, RAISES
from tests.model.stories import Stories
from tests.model.weather import DIES_AFTER

Begin = Callable[[str], Stories]


@pytest.fixture
def begin(empty_file: Path) -> Iterator[Begin]:
    """Begin a story with what Ann asks for; in the end everything has to come to its end."""
    stories = []

    def begun(action: str) -> Stories:
        story = type("Story", (Stories,), {"empty": empty_file})()
        stories.append(story)
        story.begin(repeatable=False, actions=[action], mood=None, commit=None)
        return story

    yield begun
    for story in stories:
        story.teardown()


def states(story: Stories) -> list[State]:
    story.nothing_is_wrong()
    return [each.state for each in story.company.requests()]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("action", "mood", "state"),
    [("tune", LOST, State.ACTIVE), ("restart", RAISES, State.SUCCEEDED)],
    ids=["held", "run"],
)
def test_what_was_lost_on_the_way_is_found_done_by_another(begin: Begin, action: str, mood: str, state: State) -> None:
    story = begin(action)
    story.ask(who="Cy", action=action, soon=True, later=False, mood=mood)
    assert states(story) == [state, state]


def test_that_nobody_started_and_no_check_has_seen_is_still_wrong(begin: Begin) -> None:
    story = begin("tune")
    story.ask(who="Cy", action="tune", soon=True, later=False, mood=LOST)
    found = story.company.runner.found  # type: ignore[union-attr]
    seen = set(found)
    found.clear()
    with pytest.raises(AssertionError, match="JIT-2 is active, and was never started"):
        story.oracle.look()
    found |= seen


def test_who_may_not_ask_takes_it_back_while_it_is_decided(begin: Begin) -> None:
    story = begin("tune")
    story.spoil_a_commit(number=2, what=DIES_AFTER)
    story.ask(who="Eve", action="tune", soon=True, later=False, mood=None)
    assert states(story) == [State.ACTIVE, State.DECIDING]
    story.act(who="Eve", which=0, does=DeliveryKind.WITHDRAW, yes=True, soon=True)
    assert states(story) == [State.ACTIVE, State.WITHDRAWN]
