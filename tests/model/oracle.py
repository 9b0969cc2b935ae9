"""What must hold whatever happens, without the product's own tables: by what people did and what really happened."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from sqlalchemy import select

from jitbot.model import DeliveryKind, Request, RequestId, State, UserId, Verdict
from jitbot.ports import Run
from jitbot.service.authority import verify
from jitbot.store import tables
from tests.model.company import GRANTS, NEEDS, Company
from tests.town import EVE, FakeInputs

ORDER = ("deciding", "pending approved", "running", "unsure", "verifying", "active", "undoing")
"""A request only ever goes forward through these, and then ends; what waits may wait for people again."""
EFFECTS = {
    DeliveryKind.ASK: {"requested"},
    DeliveryKind.EXTEND: {"requested"},
    DeliveryKind.APPROVE: {"reviewed"},
    DeliveryKind.DENY: {"reviewed"},
    DeliveryKind.WITHDRAW: {"withdraw"},
    DeliveryKind.DROP: {"drop", "revoke", "stop", "stopping"},
    DeliveryKind.SETTLE: {"settled"},
    DeliveryKind.LOOK: {"looked_at"},
}
"""The events by which a delivery that was not refused shows in the record."""
MAY_CHANGE_NOTHING = (DeliveryKind.APPROVE, DeliveryKind.DENY)
"""Whoever says the same twice, or says it when policy has decided meanwhile, is neither counted nor refused."""


@dataclass(frozen=True)
class Sent:
    """One thing somebody did; `sure` when it was acknowledged."""

    kind: DeliveryKind
    user: UserId
    request: int | None
    revision: int | None
    sure: bool


@dataclass
class Oracle:
    """Sees everything, and remembers what was wrong."""

    company: Company
    sent: dict[str, Sent] = field(default_factory=dict)
    wrongs: list[str] = field(default_factory=list)
    before: dict[RequestId, Request] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)

    def starting(self, key: str, inputs: FakeInputs, run: Run) -> None:
        """Look at a start that is about to be made."""
        company = self.company
        id, revision = (int(each) for each in key.split("-")[1:3])
        request = company.town.ledger.get(RequestId(id))
        others = {each.id: each for each in company.requests() if each.id != id}
        reasons = (
            (request.revision != revision, "is not the revision in the ledger"),
            (request.started_at is None, "is started before that was written down"),
            (request.ttl is not None and request.expires_at is None, "is a grant without an end on disk"),
            (request.starts_at is not None and company.town.ledger.now() < request.starts_at, "is started too early"),
            (not company.runner.repeatable and key in company.runner.tried, "is started twice"),
            (not self._decided(request), "is started without the approvals it needs"),
            (run.deadline > company.town.ledger.now() and self._held(request, others.values()), "is held by another"),
        )
        self.wrongs += [f"{request.name} {said}." for wrong, said in reasons if wrong]

    def _decided(self, request: Request) -> bool:
        """Tell whether as many people as some policy wanted, all different, have approved this, not the requester."""
        people = {
            each.user
            for each in self.sent.values()
            if (each.kind, each.request, each.revision) == (DeliveryKind.APPROVE, request.id, request.revision)
        } - {request.requester}
        wanted = [NEEDS[each].get(request.action, []) for each in self.company.policies]
        return any(_assigned(needs, people) for needs in wanted)

    def _held(self, request: Request, others: Iterable[Request]) -> bool:
        """Tell whether somebody really holds the target with another value."""
        return any(
            other.action in GRANTS
            and other.snapshot.target == request.snapshot.target
            and other.snapshot.inputs != request.snapshot.inputs
            and other.run_key in self.company.runner.started
            and other.run_key not in self.company.runner.undone
            and other.ended_at is None
            for other in others
        )

    def look(self) -> None:
        """Compare with the last look. Raises: AssertionError."""
        assert not self.wrongs, " ".join(self.wrongs)
        for request in self.company.requests():
            self._moved(self.before.get(request.id), request)
            self._true(request)
            self.before[request.id] = request
        for row in self._rows(tables.outbox):
            if row.topic == "notice" and row.request is not None and row.key not in self.heard:
                self._said(row)
                self.heard.add(row.key)

    def _moved(self, before: Request | None, now: Request) -> None:
        # Whoever may not ask may still take it back, as long as it is being decided: nothing comes of it either way.
        may_not = now.requester == EVE and now.state not in (State.DECIDING, State.DENIED, State.WITHDRAWN)
        assert not may_not, f"{now.name} was asked by somebody who may not ask, and is {now.state}."
        if before is None or (before.state is now.state and before.ended_at is None):
            return
        if before.ended_at is not None:
            same = (before.state, before.ended_at, before.undo_cause) == (now.state, now.ended_at, now.undo_cause)
            assert same, f"{now.name} had ended ({before.state}), and is {now.state} now."
        elif now.ended_at is None:
            assert _rank(before) <= _rank(now), f"{now.name} went back from {before.state} to {now.state}."

    def _true(self, request: Request) -> None:
        """See that a row says nothing that has not happened."""
        runner, keys = self.company.runner, _keys(request)
        reviewers = [each.reviewer for each in self.company.town.ledger.reviews(request)]
        assert len(set(reviewers)) == len(reviewers), f"{request.name} has two reviews by one person."
        assert request.requester not in reviewers, f"{request.name} was reviewed by its requester."
        if request.state in (State.DENIED, State.WITHDRAWN, State.LAPSED, State.MISSED):
            assert not any(key in runner.tried for key in keys), f"{request.name} is {request.state}, and was started."
        if request.state in (State.ACTIVE, State.SUCCEEDED) and request.extension is None:
            assert self._happened(request), f"{request.name} is {request.state}, and was never started."
        if request.state is State.FAILED and not request.settled_by and request.undo_cause is None:
            kept = any(key in runner.started and key not in runner.undone for key in keys)
            known = request.watch is not None or "left as it is" in request.outcome
            assert known or not kept, f"{request.name} is failed, and what it did is still there."
        if request.granted_at and request.expires_at and request.ttl and not request.extended_by:
            longest = request.granted_at + request.ttl
            assert request.expires_at <= longest, f"{request.name} is granted for longer than it was asked for."

    def _happened(self, request: Request) -> bool:
        """Tell whether it was started, or somebody has looked: a person, or the check, which saw it with its own eyes.

        A start that was lost on the way may be found done: what it asked for was there already, by another request with
        the same inputs. The check tells what is there, not whose work it is, and what is there is held from then on
        (ADR 0012). So its word counts where it has really seen this target so, and is on record as what settled it.
        """
        runner = self.company.runner
        if request.settled_by or any(key in runner.started for key in _keys(request)):
            return True
        settled = ("checked" if request.snapshot.parts else "settled") in self.company.town.kinds(request)
        parts = list(request.snapshot.inputs.values()) if request.snapshot.parts else [request.snapshot.inputs]
        seen = [FakeInputs.model_validate(each) for each in parts]
        return settled and all((runner.target(each), each.value) in runner.found for each in seen)

    def _said(self, row: Any) -> None:
        """See that a message says nothing that is not true."""
        request, runner = self.company.town.ledger.get(row.request), self.company.runner
        keys = _keys(request)
        said = row.text.partition(": ")[2]
        begun = any(key in runner.started for key in keys)
        if request.extension is None and said.startswith(("granted", "done.", "started;")):
            assert self._happened(request), f"{row.text!r} was said, and it never was."
        if said.startswith(("ended on time", "was dropped", "was undone", "was ended early")):
            undone = all(key in runner.undone for key in keys if key in runner.started)
            assert undone, f"{row.text!r} was said, and it was not undone."
        if said.startswith("failed, nothing happened"):
            late = "late_result" in self.company.town.kinds(request)
            assert late or not begun, f"{row.text!r} was said, and it had happened."

    def converged(self) -> None:
        """See that everything has come to its end. Raises: AssertionError."""
        self.look()
        town, runner = self.company.town, self.company.runner
        for request in self.company.requests():
            assert request.ended_at is not None, f"{request.name} is still {request.state}: {request.outcome}"
            assert request.due_at is None, f"{request.name} has ended, and is still due."
            assert not request.owner, f"{request.name} has ended, and {request.owner} still holds its claim."
            verify(request, town.ledger, town.trail)
            started = [key for key in _keys(request) if key in runner.started]
            if request.action in GRANTS and started and request.handed_to is None:
                assert set(started) <= set(runner.undone), f"{request.name} was started, and never undone."
        for target in ("prod/memory", "prod/admin", "prod/trial"):
            assert runner.world.get(target, 100) == 100, f"{target} is not what it was before: {runner.world}"
        waiting = [row.key for row in self._rows(tables.inbox) if row.done_at is None]
        assert not waiting, f"Deliveries were never worked on: {waiting}"
        assert town.trail.verify() > 0
        self._once()

    def _once(self) -> None:
        """See that each acknowledged delivery took effect once or was refused with its reason, and nothing else did."""
        sure, perhaps = Counter[Any](), Counter[Any]()
        for each in self.sent.values():
            (sure if each.sure else perhaps)[_same(each.kind, each.user, each.request)] += 1
        shown = Counter(_same(*each) for each in self._effects())
        for same in {*sure, *perhaps, *shown}:
            least = min(1, sure[same]) if same[0] in MAY_CHANGE_NOTHING else sure[same]
            most = sure[same] + perhaps[same]
            assert least <= shown[same] <= most, f"{same}: {least} to {most} were sent, {shown[same]} are on record."

    def _effects(self) -> Iterable[tuple[DeliveryKind, UserId, int | None]]:
        """Yield what the record says that people did, and what they were refused."""
        town = self.company.town
        for event in town.trail.events(limit=100_000):
            by = UserId(event.body["by"])
            if event.kind == "refused":
                assert event.body["why"], "A refusal has no reason."
                yield DeliveryKind(event.body["what"]), by, event.request
            elif event.kind == "requested" and event.request is not None:
                of = town.ledger.get(event.request).extension
                yield (DeliveryKind.EXTEND, by, of.of) if of else (DeliveryKind.ASK, by, None)
            elif event.kind == "reviewed":
                denied = event.body["review"]["verdict"] == Verdict.DENY.value
                yield DeliveryKind.DENY if denied else DeliveryKind.APPROVE, by, event.request
            else:
                for kind in (DeliveryKind.WITHDRAW, DeliveryKind.DROP, DeliveryKind.SETTLE, DeliveryKind.LOOK):
                    if event.kind in EFFECTS[kind] and by.startswith("U0"):
                        yield kind, by, event.request

    def _rows(self, table: Any) -> Sequence[Any]:
        with self.company.town.database.read() as connection:
            return connection.execute(select(table)).all()


def _same(kind: DeliveryKind, user: UserId, request: int | None) -> tuple[DeliveryKind, UserId, int | None]:
    return kind, user, request


def _keys(request: Request) -> list[str]:
    """Return the keys of all runs of a request."""
    if request.extension is not None:
        return []
    return [request.key_of(part) for part in range(len(request.snapshot.parts))] or [request.run_key]


def _rank(request: Request) -> int:
    return next(number for number, states in enumerate(ORDER) if request.state.value in states.split())


def _assigned(needs: Sequence[frozenset[UserId]], people: Iterable[UserId]) -> bool:
    """Tell whether each need can have a person of its own."""
    return any(
        all(person in need for person, need in zip(chosen, needs, strict=True))
        for chosen in permutations(people, len(needs))
    )
