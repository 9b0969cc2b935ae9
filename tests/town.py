"""A whole jitbot for tests: the real service, policies and store, with a directory and a runner that tests steer.

Nothing runs by itself: `settle` works off what is due, and `forward` moves the clock.
"""

import copy
import itertools
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from jitbot.audit import Verifier
from jitbot.errors import DirectoryUnavailable, InvalidInput, NotFound, PolicyError
from jitbot.facts.history import history_sources
from jitbot.model import (
    Allowance,
    Answer,
    Author,
    DeliveryKind,
    Health,
    HealthState,
    Person,
    Plan,
    Receipt,
    Request,
    RequestId,
    Standing,
    State,
    UserId,
)
from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.files.load import load
from jitbot.ports import Run
from jitbot.runners.guard import Guarded
from jitbot.service import Book, Folder, Service, World
from jitbot.store.boxes import StoreInbox, StoreOutbox
from jitbot.store.delegations import SignedDelegations
from jitbot.store.engine import Database
from jitbot.store.forgetting import StoreForgetting
from jitbot.store.history import StoreHistory
from jitbot.store.keys import open_key
from jitbot.store.ledger import StoreLedger
from jitbot.store.outputs import StoreOutputs
from jitbot.store.policy_sets import PolicySets
from jitbot.store.trail import StoreTrail
from jitbot.store.upgrade import ready
from jitbot.warrants.ceiling import Ceiling
from jitbot.warrants.gate import Gate
from jitbot.warrants.gated import GatedCatalog
from jitbot.warrants.signing import Issuer
from jitbot.warrants.spent import Spent
from tests.fake_sources import FakeSource, FakeSources

TEAM = "T0ACME"
ZONE = "Europe/Berlin"
ANN, BO, CY, DI, EVE = (UserId(f"U0{name}") for name in ("ANN", "BO", "CY", "DI", "EVE"))

PEOPLE = """
groups:
  engineering: [U0ANN, U0BO, U0CY, U0DI]
  oncall: [U0BO, U0CY]
  leads: [U0CY, U0DI]
"""

POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  restart:
    title: Restart a service
    runner: fake
    with: {what: "{service}", where: "{env}"}
    parameters:
      service: {type: choice, options: [api, worker]}
      env: {type: choice, options: [staging, prod]}
    requesters: [group:engineering]
    lapse_after: 1h
    rules:
      - {name: staging is self-serve, when: params.env == 'staging', allow: true}
      - name: prod needs one on call
        review: [{from: [group:oncall], count: 1}]
  admin:
    title: Administer the payments service
    runner: fake
    with: {what: admin, where: prod}
    requesters: [group:engineering]
    timebox: {default: 30m, max: 4h}
    rules:
      - name: two people
        review:
          - {from: [group:oncall], count: 1}
          - {from: [group:leads], count: 1}
  tune:
    title: Tune a parameter
    runner: fake
    with: {what: work_mem, where: prod, value: "{value}"}
    parameters:
      value: {type: integer, min: 1, max: 1000}
    requesters: [group:engineering]
    timebox: {default: 30m, max: 4h}
    rules: [{name: free, allow: true}]
