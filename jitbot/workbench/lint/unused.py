"""What the files define and nothing uses."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol

from jitbot.model import FactCall, Policy, Rule, Selector
from jitbot.policy.attributes import NAME
from jitbot.policy.cel.tree import Kind, Node
from jitbot.policy.nesting import with_nested
from jitbot.policy.wanted import reviewing, wanted
from jitbot.policy.wording import shown
from jitbot.workbench.lint.advice import Advice, Topic
from jitbot.workbench.lint.conditions import rules_of, tree_of


class _Defined(Protocol):
    """Whatever says where it stands."""

    @property
    def where(self) -> str:
        """Return its `file:line`."""


def unused(policy: Policy) -> Iterator[Advice]:
    """Advise on groups, rotas, attributes, windows, freezes and facts that decide nothing."""
    selected = _selected(policy)
    yield from _advice("group", policy.groups, _names(selected, "group"))
    yield from _advice("rota", policy.on_call, _names(selected, "oncall"))
    yield from _advice("attribute", policy.attributes, _names(selected, "attribute"))
    yield from _advice("window", policy.calendar.windows, _looked_up(policy, "windows", policy.calendar.windows))
    yield from _advice("freeze", policy.calendar.freezes, _holding(policy))
    for action in policy.actions.values():
        watched = {each.name for each in action.verify.facts} if action.verify else set[str]()
        yield from _advice("fact", _by_name(action.facts), _facts(action.rules) | watched)
    yield from _advice("fact", _by_name(policy.facts), _facts(each.rule for each in policy.guardrails))


_WHY = {"freeze": "no condition looks at `freeze.active`, so it holds nothing back"}


def _advice(what: str, defined: Mapping[str, _Defined], used: Collection[str]) -> Iterator[Advice]:
    why = _WHY.get(what, "nothing uses it")
    for name, each in defined.items():
        if name not in used:
            message = f"the {what} {shown(name)} decides nothing: {why}. Use it, or take it out."
            yield Advice(each.where, Topic.UNUSED, message)


def _selected(policy: Policy) -> set[Selector]:
    """Return everything by which people are named somewhere, with all that groups nest."""
    texts = {text for _, rule in rules_of(policy) for text in reviewing([rule])}
    found = {Selector(*text.split(":", 1)) for text in texts} | {*policy.may_end, *policy.may_halt, *policy.may_lift}
    found.update(each for account in policy.accounts.values() for each in account.behind)
    for action in policy.actions.values():
        found.update(action.requesters)
        found.update(who for terms in action.break_glass for who in (*terms.who, *terms.within))
    for freeze in policy.calendar.freezes.values():
        found.update(freeze.passed_by)
    found |= {Selector("group", name) for name in _looked_up(policy, "requester.groups", policy.groups)}
    found |= {Selector("oncall", name) for name in _looked_up(policy, "requester.on_call", policy.on_call)}
    looked_at = _conditions(rule for _, rule in rules_of(policy))
    found |= {Selector("attribute", name.removeprefix(NAME)) for name in looked_at if name.startswith(NAME)}
    return with_nested(found, policy.groups)


def _names(selectors: Iterable[Selector], kind: str) -> set[str]:
    return {each.name.partition("=")[0] for each in selectors if each.kind == kind}


def _by_name(facts: Iterable[FactCall]) -> dict[str, FactCall]:
    return {each.name: each for each in facts}


def _facts(rules: Iterable[Rule]) -> set[str]:
    return {name.removeprefix("facts.") for name in _conditions(rules)}


def _conditions(rules: Iterable[Rule]) -> set[str]:
    """Return every name that the conditions of these rules look at."""
    return {name for rule in rules if rule.when is not None for name in rule.when.names}


def _holding(policy: Policy) -> set[str]:
    """Return the freezes that a condition of a covered action looks at."""
    watching = [
        name for name in policy.actions if any(each.startswith("freeze.") for each in wanted(policy, name).names)
    ]
    freezes = policy.calendar.freezes.values()
    return {freeze.name for freeze in freezes if any(freeze.covers(action) for action in watching)}


def _looked_up(policy: Policy, name: str, known: Collection[str]) -> set[str]:
    """Return which of a list's texts conditions look for; all that there are where one does anything else with it."""
    found: set[str] = set()
    for holder, rule in rules_of(policy):
        if rule.when is None or name not in rule.when.names:
            continue
        root = tree_of(policy, holder, rule)
        texts = [] if root is None else [*_texts(root, name)]
        if None in texts:
            return set(known)
        found.update(text for text in texts if text is not None)
    return found


def _texts(node: Node, name: str) -> Iterator[str | None]:
    """Yield each text that is looked for in the list of this name, None where something else is done with it."""
    if node.kind is Kind.NAME and node.name == name:
        yield None
    elif node.name == "@in" and node.parts[0].kind is Kind.TEXT and node.parts[1].name == name:
        yield node.parts[0].name
    else:
        for part in node.parts:
            yield from _texts(part, name)
