"""What somebody has typed so far, in a one-liner or in a form; not checked yet, and nothing of it lost."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jitbot.model import Action, Parameter, ParameterType
from jitbot.slack.views import ids
from jitbot.slack.views.fields import option_of


@dataclass(frozen=True, slots=True)
class Typed:
    """A request that is still being typed. `ttl` is how long it shall last; empty when nothing was said."""

    action: str
    params: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    ttl: str = ""
    break_glass: bool = False

    def body(self) -> dict[str, Any]:
        """Return it as a delivery carries it."""
        return {
            "action": self.action,
            "params": dict(self.params),
            "reason": self.reason,
            "ttl": self.ttl,
            "source": "slack",
            **({"break_glass": True} if self.break_glass else {}),
        }


def read_form(action: Action, view: Mapping[str, Any]) -> Typed:
    """Read the values of a form as they stand; what was left empty is left out."""
    values: Mapping[str, Any] = view.get("state", {}).get("values", {})
    params = {
        each.name: value
        for each in action.parameters
        if (value := _value(each, _state(values, ids.parameter_block(each.name)))) not in (None, "", [])
    }
    reason = _state(values, ids.REASON_BLOCK).get("value") or ""
    ttl = (_state(values, ids.TTL_BLOCK).get("value") or "").strip()
    glass = bool(_state(values, ids.GLASS_BLOCK).get("selected_options"))
    return Typed(action.name, params, reason, ttl, glass)


def kept(typed: Typed) -> str:
    """Return what a confirmation keeps of a request that was typed in whole."""
    return json.dumps(
        {"action": typed.action, "params": dict(typed.params), "reason": typed.reason, "ttl": typed.ttl},
        ensure_ascii=False,
    )


def read_confirmed(view: Mapping[str, Any]) -> Typed:
    """Read the request that somebody has confirmed to break the glass for."""
    return Typed(**json.loads(view["private_metadata"]), break_glass=True)


def action_of(view: Mapping[str, Any]) -> str:
    """Return the name of the action a form is about."""
    return str(json.loads(view["private_metadata"])["action"])


def _state(values: Mapping[str, Any], block_id: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = values.get(block_id, {}).get(ids.FIELD, {})
    return found


def _value(parameter: Parameter, state: Mapping[str, Any]) -> Any:
    match parameter.type:
        case ParameterType.CHOICE | ParameterType.BOOLEAN:
            chosen = (state.get("selected_option") or {}).get("value")
            return option_of(chosen, parameter.options) if chosen is not None else None
        case ParameterType.MULTI_CHOICE:
            several = state.get("selected_options") or []
            return [option_of(each["value"], parameter.options) for each in several]
        case ParameterType.USER:
            return state.get("selected_user")
        case ParameterType.DURATION | ParameterType.INTEGER:
            return (state.get("value") or "").strip()
        case ParameterType.TEXT:
            return state.get("value")
