"""Several things go wrong at once, drawn by a seed, while a few people ask, approve, deny and drop; then all is mended.

What they did is kept beside jitbot, and at the end everything has to agree with it: what was acknowledged has happened,
nothing ran twice, everything held was taken back, and every card shows what is so.
"""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from jitbot.errors import RunnerRefused, RunnerUnsure, StoreUnavailable
from jitbot.lifecycle import TERMINAL
from jitbot.model import HealthState, State
from jitbot.ports import Run
from jitbot.sandbox.person import PersonRefused
from jitbot.store.engine import _translated
from tests.outages.test_slack import all_copies_are_of, later
from tests.slack_town import HERE, SlackTown, action_ids
from tests.town import FakeInputs

SLACK_FAULTS = ("ratelimited", "http_500", "http_500_after", "drop", "drop_after", "error")
DELIVERY_FAULTS = ("duplicate", "lost_ack", "much_later", "drop")
SHORT, LONG = 25, 80


@dataclass
class Weather:
    """What goes wrong now; `calm` is when nothing does."""

    dice: random.Random
    world: SlackTown
    away: int = 0
    runner: list[type[Exception]] = field(default_factory=list)

    def __post_init__(self) -> None:
        town = self.world.town
        self._write, self._read = town.database.write, town.database.read
        town.database.write = self._failing(self._write)  # type: ignore[method-assign]
        town.database.read = self._failing(self._read)  # type: ignore[method-assign]
        town.runner.on_start = self._maybe_refuse
        town.runner.after_start = self._maybe_unsure
        town.runner.on_undo = lambda inputs, run: self._maybe_unsure()

    def _failing(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def opened(**how: Any) -> Iterator[Any]:
            if self.away > 0:
                self.away -= 1
                with _translated():
                    raise OperationalError("the weather", {}, Exception("gone"))
            with inner(**how) as connection:
                yield connection

        return opened

    def _maybe_refuse(self, inputs: FakeInputs, run: Run) -> None:
        if RunnerRefused in self.runner:
            self.runner.remove(RunnerRefused)
            raise RunnerRefused("not today")

    def _maybe_unsure(self) -> None:
        if self.dice.random() < 0.2:
            self.away = self.dice.randint(1, 6)  # the database goes away just when a runner has acted
        if RunnerUnsure in self.runner:
            self.runner.remove(RunnerUnsure)
            raise RunnerUnsure("no answer")

    def worsen(self) -> None:
        """Let one more thing go wrong."""
        dice, world = self.dice, self.world
        what = dice.randrange(7)
        if what == 0:
            self.away = dice.randint(1, 12)
        elif what == 1:
            calls = [{"on": "chat.*", "kind": dice.choice(SLACK_FAULTS), "times": dice.randint(1, 3)}]
            world.slack.faults(*calls, self._of_delivery())
        elif what == 2:
            world.slack.faults(self._of_delivery(), {"on": "response_url", "kind": "http_500", "times": 2})
        elif what == 3:
            self.runner.append(dice.choice((RunnerRefused, RunnerUnsure)))
        elif what == 4:
            world.town.database.offset += timedelta(minutes=dice.choice((-60, 60, -7, 3)))
        elif what == 5:
            world.slack.control("sockets", {"close": "all"})
        else:
            world.forward(dice.choice((5.0, 70.0, 600.0)))

    def _of_delivery(self) -> dict[str, Any]:
        return {"on": "delivery", "kind": self.dice.choice(DELIVERY_FAULTS), "times": 1, "delay": 90.0}

    def calm(self) -> None:
        self.away = 0
        self.runner.clear()
        self.dice = random.Random(1)  # never below 0.2 for as long as it is asked
        self._maybe_unsure = lambda: None  # type: ignore[method-assign]
        self.world.town.runner.after_start = lambda: None
        self.world.town.runner.on_undo = lambda inputs, run: None
        self.world.town.runner.health = HealthState.HEALTHY
        self.world.slack.faults()


class Crowd:
    """People who do things, and remember what they were acknowledged."""

    def __init__(self, dice: random.Random, world: SlackTown) -> None:
        self.dice, self.world = dice, world
        self.asked: dict[str, bool] = {}

    def act(self) -> None:
        kind = self.dice.random()
        if kind < 0.5:
            self._ask()
        else:
            self._press()

    def _ask(self) -> None:
        number = len(self.asked)
        what = self.dice.choice(("restart service=api env=staging", "restart service=api env=prod", "tune value=200"))
        reason = f"because {number}"
        before = self._told()
        acked = self.world.person("U0ANN").command(HERE, f"/jit {what} {reason}")["acked"]
        refused = self._told() > before or not acked
        self.asked[reason] = not refused

    def _told(self) -> int:
        """Count what Ann was told beside what she typed: that it was not taken in, or could not be."""
        return sum("taken in" in each["text"] for each in self.world.person("U0ANN").messages(HERE))

    def _press(self) -> None:
        user = self.dice.choice(("U0ANN", "U0BO", "U0CY"))
        person = self.world.person(user)
        cards = [(each, action) for each in (*person.messages(HERE), *person.dm()) for action in action_ids(each)]
        wanted = [each for each in cards if each[1] in ("jit:approve", "jit:drop", "jit:withdraw")]
        if wanted:
            with suppress(PersonRefused):  # the card was drawn anew in that moment, without this button
                person.click(*self.dice.choice(wanted))


def live(world: SlackTown) -> None:
    """Do what is due, as far as the weather lets us."""
    try:
        world.tick()
    except StoreUnavailable:
        threading.Event().wait(0.01)


SEEDS = [pytest.param(seed, SHORT, id=f"seed-{seed}") for seed in (1,)] + [
    pytest.param(seed, LONG, id=f"long-{seed}", marks=[pytest.mark.long, pytest.mark.timeout(900)])
    for seed in range(2, 11)
]


@pytest.mark.parametrize(("seed", "steps"), SEEDS)
def test_whatever_goes_wrong_at_once_everything_converges(world: SlackTown, seed: int, steps: int) -> None:
    dice = random.Random(seed)
    weather, crowd = Weather(dice, world), Crowd(dice, world)
    for _ in range(steps):
        if dice.random() < 0.4:
            weather.worsen()
        world.socket.look()
        crowd.act()
        live(world)
    weather.calm()
    world.socket.look()
    world.forward(120.0)  # what was to come later has come
    later(world, lambda: not world.town.inbox.waiting(100))
    world.forward(4 * 3600.0)
    later(world, lambda: all(each.state in TERMINAL for each in world.town.ledger.find(limit=500)), 300.0)
    later(world, lambda: all(all_copies_are_of(world, each.id) for each in world.town.ledger.find(limit=500)))
    agree(world, crowd)


def agree(world: SlackTown, crowd: Crowd) -> None:
    """See that what is on record, what the runner did and what people were told are the same."""
    found, runner = world.town.ledger.find(limit=500), world.town.runner
    reasons = [each.reason for each in found]
    assert len(reasons) == len(set(reasons)), "nothing was asked twice"
    assert {reason for reason, taken in crowd.asked.items() if taken} <= set(reasons), "what was acknowledged is there"
    assert len(runner.started) == len(set(runner.started)), "nothing was started twice"
    for each in found:
        started = each.run_key in runner.started
        if each.state is State.SUCCEEDED:
            assert started, f"{each.name} is shown as done"
        if started and each.ttl is not None:
            assert each.run_key in runner.undone or each.handed_to is not None, f"{each.name} was taken back"
    done = [each["text"] for each in world.person("U0ANN").dm() if ": done." in each["text"]]
    names = {each.name for each in found if each.state is State.SUCCEEDED}
    assert {text.split()[0] for text in done} <= names, "nothing was told as done that is not"
    world.town.trail.verify()
