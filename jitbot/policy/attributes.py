"""What attributes people have at an instant, and who has a certain one.

What was read and gives nobody a value is known: empty text, an empty list, false. What could not be read is left to the
caller, who leaves it unbound.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from jitbot.errors import FactUnavailable
from jitbot.model import Attribute, FactKind, Person, Policy

NAME = "requester.attributes."
SELECTOR = "attribute:"

Read = Mapping[str, Mapping[str, Any]]
"""What a source says: Slack id or e-mail address -> name of the attribute -> value."""

_EMPTY: Mapping[FactKind, Any] = {FactKind.TEXT: "", FactKind.TEXTS: [], FactKind.BOOLEAN: False}
_WORDS = {FactKind.TEXT: "text", FactKind.TEXTS: "a list of texts", FactKind.BOOLEAN: "true or false"}
_HAS: Mapping[FactKind, Callable[[Any, str], bool]] = {
    FactKind.TEXT: lambda value, wanted: value == wanted,
    FactKind.TEXTS: lambda value, wanted: wanted in value,
    FactKind.BOOLEAN: lambda value, wanted: value is True,
}


def holders(attribute: Attribute, wanted: str, read: Read, now: datetime) -> frozenset[str]:
    """Return who has the attribute, or (text) has that value of it, by Slack id or e-mail address.

    Raises: FactUnavailable where somebody's value is of another type than declared: who else is meant is open then.
    """
    found = {
        who.casefold() if "@" in who else who: _typed(attribute, who, values[attribute.name])
        for who, values in read.items()
        if values.get(attribute.name) is not None
    }
    has = _HAS[attribute.kind]
    return frozenset(who for who, value in (found | _given(attribute, now)).items() if has(value, wanted))


def value_of(attribute: Attribute, person: Person | None, read: Read | None, now: datetime) -> Any:
    """Return the value that one person has, the empty one where they have none; `read` is None where it is unread.

    Raises: FactUnavailable where it cannot be told.
    """
    if person is None:
        raise FactUnavailable("who asks could not be looked up")
    keys = [str(person.id), *([person.email.casefold()] if person.email else [])]
    given = _given(attribute, now)
    for key in keys:
        if key in given:
            return given[key]
    if read is None:
        raise FactUnavailable("its source could not be read")
    found = {who.casefold() if "@" in who else who: values.get(attribute.name) for who, values in read.items()}
    for key in keys:
        if found.get(key) is not None:
            return _typed(attribute, key, found[key])
    if not person.email and any("@" in who for who in (*found, *given)):
        raise FactUnavailable("whoever asks has no e-mail address that Slack shows")
    return _EMPTY[attribute.kind]


def _given(attribute: Attribute, now: datetime) -> dict[str, Any]:
    """Return what the policy gives and is not over."""
    return {who: each.value for who, each in attribute.given.items() if each.ends_at is None or now < each.ends_at}


def attribute_of(policy: Policy, selector: str) -> tuple[Attribute | None, str]:
    """Return the attribute that `attribute:NAME` or `attribute:NAME=VALUE` is about, and the value."""
    name, _, wanted = selector.removeprefix(SELECTOR).partition("=")
    return policy.attributes.get(name), wanted


def _typed(attribute: Attribute, who: str, value: Any) -> Any:
    texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
    fits = {
        FactKind.TEXT: isinstance(value, str),
        FactKind.TEXTS: texts,
        FactKind.BOOLEAN: isinstance(value, bool),
    }
    if not fits[attribute.kind]:
        raise FactUnavailable(f"the {attribute.name} of {who} is not {_WORDS[attribute.kind]}")
    return value
