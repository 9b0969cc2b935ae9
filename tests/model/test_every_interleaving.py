"""One request, every interleaving of two approvers, the requester, the policy, the clock and two workers.

The small model is searched whole; then paths that take a step of every kind are taken by the real service.
"""

from collections.abc import Callable, Hashable
from functools import cache, partial
from pathlib import Path

import pytest

from tests.model.checker import Graph, dead_ends, explore
from tests.model.covering import covering
from tests.model.replay import Stage, acting
from tests.model.small import World, wrong
from tests.model.steps import DEADLINE, DIES, MINUTE, steps
from tests.town import Town

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("every interleaving")]  # one search serves all
ONCE, REPEATABLE = pytest.param(False, id="starts once"), pytest.param(True, id="may repeat")
SIZES = {False: (65_389, 374_087), True: (53_334, 244_206)}
"""States and steps between them; docs/why/checked.md says them too."""
PAGE = Path(__file__).parent.parent.parent / "docs/why/checked.md"


@cache
def graph(*, repeatable: bool) -> Graph[World]:
    return explore(World(), steps(repeatable=repeatable), partial(wrong, repeatable=repeatable))


@pytest.mark.parametrize("repeatable", [ONCE, REPEATABLE])
def test_nothing_wrong_can_be_reached(repeatable: bool) -> None:
    reached = graph(repeatable=repeatable)
    assert (len(reached.out), reached.edges) == SIZES[repeatable]
    assert " | {:,} | {:,} |".format(*SIZES[repeatable]) in PAGE.read_text()


@pytest.mark.parametrize("repeatable", [ONCE, REPEATABLE])
def test_from_everywhere_it_ends_by_workers_and_time_alone(repeatable: bool) -> None:
    """Nobody has to press anything, and no worker has to die, for a request to come to its end."""
    reached = graph(repeatable=repeatable)
    stuck = dead_ends(reached, lambda world: world.over, _by_itself)
    assert not stuck, reached.story(stuck[0])


def _by_itself(said: str) -> bool:
    works = said.startswith("Worker") and not said.endswith(DIES)
    return works or said in (MINUTE, DEADLINE) or "'s " in said


def coarse(before: World, said: str, after: World) -> Hashable:
    """Steps are alike that say the same of rows in the same states, whichever worker takes them."""
    return _said(said), before.row.state, acting(before, said).next, after.row.state


def fine(before: World, said: str, after: World) -> Hashable:
    """Steps are alike only where the whole row, and all that whoever takes them knows, are alike before and after."""
    return _said(said), before.row, acting(before, said), after.row


def _said(said: str) -> str:
    return said[9:] if said.startswith("Worker") else said


LONG = (pytest.mark.long, pytest.mark.timeout(3600))


@pytest.mark.parametrize(
    ("repeatable", "kind"),
    [
        pytest.param(False, coarse, id="starts once"),
        pytest.param(False, fine, id="starts once, told apart finely", marks=LONG),
        pytest.param(True, fine, id="may repeat, told apart finely", marks=LONG),
    ],
)
def test_the_service_takes_every_kind_of_step_as_the_model_does(
    make_town: Callable[[], Town], repeatable: bool, kind: Callable[[World, str, World], Hashable]
) -> None:
    stage = Stage(make_town(), repeatable=repeatable)
    paths = 0
    for path in covering(graph(repeatable=repeatable), kind):
        stage.play(path)
        paths += 1
    stage.close()
    assert paths > 30, paths
