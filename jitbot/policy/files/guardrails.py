"""Guardrails: the organisation's rules, in `guardrails.yml`."""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain

from jitbot.model import Action, FactCall, Guardrail, Parameter, Selector
from jitbot.policy.cel.names import all_names, parameter_names
from jitbot.policy.files.actions import World, closed_sets
from jitbot.policy.files.complaints import check
from jitbot.policy.files.facts import FactReader
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.rules import RuleReader, Scope, check_names
from jitbot.policy.files.schema import GuardrailHead, GuardrailKeys
from jitbot.policy.files.selectors import read_selectors
from jitbot.policy.files.yaml_events import Document, Path
from jitbot.policy.wording import did_you_mean, listed, shown

_LIST: Path = ("guardrails",)

Facts = Sequence[FactCall] | None
"""The organisation's facts; None where nobody can tell yet, because some of them have faults."""


def read_facts(document: Document, world: World, issues: Issues) -> tuple[FactCall, ...] | None:
    """Read the facts that guardrails' conditions may look at; None where some of them have faults."""
    head = check(GuardrailHead, document, (), Issues())  # faults of the head are told with the guardrails
    if head is None:
        return None
    found = FactReader(document, world.sources, issues).values(("facts",), head.facts)
    return found if len(found) == len(head.facts) else None


def read_guardrails(
    document: Document, actions: Mapping[str, Action], facts: Facts, world: World, issues: Issues
) -> tuple[Guardrail, ...]:
    """Read one file of guardrails. Conditions are looked at only where all actions they speak of have no faults."""
    head = check(GuardrailHead, document, (), issues)
    scopes: dict[tuple[str, ...], Scope] = {}
    found = []
    for index in range(len(head.guardrails) if head else 0):
        path = (*_LIST, index)
        keys = check(GuardrailKeys, document, path, issues)
        if keys:
            applies_to = tuple(keys.applies_to or ())
            _check_actions(document, path, applies_to, world, issues)
            if applies_to not in scopes:
                scopes[applies_to] = _scope(applies_to, actions, facts, world)
            reader = RuleReader(document, scopes[applies_to], issues)
            rule = reader.rule(path, keys, f"guardrail {index + 1}")
            apart, passes = keys.not_recently_approved_by, keys.break_glass is not None
            found.append(Guardrail(rule, applies_to, apart, passes))
    if head and len(found) == len(head.guardrails):
        check_names(document, _LIST, [guardrail.rule for guardrail in found], issues)
    return tuple(found)


def read_who(document: Document, key: str, world: World, issues: Issues) -> tuple[Selector, ...]:
    """Read who may do something to whatever anybody holds or runs: `may_end`, `may_halt` or `may_lift`."""
    head = check(GuardrailHead, document, (), Issues())  # faults of the head are told with the guardrails
    return () if head is None else read_selectors(document, (key,), getattr(head, key), world.people, issues)


def _check_actions(document: Document, path: Path, names: Sequence[str], world: World, issues: Issues) -> None:
    for index, name in enumerate(names):
        if name not in world.names:
            known = sorted(world.names)
            message = (
                f"there is no action {shown(name)}.{did_you_mean(name, known)} There is {listed(known, 'and', 40)}."
            )
            issues.add(document.at((*path, "applies_to", index)), message)


def _scope(applies_to: Collection[str], actions: Mapping[str, Action], facts: Facts, world: World) -> Scope:
    """Tell what a guardrail may speak about: parameters only if every covered action has them, with one type."""
    covered = [name for name in world.names if name in applies_to or not applies_to]
    if facts is None or not actions.keys() >= set(covered):
        return Scope(world.people, None)
    holders: dict[str, dict[str, Parameter]] = {}
    for action in covered:
        for parameter in actions[action].parameters:
            holders.setdefault(parameter.name, {})[action] = parameter
    names = all_names(world.people.attributes.values(), facts)
    values = dict(closed_sets((), world))
    absent = {}
    for name, held in holders.items():
        types = {kind for parameter in held.values() for kind in parameter_names([parameter]).values()}
        if len(held) < len(covered):
            absent[f"params.{name}"] = f" It is a parameter of {listed(held, 'and', 5)} only; narrow `applies_to`."
        elif len(types) > 1:
            absent[f"params.{name}"] = f" It is {listed(sorted(types))}, by the action; narrow `applies_to`."
        else:
            names.update(parameter_names(held.values()))
            values.update(_shared_values(f"params.{name}", held.values(), world))
    return Scope(world.people, names, values, absent)


def _shared_values(name: str, parameters: Collection[Parameter], world: World) -> dict[str, Collection[str]]:
    """Return the values that a name has in any action; nothing if it is free in one of them."""
    sets = [closed_sets([parameter], world).get(name) for parameter in parameters]
    known = [values for values in sets if values is not None]
    return {name: list(dict.fromkeys(chain.from_iterable(known)))} if len(known) == len(sets) else {}
