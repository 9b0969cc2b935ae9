"""Draft a request: typed parameters, resolved inputs, and the digest of what will run.

What runs is exactly what was approved, so the digest covers everything that says what will happen, to whom, and for how
long. A change of any of it makes a new revision, decided anew and without the old reviews.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

from jitbot import audit
from jitbot.errors import InvalidInput, NotFound, PolicyError, RunnerRefused
from jitbot.model import Action, Part, Plan, Policy, Request, RequestId, Snapshot, State, UserId, Verification, Waves
from jitbot.policy.asking import parse_reason, parse_ttl
from jitbot.policy.parameters import parse_parameters
from jitbot.policy.starting import parse_start
from jitbot.policy.templates import fill
from jitbot.ports import Catalog, Runner

MOST_PARTS = 50
"""So many targets one request may have: each step of each of them is an event with the progress of all."""


def find_action(policy: Policy, name: str) -> Action:
    """Return an action by its name. Raises: NotFound, with what was perhaps meant."""
    if name in policy.actions:
        return policy.actions[name]
    near = difflib.get_close_matches(name, policy.actions, n=1)
    meant = f" Did you mean {near[0]}?" if near else " /jit help lists what you may run."
    raise NotFound(f"There is no action “{name}”.{meant}")


def draft(
    action: Action,
    catalog: Catalog,
    *,
    requester: UserId,
    team: str,
    body: Mapping[str, Any],
    now: datetime,
    zone: tzinfo | None = None,
) -> Request:
    """Turn what was typed into a request that can be decided. Raises: InvalidInput, naming every wrong field.

    Without a `zone`, a planned start that needs one is looked at and left out.
    """
    faults: list[InvalidInput] = []

    def parsed(parse: Callable[[], Any]) -> Any:
        try:
            return parse()
        except InvalidInput as fault:
            faults.append(fault)

    params = parsed(lambda: parse_parameters(action, body.get("params", {})))
    glass = body.get("break_glass") is True
    reason = parsed(lambda: _with_reason(parse_reason(action, body.get("reason", "")), glass))
    ttl = parsed(lambda: parse_ttl(action, body.get("ttl") or None))
    starts_at = parsed(lambda: _at_once(parse_start(action, str(body.get("at") or ""), now, zone), glass))
    if faults:
        raise _all_of(faults)
    return Request(
        id=RequestId(0),
        revision=1,
        state=State.DECIDING,
        action=action.name,
        requester=requester,
        team=team,
        beneficiary=for_whom(action, params, requester),
        source=body.get("source", "slack"),
        params=params,
        reason=reason,
        snapshot=take(action, catalog, params),
        digest="",
        created_at=now,
        ttl=ttl,
        starts_at=starts_at,
        break_glass=glass,
        due_at=now,
    )


def _with_reason(reason: str, glass: bool) -> str:
    """Return the reason, which break-glass needs whatever the action says. Raises: InvalidInput."""
    if glass and not reason.strip():
        text = "Break-glass needs a reason. Say what is happening."
        raise InvalidInput(text, {"reason": text})
    return reason


def _at_once(starts_at: datetime | None, glass: bool) -> datetime | None:
    """Return the start, which break-glass cannot plan: what can wait can be reviewed. Raises: InvalidInput."""
    if glass and starts_at is not None:
        text = "Break-glass runs at once. Leave the start empty, or ask without it."
        raise InvalidInput(text, {"at": text})
    return starts_at


def _all_of(faults: Sequence[InvalidInput]) -> InvalidInput:
    """Say everything that is wrong at once."""
    fields = {field: text for fault in faults for field, text in fault.fields.items()}
    return InvalidInput("\n".join(str(fault) for fault in faults), fields)


def for_whom(action: Action, params: Mapping[str, Any], requester: UserId) -> UserId:
    """Return who is on the receiving end: the person that a parameter names where the action says so."""
    return UserId(str(params[action.beneficiary])) if action.beneficiary in params else requester


def take(action: Action, catalog: Catalog, params: Mapping[str, Any]) -> Snapshot:
    """Resolve what would run now. Raises: InvalidInput, also for parameters of an older definition."""
    try:
        inputs, parts = _resolved(action, catalog, params)
    except PolicyError as error:
        raise InvalidInput(f"{action.name} has changed since it was asked: {error}") from error
    runner = runners_of(catalog, action.pool).runner(action.runner)
    return Snapshot(
        title=action.title,
        team=action.team,
        channel=action.channel,
        runner=action.runner,
        inputs=inputs,
        target=", ".join(part.target for part in parts),
        time_limit=action.time_limit,
        risk=action.risk,
        definition=definition(action),
        verify=action.verify,
        stoppable=bool(getattr(runner, "stoppable", False)) or len(parts) > 1,
        held_at_most=held_at_most(action, runner),
        waves=action.for_each,
        parts=parts if action.for_each else (),
        pool=action.pool,
    )


def runners_of(catalog: Catalog, pool: str) -> Catalog:
    """Return the runners of a pool, those of this process where it is empty. Raises: InvalidInput."""
    try:
        return catalog.pool(pool) if pool else catalog
    except KeyError:
        raise InvalidInput(f"The pool {pool} is not known here any more; JITBOT_POOLS names those that are.") from None


def _resolved(action: Action, catalog: Catalog, params: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Part, ...]]:
    """Return the inputs and the target, or those of each part by its name. Raises: InvalidInput, PolicyError."""
    catalog = runners_of(catalog, action.pool)
    runner = catalog.runner(action.runner)
    _refuse_reserved(params, getattr(runner, "reserved", None))
    if action.for_each is None:
        inputs = fill(action.inputs, params)
        return inputs, (Part("", _target(runner, catalog.inputs(action.runner, inputs))),)
    name = action.for_each.parameter
    inputs = {value: fill(action.inputs, {**params, name: value}) for value in chosen(action, params)}
    parts = tuple(Part(value, _target(runner, catalog.inputs(action.runner, inputs[value]))) for value in inputs)
    first: dict[str, str] = {}
    for part in parts:
        if first.setdefault(part.target, part.name) != part.name:
            raise _at(name, f"{part.name} and {first[part.target]} are the same target. Choose one of them.")
    return inputs, parts


def _target(runner: Runner, inputs: Any) -> str:
    """Name what is touched. Raises: InvalidInput where the values make no name."""
    try:
        return runner.target(inputs)
    except RunnerRefused as error:
        raise InvalidInput(f"It cannot be told what this would touch. {error}") from error


def _refuse_reserved(params: Mapping[str, Any], reserved: re.Pattern[str] | None) -> None:
    """Refuse what the runner would fill in itself: only a policy says where that stands. Raises: InvalidInput."""
    for name, value in params.items() if reserved is not None else ():
        for text in value if isinstance(value, list | tuple) else [value]:
            found = reserved.search(text) if isinstance(text, str) and reserved is not None else None
            if found is not None:
                raise _at(name, f"{name} must not contain {found[0]}, which has a meaning of its own here.")


def chosen(action: Action, params: Mapping[str, Any]) -> Sequence[str]:
    """Return the values that an action is done on each of. Raises: InvalidInput where they are none, or too many."""
    assert action.for_each is not None  # noqa: S101 - only such actions have them
    name = action.for_each.parameter
    values = params.get(name)
    if not isinstance(values, list | tuple) or not values:
        raise _at(name, "Choose at least one.")
    if len(values) > MOST_PARTS:
        raise _at(name, f"Choose {MOST_PARTS} at most; you have chosen {len(values)}.")
    return list(dict.fromkeys(str(value) for value in values))


def _at(field: str, text: str) -> InvalidInput:
    return InvalidInput(text, {field: text})


def held_at_most(action: Action, runner: Runner) -> timedelta | None:
    """Return how long a grant may be held with all its extensions; None where it cannot be extended."""
    several = action.for_each is not None
    return action.timebox.max if action.timebox and extendable(runner, several=several) else None


def extendable(runner: Runner, *, several: bool) -> bool:
    """Tell whether what a runner gives can end later than it was told when it started.

    Where it is given on several targets, they would all have to be told: none of them is.
    """
    if told_of_extensions(runner):
        return not several
    return not getattr(runner, "ends_by_itself", False)


def told_of_extensions(runner: Runner) -> bool:
    """Tell whether a runner has to do something at its target for a grant to end later."""
    return bool(getattr(runner, "extends", False))


def planned(request: Request, plan: Plan) -> Request:
    """Put the plan in and seal the request with its digest."""
    seen = replace(request, snapshot=replace(request.snapshot, plan=plan))
    return replace(seen, digest=digest(seen))


def digest(request: Request) -> str:
    """Return the SHA-256 over everything that says what will run, for whom, and for how long."""
    snapshot, longer = request.snapshot, request.extension
    return audit.digest(
        {
            "requester": request.requester,
            "beneficiary": request.beneficiary,
            "action": request.action,
            "params": dict(request.params),
            "runner": snapshot.runner,
            "inputs": dict(snapshot.inputs),
            "target": snapshot.target,
            "definition": snapshot.definition,
            "plan": snapshot.plan.fingerprint if snapshot.plan else None,
            "ttl": request.ttl.total_seconds() if request.ttl else None,
            **({"starts_at": request.starts_at.isoformat()} if request.starts_at else {}),
            **({"break_glass": True} if request.break_glass else {}),
            **({"extends": [longer.of, longer.until.isoformat()]} if longer else {}),
            **({"pool": snapshot.pool} if snapshot.pool else {}),
        }
    )


def definition(action: Action) -> str:
    """Return the digest of what an action is; who decides on it is left out: that is decided anew at each click."""
    return audit.digest(
        {
            "runner": action.runner,
            "inputs": action.inputs,
            "parameters": [
                [
                    parameter.name,
                    parameter.type,
                    parameter.pattern,
                    parameter.options,
                    parameter.minimum,
                    parameter.maximum,
                ]
                for parameter in action.parameters
            ],
            "timebox": [action.timebox.default.total_seconds(), action.timebox.max.total_seconds()]
            if action.timebox
            else None,
            "time_limit": action.time_limit.total_seconds(),
            "risk": action.risk,
            **({"beneficiary": action.beneficiary} if action.beneficiary else {}),
            **({"verify": _watched(action.verify)} if action.verify else {}),
            **({"for_each": _gone_through(action.for_each)} if action.for_each else {}),
            **({"pool": action.pool} if action.pool else {}),
        }
    )


def still_defined(snapshot: Snapshot, action: Action) -> None:
    """See that an action is what it was when something was granted by it. Raises: InvalidInput."""
    if definition(action) != snapshot.definition:
        raise InvalidInput(
            f"{action.name} is another action by now than when this was granted, so it cannot be extended. "
            "Ask for it anew when it has ended."
        )


def _gone_through(waves: Waves) -> Any:
    return [waves.parameter, list(waves.sizes), waves.pause.total_seconds(), waves.check, waves.undo]


def _watched(verify: Verification) -> Any:
    facts = [[call.name, call.source, call.arguments] for call in verify.facts]
    lengths = [verify.within.total_seconds(), verify.every.total_seconds()]
    return [*lengths, verify.unhealthy_when, facts, verify.check, verify.undo, verify.even_if_unhealthy]
