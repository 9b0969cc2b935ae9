"""The trees of conditions that were checked at load, and what their names can be."""

from collections.abc import Collection, Iterator
from typing import Any

from jitbot.model import Action, Guardrail, Parameter, ParameterType, Policy, Rule
from jitbot.policy.cel.conditions import compile_program
from jitbot.policy.cel.logic import ALWAYS, Formula, Limits, formula
from jitbot.policy.cel.names import LITERALS, all_names
from jitbot.policy.cel.tree import Node

Holder = Action | Guardrail
"""Whose conditions they are: what an action declares differs from what guardrails do."""


def rules_of(policy: Policy) -> Iterator[tuple[Holder, Rule]]:
    """Yield every rule of a set, each with whose it is."""
    for action in policy.actions.values():
        for rule in action.rules:
            yield action, rule
    for guardrail in policy.guardrails:
        yield guardrail, guardrail.rule


def tree_of(policy: Policy, holder: Holder, rule: Rule) -> Node | None:
    """Return the tree of a rule's condition; None for a rule that has none."""
    if rule.when is None:
        return None
    facts = holder.facts if isinstance(holder, Action) else policy.facts
    names = all_names(policy.attributes.values(), facts, _parameters(policy, holder))
    return compile_program(rule.when.text, names, rule.when.where).tree


def formula_of(policy: Policy, holder: Holder, rule: Rule) -> Formula:
    """Return what has to be so for a rule to match."""
    root = tree_of(policy, holder, rule)
    return ALWAYS if root is None else formula(root)


def limits_of(policy: Policy, action: Action) -> Limits:
    """Return what the names of conditions can be where this action is asked for."""
    values: dict[str, Collection[Any]] = {**LITERALS, "request.action": (action.name,), "risk": (action.risk,)}
    values |= {
        f"requester.attributes.{each.name}": ("", *each.options) for each in policy.attributes.values() if each.options
    }
    values |= {f"params.{each.name}": each.options for each in action.parameters if each.type is ParameterType.CHOICE}
    if not any(freeze.covers(action.name) for freeze in policy.calendar.freezes.values()):
        values["freeze.active"] = (False,)
    longest = action.timebox.max.total_seconds() if action.timebox else 0
    numbers: dict[str, tuple[float | None, float | None]] = {"targets": (0, None), "request.ttl": (0, longest)}
    numbers |= {f"params.{each.name}": (each.minimum, each.maximum) for each in action.parameters}
    return Limits(values, numbers)


def _parameters(policy: Policy, holder: Holder) -> tuple[Parameter, ...]:
    """Return the parameters that a condition can speak of; those of guardrails are alike in all covered actions."""
    if isinstance(holder, Action):
        return holder.parameters
    covered = [action for action in policy.actions.values() if holder.covers(action.name)]
    return covered[0].parameters if covered else ()
