"""Apply an approved extension: the grant it is about ends later, if it is still held and not due.

Where its target has to be told, that is a run of its own: the intention first, with the end that the target may know of
from then on; then the act; then the result, with which the grant's end moves. Until that has moved, the grant ends when
it did before, and its undo takes back whatever the target was told. So nothing of an extension is ever unsure.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from jitbot.errors import InvalidInput, NotFound, NoWarrant, RunnerError, RunnerRefused, Tampered
from jitbot.explain import length
from jitbot.lifecycle import Event
from jitbot.model import Extension, Outcome, Policy, Receipt, Request, Review, State
from jitbot.policy.decide import decide
from jitbot.ports import Entry, Extends, Runner
from jitbot.service.asking import AGAIN, Asking, not_allowed
from jitbot.service.authority import WORKER, refuse, see_shown, verify
from jitbot.service.claims import mine
from jitbot.service.counting import counted
from jitbot.service.drafting import extendable, find_action, runners_of, still_defined, told_of_extensions
from jitbot.service.halted import held_back
from jitbot.service.runlog import RunLog
from jitbot.service.running import TURN, free
from jitbot.service.telling import alarm, announce_end, tell
from jitbot.service.warranting import barred
from jitbot.service.world import World

_FREE: dict[str, Any] = {"owner": "", "lease_until": None}


class Applying:
    """The use cases of workers for extensions. Every request handed in is claimed, and is one."""

    def __init__(self, world: World, asking: Asking) -> None:
        self._world = world
        self._asking = asking

    def approved(self, request: Request) -> None:
        """Decide once more, and extend the grant, if all is still as it was approved."""
        world = self._world
        if self._over(request) or held_back(world, request, world.halts.first_look(request)):
            return None
        parent = world.ledger.get(_extension(request).of)
        try:
            reviews = self._verified(request, parent)
        except Tampered as error:
            return refuse(world, request, error)
        clearance = world.halts.clearance(request, reviews)
        if held_back(world, request, clearance):
            return None
        world.book.follow()
        policy = world.book.policy
        if world.book.ends_only:
            return self._later(request)
        why = self._why_not(request, parent, policy)
        if why:
            return self._deny(request, why)
        facts = self._asking.facts(policy, request, reviews)
        with world.ledger.begin() as entry:
            holders = entry.holders(*request.snapshot.targets)
            mine(entry, request)
            entry.unless_halted(clearance.as_of)
            decision = decide(policy, request, reviews, counted(entry, policy, request, facts))
            begun = None
            if decision.outcome is Outcome.ALLOW:
                decided = {"decision": decision, "policy_digest": policy.digest}
                begun = self._begin(entry, request, parent, decided, busy=not free(holders, request))
            else:
                not_allowed(entry, request, decision, policy)
        world.queue.messages()
        return None if begun is None else self._act(begun, parent)

    def begun(self, request: Request) -> None:
        """Go on with an extension whose worker was lost, or whose target could not be told; else give it up."""
        world = self._world
        extension = _extension(request)
        parent = world.ledger.get(extension.of)
        try:
            self._verified(request, parent)
        except Tampered as error:
            return self._give_up(request, error)
        clearance = world.halts.clearance(request)
        with world.ledger.begin() as entry:
            entry.holders(*request.snapshot.targets)
            mine(entry, request)  # and nothing of the row that was not verified
            held = _still_held(entry.get(parent.id), extension, entry)
            again: Request | None = None
            in_time = request.start_deadline is not None and entry.now < request.start_deadline
            if held and in_time and not clearance.why_not:
                entry.unless_halted(clearance.as_of)
                again = self._intend(entry, request, Event.REPEAT, attempts=request.attempts + 1)
            else:
                why = clearance.why_not or request.outcome or "Its target could not be told in time"
                self._fail(entry, request, why if held else "")
        world.queue.messages()
        return None if again is None else self._act(again, parent)

    def _give_up(self, request: Request, error: Tampered) -> None:
        """End an extension that is not what its record says: as long as it is begun, its grant could not be undone."""
        with self._world.ledger.begin() as entry:
            entry.holders(*request.snapshot.targets)
            entry.record("tampered", WORKER, request.id, why=str(error))
            failed = entry.move(mine(entry, request), Event.REFUSE, WORKER, outcome=str(error))
            alarm(entry, failed, f"NOT EXTENDED: {error} Look at the audit record before anything else.")
            tell(entry, failed)
        self._world.queue.messages()

    def _verified(self, request: Request, parent: Request) -> Sequence[Review]:
        """See that both are what their records say, and return the extension's reviews. Raises: Tampered, Conflict."""
        verify(parent, self._world.ledger, self._world.trail)
        reviews = verify(request, self._world.ledger, self._world.trail)
        see_shown(request, reviews)
        return reviews

    def _why_not(self, request: Request, parent: Request, policy: Policy) -> str:
        """Say why it cannot be extended any more whoever approved it; nothing where it can."""
        try:
            still_defined(request.snapshot, find_action(policy, request.action))
            runner = self._runner(parent)
        except (InvalidInput, NotFound, RunnerError) as error:
            return f"It cannot be extended any more: {error}"
        possible = extendable(runner, several=bool(parent.snapshot.parts))
        return "" if possible else "Its runner cannot extend what ends by itself."

    def _runner(self, parent: Request) -> Runner:
        """Return what gave a grant. Raises: RunnerRefused where it is not installed any more."""
        name = parent.snapshot.runner
        try:
            return runners_of(self._world.catalog, parent.snapshot.pool).runner(name)
        except KeyError:
            raise RunnerRefused(f"the runner {name} is not installed here any more") from None

    def _begin(
        self, entry: Entry, request: Request, parent: Request, decided: dict[str, Any], *, busy: bool
    ) -> Request | None:
        """Extend the grant, or write down that its target is about to be told; returns the extension if it is."""
        now = entry.get(parent.id)
        extension = _extension(request)
        if not _still_held(now, extension, entry):
            missed = entry.move(request, Event.MISS, WORKER, outcome=_too_late(now, extension))
            tell(entry, missed, missed.outcome)
            return None
        if busy or now.version != parent.version:
            entry.amend(request, "waits", WORKER, due_at=entry.now + TURN, **_FREE)
            return None
        if told_of_extensions(self._runner(parent)):
            until = min(entry.now + request.snapshot.time_limit, now.expires_at or _extension(request).since)
            entry.amend(now, "extending", WORKER, request.name, target_ends_at=_later_end(now, extension))
            return self._intend(entry, request, Event.START, start_deadline=until, attempts=1, **decided)
        decided |= {"started_at": entry.now, "attempts": 1, "halted": ""}
        started = entry.move(request, Event.START, WORKER, **decided)
        self._extend(entry, started, now)
        return None

    def _intend(self, entry: Entry, request: Request, event: Event, **changes: Any) -> Request:
        lease_until = entry.now + self._world.lease
        changes |= {"started_at": request.started_at or entry.now, "due_at": entry.now, "halted": ""}
        begun = entry.move(request, event, WORKER, owner=self._world.name, lease_until=lease_until, **changes)
        tell(entry, begun)
        return begun

    def _act(self, request: Request, parent: Request) -> None:
        """Tell the target, and write down what came of it."""
        world = self._world
        assert request.start_deadline is not None  # noqa: S101 - written with the intention
        receipt: Receipt | None = None
        refused = unsure = ""
        with RunLog(world, request, request.start_deadline) as run:
            run.key, run.until = parent.run_key, _extension(request).until
            try:
                runner, inputs = world.runner(parent)
                given = None if parent.receipt is None else Receipt(parent.receipt)
                world.assure(request, request.start_deadline)
                receipt = cast(Extends, runner).extend(inputs, given, run)
            except (RunnerRefused, InvalidInput) as error:
                refused = str(error) or "the runner refused"
                if isinstance(error, NoWarrant):
                    barred(world, request, error)
            except RunnerError as error:
                unsure = str(error) or "the runner did not say"

        def write() -> None:
            with world.ledger.begin() as entry:
                entry.holders(*request.snapshot.targets)  # before the rows, in the order in which an undo takes them
                mine(entry, request)
                if unsure:
                    soon = entry.now + TURN
                    entry.amend(request, "extend_failed", WORKER, unsure, outcome=unsure, due_at=soon, **_FREE)
                elif receipt is None:
                    self._fail(entry, request, refused)
                else:
                    self._extend(entry, request, entry.get(parent.id), receipt)

        world.results.write(request, write)
        world.queue.messages()

    def _extend(self, entry: Entry, request: Request, parent: Request, receipt: Receipt | None = None) -> None:
        """Move the grant's end, in one transaction with the end of the extension."""
        extension = _extension(request)
        if not _still_held(parent, extension, entry):
            return self._fail(entry, request, "")
        changes: dict[str, Any] = {"expires_at": extension.until, "due_at": extension.until, "extended_by": request.id}
        if receipt is not None and dict(receipt.data) != (parent.receipt or {}):
            changes["receipt"] = dict(receipt.data)
        longer = entry.amend(parent, "extended", WORKER, request.name, **changes)
        tell(entry, longer, f"ends {length(extension.until - extension.since)} later: {request.name} was approved.")
        announce_end(entry, longer)
        tell(entry, entry.move(request, Event.SUCCEED, WORKER, outcome=receipt.summary if receipt else ""))
        return None

    def _fail(self, entry: Entry, request: Request, why: str) -> None:
        """End an extension that came to nothing; the grant ends as before."""
        extension = _extension(request)
        parent = entry.get(extension.of)
        outcome = f"{why.rstrip('. ')}. {extension.parent} ends as before." if why else _too_late(parent, extension)
        tell(entry, entry.move(request, Event.REFUSE, WORKER, outcome=outcome), outcome)

    def _over(self, request: Request) -> bool:
        """End an extension whose grant is not held any more, or that was not applied in time."""
        with self._world.ledger.begin() as entry:
            now = mine(entry, request)
            extension = _extension(now)
            parent = entry.get(extension.of)
            held = _still_held(parent, extension, entry)
            if held and (now.start_by is None or entry.now < now.start_by):
                return False
            words = f"It was not applied in time, so {extension.parent} ends as before. Ask again."
            missed = entry.move(now, Event.MISS, WORKER, outcome=words if held else _too_late(parent, extension))
            tell(entry, missed, missed.outcome)
        self._world.queue.messages()
        return True

    def _deny(self, request: Request, why: str) -> None:
        with self._world.ledger.begin() as entry:
            tell(entry, entry.move(mine(entry, request), Event.DENY, WORKER, outcome=why), f"refused: {why}")
        self._world.queue.messages()

    def _later(self, request: Request) -> None:
        """Wait for policies that can be read."""
        with self._world.ledger.begin() as entry:
            entry.amend(mine(entry, request), "waits", WORKER, due_at=entry.now + AGAIN, **_FREE)


def _extension(request: Request) -> Extension:
    assert request.extension is not None  # noqa: S101 - only extensions get here
    return request.extension


def _still_held(parent: Request, extension: Extension, entry: Entry) -> bool:
    """Tell whether a grant can be given this end: it is held, not due, and would not end sooner by it."""
    if parent.state is not State.ACTIVE or parent.expires_at is None:
        return False
    return entry.now < parent.expires_at < extension.until


def _later_end(parent: Request, extension: Extension) -> datetime:
    return max(extension.until, parent.gone_by or extension.until)


def _too_late(parent: Request, extension: Extension) -> str:
    if parent.state is State.ACTIVE and parent.expires_at and parent.expires_at >= extension.until:
        return f"{extension.parent} lasts that long already."
    return f"{extension.parent} has ended meanwhile, so there was nothing to extend. Ask for it anew."
