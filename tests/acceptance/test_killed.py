"""Killed between any two steps and started again, it converges: at most one start, at least one undo, no false word."""

import contextlib
from collections.abc import Callable

import pytest

from jitbot.lifecycle import TERMINAL
from jitbot.model import HealthState, Request, State
from tests.acceptance.killing import Killed, die_inside, exorcise, haunt
from tests.town import ANN, BO, DI, PEOPLE, Town

TARGET = "prod/work_mem"
Story = Callable[[Town], None]
WATCHED = {
    "people.yml": PEOPLE,
    "payments.yml": """
team: payments
channel: "#payments-oncall"
actions:
  restart:
    runner: fake
    with: {what: work_mem, where: prod, value: 1}
    requesters: [group:engineering]
    facts: {firing: {source: fake, name: firing}}
    verify: {for: 1m, every: 30s, unhealthy_when: facts.firing > before.facts.firing}
    rules: [{name: free, allow: true}]
""",
}


def tuned_and_expired(town: Town) -> None:
    """A grant that policy allows, and that ends with its time."""
    if not town.ledger.find() and not town.inbox.waiting(1):
        town.ask(ANN, "tune", value=200)
    for _ in range(4):
        town.forward(minutes=20)
        town.settle()


def approved_and_dropped(town: Town) -> None:
    """A grant that two people approve, and that the requester ends early."""
    if not town.ledger.find() and not town.inbox.waiting(1):
        town.ask(ANN, "admin", ttl="4h")
    town.settle()
    for approver in (BO, DI):
        request = town.ledger.find()[0]
        if request.state is State.PENDING:
            town.approve(approver, request)
    request = town.ledger.find()[0]
    if request.state is State.UNSURE:
        town.settle_unsure(DI, request, happened=bool(town.runner.started))
    if town.state(request) is State.ACTIVE:
        town.drop(ANN, request)
    for _ in range(4):
        town.forward(minutes=20)
        town.settle()


def run_once(town: Town) -> None:
    """A run without an end, that one person approves; a check knows what came of it."""
    if not town.ledger.find() and not town.inbox.waiting(1):
        town.ask(ANN, "restart", service="api", env="prod")
    town.settle()
    request = town.ledger.find()[0]
    if request.state is State.PENDING:
        town.approve(BO, request)
    town.runner.health = HealthState.HEALTHY if town.runner.started else HealthState.ABSENT
    for _ in range(4):
        town.forward(minutes=2)
        town.settle()


def watched_and_undone(town: Town) -> None:
    """A run that policy allows, that becomes unhealthy, and that is undone by itself."""
    if town.files != WATCHED:
        town.files = WATCHED
        town.service.book.reload()
    broken = lambda: 1 in town.runner.world.values()  # noqa: E731 - one line says it
    town.facts.on_read = lambda arguments: town.facts.values.update(firing=int(broken()))
    if not town.ledger.find() and not town.inbox.waiting(1):
        town.ask(ANN, "restart")
    town.settle()
    for _ in range(20):
        town.runner.health = HealthState.HEALTHY if broken() else HealthState.ABSENT
        town.forward(seconds=30)
        town.settle()


STORIES: dict[str, tuple[Story, int]] = {
    "tuned and expired": (tuned_and_expired, 15),
    "approved and dropped": (approved_and_dropped, 20),
    "run once": (run_once, 12),
    "watched and undone": (watched_and_undone, 12),
}


EACH_TIME = {("approved and dropped", False), ("run once", False), ("run once", True)}
"""Told each time; the others in the long tier, since the models and the kill test walk them too."""


