"""What differs between two policy sets: by what they say, not by where in their files they say it."""

from collections.abc import Iterator, Mapping
from dataclasses import Field, fields, is_dataclass
from typing import Any

from jitbot.model import Action, Changes, Guardrail, Policy, Selector

_KEYS = {"inputs": "with"}
"""The keys of policy files whose fields are called otherwise in the code."""
_NOUNS = {
    "may_end": "who may end everything",
    "may_halt": "who may halt everything",
    "may_lift": "who may lift halts",
    "groups": "group",
    "accounts": "account",
    "on_call": "rota",
    "facts": "fact",
    "windows": "window",
    "freezes": "freeze",
}


def compare(before: Policy, after: Policy) -> Changes:
    """Return what has to be added to, removed from and changed in `before` to come to `after`."""
    found = _Found()
    touched = _actions(before, after, found)
    touched |= _guardrails(before, after, found)
    parts = [each.name for each in fields(Policy) if each.name not in ("actions", "guardrails", "digest")]
    if [name for name in parts if _part(name, getattr(before, name), getattr(after, name), found)]:
        touched = set(before.actions) | set(after.actions)
    return Changes(tuple(found.added), tuple(found.removed), tuple(found.changed), frozenset(touched))


class _Found:
    """The differences so far."""

    def __init__(self) -> None:
        self.added: list[str] = []
        self.removed: list[str] = []
        self.changed: list[str] = []

    def compare(self, before: Mapping[str, Any], after: Mapping[str, Any], called: str) -> list[str]:
        """Note what differs between things by name, and return the names of those that are in both."""
        self.added += [called.format(name) for name in after if name not in before]
        self.removed += [called.format(name) for name in before if name not in after]
        return [name for name in after if name in before and _plain(before[name]) != _plain(after[name])]


def _actions(before: Policy, after: Policy, found: _Found) -> set[str]:
    differing = found.compare(before.actions, after.actions, "action {}")
    for name in differing:
        _action(before.actions[name], after.actions[name], found)
    return {*differing, *(set(before.actions) ^ set(after.actions))}


def _action(before: Action, after: Action, found: _Found) -> None:
    """Say what of an action differs: its rules one by one, everything else by key."""
    keys = [_KEYS.get(each.name, each.name) for each in _differing(before, after) if each.name != "rules"]
    if keys:
        found.changed.append(f"action {after.name} ({', '.join(keys)})")
    old, new = _by_name(before.rules), _by_name(after.rules)
    called = "rule “{}” of " + after.name
    found.changed += [called.format(name) for name in found.compare(old, new, called)]
    if [name for name in old if name in new] != [name for name in new if name in old]:
        found.changed.append(f"the order of the rules of {after.name}")


def _guardrails(before: Policy, after: Policy, found: _Found) -> set[str]:
    old = {each.rule.name: each for each in before.guardrails}
    new = {each.rule.name: each for each in after.guardrails}
    differing = found.compare(old, new, "guardrail “{}”")
    found.changed += [f"guardrail “{name}”" for name in differing]
    moved = [name for name in old if name in new] != [name for name in new if name in old]
    if moved:
        found.changed.append("the order of the guardrails")
    names = set(old) | set(new) if moved else {*differing, *(set(old) ^ set(new))}
    touched = [each for which in (old, new) for name, each in which.items() if name in names]
    return set(_covered(touched, {**before.actions, **after.actions}))


def _covered(guardrails: list[Guardrail], actions: Mapping[str, Action]) -> Iterator[str]:
    return (name for name in actions if any(each.covers(name) for each in guardrails))


def _part(name: str, old: Any, new: Any, found: _Found) -> bool:
    """Note what differs in one part of the organisation's files, and tell whether anything does."""
    if _plain(old) == _plain(new):
        return False
    if is_dataclass(old):  # several parts in one
        return any([_part(each.name, getattr(old, each.name), getattr(new, each.name), found) for each in fields(old)])
    noun = _NOUNS.get(name, name.replace("_", " "))
    old, new = _by_name(old), _by_name(new)
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        found.changed.append(noun)
        return True
    found.changed += [f"{noun} {each}" for each in found.compare(old, new, noun + " {}")]
    return True


def _by_name(part: Any) -> Any:
    """Return things by their names where they have one each."""
    if isinstance(part, tuple) and all(hasattr(each, "name") and not isinstance(each, Selector) for each in part):
        return {each.name: each for each in part}
    return part


def _differing(before: Any, after: Any) -> list[Field[Any]]:
    return [
        each
        for each in fields(before)
        if each.compare
        and each.name != "where"
        and _plain(getattr(before, each.name)) != _plain(getattr(after, each.name))
    ]


def _plain(value: Any) -> Any:
    """Return what a value says, without where in its file it says so and without what was compiled from it."""
    if is_dataclass(value) and not isinstance(value, type):
        kept = (each for each in fields(value) if each.compare and each.name != "where")
        return {each.name: _plain(getattr(value, each.name)) for each in kept}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
