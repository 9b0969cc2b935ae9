"""Tells a policy's author beforehand what goes beyond the ceiling of the machines where it would run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jitbot.errors import InvalidInput
from jitbot.model import Action, Parameter, ParameterType, Policy
from jitbot.policy.files.inputs import samples
from jitbot.policy.templates import fill, names_in
from jitbot.ports import Catalog
from jitbot.service.drafting import runners_of
from jitbot.warrants.ceiling import Ceiling

TYPED = (ParameterType.TEXT, ParameterType.USER)
"""What nobody knows before it is typed."""


@dataclass(frozen=True, slots=True)
class Beyond:
    """One thing that would be refused there; `perhaps` where that hangs on what somebody types."""

    where: str
    action: str
    why: str
    perhaps: bool


def beyond(policy: Policy, catalog: Catalog, ceiling: Ceiling, pool: str) -> Sequence[Beyond]:
    """Try every action that runs in a pool, or in jitbot itself, with sample values; return what is refused."""
    found: dict[tuple[str, str], Beyond] = {}
    for action in policy.actions.values():
        if action.pool == pool:
            for name, why, with_what in _refused(action, runners_of(catalog, pool), ceiling):
                named = name in ceiling.runners.get(action.runner, {})  # else whatever is typed cannot fit
                typed = sorted(names_in(action.inputs.get(name, "")) & _typed(action)) if named else []
                said = f"{why}, unless what is typed for {', '.join(typed)} fits." if typed else f"{why}{with_what}."
                found.setdefault((action.name, why), Beyond(action.where, action.name, said, bool(typed)))
    return list(found.values())


def _refused(action: Action, catalog: Catalog, ceiling: Ceiling) -> Iterator[tuple[str, str, str]]:
    for sample, with_what in samples([_one_at_a_time(action, each) for each in action.parameters]):
        try:
            given = catalog.inputs(action.runner, fill(action.inputs, sample))
        except InvalidInput:  # which is the runner's to say, of what is typed
            continue
        inputs = given.model_dump(mode="json", exclude_defaults=True)
        for name, why in ceiling.faults(action.runner, inputs):
            yield name, why, with_what
        for host in sorted(_hosts(inputs) - ceiling.hosts):
            yield "", f"the host {host} is not in it", with_what


def _one_at_a_time(action: Action, parameter: Parameter) -> Parameter:
    """Return a parameter as a run sees it: of many targets, each has a run of its own."""
    if action.for_each is None or action.for_each.parameter != parameter.name:
        return parameter
    return replace(parameter, type=ParameterType.CHOICE, default=None)


def _typed(action: Action) -> set[str]:
    return {each.name for each in action.parameters if each.type in TYPED}


def _hosts(value: Any) -> set[str]:
    """Return the hosts of all addresses that stand in some inputs."""
    if isinstance(value, str):
        scheme, found, rest = value.partition("://")
        return {rest.partition("/")[0].lower()} if found and scheme in ("http", "https") else set()
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return {host for item in items for host in _hosts(item)}
