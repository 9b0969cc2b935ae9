"""The small model's paths, taken by the real service: after each step both have to say the same."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from jitbot.model import DeliveryKind, HealthState, Request, State
from tests.model.puppets import Puppet, ToldRunner, stops_before_each_transaction
from tests.model.small import Click, Due, World
from tests.model.steps import DEADLINE, DROP, EDIT, MINUTE, WITHDRAW
from tests.town import ANN, BO, DI, PEOPLE, Town

NEEDS_BOTH = "review: [{from: [group:oncall], count: 1}, {from: [group:leads], count: 1}]"
FILES = {
    "people.yml": PEOPLE,
    "payments.yml": f"""
team: payments
channel: "#payments-oncall"
actions:
  admin:
    title: Administer a service
    runner: fake
    with: {{what: "{{service}}", where: prod, value: 200}}
    parameters: {{service: {{type: text}}}}
    requesters: [group:engineering]
    timebox: {{default: 12h, max: 24h}}
    lapse_after: 12h
    start_within: 12h
    time_limit: 2h
    rules:
      - name: two people
        {NEEDS_BOTH}
""",
}
EDITED = FILES["payments.yml"].replace(NEEDS_BOTH, "allow: true").replace("value: 200", "value: 201")
TOLD = {
    "starts it": "",
    "is refused by the runner": "refused",
    "starts it, and hears nothing": "lost on the way back",
    "hears nothing of the start": "lost on the way",
    "cannot undo it": "fails",
    "cannot undo what came late": "fails",
}
A_MINUTE = timedelta(seconds=61)
PEOPLE_BY_NAME = {"Bo": (0, BO), "Di": (1, DI)}


class Stage:
    """Two processes on one database; each path is one request with a target of its own."""

    def __init__(self, town: Town, *, repeatable: bool) -> None:
        self.runner = ToldRunner()
        self.runner.repeatable = repeatable
        town.runner, town.files = self.runner, FILES
        town.restart()
        self.towns = (town, town.twin())
        for each in self.towns:
            assert each.book.fault == ""
            stops_before_each_transaction(each)
        self._plays = 0

    def play(self, path: list[tuple[str, World]]) -> None:
        """Take a path from the beginning, and compare after each step."""
        if self.towns[0].files != FILES:
            self._edit(FILES["payments.yml"])
        self._plays += 1
        actors = _Actors(self.towns, self.runner, f"service-{self._plays}", self._edit)
        told = []
        for said, world in path:
            told.append(said)
            actors.take(said)
            seen, expected = actors.seen(), _expected(world)
            assert seen == expected, "\n".join([*told, f"the service: {seen}", f"the model:   {expected}"])
        actors.leave()

    def _edit(self, text: str) -> None:
        self.towns[0].write("payments.yml", text)

    def close(self) -> None:
        for each in self.towns:
            each.close()


class _Actors:
    """Everybody who does something with one request."""

    def __init__(self, towns: tuple[Town, Town], runner: ToldRunner, service: str, edit: Callable[[str], None]) -> None:
        self.towns, self.runner, self.edit = towns, runner, edit
        town = towns[0]
        key = town.take_in(DeliveryKind.ASK, ANN, action="admin", params={"service": service}, reason="INC-1", ttl="")
        answer = town.service.intake.work(key)
        assert answer is not None and answer.request is not None, answer
        self.id = answer.request
        self.workers: list[Puppet | None] = [None, None]
        self.clicks: list[Puppet | None] = [None, None]
        self.keys = ["", ""]

    @property
    def request(self) -> Request:
        return self.towns[0].ledger.get(self.id)

    def take(self, said: str) -> None:
        """Do what a sentence of the model says."""
        name, _, what = said.partition(" ")
        if said in (MINUTE, DEADLINE):
            self._pass(A_MINUTE if said == MINUTE else self._until_the_deadline())
        elif said == EDIT:
            self.edit(EDITED)
        elif said in (WITHDRAW, DROP):
            kind = DeliveryKind.WITHDRAW if said == WITHDRAW else DeliveryKind.DROP
            answer = self.towns[0].service.intake.work(self.towns[0].take_in(kind, ANN, self.id))
            assert answer is not None and not answer.refused, answer
        elif name == "Worker":
            who, _, does = what.partition(" ")
            self._work(int(who) - 1, does)
        else:
            self._click(*PEOPLE_BY_NAME[said[:2]], what)

    def _work(self, who: int, does: str) -> None:
        worker = self.workers[who]
        if does.startswith("claims it"):
            self.runner.health = HealthState.UNKNOWN
            if does.endswith("tells"):
                self.runner.health = HealthState.HEALTHY if self._held() else HealthState.ABSENT
            sweep = self.towns[who].service.sweep
            self.workers[who] = Puppet(lambda: sweep.attend(self.id))
        elif does == "dies":
            assert worker is not None
            worker.die()
        else:
            assert worker is not None and not worker.ended, f"worker {who + 1} has nothing to do"
            worker.go(TOLD.get(does, ""))

    def _click(self, who: int, user: Any, what: str) -> None:
        town, click = self.towns[0], self.clicks[who]
        if what.startswith("presses"):
            kind = DeliveryKind.APPROVE if what.endswith("Approve") else DeliveryKind.DENY
            self.keys[who] = town.take_in(kind, user, self.id, revision=self.request.revision, comment="no")
        elif what.endswith("is looked at"):
            self.clicks[who] = Puppet(lambda: town.service.intake.work(self.keys[who]))
        else:
            assert click is not None and not click.ended
            click.go()

    def _until_the_deadline(self) -> timedelta:
        request, now = self.request, self.towns[0].ledger.now()
        ends = (request.start_deadline, request.expires_at)
        if request.state in (State.PENDING, State.APPROVED):
            ends = (request.lapses_at,) if request.state is State.PENDING else (request.start_by,)
        return min(each for each in ends if each is not None and each > now) - now + timedelta(seconds=1)

    def _pass(self, length: timedelta) -> None:
        for each in self.towns:
            each.database.offset += length

    def _held(self) -> bool:
        request = self.request
        return self.runner.holds(self.runner.Inputs.model_validate(request.snapshot.inputs))

    def seen(self) -> dict[str, Any]:
        """Tell what there is now, in the model's words."""
        request, now = self.request, self.towns[0].ledger.now()
        waits = request.state in (State.PENDING, State.APPROVED)
        approvals = {review.reviewer for review in self.towns[0].ledger.reviews(request)} if waits else set()
        keys = {request.run_key, f"jit-{self.id}-1"}
        return {
            "state": request.state,
            "revision": request.revision if waits else 1,
            "is due": request.due_at is not None and request.due_at <= now,
            "never again": request.due_at is None,
            "leased": request.lease_until is not None and request.lease_until > now,
            "open": request.attempt_open,
            "receipt": request.receipt is not None,
            "cause": request.undo_cause,
            "approvals": approvals,
            "held": self._held(),
            "starts": min(2, sum(key in keys for key in self.runner.started)),
            "undone": any(key in keys for key in self.runner.undone),
            "idle": [each is None or each.ended for each in self.workers],
        }

    def leave(self) -> None:
        """Let nobody go on with this request."""
        for each in (*self.workers, *self.clicks):
            if each is not None:
                each.die()


def _expected(world: World) -> dict[str, Any]:
    row = world.row
    return {
        "state": row.state,
        "revision": row.revision,
        "is due": row.is_due,
        "never again": row.due is Due.NEVER,
        "leased": row.leased,
        "open": row.open,
        "receipt": row.receipt,
        "cause": row.cause,
        "approvals": {(BO, DI)[each] for each in row.approvals},
        "held": world.held,
        "starts": world.starts,
        "undone": world.undone,
        "idle": [each.next == "idle" for each in world.hands],
    }


def acting(world: World, said: str) -> Any:
    """Return who takes a step, as the model knows it: a worker, a click, or nobody."""
    if said.startswith("Worker"):
        return world.hands[int(said[7]) - 1]
    return world.clicks[PEOPLE_BY_NAME[said[:2]][0]] if said[:2] in PEOPLE_BY_NAME else Click()
