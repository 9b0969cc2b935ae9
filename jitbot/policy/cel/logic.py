"""What conditions can come to, all values considered: found by trying, one name after the other.

A condition is taken apart at `&&`, `||`, `!` and `? :`. What is left are questions about one name each, such as
`params.env == 'prod'` or `targets > 3`; its values are tried where the question's answer changes. A question that is
not understood counts as free to be true or false, so what is called impossible here is impossible.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from jitbot.errors import InvalidInput
from jitbot.policy.cel.tree import Kind, Node
from jitbot.policy.durations import parse_duration

MOST_STEPS = 20_000
"""So many partial assignments are tried; who needs more is given the benefit of the doubt."""

_JOINED = {"_&&_": False, "_||_": True}
"""The answer of one side that decides the whole."""
_ANSWERS: Mapping[str, Callable[[Any, tuple[Any, ...]], bool]] = {
    "is": lambda value, _: value is True,
    "in": lambda value, constants: value in constants,
    "_==_": lambda value, constants: bool(value == constants[0]),
    "_!=_": lambda value, constants: bool(value != constants[0]),
    "_<_": lambda value, constants: bool(value < constants[0]),
    "_<=_": lambda value, constants: bool(value <= constants[0]),
    "_>_": lambda value, constants: bool(value > constants[0]),
    "_>=_": lambda value, constants: bool(value >= constants[0]),
}
_MIRRORED = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_", "_==_": "_==_", "_!=_": "_!=_"}
_OTHER = object()
"""A text that no condition mentions."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What names can be: the only values of some, and the smallest and largest number of others (None is open)."""

    values: Mapping[str, Collection[Any]] = field(default_factory=dict)
    numbers: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Formula:
    """A condition, taken apart. `sign` joins the parts, or asks how something compares with constants.

    `about` is what is asked about: a name, or how the tree of an expression is written; empty where nothing is.
    """

    sign: str
    parts: tuple["Formula", ...] = ()
    about: str = ""
    constants: tuple[Any, ...] = ()

    def questions(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield what is asked about, and the constants it is compared with, question by question."""
        if self.about:
            yield self.about, self.constants
        for part in self.parts:
            yield from part.questions()


ALWAYS = Formula("known", constants=(True,))


def formula(node: Node) -> Formula:
    """Take a condition's tree apart."""
    if node.kind is Kind.CONSTANT and isinstance(node.value, bool):
        return Formula("known", constants=(node.value,))
    if node.kind is Kind.CALL and node.name in (*_JOINED, "!_", "_?_:_"):
        return Formula(node.name, tuple(formula(part) for part in node.parts))
    return _comparison(node) or Formula("is", about=_key(node))


def could_be(true: Sequence[Formula], untrue: Sequence[Formula], limits: Limits) -> bool:
    """Tell whether some values make all of `true` true and none of `untrue`; yes where that takes too long to say."""
    domains = _domains([*true, *untrue], limits)
    steps = [MOST_STEPS]

    def search(open_: Sequence[tuple[Formula, bool]], values: dict[str, Any]) -> bool:
        steps[0] -= 1
        if steps[0] < 0:
            return True
        undecided = []
        for each, wanted in open_:
            found = _truth(each, values)
            if found is None:
                undecided.append((each, wanted))
            elif found is not wanted:
                return False
        if not undecided:
            return True
        about = next(about for about, _ in undecided[0][0].questions() if about not in values)
        return any(search(undecided, {**values, about: value}) for value in domains[about])

    return search([*((each, True) for each in true), *((each, False) for each in untrue)], {})


def _comparison(node: Node) -> Formula | None:
    """Return the question that a comparison with constants asks, None for what is no such comparison."""
    if node.kind is not Kind.CALL or node.name not in (*_MIRRORED, "@in"):
        return None
    left, right = node.parts
    if node.name == "@in":
        constants = [_constant(each) for each in right.parts] if right.kind is Kind.LIST else [None]
        return None if None in constants else Formula("in", about=_key(left), constants=tuple(constants))
    for about, other, sign in ((left, right, node.name), (right, left, _MIRRORED.get(node.name, ""))):
        constant = _constant(other)
        if sign and constant is not None and _constant(about) is None:
            return Formula(sign, about=_key(about), constants=(constant,))
    return None


def _constant(node: Node) -> Any:
    """Return the text, the number, or the seconds of a duration; None for everything else."""
    if node.kind is Kind.TEXT:
        return node.name
    if node.kind is Kind.CALL and node.name == "duration" and node.parts[0].kind is Kind.TEXT:
        try:
            return parse_duration(node.parts[0].name).total_seconds()
        except InvalidInput:
            return None  # it may still be one to the engine, such as 1.5h
    return node.value if node.name in ("whole", "number") and node.kind is Kind.CONSTANT else None


def _key(node: Node) -> str:
    return node.name if node.kind is Kind.NAME else repr(node)


def _truth(each: Formula, values: Mapping[str, Any]) -> bool | None:
    """Answer as far as the values that are there decide it; None where they do not."""
    if each.sign == "known":
        return bool(each.constants[0])
    if each.about:
        return _ANSWERS[each.sign](values[each.about], each.constants) if each.about in values else None
    found = [_truth(part, values) for part in each.parts]
    if each.sign == "_?_:_":
        test, one, other = found
        return (one if one is other else None) if test is None else one if test else other
    if each.sign == "!_":
        return None if None in found else not found[0]
    decides = _JOINED[each.sign]
    return decides if decides in found else None if None in found else not decides


def _domains(formulas: Sequence[Formula], limits: Limits) -> dict[str, Sequence[Any]]:
    """Return the values to try of everything that is asked about."""
    points: dict[str, set[Any]] = {}
    for each in formulas:
        for about, constants in each.questions():
            points.setdefault(about, set()).update(constants)
    return {about: _values(about, mentioned, limits) for about, mentioned in points.items()}


def _values(name: str, mentioned: Collection[Any], limits: Limits) -> Sequence[Any]:
    if name in limits.values:
        return list(limits.values[name])
    if not mentioned:
        return (True, False)
    if any(isinstance(each, str) for each in mentioned):
        return [*mentioned, _OTHER]
    low, high = limits.numbers.get(name, (None, None))
    ends = {each for each in (low, high) if each is not None}
    return [
        each
        for each in sorted({*_around(mentioned), *ends})
        if (low is None or low <= each) and (high is None or each <= high)
    ]


def _around(points: Collection[Any]) -> list[float]:
    """Return numbers, and one from each stretch between them; whole ones have their neighbours instead."""
    ordered = sorted(points)
    if all(isinstance(each, int) for each in ordered):
        return sorted({near for each in ordered for near in (each - 1, each, each + 1)})
    between = [(one + other) / 2 for one, other in pairwise(ordered)]
    return sorted({ordered[0] - 1, *ordered, *between, ordered[-1] + 1})