"""


class Directory:
    """Implements `ports.Directory` from plain dictionaries; `down` makes it fail, `unknown` for some people only."""

    def __init__(self) -> None:
        self.people = {user: Person(user, TEAM, user[2:].title(), zone=ZONE) for user in (ANN, BO, CY, DI, EVE)}
        self.usergroups: dict[str, set[UserId]] = {}
        self.emails: dict[str, UserId] = {}
        self.down = False
        self.unknown: set[UserId] = set()

    def set(self, user: UserId, standing: Standing) -> None:
        self.people[user] = replace(self.people[user], standing=standing)

    def person(self, user: UserId) -> Person:
        if self.down or user in self.unknown:
            raise DirectoryUnavailable("Slack does not answer")
        if user not in self.people:
            raise NotFound(f"nobody is called {user}")
        return self.people[user]

    def known(self, user: UserId) -> Person | None:
        """Remember nobody: whoever is asked for is looked up."""
        return None

    def by_email(self, email: str) -> UserId | None:
        if self.down:
            raise DirectoryUnavailable("Slack does not answer")
        return self.emails.get(email)

    def usergroup(self, handle: str) -> frozenset[UserId]:
        if self.down:
            raise DirectoryUnavailable("Slack does not answer")
        if handle not in self.usergroups:
            raise NotFound(f"there is no user group @{handle}")
        return frozenset(self.usergroups[handle])


class FakeInputs(BaseModel):
    """What the fake runner takes."""

    model_config = ConfigDict(extra="forbid")
    what: str
    where: str
    value: int = 0


class FakeRunner:
    """Implements `ports.Runner`; remembers what it did and fails where told to.

    `world` is what it changes: target to value. `on_start`, `on_undo` and `on_plan` are called first, `after_start` and
    `after_undo` when it has happened and nobody has been told; `on_asked` when other runners ask whether to stop.
    """

    Inputs = FakeInputs
    repeatable = False
    undoable = True
    stoppable = False

    def __init__(self) -> None:
        self.world: dict[str, int] = {}
        self.started: list[str] = []
        self._before: dict[str, int] = {}
        self.undone: list[str] = []
        self.fingerprint = "as planned"
        self.can_undo = True
        self.health = HealthState.UNKNOWN
        self.on_plan: Callable[[FakeInputs], None] = lambda inputs: None
        self.on_start: Callable[[FakeInputs, Run], None] = lambda inputs, run: None
        self.on_undo: Callable[[FakeInputs, Run], None] = lambda inputs, run: None
        self.after_start: Callable[[], None] = lambda: None
        self.after_undo: Callable[[], None] = lambda: None
        self.on_asked: Callable[[], None] = lambda: None

    def target(self, inputs: BaseModel) -> str:
        assert isinstance(inputs, FakeInputs)
        return f"{inputs.where}/{inputs.what}"

    def plan(self, inputs: BaseModel) -> Plan:
        assert isinstance(inputs, FakeInputs)
        self.on_plan(inputs)
        return Plan(f"changes {self.target(inputs)}", self.fingerprint, undoable=self.can_undo)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        assert isinstance(inputs, FakeInputs)
        self.on_start(inputs, run)
        self.started.append(run.key)
        before = self._before.setdefault(run.key, self.world.get(self.target(inputs), 100))
        self.world[self.target(inputs)] = inputs.value
        run.log(f"changed {self.target(inputs)}")
        self.after_start()
        return Receipt({"before": before}, "changed it")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        return Health(self.health)

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        assert isinstance(inputs, FakeInputs)
        self.on_undo(inputs, run)
        self.undone.append(run.key)
        before = self._before.get(run.key) if receipt is None else receipt.data["before"]
        if before is not None:
            self.world[self.target(inputs)] = before
        self.after_undo()


class OneRunner:
    """Implements `ports.Catalog` with the fake runner alone; `gone` when it is not installed any more."""

    def __init__(self, runner: FakeRunner) -> None:
        self.gone = False
        self._runner = Guarded("fake", runner, EnvironmentSite(()))

    def names(self) -> Sequence[str]:
        return [] if self.gone else ["fake"]

    def runner(self, name: str) -> Any:
        if name != "fake" or self.gone:
            raise KeyError(name)
        return self._runner

    def inputs(self, name: str, values: Any) -> BaseModel:
        try:
            return FakeInputs.model_validate(values)
        except ValidationError as error:
            fields = {".".join(map(str, each["loc"])): each["msg"] for each in error.errors()}
            raise InvalidInput("The inputs do not fit.", fields) from error


@dataclass
class HandQueue:
    """Implements `ports.Queue`; a test works it off by hand."""

    items: deque[tuple[str, Any]] = field(default_factory=deque)

    def request(self, request: RequestId) -> None:
        self.items.append(("request", request))

    def delivery(self, key: str) -> None:
        self.items.append(("delivery", key))

    def messages(self) -> None:
        pass


class Town:
    """One jitbot on one database. `restart` gives a second process on the same one."""

    allowance = Allowance()

    def __init__(self, url: str, folder: Path, *, files: dict[str, str] | None = None) -> None:
        ready(url)
        self.url, self.folder = url, folder
        self.files = files if files is not None else {"payments.yml": POLICY, "people.yml": PEOPLE}
        self.directory, self.runner, self.facts = Directory(), FakeRunner(), FakeSource()
        self.database = Database(url)
        self._keys = itertools.count()
        self.ceiling: Ceiling | None = None
        self.author = Author()
        self.while_at_rest: Callable[[], None] = lambda: None
        self._build()

    def _build(self) -> None:
        keys = open_key(self.folder / "signing.key")
        self.catalog = catalog = OneRunner(self.runner)
        self.sources = sources = FakeSources(self.facts, **history_sources(StoreHistory(self.database)))
        self.queue = HandQueue()
        self.trail = StoreTrail(self.database, Verifier(keys.public))
        self.delegations = SignedDelegations(self.database, self.trail)
        self.ledger = StoreLedger(self.database, keys)
        self.inbox, self.outbox = StoreInbox(self.database, keys, self.trail), StoreOutbox(self.database)
        self.sets, self.outputs = PolicySets(self.database), StoreOutputs(self.database)
        folder = Folder(
            read=lambda: self._read(),
            load=lambda files: load(files, catalog, sources),
            rest=lambda: self.while_at_rest(),
            author=lambda files: self.author,
        )
        identity = lambda user: self.directory.person(user).identity  # noqa: E731 - asked whenever somebody is halted
        self.book = Book(folder, self.sets, self.ledger, self.trail, identity)
        self.book.reload()
        name = f"process-{next(self._keys)}"
        self.gate = Gate(verifier=keys, now=self.database.reckoned, spent=Spent(), ceiling=self.ceiling)
        self.world = World(
            ledger=self.ledger,
            inbox=self.inbox,
            trail=self.trail,
            outputs=self.outputs,
            forgetting=StoreForgetting(self.database, self.ledger, self.trail),
            delegations=self.delegations,
            directory=self.directory,
            catalog=GatedCatalog(catalog, self.gate),
            sources=sources,
            queue=self.queue,
            book=self.book,
            warrants=Issuer(lambda: keys.signer(self.trail.signing()), lambda: self.database.sealed),
            name=name,
            allowance=self.allowance,
        )
        self.service = Service(self.world)

    def _read(self) -> dict[str, str]:
        if not self.files:
            raise PolicyError("policies: cannot be read: there is no policy file (*.yml) in this folder.")
        return dict(self.files)

    def twin(self) -> "Town":
        """Start a second process on the same database; people, policies and the runner's world are shared."""
        twin = copy.copy(self)
        twin.database = Database(self.url)
        twin.database.offset = self.database.offset
        twin._build()
        return twin

    def restart(self) -> None:
        """Be killed and started again: all that was in memory is gone."""
        self.service.close()
        self._build()

    def close(self) -> None:
        self.service.close()
        self.database.close()

    def forward(self, **length: float) -> None:
        """Move the clock, without working off anything."""
        self.database.offset += timedelta(**length)

    def settle(self) -> None:
        """Work off everything that is due now, as the sweep and the workers would."""
        for _ in range(50):
            self.service.sweep.tick()
            before = len(self.queue.items)
            while self.queue.items:
                kind, key = self.queue.items.popleft()
                if kind == "request":
                    self.service.sweep.attend(key)
                else:
                    self.service.sweep.delivery(key)
            if not before:
                return

    def take_in(self, kind: DeliveryKind, user: UserId, request: int | None = None, **body: Any) -> str:
        """Put a delivery into the inbox, and do nothing with it."""
        key = f"test:{next(self._keys)}:{threading.get_ident()}"
        known = None if request is None else RequestId(request)
        self.service.intake.take_in(key=key, kind=kind, user=user, team=TEAM, body=body, request=known)
        return key

    def work(self, key: str) -> Answer | None:
        """Work on a delivery that was taken in, and settle what follows."""
        answer = self.service.intake.work(key)
        self.settle()
        return answer

    def reload(self) -> None:
        """Look at the policy files as the bot does every few seconds, and settle what follows."""
        self.service.reloading.reload()
        self.settle()

    def edit(self, old: str, new: str, file: str = "payments.yml") -> None:
        """Edit a policy file and have it read again."""
        assert old in self.files[file], f"{old!r} is not in {file}"
        self.write(file, self.files[file].replace(old, new))

    def write(self, file: str, text: str) -> None:
        """Put a policy file in the place of what was there and have it read again."""
        self.files = {**self.files, file: text}
        self.service.book.reload()

    def do(self, kind: DeliveryKind, user: UserId, request: int | None = None, **body: Any) -> Answer:
        """Take a delivery in, work on it, and settle what follows."""
        answer = self.service.intake.work(self.take_in(kind, user, request, **body))
        assert answer is not None
        self.settle()
        return answer

    def ask(
        self, user: UserId, action: str, *, reason: str = "INC-1", ttl: str = "", at: str = "", **params: Any
    ) -> Request:
        """Ask for an action and return the request."""
        answer = self.try_to_ask(user, action, reason=reason, ttl=ttl, at=at, **params)
        assert answer.request is not None, answer.text
        return self.ledger.get(answer.request)

    def try_to_ask(
        self, user: UserId, action: str, *, reason: str = "INC-1", ttl: str = "", at: str = "", **params: Any
    ) -> Answer:
        """Ask for an action and return what was answered."""
        return self.do(DeliveryKind.ASK, user, action=action, params=params, reason=reason, ttl=ttl, at=at)

    def approve(self, user: UserId, request: Request, *, revision: int | None = None) -> Answer:
        return self.do(DeliveryKind.APPROVE, user, request.id, revision=revision or self.see(request).revision)

    def approve_changed(
        self, user: UserId, request: Request, *, ttl: str = "", at: str = "", revision: int | None = None
    ) -> Answer:
        body = {"revision": revision or self.see(request).revision, "ttl": ttl, "at": at}
        return self.do(DeliveryKind.APPROVE_CHANGED, user, request.id, **body)

    def deny(self, user: UserId, request: Request, comment: str = "not now", *, revision: int | None = None) -> Answer:
        revision = revision or self.see(request).revision
        return self.do(DeliveryKind.DENY, user, request.id, revision=revision, comment=comment)

    def withdraw(self, user: UserId, request: Request) -> Answer:
        return self.do(DeliveryKind.WITHDRAW, user, request.id)

    def drop(self, user: UserId, request: Request) -> Answer:
        return self.do(DeliveryKind.DROP, user, request.id)

    def extend(self, user: UserId, request: Request, ttl: str = "30m", *, reason: str = "INC-2") -> Request:
        """Ask for a grant to end later, and return the request that asks for it."""
        answer = self.try_to_extend(user, request, ttl, reason=reason)
        assert answer.request not in (None, request.id), answer.text
        return self.ledger.get(answer.request)

    def try_to_extend(self, user: UserId, request: Request, ttl: str = "30m", *, reason: str = "INC-2") -> Answer:
        """Ask for a grant to end later, and return what was answered."""
        return self.do(DeliveryKind.EXTEND, user, request.id, ttl=ttl, reason=reason)

    def look(self, user: UserId, request: Request) -> Answer:
        """Press Look again."""
        return self.do(DeliveryKind.LOOK, user, request.id)

    def settle_unsure(self, user: UserId, request: Request, *, happened: bool) -> Answer:
        return self.do(DeliveryKind.SETTLE, user, request.id, happened=happened)

    def see(self, request: Request) -> Request:
        """Return the request as it is now."""
        return self.ledger.get(request.id)

    def state(self, request: Request) -> State:
        return self.see(request).state

    def kinds(self, request: Request) -> list[str]:
        """Return the kinds of a request's audit events, in order, but for those that only vouch for output."""
        return [event.kind for event in self.trail.events(request.id) if event.kind != "output"]

    def said(self, topic: str) -> list[str]:
        """Return the text of the messages of one topic that wait to be said."""
        return [each.text for each in self.outbox.claim(1000, timedelta(0)) if each.topic == topic]
