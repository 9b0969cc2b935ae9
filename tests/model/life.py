"""One life of a whole jitbot, for the state machine: what is told of it, how things are done in it, and how it ends."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine

from jitbot.errors import StoreUnavailable
from jitbot.model import DeliveryKind, Request, RequestId, UserId
from tests.acceptance.killing import Killed
from tests.model.company import PEOPLE_BY_NAME, Company
from tests.model.oracle import Oracle, Sent
from tests.model.puppets import Puppet
from tests.model.runner import TRUTH
from tests.town import TEAM, Town

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where the databases of stories lie: processes die in them, machines never do, so nothing has to reach a disk."""


class Life(RuleBasedStateMachine):
    """`empty` is a migrated SQLite file to copy; `make_url` gives another database instead."""

    empty: Path
    make_url: Callable[[Path], str] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self.folder = Path(tempfile.mkdtemp(prefix="jitbot-model-", dir=MEMORY))
        self.numbers = itertools.count(1)
        self.frozen: Puppet | None = None
        self.company: Company | None = None
        self.failed = False

    def _repr_step(self, rule: Any, data: Any, result: Any) -> str:
        """Tell a step as a sentence, where Hypothesis would print its call."""
        return f"# {'; '.join(self.told)}"

    def _be_born(self, *, repeatable: bool) -> None:
        """Begin, with nothing asked for yet."""
        url = self.make_url(self.folder) if self.make_url else f"sqlite:///{self.folder}/jitbot.db"
        if url.startswith("sqlite"):
            shutil.copy(self.empty, self.folder / "jitbot.db")
        self.company = Company(Town(url, self.folder), repeatable=repeatable)
        self.oracle = Oracle(self.company)
        self.company.runner.starting = self.oracle.starting

    def teardown(self) -> None:
        try:
            if self.company is not None and not self.failed:  # what is wrong already makes other things wrong
                self._converge()
                self.oracle.converged()
        finally:
            self._end()

    def _converge(self) -> None:
        """Have nothing go wrong any more, and time pass."""
        company, runner = self._company, self._company.runner
        company.weather.clears()
        runner.moods.clear()
        runner.failing, runner.checks = 0, TRUTH
        while self.frozen is not None and not self.frozen.ended:
            self.frozen.go()
        self._start_again()
        for length in [timedelta(seconds=31)] * 3 + [timedelta(minutes=10)] * 6 + [timedelta(hours=9)] * 3:
            company.forward(length)
            self._settle()

    def _end(self) -> None:
        if self.frozen is not None:
            with suppress(BaseException):
                self.frozen.die()
        if self.company is not None:
            self.company.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _company(self) -> Company:
        assert self.company is not None
        return self.company

    @property
    def town(self) -> Town:
        return self._company.town

    def _which(self, which: int) -> Request:
        requests = self._company.requests()
        return requests[-1 - which % len(requests)]

    def _deliver(
        self, kind: DeliveryKind, who: str, request: Request | None, body: dict[str, Any], *, soon: bool
    ) -> None:
        """Take something in and, if `soon`, work on it at once; else the sweep finds it, in whatever order."""
        key, user = f"{kind.value}-{next(self.numbers)}", PEOPLE_BY_NAME[who]
        id = None if request is None else request.id
        self.told += [] if soon else ["nobody works on that yet"]
        sure = self._survive(lambda: self._take_in(key, kind, user, id, body))
        self.oracle.sent[key] = Sent(kind, user, id, body.get("revision"), bool(sure))
        if sure and soon:
            self._survive(lambda: self._answered(key))
            while self.town.queue.items:
                self._work_on_next()

    def _take_in(
        self, key: str, kind: DeliveryKind, user: UserId, request: int | None, body: dict[str, Any], again: bool = False
    ) -> bool:
        known = None if request is None else RequestId(request)
        new = self.town.service.intake.take_in(key=key, kind=kind, user=user, team=TEAM, body=body, request=known)
        assert not (again and new), f"{key} was acknowledged, and is not known any more."
        return True

    def _answered(self, key: str) -> None:
        answer = self.town.service.intake.work(key)
        assert answer is None or not answer.refused or answer.text, f"{key} was refused without a word."

    def _settle(self) -> None:
        """Do all that is due, as the sweep and the workers would."""
        for _ in range(50):
            self._survive(self.town.service.sweep.tick)
            if not self.town.queue.items:
                return
            while self.town.queue.items:
                self._work_on_next()

    def _work_on_next(self) -> None:
        kind, key = self.town.queue.items.popleft()
        sweep = self.town.service.sweep
        self._survive(lambda: sweep.attend(key) if kind == "request" else sweep.delivery(key))

    def _survive(self, do: Callable[[], object]) -> object:
        """Do something; a process that dies of it is started again, and what could not be done is left to the sweep."""
        try:
            return do()
        except StoreUnavailable:
            return None
        except Killed:
            self._start_again()
            return None

    def _start_again(self) -> None:
        self._company.weather.clears()
        self.town.restart()
