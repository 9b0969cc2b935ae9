"""The names that conditions may use, with their types; `values` binds them and `conditions` compiles with them."""

from collections.abc import Iterable
from enum import StrEnum

from jitbot.model import Attribute, FactCall, FactKind, Kind, Parameter, ParameterType


class CelType(StrEnum):
    """A type of the condition language, in the words of its users."""

    TEXT = "text"
    INTEGER = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    DURATION = "a duration"
    INSTANT = "a point in time"
    TEXTS = "a list of texts"


NAMES = {
    "request.action": CelType.TEXT,
    "request.source": CelType.TEXT,
    "request.reason": CelType.TEXT,
    "request.ttl": CelType.DURATION,
    "request.extends": CelType.BOOLEAN,
    "request.starts_at": CelType.INSTANT,
    "requester.id": CelType.TEXT,
    "requester.kind": CelType.TEXT,
    "requester.groups": CelType.TEXTS,
    "requester.on_call": CelType.TEXTS,
    "now": CelType.INSTANT,
    "risk": CelType.TEXT,
    "targets": CelType.INTEGER,
    "windows": CelType.TEXTS,
    "freeze.active": CelType.BOOLEAN,
    "freeze.until": CelType.INSTANT,
    "freeze.names": CelType.TEXTS,
    "plan.undoable": CelType.BOOLEAN,
    "plan.changes": CelType.BOOLEAN,
}
"""What every condition may look at; what an action declares (`params.NAME`, `facts.NAME`) and what `people.yml` does
(`requester.attributes.NAME`) comes on top.
"""

SELF_MADE = frozenset({"request.reason"})
"""What whoever asks can make true by typing it: never enough for an `allow`."""

LITERALS = {
    "requester.kind": tuple(kind.value for kind in Kind),
    "risk": ("low", "medium", "high", "critical"),
}
"""The only values of some names: a comparison with anything else is a typing error."""

_TYPES = {
    ParameterType.CHOICE: CelType.TEXT,
    ParameterType.MULTI_CHOICE: CelType.TEXTS,
    ParameterType.TEXT: CelType.TEXT,
    ParameterType.INTEGER: CelType.INTEGER,
    ParameterType.BOOLEAN: CelType.BOOLEAN,
    ParameterType.DURATION: CelType.DURATION,
    ParameterType.USER: CelType.TEXT,
}


_FACT_TYPES = {
    FactKind.INTEGER: CelType.INTEGER,
    FactKind.NUMBER: CelType.NUMBER,
    FactKind.BOOLEAN: CelType.BOOLEAN,
    FactKind.TEXT: CelType.TEXT,
    FactKind.TEXTS: CelType.TEXTS,
    FactKind.DURATION: CelType.DURATION,
    FactKind.INSTANT: CelType.INSTANT,
}


def all_names(
    attributes: Iterable[Attribute], facts: Iterable[FactCall], parameters: Iterable[Parameter] = ()
) -> dict[str, CelType]:
    """Return every name that a condition can use, where these are declared."""
    return NAMES | attribute_names(attributes) | fact_names(facts) | parameter_names(parameters)


def fact_names(facts: Iterable[FactCall]) -> dict[str, CelType]:
    """Return the names that declared facts add, with their types; people and times are no values of conditions."""
    return {f"facts.{fact.name}": _FACT_TYPES[fact.kind] for fact in facts if fact.kind in _FACT_TYPES}


def attribute_names(attributes: Iterable[Attribute]) -> dict[str, CelType]:
    """Return the names that the attributes of people add, with their types."""
    return {f"requester.attributes.{each.name}": _FACT_TYPES[each.kind] for each in attributes}


def parameter_names(parameters: Iterable[Parameter]) -> dict[str, CelType]:
    """Return the names that parameters add, with their types."""
    return {f"params.{parameter.name}": _TYPES[parameter.type] for parameter in parameters}
