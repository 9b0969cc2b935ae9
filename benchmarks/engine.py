"""The service without Slack: real store, policies and work queue, and a runner that does nothing but take its time."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from jitbot.audit import Verifier
from jitbot.clock.queue import WorkQueue
from jitbot.facts.registry import FactRegistry
from jitbot.model import Answer, Author, DeliveryKind, Health, HealthState, Person, Plan, Receipt, RequestId, UserId
from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.files.load import load
from jitbot.ports import Run
from jitbot.runners.guard import Guarded
from jitbot.service import Book, Folder, Service, World
from jitbot.store.boxes import StoreInbox
from jitbot.store.delegations import SignedDelegations
from jitbot.store.engine import Database
from jitbot.store.forgetting import StoreForgetting
from jitbot.store.keys import open_key
from jitbot.store.ledger import StoreLedger
from jitbot.store.outputs import StoreOutputs
from jitbot.store.policy_sets import PolicySets
from jitbot.store.trail import StoreTrail
from jitbot.store.upgrade import ready
from jitbot.warrants.gate import Gate
from jitbot.warrants.gated import GatedCatalog
from jitbot.warrants.signing import Issuer
from jitbot.warrants.spent import Spent

TEAM = "T0ACME"
ANN, BO = UserId("U0ANN"), UserId("U0BO")
POLICIES = {
    "people.yml": {"groups": {"askers": [ANN], "approvers": [BO]}},
    "bench.yml": {
        "team": "bench",
        "channel": "#bench",
        "actions": {
            name: {
                "title": "Turn a valve",
                "runner": "noop",
                "with": {"valve": "{valve}"},
                "parameters": {"valve": {"type": "integer", "min": 0, "max": 10_000_000}},
                "requesters": ["group:askers"],
                "rules": [{"name": "an approver decides", "review": [{"from": ["group:approvers"], "count": 1}]}],
                **more,
            }
            for name, more in (("turn", {}), ("hold", {"timebox": {"default": "1h", "max": "4h"}}))
        },
    },
}


class People:
    """Implements `ports.Directory`: whoever is asked for is there."""

    def person(self, user: UserId) -> Person:
        """Return somebody."""
        return Person(user, TEAM, user[2:].title())

    def known(self, user: UserId) -> Person | None:
        """Remember everybody, as a directory does of those who ask and approve all day."""
        return self.person(user)

    def by_email(self, email: str) -> UserId | None:
        """Know no addresses."""
        return None

    def usergroup(self, handle: str) -> frozenset[UserId]:
        """Know no groups of Slack's."""
        return frozenset()


class ValveInputs(BaseModel):
    """Which valve is turned."""

    model_config = ConfigDict(extra="forbid")
    valve: int


class Valve:
    """Implements `ports.Runner`: it starts at once, and its undo takes `undo_seconds`."""

    Inputs = ValveInputs
    repeatable = True
    undoable = True

    def __init__(self, undo_seconds: float = 0.0) -> None:
        self._undo_seconds = undo_seconds
        self.undone_at: dict[int, float] = {}
        """When each valve was turned back, in seconds since the epoch."""
        self.on_start: Callable[[], None] = lambda: None

    def target(self, inputs: BaseModel) -> str:
        """Name the valve."""
        assert isinstance(inputs, ValveInputs)
        return f"valve {inputs.valve}"

    def plan(self, inputs: BaseModel) -> Plan:
        """Plan a turn."""
        return Plan(f"turns {self.target(inputs)}", "f" * 64, undoable=True)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        """Turn it."""
        self.on_start()
        return Receipt({"turned": True}, "turned")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        """Know nothing."""
        return Health(HealthState.UNKNOWN)

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        """Turn it back."""
        assert isinstance(inputs, ValveInputs)
        time.sleep(self._undo_seconds)
        self.undone_at[inputs.valve] = time.time()


class Valves:
    """Implements `ports.Catalog` with that runner alone."""

    def __init__(self, runner: Valve) -> None:
        self._runner = Guarded("noop", runner, EnvironmentSite(()))

    def names(self) -> Sequence[str]:
        """Return its name."""
        return ["noop"]

    def runner(self, name: str) -> Any:
        """Return it."""
        return {"noop": self._runner}[name]

    def inputs(self, name: str, values: Mapping[str, Any]) -> BaseModel:
        """Read its inputs."""
        return ValveInputs.model_validate(values)


@dataclass(frozen=True, slots=True)
class Engine:
    """One service on one database; its queue is at work."""

    service: Service
    world: World
    database: Database
    queue: WorkQueue

    def do(self, kind: DeliveryKind, user: UserId, request: RequestId | None = None, **body: Any) -> Answer | None:
        """Take a delivery in, and work on it."""
        key = uuid.uuid4().hex
        self.service.intake.take_in(key=key, kind=kind, user=user, team=TEAM, body=body, request=request)
        return self.service.intake.work(key)

    def ask(self, action: str, number: int) -> RequestId:
        """Ask for a turn of a valve."""
        body = {"action": action, "params": {"valve": number}, "reason": "benchmark", "ttl": "", "at": ""}
        answer = self.do(DeliveryKind.ASK, ANN, **body)
        assert answer is not None and answer.request is not None and not answer.refused, answer
        return answer.request

    def approve(self, request: RequestId) -> None:
        """Approve it."""
        answer = self.do(DeliveryKind.APPROVE, BO, request, revision=1)
        assert answer is not None and not answer.refused, answer

    def rest(self, patience: float = 60.0) -> None:
        """Wait until nothing is in the queue or in hand."""
        until = time.monotonic() + patience
        while not self.queue.idle() and time.monotonic() < until:
            time.sleep(0.002)


@contextmanager
def engine(url: str, folder: Path, valve: Valve, workers: int = 16) -> Iterator[Engine]:
    """Build a service, start its queue, and end both."""
    ready(url)
    keys = open_key(folder / "signing.key")
    database = Database(url)
    ledger, queue, catalog = StoreLedger(database, keys), WorkQueue(workers), Valves(valve)
    trail = StoreTrail(database, Verifier(keys.public))
    sources = FactRegistry((), EnvironmentSite(()), {})
    files = {name: yaml.safe_dump(text, sort_keys=False) for name, text in POLICIES.items()}
    read = Folder(
        read=lambda: files,
        load=lambda files: load(files, catalog, sources),
        rest=lambda: None,
        author=lambda _: Author(),
    )
    gate = Gate(verifier=keys, now=database.reckoned, spent=Spent())
    book = Book(read, PolicySets(database), ledger, trail, str)
    book.reload()
    assert not book.ends_only, book.fault
    world = World(
        ledger=ledger,
        inbox=StoreInbox(database, keys, trail),
        trail=trail,
        forgetting=StoreForgetting(database, ledger, trail),
        outputs=StoreOutputs(database),
        delegations=SignedDelegations(database, trail),
        directory=People(),
        catalog=GatedCatalog(catalog, gate),
        sources=sources,
        queue=queue,
        book=book,
        warrants=Issuer(lambda: keys.signer(trail.signing()), lambda: database.sealed),
        name=uuid.uuid4().hex,
        lease=timedelta(seconds=60),
    )
    service = Service(world)
    queue.start(request=service.sweep.attend, delivery=service.sweep.delivery, messages=lambda: None)
    try:
        yield Engine(service, world, database, queue)
    finally:
        queue.stop()
        service.close()
        database.close()
