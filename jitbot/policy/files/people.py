"""`people.yml`: groups, nested or not, who is on call, and attributes of people."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from jitbot.model import Account, Attribute, FactCall, FactKind, Group, Kind, UserId
from jitbot.policy.files.attributes import AttributeReader
from jitbot.policy.files.complaints import check
from jitbot.policy.files.facts import FactReader, Sources
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.people_schema import PeopleFile
from jitbot.policy.files.selectors import (
    EMAIL,
    GROUP_NAME,
    USER_ID,
    USERGROUP,
    People,
    attribute_fault,
    read_selectors,
)
from jitbot.policy.files.yaml_events import Document, Path
from jitbot.policy.wording import did_you_mean, listed, shown


def read_people(documents: Sequence[Document | None], sources: Sources, issues: Issues) -> People:
    """Read `people.yml`; None stands for a file that could not be read."""
    groups: dict[str, Group] = {}
    on_call: dict[str, FactCall] = {}
    attributes: dict[str, Attribute] = {}
    whole = True
    for document in documents:
        keys = check(PeopleFile, document, (), issues) if document else None
        if document is None or keys is None:
            whole = False
            continue
        reader = FactReader(document, sources, issues)
        for name, rota in keys.on_call.items():
            path: Path = ("on_call", name)
            _check_name(document, path, "rota", issues)
            call = reader.call(path, name, rota, {FactKind.PEOPLE}, places=False)
            if call is not None:
                on_call[name] = call
        attributes |= AttributeReader(document, keys, reader, issues).read()
        for name, members in keys.groups.items():
            groups[name] = _Members(document, keys, attributes, issues).read(name, members)
        _refuse_cycles(document, groups, issues)
        whole = whole and len(on_call) == len(keys.on_call)
    people = People(groups, on_call, attributes, whole)
    return replace(people, accounts=_accounts([each for each in documents if each], people, issues))


def _accounts(documents: Sequence[Document], people: People, issues: Issues) -> dict[UserId, Account]:
    """Read which accounts are no person's, once everything is known by which people can be named."""
    found: dict[UserId, Account] = {}
    for document in documents:
        keys = check(PeopleFile, document, (), Issues())  # its faults were told above
        for user, account in keys.accounts.items() if keys else ():
            path: Path = ("accounts", user)
            place = document.key(path)
            if not USER_ID.fullmatch(user):
                issues.add(place, f"{shown(user)} is not a Slack id; accounts are named by theirs, as in U024BE7LH.")
            behind = read_selectors(document, (*path, "behind"), account.behind, people, issues)
            found[UserId(user)] = Account(Kind(account.kind), behind, f"{place.file}:{place.line}")
    return found


def _check_name(document: Document, path: Path, what: str, issues: Issues) -> None:
    name = str(path[-1])
    if not GROUP_NAME.fullmatch(name):
        message = f"{shown(name)} cannot be a {what}'s name; use letters, digits, `-`, `_` and `.`."
        issues.add(document.key(path), message)


def _refuse_cycles(document: Document, groups: Mapping[str, Group], issues: Issues) -> None:
    """Note groups that contain themselves, by way of others or not."""
    try:
        TopologicalSorter({name: group.groups for name, group in groups.items()}).prepare()
    except CycleError as error:
        round_trip = error.args[1][::-1]
        message = f"these groups contain each other: {' -> '.join(round_trip)}; take one of them out."
        issues.add(document.key(("groups", round_trip[0])), message)


class _Members:
    """Reads the members of one group after the other."""

    def __init__(
        self, document: Document, keys: PeopleFile, attributes: Mapping[str, Attribute], issues: Issues
    ) -> None:
        self._document = document
        self._keys = keys
        self._attributes = attributes
        self._issues = issues

    def read(self, name: str, members: Sequence[str]) -> Group:
        path: Path = ("groups", name)
        _check_name(self._document, path, "group", self._issues)
        for index, member in enumerate(members):
            fault = self._fault(member)
            if fault:
                self._issues.add(self._document.at((*path, index)), fault)
        place = self._document.key(path)
        return Group(
            name=name,
            users=tuple(UserId(member) for member in _once(members) if USER_ID.fullmatch(member)),
            emails=tuple(member for member in _once(members) if EMAIL.fullmatch(member)),
            usergroups=tuple(member[1:] for member in _once(members) if USERGROUP.fullmatch(member)),
            groups=tuple(member[6:] for member in _once(members) if member.startswith("group:")),
            on_call=tuple(member[7:] for member in _once(members) if member.startswith("oncall:")),
            attributes=tuple(member[10:] for member in _once(members) if member.startswith("attribute:")),
            where=f"{place.file}:{place.line}",
        )

    def _fault(self, member: str) -> str:
        kind, _, name = member.partition(":")
        if kind == "group":
            return _unknown("group", name, self._keys.groups)
        if kind == "oncall":
            return _unknown("rota", name, self._keys.on_call)
        if kind == "attribute":
            return attribute_fault(name, self._attributes)
        if any(pattern.fullmatch(member) for pattern in (USER_ID, EMAIL, USERGROUP)):
            return ""
        return (
            f"{shown(member)} is not a member; write a Slack id (U024BE7LH), an e-mail address, @usergroup, "
            "group:NAME, oncall:NAME or attribute:NAME=VALUE."
        )


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    if name in known:
        return ""
    names = sorted(known)
    return f"the {what} {shown(name)} is not defined.{did_you_mean(name, names)} There is {listed(names, 'and', 40)}."


def _once(members: Sequence[str]) -> Iterator[str]:
    yield from dict.fromkeys(members)
