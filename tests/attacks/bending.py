"""A day at jitbot with something in every table, what an insider makes of one column, and what came of that."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Enum, LargeBinary, Table
from sqlalchemy.exc import SQLAlchemyError

from jitbot.errors import JitbotError, RunnerUnsure
from jitbot.model import Copy, DeliveryKind, Request
from jitbot.ports import Run
from jitbot.store.columns import Instant, Length, Value
from jitbot.store.turns import StoreTurns
from tests.town import ANN, BO, CY, DI, EVE, PEOPLE, POLICY, FakeInputs, FakeRunner, Town

MORE = """
  roll:
    title: Roll the web servers
    runner: fake
    with: {what: "{hosts}", where: prod, value: 7}
    parameters:
      hosts: {type: multi-choice, options: [web1, web2]}
    requesters: [group:engineering]
    for_each: hosts
    rules: [{name: free, allow: true}]
  debug:
    title: Debug
    runner: fake
    with: {what: debug, where: prod, value: 3}
    requesters: [group:engineering]
    timebox: {default: 20m, max: 1h}
    rules: [{name: somebody, review: [{from: [group:oncall], count: 1}]}]
  poke:
    title: Poke
    runner: fake
    with: {what: unsure, where: prod, value: 5}
    requesters: [group:engineering]
    timebox: {default: 20m, max: 1h}
    rules: [{name: free, allow: true}]
"""
GUARDRAILS = """
break_glass: [{applies_to: [debug], who: [group:leads], max: 1h, review_within: 24h, tell: ["#security"]}]
guardrails: [{name: never by robots, when: request.source == 'robot', deny: Not by robots.}]
"""
FILES = {"payments.yml": POLICY + MORE, "people.yml": PEOPLE, "guardrails.yml": GUARDRAILS}
Act = tuple[str, str, int]
"""What a runner was told: a run's key, a target and a value."""


class Watched(FakeRunner):
    """Notes with which inputs it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[Act] = []
        self.ended: list[tuple[str, str]] = []
        self.on_start = self._note
        self.on_undo = lambda inputs, run: self.ended.append((run.key, self.target(inputs)))

    def _note(self, inputs: FakeInputs, run: Run) -> None:
        self.begun.append((run.key, self.target(inputs), inputs.value))
        if inputs.what == "unsure":
            self.world["prod/unsure"] = 5
            self._before.setdefault(run.key, 100)
            raise RunnerUnsure("no answer")


@dataclass
class Day:
    """A database of a jitbot that was killed in the middle of it, and what there was at its targets."""

    folder: Path
    offset: timedelta
    world: dict[str, int] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    waiting: Request | None = None
    """What one more approver is needed for."""


class Bent(Town):
    """The same jitbot started again on a copy."""

    def __init__(self, day: Day, folder: Path, change: Callable[[sqlite3.Connection], object] = id) -> None:
        for name in ("jitbot.db", "signing.key"):
            shutil.copy(day.folder / name, folder / name)
        self.errors: list[Exception] = []
        self.day = day
        with closing(sqlite3.connect(folder / "jitbot.db")) as database:
            change(database)
            database.commit()
        super().__init__(f"sqlite:///{folder}/jitbot.db", folder, files=FILES)

    def _build(self) -> None:
        self.database.offset = self.day.offset
        self.runner = Watched()
        self.runner.world, self.runner._before = dict(self.day.world), dict(self.day.before)
        super()._build()

    def settle(self) -> None:
        """Work off what is due; what cannot be worked on keeps nothing else from it, as in a real process."""
        for _ in range(6):
            self._try(self.service.sweep.tick)
            if not self.queue.items:
                return
            for kind, key in dict.fromkeys(self.queue.items):
                self._try(partial(self.service.sweep.attend if kind == "request" else self.service.sweep.delivery, key))
            self.queue.items.clear()

    def _try(self, do: Callable[[], object]) -> None:
        try:
            do()
        except (
            JitbotError,
            SQLAlchemyError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            AssertionError,
        ) as error:
            self.errors.append(error)

    def live(self) -> None:
        """Have the rest of the day go by: one more approval, and the ends of all that is held."""
        self.settle()
        waits = self.day.waiting
        assert waits is not None
        self._try(lambda: self.work(self.take_in(DeliveryKind.APPROVE, DI, waits.id, revision=1)))
        for minutes in (1, 10, 12, 12, 3, 3, 30):
            self.forward(minutes=minutes)
            self.settle()

    def alarms(self) -> list[str]:
        """Return what tells that the database was tampered with: on record, said, or seen by who verifies."""
        with self.database.read() as connection:
            told = connection.exec_driver_sql("SELECT kind FROM events WHERE kind IN ('tampered', 'barred')").all()
        found = [kind for (kind,) in told] + [str(each) for each in self.errors]
        try:
            self.trail.verify()
        except JitbotError as error:
            found.append(str(error))
        return found

    def course(self) -> object:
        """Return all that has happened, as people and targets see it."""
        with self.database.read() as connection:
            states = connection.exec_driver_sql("SELECT id, state, expires_at FROM requests ORDER BY id").all()
        return self.runner.begun, self.runner.ended, self.runner.world, [(row[0], row[1]) for row in states]


def a_day(folder: Path) -> Day:
    """Have a jitbot live through half a day, with a request in each stage, and end it there."""
    folder.mkdir(exist_ok=True)
    town = Town(f"sqlite:///{folder}/jitbot.db", folder, files=FILES)
    town.runner = Watched()
    town._build()
    town.do(DeliveryKind.DELEGATE, CY, to=EVE, text="for 3d")
    waiting = town.ask(ANN, "admin", ttl="20m")
    town.approve(BO, waiting)
    town.deny(CY, town.ask(ANN, "restart", service="worker", env="prod"))
    town.ask(ANN, "restart", service="api", env="staging")
    town.ask(ANN, "tune", value=200, ttl="20m")
    town.ask(BO, "roll", hosts=["web1", "web2"])
    town.do(DeliveryKind.ASK, DI, action="debug", params={}, reason="all is down", ttl="20m", break_glass=True)
    town.ask(ANN, "poke", ttl="20m")
    clicked = town.ask(ANN, "restart", service="worker", env="prod")
    approved = town.ask(ANN, "restart", service="api", env="prod")
    for number, place in enumerate(("#payments-oncall", ANN)):
        town.outbox.keep(Copy(waiting.id, place, "C0PAY", f"1.{number}", 1))
    StoreTurns(town.database).take("notifier", "gone", timedelta(seconds=5))
    with town.ledger.begin() as entry:
        entry.arrival("file")
    town.service.intake.work(town.take_in(DeliveryKind.APPROVE, CY, approved.id, revision=1))
    town.take_in(DeliveryKind.APPROVE, BO, clicked.id, revision=1)
    town.forward(minutes=1)
    town.close()
    runner = town.runner
    return Day(folder, town.database.offset, runner.world, runner._before, waiting)


LONG_AGO, FAR_AHEAD = "2001-01-01T00:00:00.000000+00:00", "2040-01-01T00:00:00.000000+00:00"
KEPT = {"jit-3-1", "jit-4-1", "jit-5-1-1", "jit-5-1-2", "jit-6-1", "jit-7-1"}
"""The keys of what had begun when the insider came."""
HELD = {"prod/work_mem", "prod/debug", "prod/unsure", "prod/admin"}
"""What is only held for a time: 100 before and afterwards."""


@dataclass(frozen=True)
class Bend:
    """One column of one row, by the row's place in its table, and what an insider writes there."""

    table: str
    column: str
    row: int
    value: object
    """As the database of SQLite keeps it."""

    def __str__(self) -> str:
        return f"{self.table}.{self.column}[{self.row}]={str(self.value)[:40]}"

    def write(self, database: sqlite3.Connection) -> None:
        found = f"SELECT rowid FROM {self.table} ORDER BY rowid LIMIT 1 OFFSET {self.row}"
        change = f'UPDATE {self.table} SET "{self.column}" = ? WHERE rowid = ({found})'
        database.execute(change, (self.value,))


