"""Who is who in a file of cases: names for people, with the groups and rotas they are in."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from jitbot.model import Kind, Person, Policy, Standing, UserId
from jitbot.policy.files.attributes import value_fault
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.selectors import USER_ID
from jitbot.policy.files.yaml_events import Document, Path
from jitbot.policy.wording import did_you_mean, listed, shown
from jitbot.workbench.case_keys import PersonKeys

NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,27}")


@dataclass(frozen=True, slots=True)
class People:
    """The people of one file of cases, by the names they have there."""

    ids: Mapping[str, UserId] = field(default_factory=dict)
    persons: Mapping[UserId, Person] = field(default_factory=dict)
    groups: Mapping[str, list[UserId]] = field(default_factory=dict)
    on_call: Mapping[str, list[UserId]] = field(default_factory=dict)
    attributes: Mapping[UserId, Mapping[str, Any]] = field(default_factory=dict)
    stand_ins: Mapping[UserId, UserId] = field(default_factory=dict)


def read_people(document: Document, keys: Mapping[str, PersonKeys], policy: Policy, issues: Issues) -> People:
    """Read `people:`; every group and rota must be one of the policies'."""
    ids: dict[str, UserId] = {}
    persons: dict[UserId, Person] = {}
    groups: dict[str, list[UserId]] = {}
    on_call: dict[str, list[UserId]] = {}
    for name, person in keys.items():
        path: Path = ("people", name)
        user = _id(document, path, person, ids, issues)
        ids[name] = user
        persons[user] = Person(user, "", name, Standing(person.standing), person.email, Kind(person.kind))
        for key, given, known, into in (
            ("groups", person.groups, policy.groups, groups),
            ("on_call", person.on_call, policy.on_call, on_call),
        ):
            for index, each in enumerate(given):
                check_known(document, (*path, key, index), each, known, key, issues)
                into.setdefault(each, []).append(user)
        _check_attributes(document, path, person.attributes, policy, issues)
    attributes = {ids[name]: person.attributes for name, person in keys.items()}
    return People(ids, persons, groups, on_call, attributes, _stand_ins(document, keys, ids, issues))


def _check_attributes(document: Document, path: Path, given: Mapping[str, Any], policy: Policy, issues: Issues) -> None:
    """Note attributes that there are not, and values that they cannot have."""
    for name, value in given.items():
        attribute = policy.attributes.get(name)
        if attribute is None:
            known = sorted(policy.attributes)
            message = (
                f"there is no attribute {shown(name)}.{did_you_mean(name, known)} There is {listed(known, 'and')}."
            )
            issues.add(document.key((*path, "attributes", name)), message)
            continue
        fault = value_fault(attribute.kind, attribute.options or None, value)
        if fault:
            issues.add(document.at((*path, "attributes", name)), fault)


def _stand_ins(
    document: Document, keys: Mapping[str, PersonKeys], ids: Mapping[str, UserId], issues: Issues
) -> dict[UserId, UserId]:
    """Return who stands in for whom; nobody has two stand-ins at once."""
    found: dict[UserId, UserId] = {}
    for name, person in keys.items():
        for index, away in enumerate(person.stands_in_for):
            path: Path = ("people", name, "stands_in_for", index)
            check_known(document, path, away, ids, "person", issues)
            if away == name or ids.get(away) in found:
                why = "nobody stands in for themselves" if away == name else f"{away} has a stand-in already"
                issues.add(document.at(path), f"{why}.")
            elif away in ids:
                found[ids[away]] = ids[name]
    return found


def check_known(document: Document, path: Path, name: str, known: Collection[str], key: str, issues: Issues) -> None:
    """Note a name of a group, rota, person or action that is none."""
    if name not in known:
        what = {"groups": "group", "on_call": "rota"}.get(key, key)
        names = sorted(known)
        guess = did_you_mean(name, names)
        issues.add(document.at(path), f"there is no {what} {shown(name)}.{guess} There is {listed(names, 'and', 40)}.")


def _id(document: Document, path: Path, keys: PersonKeys, taken: Mapping[str, UserId], issues: Issues) -> UserId:
    name = str(path[-1])
    user = UserId(keys.id or (name if USER_ID.fullmatch(name) else "U_" + name.upper().replace("-", "_")))
    if not NAME.fullmatch(name):
        message = f"{shown(name)} cannot be a person's name here; use 1 to 28 letters, digits, - and _."
        issues.add(document.key(path), message)
    elif not USER_ID.fullmatch(user):
        issues.add(document.at((*path, "id")), f"{shown(user)} is not a Slack id, such as U024BE7LH.")
    elif user in taken.values():
        issues.add(document.key(path), f"{shown(name)} has the id {user}, which is somebody else's here already.")
    return user
