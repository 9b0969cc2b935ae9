"""What somebody has typed so far, in a one-liner or in a form; not checked yet, and nothing of it lost."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jitbot.model import Action, Parameter, ParameterType
from jitbot.slack.views import ids
from jitbot.slack.views.fields import option_of


@dataclass(frozen=True, slots=True)
class Typed:
    """A request that is still being typed. `ttl` says how long it lasts and `at` when it starts; both may be empty."""

    action: str
    params: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    ttl: str = ""
    at: str = ""
    break_glass: bool = False

    def body(self) -> dict[str, Any]:
        """Return it as a delivery carries it."""
        return {
            "action": self.action,
            "params": dict(self.params),
            "reason": self.reason,
            "ttl": self.ttl,
            "at": self.at,
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
    return Typed(action.name, params, reason, ttl, read_instant(values), glass)


def read_instant(values: Mapping[str, Any]) -> str:
    """Return the chosen start as text with its offset; empty where none is chosen."""
    chosen = _state(values, ids.START_BLOCK).get("selected_date_time")
    return datetime.fromtimestamp(int(chosen), UTC).isoformat() if chosen else ""


def placed(faults: Mapping[str, str], view: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong by the block it is about; what has no block of its own stands at the first."""
    blocks = [block["block_id"] for block in view["blocks"] if block["type"] == "input"]
    own = {"reason": ids.REASON_BLOCK, "ttl": ids.TTL_BLOCK, "for": ids.TTL_BLOCK, "at": ids.START_BLOCK}
    errors: dict[str, str] = {}
    for name, text in faults.items():
        wanted = (ids.parameter_block(name), own.get(name, ""))
        block = next((each for each in wanted if each in blocks), blocks[0])
        errors[block] = f"{errors[block]} {text}" if block in errors else text
    return errors


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
