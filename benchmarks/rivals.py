"""The same rules, translated for other policy engines, each used as its own documentation says is fastest."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

Decides = Callable[["Asked"], bool]


@dataclass(frozen=True, slots=True)
class Grants:
    """One rule: who is in the group may run the action there, for more than so many."""

    action: str
    env: str
    more_than: int
    group: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; `groups` are those of whoever asks."""

    action: str
    env: str
    count: int
    groups: tuple[str, ...]


def cedar(rules: Sequence[Grants]) -> Decides:
    """Cedar: policies and entities parsed once, values in the context."""
    import cedarpy

    policies = cedarpy.PolicySet.from_str(
        "\n".join(
            f'permit(principal, action == Action::"{rule.action}", resource) when {{ context.env == "{rule.env}" '
            f'&& context.count > {rule.more_than} && context.groups.contains("{rule.group}") }};'
            for rule in rules
        )
    )
    entities = cedarpy.Entities.from_json_str("[]")

    def decide(asked: Asked) -> bool:
        request = {
            "principal": 'User::"ann"',
            "action": f'Action::"{asked.action}"',
            "resource": 'Service::"api"',
            "context": {"env": asked.env, "count": asked.count, "groups": list(asked.groups)},
        }
        return bool(cedarpy.is_authorized(request, policies, entities).allowed)

    return decide


CASBIN_MODEL = """
[request_definition]
r = sub, act
[policy_definition]
p = sub_rule, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.act == p.act && eval(p.sub_rule)
"""


def casbin(rules: Sequence[Grants]) -> Decides:
    """Casbin: attribute rules in policy lines, the action compared first."""
    import casbin as pycasbin

    model = pycasbin.Model()
    model.load_model_from_text(CASBIN_MODEL)
    enforcer = pycasbin.Enforcer(model)
    for rule in rules:
        condition = f"r.sub.env == '{rule.env}' && r.sub.count > {rule.more_than} && '{rule.group}' in r.sub.groups"
        enforcer.add_policy(condition, rule.action)

    def decide(asked: Asked) -> bool:
        who = SimpleNamespace(env=asked.env, count=asked.count, groups=asked.groups)
        return bool(enforcer.enforce(who, asked.action))

    return decide


def rego(rules: Sequence[Grants]) -> Decides:
    """Rego: one module, compiled to a bundle once."""
    import regopy

    bodies = (
        f'allow if {{ input.action == "{rule.action}"; input.env == "{rule.env}"; '
        f'input.count > {rule.more_than}; "{rule.group}" in input.groups }}'
        for rule in rules
    )
    interpreter = regopy.Interpreter()
    module = "\n".join(["package jitbot", "import rego.v1", "default allow := false", *bodies])
    interpreter.add_module("jitbot", module)
    bundle = interpreter.build("x=data.jitbot.allow")

    def decide(asked: Asked) -> bool:
        given: Mapping[str, Any] = {
            "action": asked.action,
            "env": asked.env,
            "count": asked.count,
            "groups": list(asked.groups),
        }
        told = regopy.Input(given)
        interpreter.set_input(told)
        output = interpreter.query_bundle(bundle)  # held on to: a node of an output that is gone ends the process
        return str(output.binding("x")) == "true"

    return decide


RIVALS: Mapping[str, Callable[[Sequence[Grants]], Decides]] = {"cedarpy": cedar, "pycasbin": casbin, "regopy": rego}


def agree(ours: Decides, theirs: Decides, asked: Iterable[Asked]) -> bool:
    """Tell whether two engines say the same of every request: else the translation is wrong."""
    return all(ours(each) == theirs(each) for each in asked)
