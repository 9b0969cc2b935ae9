"""Guardrails: the organisation's rules, in `guardrails.yml`."""

from collections.abc import Collection, Mapping, Sequence

from jitbot.model import Action, Guardrail
from jitbot.policy.actions import World, closed_sets
from jitbot.policy.complaints import check
from jitbot.policy.issues import Issues
from jitbot.policy.names import NAMES, CelType, parameter_names
from jitbot.policy.rules import RuleReader, Scope, check_names
from jitbot.policy.schema import GuardrailHead, GuardrailKeys
from jitbot.policy.wording import did_you_mean, listed, shown
from jitbot.policy.yaml_events import Document, Path

_LIST: Path = ("guardrails",)


def read_guardrails(
    document: Document, actions: Mapping[str, Action], world: World, issues: Issues
) -> tuple[Guardrail, ...]:
    """Read one file of guardrails. Conditions are looked at only where all actions they speak of have no faults."""
    head = check(GuardrailHead, document, (), issues)
    found = []
    for index in range(len(head.guardrails) if head else 0):
        path = (*_LIST, index)
        keys = check(GuardrailKeys, document, path, issues)
        if keys:
            applies_to = tuple(keys.applies_to or ())
            _check_actions(document, path, applies_to, world, issues)
            covered = [name for name in world.names if name in applies_to or not applies_to]
            reader = RuleReader(document, _scope(covered, actions, world), issues)
            found.append(Guardrail(reader.rule(path, keys, f"guardrail {index + 1}"), applies_to))
    if head and len(found) == len(head.guardrails):
        check_names(document, _LIST, [guardrail.rule for guardrail in found], issues)
    return tuple(found)


def _check_actions(document: Document, path: Path, names: Sequence[str], world: World, issues: Issues) -> None:
    for index, name in enumerate(names):
        if name not in world.names:
            known = sorted(world.names)
            message = (
                f"there is no action {shown(name)}.{did_you_mean(name, known)} There is {listed(known, 'and', 40)}."
            )
            issues.add(document.at((*path, "applies_to", index)), message)


def _scope(covered: Sequence[str], actions: Mapping[str, Action], world: World) -> Scope:
    """Tell what a guardrail may speak about: parameters only if every covered action has them, with one type."""
    present = [actions[name] for name in covered if name in actions]
    if len(present) < len(covered):
        return Scope(world.groups, None)
    types = {action.name: parameter_names(action.parameters) for action in present}
    every = {name for names in types.values() for name in names}
    shared: dict[str, CelType] = {}
    absent = {}
    for name in sorted(every):
        without = [action for action, names in types.items() if name not in names]
        kinds = {names[name] for names in types.values() if name in names}
        if without:
            absent[name] = f" The action {listed(without, 'and', 5)} has no such parameter; narrow `applies_to`."
        elif len(kinds) > 1:
            absent[name] = f" It is {listed(sorted(kinds))}, by the action; narrow `applies_to`."
        else:
            shared.update(dict.fromkeys([name], *kinds))
    return Scope(world.groups, NAMES | shared, _values(present, world), absent)


def _values(actions: Sequence[Action], world: World) -> dict[str, Collection[str]]:
    """Return the values that names can have in any of these actions; a name that is free in one of them is free."""
    sets = [closed_sets(action.parameters, world) for action in actions] or [closed_sets((), world)]
    closed = set(sets[0]).intersection(*sets[1:])
    return {name: tuple(dict.fromkeys(value for known in sets for value in known[name])) for name in sorted(closed)}
