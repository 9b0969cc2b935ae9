"""A state machine that lives through stories with a whole jitbot; what fails shrinks to a short one, in sentences."""

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
from jitbot.model import DeliveryKind, Request, RequestId, State, UserId
from tests.acceptance.killing import Killed
from tests.model.company import ACTIONS, PEOPLE_BY_NAME, Company, name_of
from tests.model.oracle import Oracle, Sent
from tests.model.puppets import Puppet, stops_before_each_transaction
from tests.model.runner import CHECKS, STARTS, TRUTH
from tests.model.weather import WEATHERS
from tests.town import TEAM, Town

TOGETHER = 6
"""So many requests are asked for in one story at most."""
NAMES = st.sampled_from(["Ann", "Bo", "Cy", "Di"])
MOOD = st.none() | st.sampled_from(STARTS)
WHICH = st.integers(0, 2)
"""Which of the latest requests, counted back."""
SOON = st.sampled_from([True, True, False])
DOES = {
    DeliveryKind.WITHDRAW: "withdraws {}",
    DeliveryKind.DROP: "ends {}",
    DeliveryKind.EXTEND: "asks for {} to last an hour longer",
    DeliveryKind.SETTLE: "says whether {} happened",
    DeliveryKind.LOOK: "has {} looked at",
}
FITTING = {
    State.PENDING: (DeliveryKind.WITHDRAW,) * 2,
    State.APPROVED: (DeliveryKind.WITHDRAW,) * 2,
    State.ACTIVE: (DeliveryKind.DROP, DeliveryKind.EXTEND),
    State.UNSURE: (DeliveryKind.SETTLE,) * 2,
}
LENGTHS = {
    "A second passes": timedelta(seconds=1),
    "Half a minute passes": timedelta(seconds=31),
    "Six minutes pass": timedelta(minutes=6),
    "Half an hour passes": timedelta(minutes=31),
    "Two hours pass": timedelta(hours=2),
}
asked = precondition(lambda self: bool(self.oracle.before))


