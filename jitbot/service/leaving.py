"""Leave: whoever may not ask for something any more, or is not of this workspace any more, does not go on to hold it.

It ends grants by the hundred where it is wrong, so it has to be certain: only what could be read counts, and only what
is so in every look for minutes. An ended shift takes nothing away from who is in the middle of something.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from jitbot.errors import Conflict
from jitbot.lifecycle import Event
from jitbot.model import Facts, Policy, Request, RequestId, Standing, State, UndoCause, UserId
from jitbot.policy.nesting import with_nested
from jitbot.policy.requirements import satisfied
from jitbot.service.facts import FactsReader
from jitbot.service.telling import tell
from jitbot.service.world import World

log = logging.getLogger(__name__)

CLOCK = "clock"
EVERY = timedelta(seconds=15)
AT_ONCE = 10
"""So many grants are looked at so often: that is forty people a minute, of a hundred about whom Slack may be asked."""
CERTAIN = timedelta(minutes=2)
"""So long somebody has to be gone, in every look."""
_GONE = {
    Standing.DEACTIVATED: "has left",
    Standing.STRANGER: "belongs to another organisation now",
    Standing.GUEST: "is a guest now",
    Standing.BOT: "is a bot now",
}


class Leaving:
    """Called with every sweep; goes through what is held again and again, some at a time."""

    def __init__(self, world: World, facts: FactsReader) -> None:
        self._world = world
        self._facts = facts
        self._next: datetime | None = None
        self._after = RequestId(0)
        self._since: dict[RequestId, datetime] = {}
        """Since when the people of a grant are seen to be gone."""

    def tick(self) -> None:
        """Look at the next grants. Raises: StoreUnavailable."""
        now = self._world.ledger.now()
        if self._next is not None and now < self._next:
            return
        page = self._world.ledger.behind(self._after, [State.ACTIVE], AT_ONCE)
        for action in dict.fromkeys(each.action for each in page):
            self._look([each for each in page if each.action == action], now)
        self._after = page[-1].id if len(page) == AT_ONCE else RequestId(0)
        self._next = now + EVERY

    def _look(self, grants: Sequence[Request], now: datetime) -> None:
        """Look at grants of one action, and end those of people who are certainly gone."""
        policy = self._world.book.policy
        people = {user for each in grants for user in (each.requester, each.beneficiary)}
        asking = _asking(policy, grants[0].action)
        facts = self._facts.for_selectors(policy, asking, people)
        for each in grants:
            why = next(_why_gone(each, asking, facts), "")
            if not why:
                self._since.pop(each.id, None)
            elif now >= self._since.setdefault(each.id, now) + CERTAIN:
                self._end(each, why)

    def _end(self, grant: Request, why: str) -> None:
        try:
            with self._world.ledger.begin() as entry:
                cause = UndoCause.REQUESTER_GONE
                moved = entry.move(
                    grant, Event.REQUESTER_GONE, CLOCK, why, undo_cause=cause, outcome=why, due_at=entry.now
                )
                tell(entry, moved, f"is ended: {why}.")
        except Conflict as conflict:  # it has ended, or was extended; then it is looked at again
            log.info("%s: %s", grant.name, conflict)
            return
        self._since.pop(grant.id, None)
        log.warning("%s is ended, since whoever holds it is gone", grant.name)
        self._world.queue.messages()
        self._world.queue.request(grant.id)


def _asking(policy: Policy, action: str) -> tuple[str, ...]:
    """Return who may ask for an action, as selectors; nothing where a shift is among them, or there is no such action.

    Whoever was on call when they asked need not be any more when they are in the middle of it.
    """
    own = policy.actions[action].requesters if action in policy.actions else ()
    by_shift = any(each.kind == "oncall" for each in with_nested(own, policy.groups))
    return () if by_shift else tuple(str(each) for each in own)


def _why_gone(grant: Request, asking: Sequence[str], facts: Facts) -> Iterator[str]:
    """Say what has become of the people of a grant; nothing of whom nobody could look up now."""
    for user in dict.fromkeys((grant.requester, grant.beneficiary)):
        person = facts.people.get(user)
        if person is not None and person.standing is not Standing.MEMBER:
            yield f"<@{user}> {_GONE[person.standing]}"
    if asking and not _may_ask(grant.requester, asking, facts):
        names = " or ".join(each.partition(":")[2] for each in asking)
        yield f"<@{grant.requester}> may not ask for it any more: that is for {names}"


def _may_ask(user: UserId, asking: Sequence[str], facts: Facts) -> bool:
    """Tell whether somebody may ask, or whether nobody can tell just now."""
    return bool(satisfied(asking, facts, user)) or any(each in facts.unread for each in asking)
