"""Reconcile grants with the systems they were given in: who holds what there, against what the ledger says.

Nothing is taken from anybody whom jitbot has not given it to. Both sides move while they are compared, so what looks
wrong is looked at twice, and only what is still so is told.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from jitbot.errors import InvalidInput, RunnerError
from jitbot.lifecycle import Event
from jitbot.model import Action, HealthState, Privilege, Request, Stage, State, UndoCause
from jitbot.policy.templates import names_in
from jitbot.ports import Catalog, Ledger, ListsPrivileges, lister
from jitbot.service.drafting import runners_of
from jitbot.service.parts import with_part
from jitbot.service.telling import tell
from jitbot.service.world import health_of

OPERATOR = "operator"
"""Who causes what is repaired: whoever runs the command."""
LIVE, ENDED = 10_000, 2_000
"""How many grants are looked at: all that are live, and the newest that have ended."""
_ENDS = (State.EXPIRED, State.REVOKED, State.ROLLED_BACK, State.FAILED)


class Kind(StrEnum):
    """What can be wrong with a privilege."""

    MISSING = "missing"
    CHANGED = "changed"
    LEFT_OVER = "left over"
    UNCLEAR = "perhaps left over"
    FOREIGN = "not from jitbot"
    UNREAD = "could not be read"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. MISSING and CHANGED are about a live grant, the next three about what somebody holds without one.

    UNCLEAR is what a grant gave once, where the target system cannot tell whether somebody else has given it since.
    `request` is the live grant, or the last one of that target; None where the ledger knows of none.
    """

    kind: Kind
    target: str
    said: str
    request: Request | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether somebody has to do something about it: what others have given is none of jitbot's business."""
        return self.kind is not Kind.FOREIGN


class Reconciling:
    """Compares, and repairs where told to."""

    def __init__(self, ledger: Ledger, catalog: Catalog, actions: Mapping[str, Action]) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._actions = actions

    def look(self) -> Sequence[Finding]:
        """Return every difference, those of live grants first. It changes nothing. Raises: StoreUnavailable."""
        return [*self._live(), *self._without_a_grant()]

    def repair(self, finding: Finding, *, named: bool = False) -> bool:
        """Have one difference put right; False where that is not jitbot's to do. Raises: StoreUnavailable, Conflict.

        A grant whose privilege is missing is ended: whoever took it away may have had a reason, so it is not given
        again. What is left over is undone, by the bot, as the end of its last grant would have been; what is unclear
        only where it was `named` by whoever has looked.
        """
        if finding.request is None or not (finding.kind in _SURE or (named and finding.kind is Kind.UNCLEAR)):
            return False
        with self._ledger.begin() as entry:
            now = entry.get(finding.request.id)
            if finding.kind is Kind.MISSING and now.state is State.ACTIVE:
                ends: dict[str, Any] = {"undo_cause": UndoCause.REVOCATION, "due_at": entry.now}
                moved = entry.move(now, Event.REVOKE, OPERATOR, finding.said, outcome=finding.said, **ends)
                tell(entry, moved, f"is ended, since what it gave was gone: {finding.said}")
                return True
            if finding.kind is not Kind.MISSING and now.ended_at is not None:
                again = {"due_at": entry.now, "undo_attempts": 0, **_held_again(now, finding.target)}
                entry.amend(now, "left_over", OPERATOR, finding.said, **again)
                return True
        return False

    def _live(self) -> Iterator[Finding]:
        """Look at what every live grant has given."""
        for grant in self._ledger.find(states=[State.ACTIVE], limit=LIVE):
            health = health_of(self._catalog, grant)
            kind = _WRONG.get(health.state)
            if kind is not None and self._ledger.get(grant.id).version == grant.version:
                yield Finding(kind, grant.snapshot.target, health.detail or kind.value, grant)

    def _without_a_grant(self) -> Iterator[Finding]:
        """Look at who holds what grants give, and whether one of them is live."""
        told: set[str] = set()
        for name, runner, inputs in self._scopes():
            try:
                for privilege in self._strays(runner, inputs):
                    if privilege.target not in told:
                        told.add(privilege.target)
                        yield self._about(privilege)
            except RunnerError as error:
                yield Finding(Kind.UNREAD, name, str(error))

    def _strays(self, runner: ListsPrivileges, inputs: BaseModel) -> Sequence[Privilege]:
        """Return what is held without a grant, in two readings: what ends or begins just now is not among it."""
        strays: Sequence[Privilege] = ()
        for reading in range(2):
            held = runner.privileges(inputs) or ()
            before = {each.target for each in strays}
            with self._ledger.begin() as entry:
                strays = [each for each in held if not entry.holders(each.target)]
            if reading:
                strays = [each for each in strays if each.target in before]
            if not strays:
                break
        return strays

    def _about(self, privilege: Privilege) -> Finding:
        target, holder = privilege.target, privilege.holder
        last = None if privilege.ours is False else self._ledger.last_on(target)
        if last is not None:
            kind = Kind.LEFT_OVER if privilege.ours else Kind.UNCLEAR
            return Finding(kind, target, f"{holder} holds it, which {last.name} gave and has ended", last)
        if privilege.ours:
            said = f"{holder} has it from jitbot, whose ledger knows of no grant: take it back by hand"
            return Finding(Kind.LEFT_OVER, target, said)
        return Finding(Kind.FOREIGN, target, f"{holder} holds it, and not from jitbot")

    def _scopes(self) -> Iterator[tuple[str, ListsPrivileges, BaseModel]]:
        """Yield each runner with inputs to ask it about: those of grants, and of actions that have no templates."""
        grants = self._ledger.find(states=[State.ACTIVE], limit=LIVE)
        grants = [*grants, *self._ledger.find(states=_ENDS, limit=ENDED)]
        given = [
            (each.snapshot.pool, each.snapshot.runner, inputs)
            for each in grants
            if each.ttl
            for inputs in _inputs(each)
        ]
        given += [
            (each.pool, each.runner, each.inputs)
            for each in self._actions.values()
            if each.timebox and not names_in(each.inputs)
        ]
        known: set[str] = set()
        for pool, name, inputs in given:
            key = json.dumps([pool, name, inputs], sort_keys=True, default=str)
            if key in known:
                continue
            known.add(key)
            try:
                catalog = runners_of(self._catalog, pool)
                runner, typed = lister(catalog.runner(name)), catalog.inputs(name, inputs)
            except (KeyError, InvalidInput, RunnerError):
                continue  # what is not installed any more, or takes other inputs now, cannot be asked
            yield name, runner, typed


_SURE = (Kind.MISSING, Kind.LEFT_OVER)
_WRONG = {
    HealthState.ABSENT: Kind.MISSING,
    HealthState.UNHEALTHY: Kind.CHANGED,
    HealthState.UNKNOWN: Kind.UNREAD,
}


def _inputs(request: Request) -> Sequence[Mapping[str, Any]]:
    """Return the runner's inputs, of each part where there are many."""
    inputs = request.snapshot.inputs
    return [inputs[part.name] for part in request.snapshot.parts] or [inputs]


def _held_again(request: Request, target: str) -> dict[str, Any]:
    """Have the part that is left over undone once more, and only that."""
    for position, part in enumerate(request.snapshot.parts):
        if part.target == target:
            held = replace(request.progress[position], stage=Stage.DONE)
            return {"progress": with_part(request, position, held)}
    return {}
