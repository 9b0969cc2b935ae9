"""Selectors: how policies name people, such as `group:sre`, `oncall:payments` or `user:U024BE7LH`."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from jitbot.model import Account, Attribute, FactCall, FactKind, Group, Selector, UserId
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.yaml_events import Document, Path
from jitbot.policy.wording import did_you_mean, listed, shown

GROUP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
USER_ID = re.compile(r"[UW][A-Z0-9_]{1,30}")
EMAIL = re.compile(r"[^\s@<>,:]{1,64}@[^\s@<>,]+\.[^\s@<>,]+")
USERGROUP = re.compile(r"@[^\s@<>,]{1,80}")


@dataclass(frozen=True, slots=True)
class People:
    """What `people.yml` defines; `whole` is False when it has faults, so that some may be missing."""

    groups: Mapping[str, Group] = field(default_factory=dict)
    on_call: Mapping[str, FactCall] = field(default_factory=dict)
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    whole: bool = True
    accounts: Mapping[UserId, Account] = field(default_factory=dict)


def read_selectors(
    document: Document, path: Path, texts: Sequence[str], people: People, issues: Issues
) -> tuple[Selector, ...]:
    """Read a list of selectors; each group and rota must be defined."""
    found = []
    for index, text in enumerate(texts):
        kind, _, name = text.partition(":")
        fault = _fault(kind, name, text, people)
        if fault:
            issues.add(document.at((*path, index)), fault)
        found.append(Selector(kind, name))
    return tuple(dict.fromkeys(found))


def _fault(kind: str, name: str, text: str, people: People) -> str:
    if kind == "group" and GROUP_NAME.fullmatch(name):
        return _defined("group", name, people.groups, people)
    if kind == "oncall" and GROUP_NAME.fullmatch(name):
        return _defined("rota", name, people.on_call, people)
    if kind == "attribute":
        return attribute_fault(name, people.attributes, whole=people.whole)
    if kind == "user" and USER_ID.fullmatch(name):
        return ""
    return (
        f"{shown(text)} names nobody; write group:NAME, oncall:NAME, attribute:NAME=VALUE, "
        "or user: and a Slack id, as in user:U024BE7LH."
    )


def attribute_fault(text: str, attributes: Mapping[str, Attribute], *, whole: bool = True) -> str:
    """Tell why nobody can be selected by `NAME` or `NAME=VALUE` of an attribute; empty where they can."""
    name, equals, value = text.partition("=")
    attribute = attributes.get(name)
    if attribute is None:
        known = sorted(attributes)
        guess = did_you_mean(name, known)
        missing = f"the attribute {shown(name)} is not defined.{guess} people.yml has {listed(known, 'and', 40)}."
        return missing if whole else ""
    if attribute.personal:
        return f"{shown(name)} is read of the requester alone, so that nobody can be found by it; use it in conditions."
    if attribute.kind is FactKind.BOOLEAN:
        return f"{shown(name)} is true or false; write attribute:{name} for all who have it." if equals else ""
    if not value:
        return f"{shown(name)} is text; write attribute:{name}=VALUE."
    if attribute.options and value not in attribute.options:
        guess = did_you_mean(value, attribute.options)
        return f"{shown(name)} can be {listed(attribute.options)}, not {shown(value)}.{guess}"
    return ""


def _defined(what: str, name: str, known: Collection[str], people: People) -> str:
    if name in known or not people.whole:
        return ""
    defined = sorted(known)
    guess = did_you_mean(name, defined)
    return f"the {what} {shown(name)} is not defined.{guess} people.yml has {listed(defined, 'and', 40)}."
