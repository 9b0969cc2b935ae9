"""A state machine that lives through stories with a whole jitbot; what fails shrinks to a short one, told in sentences."""

import itertools
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jitbot.errors import StoreUnavailable
from jitbot.model import DeliveryKind, Request, RequestId, UserId
from tests.acceptance.killing import Killed
from tests.model.company import ACTIONS, GRANTS, PEOPLE_BY_NAME, Company, name_of
from tests.model.oracle import Oracle, Sent
from tests.model.puppets import Puppet, stops_before_each_transaction
from tests.model.runner import CHECKS, STARTS, TRUTH
from tests.model.weather import WEATHERS
from tests.town import TEAM, Town

NAMES = st.sampled_from(["Ann", "Bo", "Cy", "Di"])
LENGTHS = {
    "a second": timedelta(seconds=1),
    "half a minute": timedelta(seconds=31),
    "six minutes": timedelta(minutes=6),
    "half an hour": timedelta(minutes=31),
    "two hours": timedelta(hours=2),
}
TOGETHER = 4
"""So many requests are asked for in one story at most."""


class Stories(RuleBasedStateMachine):
    """Each rule is something that happens; after each, the oracle looks. `empty` is a migrated database to copy."""

    empty: Path
    make_url: Callable[[Path], str] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.told = ""
        self.folder = Path(tempfile.mkdtemp(prefix="jitbot-model-"))
        self.numbers = itertools.count(1)
        self.frozen: Puppet | None = None
        self.company: Company | None = None

    def _repr_step(self, rule: Any, data: Any, result: Any) -> str:
        """Tell a step as a sentence, where Hypothesis would print its call."""
        return f"# {self.told}"

    # how it begins

    @initialize(repeatable=st.booleans())
    def begin(self, repeatable: bool) -> None:
        self.told = f"The runner's starts {'may' if repeatable else 'must not'} be repeated."
        url = self.make_url(self.folder) if self.make_url else f"sqlite:///{self.folder}/jitbot.db"
        if url.startswith("sqlite"):
            shutil.copy(self.empty, self.folder / "jitbot.db")
        self.company = Company(Town(url, self.folder), repeatable=repeatable)
        self.oracle = Oracle(self.company)
        self.company.runner.starting = self.oracle.starting

    # what people do

    @precondition(lambda self: len(self.oracle.before) < TOGETHER)
    @rule(who=NAMES, action=st.sampled_from(ACTIONS), soon=st.booleans(), later=st.booleans())
    def ask(self, who: str, action: str, soon: bool, later: bool) -> None:
        planned = later and action == "deploy"
        self.told = f"{who} asks for {action}{', to start in an hour' if planned else ''}"
        at = (self.town.ledger.now() + timedelta(hours=1)).isoformat(timespec="seconds") if planned else ""
        params = {"hosts": ["web1", "web2"]} if action == "roll" else {}
        body = {"action": action, "params": params, "reason": "INC-1", "ttl": "", "at": at}
        self._deliver(DeliveryKind.ASK, who, None, body, soon=soon)

    @rule(action=st.sampled_from(ACTIONS))
    def ask_without_right(self, action: str) -> None:
        self.told = f"Eve, who may not, asks for {action}"
        body = {"action": action, "params": {}, "reason": "INC-1", "ttl": "", "at": ""}
        self._deliver(DeliveryKind.ASK, "Eve", None, body, soon=True)

    @precondition(lambda self: self.oracle.before)
    @rule(who=NAMES, which=st.integers(0, TOGETHER - 1), soon=st.booleans())
    def approve(self, who: str, which: int, soon: bool) -> None:
        request = self._which(which)
        self.told = f"{who} approves {request.name}"
        self._deliver(DeliveryKind.APPROVE, who, request, {"revision": request.revision}, soon=soon)

    @precondition(lambda self: self.oracle.before)
    @rule(which=st.integers(0, TOGETHER - 1))
    def approve_all(self, which: int) -> None:
        """Let what needs people get that far often enough."""
        request = self._which(which)
        names = [each for each in ("Cy", "Di", "Bo") if PEOPLE_BY_NAME[each] != request.requester]
        self.told = f"{', '.join(names)} approve {request.name}"
        for name in names:
            self._deliver(DeliveryKind.APPROVE, name, request, {"revision": request.revision}, soon=True)

    @precondition(lambda self: self.oracle.before)
    @rule(who=NAMES, which=st.integers(0, TOGETHER - 1), soon=st.booleans())
    def deny(self, who: str, which: int, soon: bool) -> None:
        request = self._which(which)
        self.told = f"{who} denies {request.name}"
        body = {"revision": request.revision, "comment": "not now"}
        self._deliver(DeliveryKind.DENY, who, request, body, soon=soon)

    @precondition(lambda self: self.oracle.before)
    @rule(who=NAMES, which=st.integers(0, TOGETHER - 1), own=st.booleans(), soon=st.booleans())
    def withdraw(self, who: str, which: int, own: bool, soon: bool) -> None:
        request = self._which(which)
        who = name_of(request.requester) if own else who
        self.told = f"{who} withdraws {request.name}"
        self._deliver(DeliveryKind.WITHDRAW, who, request, {}, soon=soon)

    @precondition(lambda self: self.oracle.before)
    @rule(who=NAMES, which=st.integers(0, TOGETHER - 1), own=st.booleans(), soon=st.booleans())
    def drop(self, who: str, which: int, own: bool, soon: bool) -> None:
        request = self._which(which)
        who = name_of(request.requester) if own else who
        self.told = f"{who} ends {request.name}"
        self._deliver(DeliveryKind.DROP, who, request, {}, soon=soon)

    @precondition(lambda self: self.oracle.before)
    @rule(which=st.integers(0, TOGETHER - 1), soon=st.booleans())
    def extend(self, which: int, soon: bool) -> None:
        request = self._which(which)
        who = name_of(request.requester)
        self.told = f"{who} asks for {request.name} to last an hour longer"
        self._deliver(DeliveryKind.EXTEND, who, request, {"ttl": "1h", "reason": "INC-2"}, soon=soon)

    @precondition(lambda self: self.oracle.before)
    @rule(who=NAMES, which=st.integers(0, TOGETHER - 1), happened=st.booleans())
    def settle(self, who: str, which: int, happened: bool) -> None:
        request = self._which(which)
        self.told = f"{who} says that {request.name} {'happened' if happened else 'did not happen'}"
        self._deliver(DeliveryKind.SETTLE, who, request, {"happened": happened}, soon=True)

    @precondition(lambda self: self.oracle.before)
    @rule(who=NAMES, which=st.integers(0, TOGETHER - 1))
    def look_again(self, who: str, which: int) -> None:
        request = self._which(which)
        self.told = f"{who} has {request.name} looked at"
        self._deliver(DeliveryKind.LOOK, who, request, {}, soon=True)

    @precondition(lambda self: self.oracle.sent)
    @rule(back=st.integers(0, 5))
    def deliver_again(self, back: int) -> None:
        """Bring a delivery once more; it falls on its key."""
        keys = list(self.oracle.sent)
        key = keys[-1 - back % len(keys)]
        sent = self.oracle.sent[key]
        self.told = f"{name_of(sent.user)}'s {sent.kind.value} is delivered again"
        self._survive(lambda: self._take_in(key, sent.kind, sent.user, sent.request, {}, again=sent.sure))
        self._survive(lambda: self.town.service.intake.work(key))

    @rule()
    def edit(self) -> None:
        self.told = "The policy is edited"
        self._survive(self._company.edit)

    # what time and workers do

    @rule(length=st.sampled_from(sorted(LENGTHS, key=LENGTHS.__getitem__)))
    def wait(self, length: str) -> None:
        self.told = f"{length.capitalize()} {'passes' if length[0] in 'ah' and 'hours' not in length else 'pass'}"
        self._company.forward(LENGTHS[length])

    @rule()
    def work(self) -> None:
        self.told = "The workers do what is due"
        self._settle()

    @precondition(lambda self: self.town.queue.items)
    @rule()
    def work_on_one(self) -> None:
        self.told = "A worker does one thing"
        self._work_on_next()

    @rule()
    def restart(self) -> None:
        self.told = "The process is killed and started again"
        self._start_again()

    @precondition(lambda self: self.frozen is None)
    @rule(which=st.integers(0, TOGETHER - 1), steps=st.integers(0, 3))
    def freeze(self, which: int, steps: int) -> None:
        """Have the second process take a request, do some steps, and freeze before its next transaction or act."""
        due = self.town.ledger.due(10)
        if not due:
            self.told = "The second process has nothing to do"
            return
        id = due[which % len(due)]
        self.told = f"The second process takes JIT-{id}, and freezes after {steps} steps"
        other = self._company.other
        if not hasattr(other, "stops"):
            stops_before_each_transaction(other)
            other.stops = True  # type: ignore[attr-defined]
        self.frozen = Puppet(lambda: other.service.sweep.attend(id))
        for _ in range(steps):
            if not self.frozen.ended:
                self.frozen.go()

    @precondition(lambda self: self.frozen is not None)
    @rule(steps=st.integers(1, 4), dies=st.booleans())
    def thaw(self, steps: int, dies: bool) -> None:
        assert self.frozen is not None
        self.told = f"The second process wakes up, does {steps} steps{' and is killed' if dies else ''}"
        for _ in range(steps):
            if not self.frozen.ended:
                self.frozen.go()
        if dies:
            self.frozen.die()
        if self.frozen.ended:
            self.frozen = None

    # what goes wrong

    @rule(mood=st.sampled_from(STARTS))
    def spoil_a_start(self, mood: str) -> None:
        self.told = f"The runner's next start {mood}"
        self._company.runner.moods.append(mood)

    @rule(times=st.integers(1, 4))
    def spoil_undos(self, times: int) -> None:
        self.told = f"The next {times} undos fail"
        self._company.runner.failing = times

    @rule(says=st.sampled_from(CHECKS))
    def spoil_checks(self, says: str) -> None:
        self.told = f"The runner's check {says}"
        self._company.runner.checks = says

    @rule(number=st.integers(1, 6), what=st.sampled_from(WEATHERS))
    def spoil_a_commit(self, number: int, what: str) -> None:
        self.told = f"Commit {number} from now {what}"
        self._company.weather.comes(number, what)

    # what has to hold

    @invariant()
    def nothing_is_wrong(self) -> None:
        if self.company is not None:
            self.oracle.look()

    def teardown(self) -> None:
        try:
            if self.company is not None:
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

    # how things are done

    @property
    def _company(self) -> Company:
        assert self.company is not None
        return self.company

    @property
    def town(self) -> Town:
        return self._company.town

    def _which(self, which: int) -> Request:
        ids = list(self.oracle.before)
        return self.town.ledger.get(RequestId(ids[which % len(ids)]))

    def _deliver(
        self, kind: DeliveryKind, who: str, request: Request | None, body: dict[str, Any], *, soon: bool
    ) -> None:
        """Take something in and, if `soon`, work on it at once; else the sweep finds it, in whatever order."""
        key, user = f"{kind.value}-{next(self.numbers)}", PEOPLE_BY_NAME[who]
        id = None if request is None else request.id
        self.told += "" if soon else ", and nobody works on that yet"
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


assert set(GRANTS) <= set(ACTIONS)
