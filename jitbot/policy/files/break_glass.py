"""Break-glass in policy files: what guardrails grant, and how an action narrows it. Nothing here can widen it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from jitbot.model import Action, BreakGlass, Selector, UserId
from jitbot.policy.durations import format_duration
from jitbot.policy.files.actions import CHANNEL, World
from jitbot.policy.files.complaints import check
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.schema import GuardrailHead, NarrowedGlassKeys
from jitbot.policy.files.selectors import People, read_selectors
from jitbot.policy.files.yaml_events import Document, Path
from jitbot.policy.nesting import with_nested
from jitbot.policy.wording import did_you_mean, listed, shown


def read_grants(document: Document, world: World, issues: Issues) -> tuple[BreakGlass, ...]:
    """Read what one file of guardrails grants."""
    head = check(GuardrailHead, document, (), Issues())  # faults of the head are told with the guardrails
    found = []
    for index, keys in enumerate(head.break_glass if head else ()):
        path: Path = ("break_glass", index)
        for number, name in enumerate(keys.applies_to or ()):
            if name not in world.names:
                known = sorted(world.names)
                guess = did_you_mean(name, known)
                message = f"there is no action {shown(name)}.{guess} There is {listed(known, 'and', 40)}."
                issues.add(document.at((*path, "applies_to", number)), message)
        place = document.at(path)
        found.append(
            BreakGlass(
                who=read_selectors(document, (*path, "who"), keys.who, world.people, issues),
                max=keys.max,
                review_within=keys.review_within,
                tell=_channels(document, (*path, "tell"), keys.tell, issues),
                bar_when_overdue=keys.bar_when_overdue,
                applies_to=tuple(keys.applies_to or ()),
                where=f"{place.file}:{place.line}",
            )
        )
    return tuple(found)


def with_break_glass(
    actions: Mapping[str, Action],
    documents: Sequence[Document],
    grants: Sequence[BreakGlass],
    world: World,
    issues: Issues,
) -> dict[str, Action]:
    """Give each action what guardrails grant for it, narrowed by what its own file says."""
    own = {name: document for document in documents for name in _narrowing(document)}
    found = {}
    for name, action in actions.items():
        granted = [grant for grant in grants if grant.covers(name)]
        path: Path = ("actions", name, "break_glass")
        keys = check(NarrowedGlassKeys, own[name], path, Issues()) if name in own else None  # faults are told elsewhere
        if keys is not None:
            granted = _Narrowing(own[name], path, keys, world.people, issues).read(name, granted)
        found[name] = replace(action, break_glass=tuple(granted))
    return found


@dataclass(frozen=True, slots=True)
class _Narrowing:
    """Reads the `break_glass` of one action."""

    document: Document
    path: Path
    keys: NarrowedGlassKeys
    people: People
    issues: Issues

    def read(self, name: str, granted: Sequence[BreakGlass]) -> list[BreakGlass]:
        keys = self.keys
        who = read_selectors(self.document, (*self.path, "who"), keys.who or (), self.people, self.issues)
        tell = _channels(self.document, (*self.path, "tell"), keys.tell or (), self.issues)
        if not granted:
            message = f"guardrails.yml grants no break-glass for {name}, and an action can only narrow what it grants."
            self.issues.add(self.document.key(self.path), message)
            return []
        self._shorter("max", keys.max, max(grant.max for grant in granted))
        self._shorter("review_within", keys.review_within, max(grant.review_within for grant in granted))
        self._among(who, [each for grant in granted for each in grant.who])
        return [
            replace(
                grant,
                within=who,
                max=min(grant.max, keys.max or grant.max),
                review_within=min(grant.review_within, keys.review_within or grant.review_within),
                tell=tuple(dict.fromkeys([*grant.tell, *tell])),
            )
            for grant in granted
        ]

    def _shorter(self, key: str, length: timedelta | None, most: timedelta) -> None:
        if length is not None and length > most:
            message = f"guardrails.yml grants {format_duration(most)} at most, and an action can only narrow that."
            self.issues.add(self.document.at((*self.path, key)), message)

    def _among(self, who: Sequence[Selector], granted: Sequence[Selector]) -> None:
        named = with_nested(granted, self.people.groups)
        named |= {Selector("user", user) for each in named for user in _users(each, self.people)}
        for index, each in enumerate(who):
            if each not in named and self.people.whole:
                texts = listed([str(grant) for grant in granted], "and")
                message = (
                    f"guardrails.yml grants break-glass to {texts}, and {each} is not one of them or a part of one; "
                    "an action can only narrow that."
                )
                self.issues.add(self.document.at((*self.path, "who", index)), message)


def _users(selector: Selector, people: People) -> tuple[UserId, ...]:
    """Return whom a group names by their ids."""
    group = people.groups.get(selector.name) if selector.kind == "group" else None
    return group.users if group else ()


def _channels(document: Document, path: Path, names: Sequence[str], issues: Issues) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if not CHANNEL.fullmatch(name):
            issues.add(document.at((*path, index)), f"{shown(name)} is not a channel; write '#name', or a channel id.")
    return tuple(dict.fromkeys(names))


def _narrowing(document: Document) -> list[str]:
    """Return the actions of a file that have the key."""
    actions = document.value.get("actions") if isinstance(document.value, dict) else None
    entries = actions.items() if isinstance(actions, dict) else ()
    return [name for name, keys in entries if isinstance(keys, dict) and "break_glass" in keys]
