"""Extend: ask for a grant to end later. The extension is a request of its own, decided and reviewed like any other.

It says exactly which grant shall end when, and its digest covers both. The rules judge how long the grant would then
last in all, so that many short extensions are no way round what a long one would need.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from jitbot.errors import InvalidInput, NotPermitted, Settled, Tampered, Unavailable
from jitbot.explain import length
from jitbot.model import (
    Action,
    Answer,
    Delivery,
    Extension,
    Plan,
    Request,
    RequestId,
    Snapshot,
    State,
    UserId,
)
from jitbot.policy.asking import parse_length, parse_reason
from jitbot.service.asking import Asking
from jitbot.service.authority import verify
from jitbot.service.drafting import find_action, still_defined
from jitbot.service.telling import alarm
from jitbot.service.world import World

OPEN = (State.DECIDING, State.PENDING, State.APPROVED, State.RUNNING)
MOST_OPEN = 200
"""So many of a person's open requests are looked through for another extension of the same grant."""


class Extending:
    """The use cases of whoever wants to hold something for longer."""

    def __init__(self, world: World, asking: Asking) -> None:
        self._world = world
        self._asking = asking

    def extend(self, delivery: Delivery) -> Answer:
        """Take an extension in and decide it. Raises: UserFault, with nothing taken in."""
        parent = self._parent(delivery.request, delivery.user)
        drafted = self._draft(parent, delivery.body)
        try:
            verify(parent, self._world.ledger, self._world.trail)
        except Tampered as error:
            with self._world.ledger.begin() as entry:
                alarm(entry, parent, f"NOT EXTENDED: {error} Look at the audit record before anything else.")
            raise Unavailable(f"{parent.name} is not what its record says, so it cannot be extended.") from error
        answer = self._asking.take_in(delivery, drafted)
        words = f"JIT-{answer.request} asks for that. Until it takes effect, {parent.name} ends when it does now."
        return answer if answer.text else replace(answer, text=words)

    def check(self, user: UserId, request: RequestId, body: Mapping[str, Any]) -> Request:
        """See whether an extension can be taken in, and return what it would be; no network. Raises: UserFault."""
        return self._draft(self._parent(request, user), body)

    def may_extend(self, user: UserId, request: RequestId) -> tuple[Request, Action]:
        """Return a grant that this person may extend now, and its action. Raises: UserFault, saying why not."""
        parent = self._parent(request, user)
        return parent, self._action(parent)

    def _parent(self, request: RequestId | None, user: UserId) -> Request:
        """Return the grant if it can be extended now, by this person. Raises: NotFound, NotPermitted, Settled."""
        assert request is not None  # noqa: S101 - deliveries of extensions carry one
        parent = self._world.ledger.get(request)
        if user != parent.requester:
            raise NotPermitted(f"Only who asked for {parent.name} can extend it. Ask for your own with /jit.")
        refusal = why_not(parent, self._world.ledger.now())
        if refusal:
            raise Settled(refusal)
        mine = self._world.ledger.find(states=OPEN, requester=user, limit=MOST_OPEN)
        other = next((each for each in mine if each.extension and each.extension.of == parent.id), None)
        if other is not None:
            raise Settled(f"{other.name} asks for that already. To ask for another time, withdraw it first.")
        return parent

    def _action(self, parent: Request) -> Action:
        action = find_action(self._world.book.for_new(), parent.action)
        still_defined(parent.snapshot, action)
        return action

    def _draft(self, parent: Request, body: Mapping[str, Any]) -> Request:
        return draft_extension(parent, self._action(parent), body, self._world.ledger.now())


def why_not(parent: Request, now: datetime) -> str:
    """Say why a request cannot be extended now, in words that say what to do; nothing where it can."""
    name, word = parent.name, parent.state.value.replace("_", " ")
    of = parent.extension.parent if parent.extension else ""
    early = parent.state in (*OPEN, State.VERIFYING, State.UNSURE)
    over = parent.expires_at is None or now >= parent.expires_at
    by_itself = "ends by itself at its target, which cannot be told of a later end."
    reasons = (
        (bool(of), f"{name} is an extension itself. Extend {of}."),
        (early, f"{name} is not granted yet: it is {word}."),
        (parent.state is not State.ACTIVE, f"{name} holds nothing: it is {word}. Ask for it anew."),
        (over, f"{name} has just ended. Ask for it anew."),
        (parent.snapshot.held_at_most is None, f"{name} {by_itself}"),
        (not parent.room, f"{name} lasts as long as it may in all. Ask for it anew when it has ended."),
    )
    return next((words for holds, words in reasons if holds), "")


def draft_extension(parent: Request, action: Action, body: Mapping[str, Any], now: datetime) -> Request:
    """Turn what was typed into a request that can be decided. Raises: InvalidInput, naming the wrong field."""
    longer = _longer(parent, action, str(body.get("ttl") or ""))
    reason = parse_reason(action, body.get("reason", ""))
    assert parent.expires_at is not None and parent.granted_at is not None  # noqa: S101 - it is a grant
    extension = Extension(parent.id, parent.expires_at, parent.expires_at + longer)
    return Request(
        id=RequestId(0),
        revision=1,
        state=State.DECIDING,
        action=parent.action,
        requester=parent.requester,
        team=parent.team,
        beneficiary=parent.beneficiary,
        source=str(body.get("source", "slack")),
        params=parent.params,
        reason=reason,
        snapshot=_kept(parent),
        digest="",
        created_at=now,
        ttl=_whole(extension.until - parent.granted_at),
        extension=extension,
        due_at=now,
    )


def _longer(parent: Request, action: Action, asked: str) -> timedelta:
    """Return by how much; by the timebox's default, or what room is left, where nothing is said."""
    usual = action.timebox.default if action.timebox else parent.room
    longer = parse_length(asked.strip()) if asked.strip() else min(usual, parent.room)
    if longer > parent.room:
        words = f"{parent.name} can be extended by {length(parent.room)} at most, not by {length(longer)}."
        raise InvalidInput(words, {"for": words})
    return longer


def _whole(total: timedelta) -> timedelta:
    """Round up to whole seconds, in which policies count."""
    return timedelta(seconds=-(-total // timedelta(seconds=1)))


def _kept(parent: Request) -> Snapshot:
    """Return what is held, as the snapshot of what keeps it: the same inputs, with a plan that says what changes."""
    plan = parent.snapshot.plan
    assert plan is not None  # noqa: S101 - what has no plan is never granted
    words = f"Keeps what {parent.name} has done: {plan.summary}"
    return replace(
        parent.snapshot,
        plan=Plan(words, plan.fingerprint, plan.diff, plan.undoable, plan.targets),
        verify=None,
        stoppable=False,
        held_at_most=None,
    )
