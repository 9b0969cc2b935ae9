"""How policies name people: members of groups in `people.yml`, and selectors such as `group:sre` everywhere else."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jitbot.model import Group, Selector, UserId
from jitbot.policy.complaints import check
from jitbot.policy.issues import Issues
from jitbot.policy.schema import PeopleFile
from jitbot.policy.wording import did_you_mean, listed, shown
from jitbot.policy.yaml_events import Document, Path

GROUP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
USER_ID = re.compile(r"[UW][A-Z0-9_]{1,30}")
_EMAIL = re.compile(r"[^\s@<>,]{1,64}@[^\s@<>,]+\.[^\s@<>,]+")
_USERGROUP = re.compile(r"@[^\s@<>,]{1,80}")


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups that are defined; `whole` is False when `people.yml` has faults, so that some may be missing."""

    defined: Mapping[str, Group]
    whole: bool = True


def read_groups(documents: Sequence[Document | None], issues: Issues) -> Groups:
    """Read the groups of `people.yml`; None stands for a file that could not be read."""
    groups: dict[str, Group] = {}
    whole = True
    for document in documents:
        keys = check(PeopleFile, document, (), issues) if document else None
        if document is None or keys is None:
            whole = False
            continue
        for name, members in keys.groups.items():
            path: Path = ("groups", name)
            if not GROUP_NAME.fullmatch(name):
                message = f"{shown(name)} cannot be a group's name; use letters, digits, `-`, `_` and `.`."
                issues.add(document.key(path), message)
            groups[name] = _group(document, path, name, members, issues)
    return Groups(groups, whole)


def read_selectors(
    document: Document, path: Path, texts: Sequence[str], groups: Groups, issues: Issues
) -> tuple[Selector, ...]:
    """Read a list of selectors; each group must be defined."""
    found = []
    for index, text in enumerate(texts):
        kind, _, name = text.partition(":")
        fault = _fault(kind, name, text, groups)
        if fault:
            issues.add(document.at((*path, index)), fault)
        found.append(Selector(kind, name))
    return tuple(dict.fromkeys(found))


def _fault(kind: str, name: str, text: str, groups: Groups) -> str:
    if kind == "group" and GROUP_NAME.fullmatch(name):
        if name in groups.defined or not groups.whole:
            return ""
        defined = sorted(groups.defined)
        guess = did_you_mean(name, defined)
        return f"the group {shown(name)} is not defined.{guess} people.yml has {listed(defined, 'and', 40)}."
    if kind == "user" and USER_ID.fullmatch(name):
        return ""
    return f"{shown(text)} names nobody; write group:NAME, or user: and a Slack id, as in user:U024BE7LH."


def _group(document: Document, path: Path, name: str, members: Sequence[str], issues: Issues) -> Group:
    users: dict[UserId, None] = {}
    emails: dict[str, None] = {}
    usergroups: dict[str, None] = {}
    for index, member in enumerate(members):
        if USER_ID.fullmatch(member):
            users[UserId(member)] = None
        elif _EMAIL.fullmatch(member):
            emails[member] = None
        elif _USERGROUP.fullmatch(member):
            usergroups[member[1:]] = None
        else:
            message = f"{shown(member)} is not a member; write a Slack id (U024BE7LH), an e-mail address or @usergroup."
            issues.add(document.at((*path, index)), message)
    place = document.key(path)
    return Group(name, tuple(users), tuple(emails), tuple(usergroups), f"{place.file}:{place.line}")
