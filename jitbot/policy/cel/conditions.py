"""Conditions: CEL expressions, compiled once with typed names and tested without ever raising.

The engine (Google's cel-cpp) bounds the work of one test by itself. It reports run-time errors as values that are
truthy, so only a BOOL that `is True` counts. A name that is not bound errs, unless the rest decides without it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from jitbot.errors import PolicyError
from jitbot.model import Condition, Tested, Truth
from jitbot.policy.cel.names import CelType
from jitbot.policy.cel.tree import Node, tree
from jitbot.policy.cel.trials import always_fails, wrong_constants
from jitbot.policy.cel.words import Fault, explain, in_words

LONGEST = 2000
"""Characters of a condition; what needs more is better split into several rules."""

_TYPES = {
    CelType.TEXT: cel.Type.STRING,
    CelType.INTEGER: cel.Type.INT,
    CelType.NUMBER: cel.Type.DOUBLE,
    CelType.BOOLEAN: cel.Type.BOOL,
    CelType.DURATION: cel.Type.DURATION,
    CelType.INSTANT: cel.Type.TIMESTAMP,
    CelType.TEXTS: cel.Type.List(cel.Type.STRING),
}
_OWN = ("params.", "facts.")
"""What names begin with that belong to one action."""
_UNBOUND = re.compile(r'No value with name "(?P<name>[^"]+)" found')


class ConditionFault(PolicyError):
    """A condition that cannot be used; `faults` say why, by offset into its text."""

    def __init__(self, where: str, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(f"{where}:{fault.offset + 1}: {fault.message}" for fault in self.faults))


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled condition: its tree for checks, the names it mentions, and the engine's expression."""

    expression: Any
    tree: Node
    names: tuple[str, ...]

    def test(self, bindings: Mapping[str, Any]) -> Tested:
        """Evaluate with what is bound; never raises, and an error is never false."""
        seen = {name: bindings[name] for name in self.names if name in bindings}
        try:
            result = self.expression.eval(data=seen)
            kind, value = result.type().name(), result.value()
        except Exception as error:  # noqa: BLE001 - the engine raises on values it cannot take and on its work limit
            return Tested(Truth.ERROR, seen, error=_complaint(str(error)))
        if kind == "BOOL" and isinstance(value, bool):
            return Tested(Truth.TRUE if value is True else Truth.FALSE, seen)
        unbound = _UNBOUND.search(str(value))
        if unbound:
            return Tested(Truth.ERROR, seen, (unbound["name"],), f"{unbound['name']} could not be read")
        return Tested(Truth.ERROR, seen, error=_complaint(str(value)))


def compile_condition(text: str, names: Mapping[str, CelType], where: str) -> Condition:
    """Compile a condition over these names; `where` is its `file:line`. Raises: ConditionFault."""
    program = compile_program(text, names, where)
    return Condition(text, where, program.test, program.names)


def compile_program(text: str, names: Mapping[str, CelType], where: str) -> Program:
    """Compile an expression and try it out; equal ones are compiled once. Raises: ConditionFault."""
    if len(text) > LONGEST:
        long = f"the condition has {len(text)} characters, and {LONGEST} are the most; split it into several rules."
        raise ConditionFault(where, [Fault(0, long)])
    # Only parameters and facts differ between actions, so the same text over the same types is the same program.
    used = frozenset(item for item in names.items() if not item[0].startswith(_OWN) or item[0] in text)
    try:
        program = _compiled(text, used)
    except RuntimeError as error:
        raise ConditionFault(where, explain(str(error), text, names)) from None
    if isinstance(program, Program):
        return program
    raise ConditionFault(where, program)


@lru_cache(maxsize=4096)
def _compiled(text: str, names: frozenset[tuple[str, CelType]]) -> Program | tuple[Fault, ...]:
    """Compile, or say what is wrong. Raises: RuntimeError in the engine's words, if it cannot read the text."""
    types = dict(names)
    expression = _environment(names).compile(text)
    kind = expression.return_type().name()
    if kind != "BOOL":
        return (
            Fault(
                0, f"the condition comes to {in_words(kind.lower())}, not to true or false; compare it with something."
            ),
        )
    root = tree(expression.serialize())
    program = Program(expression, root, tuple(sorted(root.names() & types.keys())))
    return tuple(wrong_constants(root)) or tuple(always_fails(root, program.test, types)) or program


@lru_cache(maxsize=256)
def _environment(names: frozenset[tuple[str, CelType]]) -> Any:
    """Declare names; kept, since the first compilation in an environment takes thirty times as long as the next."""
    return cel.NewEnv(variables={name: _TYPES[kind] for name, kind in names})


def forget_compiled() -> None:
    """Forget what was compiled, as a new process would: for measuring."""
    _compiled.cache_clear()
    _environment.cache_clear()


def _complaint(error: str) -> str:
    """Put a run-time error of the engine into a sentence: without its code, and on one line."""
    return re.sub(r"^[A-Z_]+: | \[[A-Z_]+\]$", "", error).replace("\n", " ").strip() or "it failed"
