"""Who a selector names now: groups with what is nested in them, rotas, and single people."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from jitbot.model import FactCall, Group, Policy, UserId
from jitbot.ports import Directory
from jitbot.service.memory import Reading

Gather = Callable[[Mapping[str, Future[Any]], dict[str, str]], Mapping[str, Any]]
"""Waits for what was asked, and notes of the rest why it is unread."""


class Members:
    """Resolves selectors for one decision."""

    def __init__(
        self,
        policy: Policy,
        directory: Directory,
        threads: ThreadPoolExecutor,
        on_call: Callable[[FactCall], Future[Reading]],
    ) -> None:
        self._policy = policy
        self._directory = directory
        self._threads = threads
        self._on_call = on_call

    def read(self, selectors: Iterable[str], unread: dict[str, str], gather: Gather) -> dict[str, frozenset[UserId]]:
        """Return who each selector names; one that could not be read whole is left out and noted in `unread`."""
        wanted = set(selectors)
        groups, rotas = self._parts(wanted)
        rota_readings = {f"oncall:{name}": self._on_call(self._policy.on_call[name]) for name in rotas}
        own = {f"group:{name}": self._threads.submit(self._own, self._policy.groups[name]) for name in groups}
        lost: dict[str, str] = {}
        parts = dict(gather(own, lost))
        read = gather(rota_readings, lost)
        parts |= gather(
            {key: self._threads.submit(self._resolved, reading.value) for key, reading in read.items()}, lost
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
        return found

    def _parts(self, selectors: Iterable[str]) -> tuple[set[str], set[str]]:
        """Return the groups and rotas that have to be read for these selectors."""
        whole = {part for selector in selectors for part in self._whole(selector)}
        groups = {part[6:] for part in whole if part.startswith("group:") and part[6:] in self._policy.groups}
        return groups, {part[7:] for part in whole if part.startswith("oncall:") and part[7:] in self._policy.on_call}

    def _whole(self, selector: str) -> tuple[str, ...]:
        """Return a selector with everything that is nested in it; the loader has refused cycles."""
        kind, _, name = selector.partition(":")
        group = self._policy.groups.get(name) if kind == "group" else None
        if group is None:
            return (selector,)
        inner = [f"group:{each}" for each in group.groups] + [f"oncall:{each}" for each in group.on_call]
        return tuple(dict.fromkeys([selector, *(part for each in inner for part in self._whole(each))]))

    def _own(self, group: Group) -> frozenset[UserId]:
        found = set(group.users) | self._by_address(group.emails)
        for handle in group.usergroups:
            found |= self._directory.usergroup(handle)
        return frozenset(found)

    def _resolved(self, people: Iterable[str]) -> frozenset[UserId]:
        """Turn what a rota answers, Slack ids and e-mail addresses, into people of this workspace."""
        ids = {UserId(each) for each in people if "@" not in each}
        return frozenset(ids | self._by_address(each for each in people if "@" in each))

    def _by_address(self, emails: Iterable[str]) -> set[UserId]:
        return {user for user in map(self._directory.by_email, emails) if user is not None}
