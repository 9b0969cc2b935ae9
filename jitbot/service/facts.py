"""Read the facts a decision needs: who is in which group now, and who people are.

Everything is fetched side by side within one deadline; what did not come in time is unread, never empty.
"""

import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import TypeVar

from jitbot.errors import DirectoryUnavailable, NotFound
from jitbot.model import Facts, Group, Person, Policy, Standing, UserId
from jitbot.policy.decide import mentioned
from jitbot.ports import Directory, Ledger

DEADLINE = timedelta(seconds=5)
"""How long fetching may take before what is missing counts as unread."""
LOOKED_UP = 20
"""Up to so many members of a group are looked up one by one, so that who has left can be named."""

Key = TypeVar("Key", bound=str)
Value = TypeVar("Value")


class FactsReader:
    """Fetches facts for one action; `close` ends its threads."""

    def __init__(self, directory: Directory, ledger: Ledger, deadline: timedelta = DEADLINE) -> None:
        self._directory = directory
        self._ledger = ledger
        self._deadline = deadline
        self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="facts")

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def read(self, policy: Policy, action: str, people: Iterable[UserId]) -> Facts:
        """Return what is known now for deciding on this action; `people` are looked up whatever happens."""
        unread: dict[str, str] = {}
        end = time.monotonic() + self._deadline.total_seconds()
        groups = {f"group:{name}": self._threads.submit(self._members, group) for name, group in policy.groups.items()}
        members = self._gather(groups, unread, end)
        members |= {f"user:{user}": frozenset({user}) for user in _named(policy, action)}
        wanted = set(people) | self._to_look_up(policy, action, members)
        asked = {user: self._threads.submit(self._person, user) for user in wanted}
        return Facts(self._ledger.now(), members, self._gather(asked, {}, end), {}, unread)

    def _to_look_up(self, policy: Policy, action: str, members: dict[str, frozenset[UserId]]) -> set[UserId]:
        reviewers = (members.get(selector, frozenset()) for selector in mentioned(policy, action))
        return {user for group in reviewers if len(group) <= LOOKED_UP for user in group}

    def _gather(self, asked: dict[Key, Future[Value]], unread: dict[str, str], end: float) -> dict[Key, Value]:
        done, _ = wait(asked.values(), timeout=max(0.0, end - time.monotonic()))
        found: dict[Key, Value] = {}
        for key, future in asked.items():
            if future not in done:
                unread[key] = "no answer in time"
                continue
            try:
                found[key] = future.result()
            except (DirectoryUnavailable, NotFound) as error:
                unread[key] = str(error)
        return found

    def _members(self, group: Group) -> frozenset[UserId]:
        found = set(group.users)
        for email in group.emails:
            user = self._directory.by_email(email)
            if user is not None:
                found.add(user)
        for handle in group.usergroups:
            found |= self._directory.usergroup(handle)
        return frozenset(found)

    def _person(self, user: UserId) -> Person:
        try:
            return self._directory.person(user)
        except NotFound:  # Slack forgets nobody: an unknown id is somebody who cannot act
            return Person(user, "", user, Standing.DEACTIVATED)


def _named(policy: Policy, action: str) -> set[UserId]:
    """Return who is named one by one (`user:…`) by the action's requesters and reviews."""
    selectors = set(mentioned(policy, action))
    if action in policy.actions:
        selectors |= {str(who) for who in policy.actions[action].requesters}
    return {UserId(selector.removeprefix("user:")) for selector in selectors if selector.startswith("user:")}
