"""What one look at a run says: healthy, unhealthy, or that nobody can tell.

Unhealthy wins over what could not be read, and what could not be read is never healthy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jitbot.model import FactKind, Facts, Health, HealthState, Tested, Truth, Verification
from jitbot.policy.cel.conditions import ConditionFault, compile_condition
from jitbot.policy.cel.names import CelType
from jitbot.policy.durations import parse_duration
from jitbot.policy.plain import plain, restored
from jitbot.policy.reasons import literal

BEFORE = "before."
"""What names begin with that stand for a fact just before the start."""
RUNNING = 2
"""So many readings running have to be unhealthy: one may have seen the moment of the change itself."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One look: HEALTHY, UNHEALTHY or UNKNOWN, with what was seen in words."""

    state: HealthState
    said: str = ""


def kept(facts: Facts) -> dict[str, Any]:
    """Return what facts are now, to be compared with later."""
    return {name: plain(value) for name, value in facts.values.items()}


def judge(
    verification: Verification,
    params: Mapping[str, Any],
    before: Mapping[str, Any],
    facts: Facts,
    health: Health | None,
    *,
    absent: HealthState = HealthState.UNHEALTHY,
) -> Reading:
    """Say how a run is by its condition and by the runner's own check; `absent` is what ABSENT means at this point."""
    found = [*_checked(health, absent), *_tested(verification, params, before, facts)]
    states = {reading.state for reading in found}
    worst = next((each for each in (HealthState.UNHEALTHY, HealthState.UNKNOWN) if each in states), HealthState.HEALTHY)
    said = "; ".join(reading.said for reading in found if reading.said and reading.state is worst)
    return Reading(worst, said)


def _checked(health: Health | None, absent: HealthState) -> list[Reading]:
    if health is None:
        return []
    state = absent if health.state is HealthState.ABSENT else health.state
    return [Reading(state, health.detail)]


def _tested(
    verification: Verification, params: Mapping[str, Any], before: Mapping[str, Any], facts: Facts
) -> list[Reading]:
    if not verification.unhealthy_when:
        return []
    tested = _test(verification, _bound(verification, params, before, facts))
    if tested.truth is Truth.ERROR:
        missing = ", ".join(f"{name} could not be read{_why(name, facts)}" for name in tested.missing)
        return [Reading(HealthState.UNKNOWN, missing or tested.error)]
    return [Reading(HealthState.UNHEALTHY if tested.truth is Truth.TRUE else HealthState.HEALTHY, _seen(tested.seen))]


def _seen(values: Mapping[str, Any]) -> str:
    """Say what a condition saw: `facts.firing is 2 (1 before the start)`."""
    said = []
    for name, value in values.items():
        earlier = f"{BEFORE}{name}"
        was = f" ({literal(values[earlier])} before the start)" if earlier in values else ""
        if name.removeprefix(BEFORE) == name or name.removeprefix(BEFORE) not in values:
            said.append(f"{name} is {literal(value)}{was}")
    return ", ".join(said)


def _why(name: str, facts: Facts) -> str:
    if name.startswith(BEFORE):
        return " before the start"
    return f" ({facts.unread[name]})" if name in facts.unread else ""


def _test(verification: Verification, values: Mapping[str, Any]) -> Tested:
    """Test the condition as it was approved; one that this version cannot compile any more tells nothing."""
    types = {name: CelType[kind.name] for name, kind in verification.kinds.items()}
    try:
        return compile_condition(verification.unhealthy_when, types, verification.where).test(values)
    except ConditionFault as error:
        return Tested(Truth.ERROR, error=str(error))


def _bound(
    verification: Verification, params: Mapping[str, Any], before: Mapping[str, Any], facts: Facts
) -> dict[str, Any]:
    """Bind the names that are known."""
    found: dict[str, Any] = {}
    for name, kind in verification.kinds.items():
        part = name.removeprefix(BEFORE)
        if name != part and part in before:
            found[name] = restored(kind, before[part])
        elif name in facts.values:
            found[name] = facts.values[name]
        elif name.removeprefix("params.") in params:
            value = params[name.removeprefix("params.")]
            found[name] = parse_duration(value) if kind is FactKind.DURATION else value
    return found
