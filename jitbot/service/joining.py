"""Join: whoever came into a Slack user group less than a day ago does not review by it yet.

Who may edit a user group could otherwise make themselves an approver in a minute. Since when somebody is in a group, a
signed event says: the newest one has all groups by which people review, with everybody in them.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from jitbot.errors import DirectoryUnavailable, NotFound, Tampered
from jitbot.model import Outgoing, Policy, Selector, Topic, UserId
from jitbot.policy.nesting import with_nested
from jitbot.policy.wanted import reviewing
from jitbot.service.book import AFFIRMED_EVERY
from jitbot.service.world import World

log = logging.getLogger(__name__)

MEMBERS = "members"
"""The kind of the events that say who is in which user group, and since when."""
YOUNG = timedelta(days=1)
EVERY = timedelta(minutes=1)
"""How often it is looked who has come and gone."""
FOLLOWED_SECONDS = 5.0
"""How old what a process knows of that may be. Whoever is not in it yet is young, so that this loosens nothing."""
MOST = 500
"""A larger group is not looked at so: everybody is in it, and the event would be too long."""

Since = Mapping[str, Mapping[UserId, datetime | None]]
"""Since when people are in user groups, by handle; None for longer than a day, or since before anybody looked."""


class Joining:
    """Called with every sweep, where it looks once a minute; every process asks it who is young in a group."""

    def __init__(self, world: World, clock: Callable[[], float] = time.monotonic) -> None:
        self._world = world
        self._clock = clock
        self._turn = threading.Lock()
        self._known: Since = {}
        self._seq = 0
        self._followed: float | None = None
        self._next: datetime | None = None
        self._fault = ""

    def young(self, handle: str, members: frozenset[UserId]) -> frozenset[UserId]:
        """Return who of these came less than a day ago; all of them where the record does not hold."""
        now = self._world.ledger.now()
        with self._turn:
            if self._followed is None or self._clock() - self._followed >= FOLLOWED_SECONDS:
                self._follow()
            if self._fault:
                return members
            known = self._known.get(handle)
        if known is None:  # nobody has looked yet: a group that is new in the policies
            return frozenset()
        return frozenset(user for user in members if _is_young(known, user, now))

    def tick(self) -> None:
        """Look who has come and gone. Raises: StoreUnavailable."""
        now = self._world.ledger.now()
        if self._next is not None and now < self._next:
            return
        self._next = now + EVERY
        with self._turn:
            before = self._fault
            self._follow()
            fault, known, seq = self._fault, self._known, self._seq
        if fault:
            if fault != before:
                self._alarm(fault)
            return
        changed = self._read(known, now)
        if changed != known or (seq and self._world.trail.count() - seq >= AFFIRMED_EVERY):
            said = {handle: {user: _written(at) for user, at in who.items()} for handle, who in changed.items()}
            with self._world.ledger.begin() as entry:
                entry.record("members", "clock", groups=said)
            with self._turn:
                self._follow()

    def _read(self, known: Since, now: datetime) -> Since:
        """Return who is in the groups now; of one that cannot be read, nothing has changed."""
        found = dict(known)
        for handle in _handles(self._world.book.policy):
            try:
                members = self._world.directory.usergroup(handle)
            except (NotFound, DirectoryUnavailable) as error:
                log.info("who is in @%s cannot be told: %s", handle, error)
                continue
            if len(members) <= MOST:
                found[handle] = _since(known.get(handle), members, now)
        return found

    def _follow(self) -> None:
        """Read what the record says by now; one row is asked for where nothing has changed."""
        try:
            event = self._world.trail.latest(MEMBERS, self._seq)
        except Tampered as error:
            self._fault = f"Who has joined which user group lately cannot be told: {error}"
            return
        self._fault, self._followed = "", self._clock()
        if event is not None:
            self._known, self._seq = _said(event.body["groups"]), event.seq

    def _alarm(self, fault: str) -> None:
        log.error("%s", fault)
        with self._world.ledger.begin() as entry:
            entry.record("tampered", "clock", why=fault)
            text = f"NOBODY REVIEWS BY A USER GROUP: {fault} Look at the audit record before anything else."
            entry.say(Outgoing("alarm:members", Topic.ALARM, None, text))
        self._world.queue.messages()


def _handles(policy: Policy) -> list[str]:
    """Return the user groups by which people may review, without the @."""
    rules = [rule for action in policy.actions.values() for rule in action.rules]
    texts = reviewing([*rules, *(each.rule for each in policy.guardrails)])
    selectors = [*(Selector(*text.split(":", 1)) for text in texts), *policy.may_lift]
    groups = {each.name for each in with_nested(selectors, policy.groups) if each.kind == "group"}
    return sorted({handle for name in groups & policy.groups.keys() for handle in policy.groups[name].usergroups})


def _since(
    known: Mapping[UserId, datetime | None] | None, members: frozenset[UserId], now: datetime
) -> Mapping[UserId, datetime | None]:
    """Return since when these are in a group; all that are there at the first look have been so before."""
    if known is None:
        return dict.fromkeys(sorted(members))
    return {user: known.get(user, now) if _is_young(known, user, now) else None for user in sorted(members)}


def _is_young(known: Mapping[UserId, datetime | None], user: UserId, now: datetime) -> bool:
    since = known.get(user)
    return user not in known or (since is not None and now < since + YOUNG)


def _written(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _said(groups: Mapping[str, Mapping[str, Any]]) -> Since:
    return {
        handle: {UserId(user): None if at is None else datetime.fromisoformat(at) for user, at in who.items()}
        for handle, who in groups.items()
    }
