"""A state machine that lives through stories with a whole jitbot; what fails shrinks to a short one, in sentences."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from jitbot.model import DeliveryKind, State
from tests.model.company import ACTIONS, PEOPLE_BY_NAME, name_of
from tests.model.life import Life
from tests.model.puppets import Puppet, stops_before_each_transaction
from tests.model.runner import CHECKS, STARTS
from tests.model.weather import WEATHERS

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


class Stories(Life):
    """Each rule is something that happens; after each, the oracle looks."""

    # how it begins

    @initialize(
        repeatable=st.booleans(),
        actions=st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3),
        mood=MOOD,
        commit=st.none() | st.tuples(st.integers(1, 15), st.sampled_from(WEATHERS)),
    )
    def begin(self, repeatable: bool, actions: list[str], mood: str | None, commit: tuple[int, str] | None) -> None:
        self._be_born(repeatable=repeatable)
        self.told = [f"The runner's starts {'may' if repeatable else 'must not'} be repeated"]
        self._spoil(mood)
        if commit is not None:
            self._company.weather.comes(*commit)
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
        undos = f"The runner's next {times} undos fail" if times else "The runner's undos work"
        self.told = [f"{undos}, and its check {says}"]
        self._company.runner.failing, self._company.runner.checks = times, says

    @rule(number=st.integers(1, 6), what=st.sampled_from(WEATHERS))
    def spoil_a_commit(self, number: int, what: str) -> None:
        self.told = [f"Commit {number} from now {what}"]
        self._company.weather.comes(number, what)

    # what has to hold

    @invariant()
    def nothing_is_wrong(self) -> None:
        if self.company is not None:
            self.failed = True
            self.oracle.look()
            self.failed = False
