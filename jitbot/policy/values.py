"""What conditions see: dotted names bound to values for one decision.

What could not be read is left out, so that a condition that needs it errs instead of seeing something empty.
The names and their types are declared in `policy.cel.names`.
"""

from datetime import timedelta
from typing import Any

from jitbot.errors import InvalidInput
from jitbot.model import Action, Facts, Parameter, ParameterType, Policy, Request
from jitbot.policy.durations import parse_duration


def condition_values(policy: Policy, action: Action, request: Request, facts: Facts) -> dict[str, Any]:
    """Bind every declared name that is known now."""
    plan = request.snapshot.plan
    values: dict[str, Any] = {
        "request.action": request.action,
        "request.source": request.source,
        "request.reason": request.reason,
        "request.ttl": request.ttl or timedelta(0),
        "request.extends": request.extension is not None,
        "request.starts_at": request.starts_at or facts.now,
        "requester.id": str(request.requester),
        "now": facts.now,
        "risk": request.snapshot.risk,
    }
    if plan is not None:
        values |= {"targets": plan.targets, "plan.undoable": plan.undoable, "plan.changes": bool(plan.diff)}
    person = facts.people.get(request.requester)
    if person is not None:
        values["requester.kind"] = person.kind.value
    for name, kind, known in (("groups", "group", policy.groups), ("on_call", "oncall", policy.on_call)):
        if all(f"{kind}:{each}" in facts.members for each in known):
            values[f"requester.{name}"] = [
                each for each in known if request.requester in facts.members.get(f"{kind}:{each}", ())
            ]
    for parameter in action.parameters:
        if parameter.name in request.params:
            values |= _given(parameter, request.params[parameter.name])
    return values | dict(facts.values)


def _given(parameter: Parameter, value: Any) -> dict[str, Any]:
    """Bind one parameter; what was asked by an older definition and is no duration stays unbound."""
    if parameter.type is ParameterType.DURATION:
        try:
            value = parse_duration(str(value))
        except InvalidInput:
            return {}
    return {f"params.{parameter.name}": value}
