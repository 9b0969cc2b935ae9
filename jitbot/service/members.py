"""Who a selector names now: groups with what is nested in them, rotas, attributes, and single people."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

from jitbot.model import FactCall, Group, Policy, UserId
from jitbot.policy.attributes import attribute_of, holders
from jitbot.ports import Directory
from jitbot.service.memory import Reading, done

Gather = Callable[[Mapping[str, Future[Any]], dict[str, str]], Mapping[str, Any]]
"""Waits for what was asked, and notes of the rest why it is unread."""
Young = Callable[[str, frozenset[UserId]], frozenset[UserId]]
"""Tells who of these joined a user group lately."""
Own = tuple[frozenset[UserId], frozenset[UserId]]
"""Who is in a group by itself, and who of them only by a user group that they joined lately."""


class Members:
    """Resolves selectors for one decision."""

    def __init__(
        self,
        policy: Policy,
        directory: Directory,
        threads: ThreadPoolExecutor,
        ask: Callable[[FactCall], Future[Reading]],
        now: datetime,
        young: Young = lambda handle, members: frozenset(),
    ) -> None:
        self._policy = policy
        self._directory = directory
        self._threads = threads
        self._ask = ask
        self._now = now
        self._young = young
        self.young: dict[str, frozenset[UserId]] = {}
        """Whom each selector names only since they joined a user group lately; known once it was read."""

    def read(self, selectors: Iterable[str], unread: dict[str, str], gather: Gather) -> dict[str, frozenset[UserId]]:
        """Return who each selector names; one that could not be read whole is left out and noted in `unread`."""
        wanted = set(selectors)
        groups, asked = self._parts(wanted)
        lost: dict[str, str] = {}
        named = self._groups(groups, lost, gather)
        parts: dict[str, frozenset[UserId]] = {part: everybody for part, (everybody, _) in named.items()}
        read = gather(asked, lost)
        parts |= gather(
            {key: self._threads.submit(self._named, key, reading.value) for key, reading in read.items()}, lost
        )
        found: dict[str, frozenset[UserId]] = {}
        for selector in sorted(wanted):
            kind, _, name = selector.partition(":")
            if kind == "user":
                found[selector] = frozenset({UserId(name)})
                continue
            whole = self._whole(selector)
            missing = [part for part in whole if part not in parts]
            if missing:
                unread[selector] = lost.get(missing[0], "it is not defined any more")
            else:
                found[selector] = frozenset().union(*(parts[part] for part in whole))
                lately = {part: named[part][1] for part in whole if part in named}
                longer = frozenset().union(*(parts[part] - lately.get(part, frozenset()) for part in whole))
                self.young[selector] = found[selector] - longer
        return found

    def _groups(self, names: Iterable[str], lost: dict[str, str], gather: Gather) -> dict[str, Own]:
        """Return who is in each of these groups by itself; a thread is worth it only where somebody else is asked."""
        groups = {f"group:{name}": self._policy.groups[name] for name in names}
        afar = {part for part, group in groups.items() if group.emails or group.usergroups}
        asked = {part: self._threads.submit(self._own, groups[part]) for part in afar}
        written = {part: self._own(group) for part, group in groups.items() if part not in afar}
        return {**written, **gather(asked, lost)}

    def _parts(self, selectors: Iterable[str]) -> tuple[set[str], dict[str, Future[Reading]]]:
        """Return the groups that have to be read for these selectors, and the questions to other systems."""
        whole = {part for selector in selectors for part in self._whole(selector)}
        groups = {part[6:] for part in whole if part.startswith("group:") and part[6:] in self._policy.groups}
        asked = {part: self._question(part) for part in whole if part.startswith(("oncall:", "attribute:"))}
        return groups, {part: question for part, question in asked.items() if question is not None}

    def _question(self, part: str) -> Future[Reading] | None:
        """Ask who is on call, or for everybody's attributes; None for what is not defined any more."""
        if part.startswith("oncall:"):
            rota = self._policy.on_call.get(part[7:])
            return None if rota is None else self._ask(rota)
        attribute, _ = attribute_of(self._policy, part)
        if attribute is None:
            return None
        return done(Reading({}, self._now)) if attribute.source is None else self._ask(attribute.source)

    def _whole(self, selector: str) -> tuple[str, ...]:
        """Return a selector with everything that is nested in it; the loader has refused cycles."""
        kind, _, name = selector.partition(":")
        group = self._policy.groups.get(name) if kind == "group" else None
        if group is None:
            return (selector,)
        inner = [str(each) for each in group.nested]
        return tuple(dict.fromkeys([selector, *(part for each in inner for part in self._whole(each))]))

    def _named(self, part: str, value: Any) -> frozenset[UserId]:
        """Return whom a rota's answer names, or who has an attribute by it and by the policy."""
        attribute, wanted = attribute_of(self._policy, part)
        return self._resolved(value if attribute is None else holders(attribute, wanted, value, self._now))

    def _own(self, group: Group) -> Own:
        """Return who is in a group by itself, and who of them only by a user group that they joined lately."""
        longer = set(group.users) | self._by_address(group.emails)
        lately: set[UserId] = set()
        for handle in group.usergroups:
            members = self._directory.usergroup(handle)
            young = self._young(handle, members)
            longer |= members - young
            lately |= young
        return frozenset(longer | lately), frozenset(lately - longer)

    def _resolved(self, people: Iterable[str]) -> frozenset[UserId]:
        """Turn what a rota answers, Slack ids and e-mail addresses, into people of this workspace."""
        ids = {UserId(each) for each in people if "@" not in each}
        return frozenset(ids | self._by_address(each for each in people if "@" in each))

    def _by_address(self, emails: Iterable[str]) -> set[UserId]:
        return {user for user in map(self._directory.by_email, emails) if user is not None}
