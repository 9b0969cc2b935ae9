"""Tries a compiled condition at load, so that what can only fail later is found before anybody asks.

`duration('1x')` compiles, and fails at every evaluation; constants like it are looked at one by one, since a condition
that decides early may hide them. Besides, a condition that fails with every sample would never decide anything.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any

from cel_expr_python import cel

from jitbot.model import Tested, Truth
from jitbot.policy.cel.names import CelType
from jitbot.policy.cel.tree import Kind, Node
from jitbot.policy.cel.words import Fault
from jitbot.policy.wording import shown

MOST_TEXTS = 20
_TRIES = 5
_SAMPLES: Mapping[CelType, tuple[Any, ...]] = {
    CelType.TEXT: ("", "1", "1h", "2026-11-22T10:00:00Z", "sample"),
    CelType.INTEGER: (0, 1, 2, 3, 4),
    CelType.NUMBER: (0.0, 0.5, 1.0, 50.0, 100.0),
    CelType.BOOLEAN: (False, True, False, True, False),
    CelType.DURATION: tuple(timedelta(hours=hours) for hours in range(_TRIES)),
    CelType.INSTANT: tuple(datetime(2026, 11, 22 + day, 10, tzinfo=UTC) for day in range(_TRIES)),
    CelType.TEXTS: ([], ["1"], ["1", "2"], ["1h"] * 3, ["sample"] * 50),
}
_DURATION = "is not a duration here; conditions know h, m and s, as in '1h30m' or '48h'."
_ZONE = "is not a time zone; write it like 'Europe/Berlin', 'UTC' or '+01:00'."
_SURE_KINDS = (Kind.NAME, Kind.TEXT, Kind.CONSTANT, Kind.LIST)
_SURE_CALLS = frozenset(
    {"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "_&&_", "_||_", "!_", "@in", "contains", "startsWith", "endsWith"}
)
"""What cannot fail once its types are right: a condition made of nothing else need not be tried."""
_PROBES = {
    "duration": ("duration(s) == duration(s)", _DURATION),
    "timestamp": ("timestamp(s) == timestamp(s)", "is not a point in time; write it like '2026-11-22T10:00:00Z'."),
    "matches": ("''.matches(s)", "is not a pattern (RE2)."),
} | {
    name: (f"timestamp(0).{name}(s) >= 0", _ZONE)
    for name in (
        "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours", "getMilliseconds",
        "getMinutes", "getMonth", "getSeconds",
    )
}  # fmt: skip


def wrong_constants(root: Node) -> Iterator[Fault]:
    """Find text literals that the function around them cannot take."""
    for node in root.walk():
        if node.kind is not Kind.CALL or node.name not in _PROBES or node.parts[-1].kind is not Kind.TEXT:
            continue
        source, complaint = _PROBES[node.name]
        literal = node.parts[-1]
        if _probe(source).eval(data={"s": literal.name}).type().name() != "BOOL":
            yield Fault(literal.offset, f"{shown(literal.name)} {complaint}")


def always_fails(
    root: Node, test: Callable[[Mapping[str, Any]], Tested], types: Mapping[str, CelType]
) -> Iterator[Fault]:
    """Evaluate with several sets of sample values; a fault if not one of them comes to true or false."""
    if all(node.kind in _SURE_KINDS or node.name in _SURE_CALLS for node in root.walk()):
        return
    tested = Tested(Truth.ERROR)
    for sample in _samples(root, types):
        tested = test(sample)
        if tested.truth is not Truth.ERROR:
            return
    yield Fault(0, f"the condition fails whatever the values are: {tested.error}.")


def _samples(root: Node, types: Mapping[str, CelType]) -> Iterator[dict[str, Any]]:
    """Yield the usual samples, then the texts that the condition itself mentions (it may look them up in a map)."""
    for number in range(_TRIES):
        yield {name: _SAMPLES[kind][number] for name, kind in types.items()}
    for text in islice(dict.fromkeys(node.name for node in root.walk() if node.kind is Kind.TEXT), MOST_TEXTS):
        own = {CelType.TEXT: text, CelType.TEXTS: [text] * 50}
        yield {name: own.get(kind, _SAMPLES[kind][-1]) for name, kind in types.items()}


@cache
def _probe(source: str) -> Any:
    return cel.NewEnv(variables={"s": cel.Type.STRING}).compile(source)
