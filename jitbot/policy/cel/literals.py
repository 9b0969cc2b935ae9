"""Looks for text in conditions that can never be met: `params.env == 'stagng'` is well-typed, and never true."""

from collections.abc import Collection, Iterator, Mapping

from jitbot.policy.cel.tree import Kind, Node
from jitbot.policy.cel.words import Fault
from jitbot.policy.wording import did_you_mean, listed, shown

_COMPARISONS = ("_==_", "_!=_", "@in")

Allowed = Mapping[str, Collection[str]]
"""The only values of some names."""


def unknown_literals(root: Node, allowed: Allowed) -> Iterator[Fault]:
    """Find literals that are compared with a name and are none of its values."""
    yield from _look(root, {name: (name, values) for name, values in allowed.items()})


def _look(node: Node, known: Mapping[str, tuple[str, Collection[str]]]) -> Iterator[Fault]:
    """Look below a node; `known` also holds the variables of loops, by the name that they go over."""
    if node.kind is Kind.CALL and node.name in _COMPARISONS:
        for one, other in (node.parts, node.parts[::-1]):
            if one.kind is Kind.NAME and one.name in known:
                yield from _among(other, *known[one.name])
    inside = known
    if node.kind is Kind.LOOP:
        over = known.get(node.parts[0].name) if node.parts[0].kind is Kind.NAME else None
        inside = {name: values for name, values in known.items() if name not in node.variables}
        inside |= {node.name: over} if over else {}
    for part in node.parts:
        yield from _look(part, inside)


def _among(node: Node, name: str, values: Collection[str]) -> Iterator[Fault]:
    for literal in node.parts if node.kind is Kind.LIST else (node,):
        if literal.kind is Kind.TEXT and literal.name not in values:
            guess = did_you_mean(literal.name, values)
            yield Fault(
                literal.offset, f"{shown(literal.name)} is never in {name}, which knows {listed(values, 'and')}.{guess}"
            )