class Stories(RuleBasedStateMachine):
    """Each rule is something that happens; after each, the oracle looks. `empty` is a migrated database to copy."""

    empty: Path
    make_url: Callable[[Path], str] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self.folder = Path(tempfile.mkdtemp(prefix="jitbot-model-"))
        self.numbers = itertools.count(1)
        self.frozen: Puppet | None = None
        self.company: Company | None = None

    def _repr_step(self, rule: Any, data: Any, result: Any) -> str:
        """Tell a step as a sentence, where Hypothesis would print its call."""
        return f"# {'; '.join(self.told)}"

    # how it begins

    @initialize(
        repeatable=st.booleans(),
        actions=st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3),
        mood=MOOD,
        commit=st.none() | st.tuples(st.integers(1, 15), st.sampled_from(WEATHERS)),
    )
    def begin(self, repeatable: bool, actions: list[str], mood: str | None, commit: tuple[int, str] | None) -> None:
        url = self.make_url(self.folder) if self.make_url else f"sqlite:///{self.folder}/jitbot.db"
        if url.startswith("sqlite"):
            shutil.copy(self.empty, self.folder / "jitbot.db")
        self.company = Company(Town(url, self.folder), repeatable=repeatable)
        self.oracle = Oracle(self.company)
        self.company.runner.starting = self.oracle.starting
        self.told = [f"The runner's starts {'may' if repeatable else 'must not'} be repeated"]
        self._spoil(mood)
        if commit is not None:
            self.company.weather.comes(*commit)
            self.told.append(f"commit {commit[0]} from now {commit[1]}")
        for action in actions:
            self.told.append(f"Ann asks for {action}")
            self._ask("Ann", action, later=False, soon=True)

    # what people do

    @precondition(lambda self: len(self.oracle.before) < TOGETHER)
    @rule(
        who=st.sampled_from(["Ann", "Bo", "Cy", "Eve"]),
        action=st.sampled_from(ACTIONS),
        soon=SOON,
        later=st.booleans(),
        mood=MOOD,
    )
    def ask(self, who: str, action: str, soon: bool, later: bool, mood: str | None) -> None:
        planned = later and action == "deploy"
        may = ", who may not," if who == "Eve" else ""
        self.told = [f"{who}{may} asks for {action}{', to start in an hour' if planned else ''}"]
        self._spoil(mood)
        self._ask(who, action, later=planned, soon=soon)

    def _spoil(self, mood: str | None) -> None:
        """Have the next start come to something else than usual, and say so."""
        if mood is not None:
            self._company.runner.moods.append(mood)
            self.told.append(f"the runner's next start {mood}")

    def _ask(self, who: str, action: str, *, later: bool, soon: bool) -> None:
        at = (self.town.ledger.now() + timedelta(hours=1)).isoformat(timespec="seconds") if later else ""
        params = {"hosts": ["web1", "web2"]} if action == "roll" else {}
        body = {"action": action, "params": params, "reason": "INC-1", "ttl": "", "at": at}
        self._deliver(DeliveryKind.ASK, who, None, body, soon=soon)

    @asked
    @rule(who=NAMES, which=WHICH, kind=st.sampled_from([DeliveryKind.APPROVE, DeliveryKind.DENY]), soon=SOON)
    def review(self, who: str, which: int, kind: DeliveryKind, soon: bool) -> None:
        request = self._which(which)
        self.told = [f"{who} {'approves' if kind is DeliveryKind.APPROVE else 'denies'} {request.name}"]
        self._deliver(kind, who, request, {"revision": request.revision, "comment": "so it is"}, soon=soon)

    @asked
    @rule(which=WHICH)
    def approve_it_all(self, which: int) -> None:
        """Let what needs people get that far often enough."""
        request = self._which(which)
        names = [each for each in ("Cy", "Di", "Bo") if PEOPLE_BY_NAME[each] != request.requester]
        self.told = [f"{', '.join(names)} approve {request.name}"]
        for name in names:
            self._deliver(DeliveryKind.APPROVE, name, request, {"revision": request.revision}, soon=True)

    @asked
    @rule(
        who=st.none() | NAMES, which=WHICH, does=st.none() | st.sampled_from(sorted(DOES)), yes=st.booleans(), soon=SOON
    )
    def act(self, who: str | None, which: int, does: DeliveryKind | None, yes: bool, soon: bool) -> None:
        """Do something with a request: mostly what fits it, by the one whom it fits."""
        request = self._which(which)
        does = does or FITTING.get(request.state, (DeliveryKind.DROP,) * 2)[yes]
        who = who or ("Cy" if does is DeliveryKind.SETTLE else name_of(request.requester))
        self.told = [f"{who} {DOES[does].format(request.name)}"]
        if does is DeliveryKind.SETTLE:
            self.told.append("it did" if yes else "it did not")
        self._deliver(does, who, request, {"ttl": "1h", "reason": "INC-2", "happened": yes}, soon=soon)

    @precondition(lambda self: self.oracle.sent)
    @rule(back=st.integers(0, 5))
    def deliver_again(self, back: int) -> None:
        """Bring a delivery once more; it falls on its key."""
        keys = list(self.oracle.sent)
        key = keys[-1 - back % len(keys)]
        sent = self.oracle.sent[key]
        self.told = [f"{name_of(sent.user)}'s {sent.kind.value} is delivered again"]
        self._survive(lambda: self._take_in(key, sent.kind, sent.user, sent.request, {}, again=sent.sure))
        self._survive(lambda: self.town.service.intake.work(key))

    @precondition(lambda self: len(self._company.policies) < 3)
    @rule()
    def edit(self) -> None:
        self.told = ["The policy is edited"]
        self._survive(self._company.edit)

    # what time and workers do

    @rule(length=st.sampled_from(sorted(LENGTHS, key=LENGTHS.__getitem__)))
    def wait(self, length: str) -> None:
        self.told = [length]
        self._company.forward(LENGTHS[length])

    @rule()
    def work(self) -> None:
        self.told = ["The workers do what is due"]
        self._settle()

    @precondition(lambda self: self.town.queue.items)
    @rule()
    def work_on_one(self) -> None:
        self.told = ["A worker does one thing"]
        self._work_on_next()

    @rule()
    def restart(self) -> None:
        self.told = ["The process is killed and started again"]
        self._start_again()

    @precondition(lambda self: self.frozen is None)
    @rule(which=WHICH, steps=st.integers(0, 3))
    def freeze(self, which: int, steps: int) -> None:
        """Have the second process take a request, do some steps, and freeze before its next transaction or act."""
        due = self.town.ledger.due(10)
        if not due:
            self.told = ["The second process has nothing to do"]
            return
        id = due[which % len(due)]
        self.told = [f"The second process takes JIT-{id}, and freezes after {steps} steps"]
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
        self.told = [f"The second process wakes up, does {steps} steps{' and is killed' if dies else ''}"]
        for _ in range(steps):
            if not self.frozen.ended:
                self.frozen.go()
        if dies:
            self.frozen.die()
        if self.frozen.ended:
            self.frozen = None

    # what goes wrong

    @rule(times=st.integers(0, 4), says=st.sampled_from(CHECKS))
    def spoil_what_follows(self, times: int, says: str) -> None:
        self.told = [f"The next {times} undos fail, and the runner's check {says}"]
        self._company.runner.failing, self._company.runner.checks = times, says

    @rule(number=st.integers(1, 6), what=st.sampled_from(WEATHERS))
    def spoil_a_commit(self, number: int, what: str) -> None:
        self.told = [f"Commit {number} from now {what}"]
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