def assert_converged(town: Town) -> None:
    requests = town.ledger.find()
    assert len(requests) == 1
    request = requests[0]
    assert request.state in TERMINAL
    assert len(town.runner.started) <= 1
    if request.ttl is not None:
        assert town.runner.world in ({}, {town.runner.target(_inputs(town)): 100})
        assert not town.runner.started or town.runner.undone
    if request.snapshot.verify is not None:
        assert_taken_back(town, request)
        return
    assert (request.state in (State.SUCCEEDED, State.EXPIRED, State.REVOKED)) or not town.runner.world or request.ttl
    assert town.trail.verify() > 0
    assert town.said("alarm") == [] or town.kinds(request).count("lose") == 1


def assert_taken_back(town: Town, request: Request) -> None:
    """See that what became unhealthy was undone, also where it had to be settled first whether it had started."""
    assert town.trail.verify() > 0
    if request.state is State.FAILED:
        assert "lose" in town.kinds(request)
        assert town.runner.world == {}, "it did not happen"
    else:
        assert request.state is State.ROLLED_BACK
        assert town.runner.world == {TARGET: 100}


def _inputs(town: Town) -> object:
    return town.runner.Inputs.model_validate(town.ledger.find()[0].snapshot.inputs)


def assert_nothing_false_was_said(town: Town) -> None:
    for text in town.said("notice"):
        if "granted" in text or "done." in text:
            assert town.runner.started
        if "ended on time" in text or "was dropped" in text:
            assert 200 not in town.runner.world.values()
            assert not town.runner.started or town.runner.undone


def live_and_die(town: Town, story: Story, at: int, harm: Callable[[Town, int], object]) -> bool:
    """Tell whether it died; afterwards it has been brought back and has lived its story to the end."""
    death = harm(town, at)
    try:
        story(town)
    except Killed:
        assert_nothing_false_was_said(town)
    exorcise(town)
    story(town)
    return bool(getattr(death, "died", False))


@pytest.mark.timeout(100)
@pytest.mark.parametrize(
    ("name", "repeatable"),
    [
        pytest.param(
            name,
            repeatable,
            id=f"{name}, {'may repeat' if repeatable else 'once only'}",
            marks=() if (name, repeatable) in EACH_TIME else pytest.mark.long,
        )
        for name in STORIES
        for repeatable in (False, True)
    ],
)
def test_killed_after_any_step_it_converges(make_town: Callable[[], Town], name: str, repeatable: bool) -> None:
    story, least = STORIES[name]
    at, died = 0, True
    while died:
        at += 1
        town = make_town()
        town.runner.repeatable = repeatable
        town.restart()
        died = live_and_die(town, story, at, haunt)
        starts = len(town.runner.started)
        if repeatable and starts == 2:
            assert len(set(town.runner.started)) == 1
            town.runner.started.pop()
        assert_nothing_false_was_said(town)
        assert_converged(town)
        town.close()
    assert at > least, at


@pytest.mark.timeout(100)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "run once" else pytest.mark.long) for name in STORIES]
)
def test_killed_before_any_commit_it_converges(make_town: Callable[[], Town], name: str) -> None:
    story, _ = STORIES[name]
    at, died = 0, True
    while died:
        at += 1
        town = make_town()
        died = live_and_die(town, story, at, die_inside)
        assert_converged(town)
        town.close()
    assert at > 6


@pytest.mark.timeout(100)
@pytest.mark.parametrize("at", [3, 6, 8, 9, 11, 13])
def test_killed_it_converges_on_both_databases(town: Town, at: int) -> None:
    live_and_die(town, tuned_and_expired, at, haunt)
    assert_nothing_false_was_said(town)
    assert_converged(town)


@pytest.mark.timeout(100)
def test_killed_twice_it_converges(make_town: Callable[[], Town]) -> None:
    for first in range(6, 14):
        town = make_town()
        live_and_die(town, lambda town: None, first, haunt)
        haunt(town, first)
        try:
            tuned_and_expired(town)
        except Killed:
            exorcise(town)
            haunt(town, 3)
            with contextlib.suppress(Killed):
                tuned_and_expired(town)
        exorcise(town)
        tuned_and_expired(town)
        assert_converged(town)
        town.close()