def values(column: Column[Any], own: object, others: list[object]) -> list[object]:
    """Return what an insider could write in the place of a value, as plausible as can be."""
    kind = column.type
    if isinstance(kind, Instant):
        found: list[object] = [LONG_AGO, FAR_AHEAD]
    elif isinstance(kind, Length):
        found = [30 * 86400.0]
    elif isinstance(kind, Enum):
        found = list(kind.enums)
    elif isinstance(kind, LargeBinary):
        found = [bytes(len(own) if isinstance(own, bytes) else 32)]
    elif isinstance(kind, Value):
        found = others[:2] or ["{}"]
    elif isinstance(own, int):
        found = [own + 1, 0, 1]
    else:
        found = [*others[:2], EVE, ""]
    found = [*found, None] if column.nullable else found
    return [each for each in dict.fromkeys(found) if each != own]


def bends(day: Day, table: Table) -> Iterator[Bend]:
    """Yield everything that is tried with a table: each row, each column, each value."""
    with closing(sqlite3.connect(day.folder / "jitbot.db")) as database:
        names = [column.name for column in table.columns]
        query = ", ".join(f'"{name}"' for name in names)
        rows = database.execute(f"SELECT {query} FROM {table.name} ORDER BY rowid").fetchall()
    for number, row in enumerate(rows):
        for place, column in enumerate(table.columns):
            others = list(dict.fromkeys(each[place] for each in rows if each[place] not in (row[place], None)))
            for value in values(column, row[place], others):
                yield Bend(table.name, column.name, number, value)


def harm(town: Bent, twin: Bent) -> list[str]:
    """Return what policy and approvals did not allow: what ran, what was undone, and what is still held."""
    began = [act for act in town.runner.begun if act not in twin.runner.begun]
    keys = [key for key, _, _ in town.runner.begun]
    twice = [key for key in keys if keys.count(key) > 1 or key in KEPT]
    undone = [each for each in town.runner.ended if each not in twin.runner.ended]
    held = [target for target in sorted(HELD) if town.runner.world.get(target, 100) != 100]
    found = {"ran": began, "ran twice": twice, "was undone": undone, "is held": held}
    return [f"{what}: {some}" for what, some in found.items() if some]
