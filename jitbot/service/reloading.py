"""Reload: put changed policy files in force, decide anew at once what waits by other ones, and say what came of it."""

import logging
from datetime import datetime, timedelta

from jitbot.errors import Conflict, InvalidInput, RunnerError, StoreUnavailable
from jitbot.explain import who
from jitbot.model import Changes, Outcome, Outdated, Outgoing, Policy, Request, RequestId, State, Topic
from jitbot.policy.decide import decide
from jitbot.service.announcing import BY, Change, conclude
from jitbot.service.asking import AGAIN, POLICY, Asking
from jitbot.service.authority import intact
from jitbot.service.counting import counted
from jitbot.service.drafting import definition
from jitbot.service.reviewing import Reviewing, asks_alike
from jitbot.service.world import World

log = logging.getLogger(__name__)

MOST = 5_000
"""How many waiting requests are looked at in one go."""
OTHERS = timedelta(minutes=1)
"""How long a process is left alone with what waits, when it has put a set in force; then the others help."""
AS_BEFORE = ""
"""What came of a request for which nothing has changed."""


class Reloading:
    """The use case of whoever changes policies."""

    def __init__(self, world: World, asking: Asking, reviewing: Reviewing) -> None:
        self._world = world
        self._asking = asking
        self._reviewing = reviewing
        self._differences: dict[tuple[str, str], Changes | None] = {}
        self._not_before: dict[RequestId, datetime] = {}
        self._told = ""

    def reload(self) -> None:
        """Look at the files and at what is in force. Never raises for what can be mended by the next look."""
        world = self._world
        try:
            world.book.reload()
            if world.book.fault != self._told:  # also the fault that was there when the process started
                self._tell_fault(world.book.fault)
                self._told = world.book.fault
            self._follow_up(world.book.change)
            world.book.affirm()
        except StoreUnavailable as error:
            log.warning("the policies could not be read again: %s", error)
        world.queue.messages()

    def _tell_fault(self, fault: str) -> None:
        """Put a fault, or that it is mended, on record and tell it."""
        digest = self._world.book.policy.digest
        with self._world.ledger.begin() as entry:
            if fault:
                kept = "the last good ones stay in force" if digest else "nothing new begins until they are mended"
                text = f"The policies are broken; {kept}.\n{fault}"
                entry.record("policies_broken", BY, digest=digest, fault=fault)
                entry.say(Outgoing("alarm:policies", Topic.ALARM, None, text))
            else:
                entry.record("policies_mended", BY, digest=digest)
                entry.say(Outgoing("policies:mended", Topic.NEWS, None, "The policies are in order again."))

    def _follow_up(self, change: Change | None) -> None:
        """Decide anew what waits by another set; the process that changed it at once, the others if that one died."""
        world = self._world
        if world.book.ends_only or not (change or self._not_before or self._left_alone()):
            return
        became: dict[RequestId, str] = {}
        for waiting in world.ledger.outdated(world.book.policy.digest, MOST):
            if self._touched(waiting):
                said = self._again(waiting.id)
                became |= {waiting.id: said} if said else {}
        if change is not None:
            with world.ledger.begin() as entry:
                conclude(entry, change, became)
            world.book.change = None

    def _left_alone(self) -> bool:
        """Tell whether whoever put the present set in force has had the time to decide anew what waits."""
        since = self._world.book.since
        return since is not None and self._world.ledger.now() >= since.at + OTHERS

    def _touched(self, waiting: Outdated) -> bool:
        """Tell whether the change touches this request's action, and whether it is time to try."""
        world = self._world
        not_before = self._not_before.get(waiting.id)
        if not_before is not None and world.ledger.now() < not_before:
            return False
        self._not_before.pop(waiting.id, None)
        key = (waiting.policy_digest, world.book.policy.digest)
        if key not in self._differences:
            current = {each: found for each, found in self._differences.items() if each[1] == key[1]}
            self._differences = {**current, key: world.book.differ(waiting.policy_digest)}
        differences = self._differences[key]
        return differences is None or waiting.action in differences.actions

    def _again(self, request_id: RequestId) -> str:
        """Decide one request anew and say what came of it; where that cannot be told now, it waits as it is."""
        world = self._world
        request, policy = world.ledger.get(request_id), world.book.policy
        try:
            revision = self._revision(request, policy)
            if revision is not None:
                said = _stands(self._asking.revise(request, revision, policy))
                return f"would run something else now, has lost its reviews and {said}"
            return self._carry_out(request, policy)
        except (InvalidInput, RunnerError) as error:
            return self._later(request, f"cannot be planned now ({error})")
        except Conflict as conflict:
            log.info("%s is decided by somebody else: %s", request.name, conflict)
            return AS_BEFORE
        finally:
            world.queue.messages()
            world.queue.request(request_id)

    def _revision(self, request: Request, policy: Policy) -> Request | None:
        """Return the next revision where the action's definition has changed. Raises: InvalidInput, RunnerError."""
        action = policy.actions.get(request.action)
        if action is None or definition(action) == request.snapshot.definition or not intact(self._world, request):
            return None
        return self._asking.revised(request, policy)

    def _carry_out(self, request: Request, policy: Policy) -> str:
        """Decide, and do what the decision says. Raises: Conflict where the request has moved on since it was read."""
        facts = self._asking.facts(policy, request, self._world.ledger.reviews(request))
        with self._world.ledger.begin() as entry:
            now = entry.get(request.id)
            if (now.state, now.version) != (State.PENDING, request.version):
                raise Conflict(f"{request.name} has moved on.")
            decision = decide(policy, now, entry.reviews(now), counted(entry, policy, now, facts))
            if decision.outcome is Outcome.DENY and decision.unread:
                return self._later(request, "cannot be decided now")
            moved = self._reviewing.apply(entry, now, decision, POLICY, policy, "the policies have changed")
        return AS_BEFORE if asks_alike(decision, request.decision) else _stands(moved)

    def _later(self, request: Request, why: str) -> str:
        """Leave a request as it is for a while; whoever clicks on it meanwhile has it decided anew all the same."""
        self._not_before[request.id] = self._world.ledger.now() + AGAIN
        log.info("%s %s", request.name, why)
        return f"{why}, so it waits as it is"


def _stands(request: Request) -> str:
    """Say where a request stands after it was decided anew."""
    decision = request.decision
    if request.state is State.DENIED:
        return f"is refused now (“{request.outcome}”)"
    if request.state is State.APPROVED:
        return "needs nobody any more and runs"
    needs = [who(need, lambda user: f"<@{user}>") for need in decision.needs if need.missing > 0] if decision else []
    return f"asks {'; and '.join(needs)} now"
