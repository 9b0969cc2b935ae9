"""The small model of one request: a row, two workers, two approvers, the requester, the policy and the clock.

What may follow what is the product's own table, whether a claim still holds is its own `mine`, and what a move compares
is read from its own statement. Everything else is said here once more, in as few words as possible.

Numbers that only grow are left out, so that the states are finite: of a worker's copy of the row only counts whether
its version and its fence are still the row's. Of the time only counts which deadline is over, and what is due when.
"""

from enum import StrEnum
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

from jitbot.errors import Conflict
from jitbot.lifecycle import HOLDING, TERMINAL, Event, after
from jitbot.model import State, UndoCause
from jitbot.service.claims import mine
from jitbot.store.statements import MOVE_REQUEST

COMPARED = frozenset(condition.left.name for condition in MOVE_REQUEST._where_criteria)
"""The columns by which a move sees that nobody else has moved the row."""
WAITS = (State.PENDING, State.APPROVED)
NEVER_BEGUN = (State.DENIED, State.WITHDRAWN, State.LAPSED, State.MISSED)


class Due(StrEnum):
    """When somebody has to look at the row."""

    NOW = "now"
    SOON = "in a minute"
    DEADLINE = "at the next deadline"  # the lapse; once it was told to start, the end of the attempt
    END = "at the end of the grant"
    NEVER = "never"


class Row(NamedTuple):
    """The request as it is in the database. `late` counts the deadlines of this state that are over."""

    state: State = State.PENDING
    revision: int = 1
    late: int = 0
    due: Due = Due.DEADLINE
    leased: bool = False
    open: bool = False
    again: bool = False
    receipt: bool = False
    cause: UndoCause | None = None
    approvals: frozenset[int] = frozenset()

    @property
    def is_due(self) -> bool:
        return self.due is Due.NOW or self.late >= {Due.DEADLINE: 1, Due.END: 2}.get(self.due, 3)


class Hand(NamedTuple):
    """A worker: what it does next, and what it knows. `version` and `fence` tell whether its copy's are the row's."""

    next: str = "idle"
    state: State | None = None
    revision: int = 0
    version: bool = True
    fence: bool = True
    knows: str = ""
    overdue: bool = False


IDLE = Hand()


class Click(NamedTuple):
    """What an approver does: which verdict, pressed in time or not, and how far it has come."""

    verdict: str = ""
    in_time: bool = True
    next: str = ""


class World(NamedTuple):
    """Everything that there is; `held`, `starts` and `undone` are the truth, which no row knows for sure."""

    row: Row = Row()
    hands: tuple[Hand, ...] = (IDLE, IDLE)
    clicks: tuple[Click, ...] = (Click(), Click())
    edited: bool = False
    held: bool = False
    starts: int = 0
    undone: bool = False
    misdeed: str = ""

    @property
    def over(self) -> bool:
        """Tell whether nothing is left to be done, by anybody."""
        return self.row.state in TERMINAL and self.row.due is Due.NEVER and self.hands == (IDLE, IDLE)

    def hand(self, who: int, **changes: Any) -> "World":
        """Change what a worker does or knows."""
        hands = list(self.hands)
        hands[who] = IDLE if changes.get("next") == "idle" else hands[who]._replace(**changes)
        return self._replace(hands=tuple(hands))

    def click(self, who: int, **changes: Any) -> "World":
        """Change how far a click has come."""
        clicks = list(self.clicks)
        clicks[who] = clicks[who]._replace(**changes)
        return self._replace(clicks=tuple(clicks))

    def amend(self, by: int | None = None, **changes: Any) -> "World":
        """Change the row: its version moves, and nobody's copy is the row's any more but that of who changed it.

        A worker that goes on after its own move does so with what the move has returned, whatever its copy was before.
        """
        hands = tuple(each if each == IDLE else each._replace(version=who == by) for who, each in enumerate(self.hands))
        return self._replace(row=self.row._replace(**changes), hands=hands)

    def move(self, event: Event, by: int | None = None, **changes: Any) -> "World | None":
        """Move along the product's table, from what was read in this transaction; None where that is not possible."""
        state = after(self.row.state, event)
        if state is None:
            return None
        changes = {"leased": False, **changes, "state": state}
        if state in TERMINAL:
            changes["due"] = Due.NEVER
        return _forgotten(self.amend(by, **changes))

    def move_copy(self, event: Event, by: int, **changes: Any) -> "World | None":
        """Move along the table from a worker's own copy, as the statement compares it; None for a conflict."""
        copy, row = self.hands[by], self.row
        same = {"id": True, "state": copy.state == row.state, "version": copy.version, "fence": copy.fence}
        if not all(same[column] for column in COMPARED):
            return None
        assert copy.state is not None
        return self._replace(row=row._replace(state=copy.state)).move(event, by, **changes)


def is_mine(world: World, who: int) -> bool:
    """Tell whether a worker may still write about the row, as the product's own `mine` sees it."""
    hand = world.hands[who]
    return _mine(world.row.state, hand.state, hand.fence)


@cache
def _mine(now: State, copied: State | None, fence: bool) -> bool:
    row = SimpleNamespace(fence=1, state=now)
    copy: Any = SimpleNamespace(id=1, name="it", fence=1 if fence else 0, state=copied)
    entry: Any = SimpleNamespace(get=lambda _: row)
    try:
        mine(entry, copy)
    except Conflict:
        return False
    return True


def _forgotten(world: World) -> World:
    """Forget what plays no part any more once it runs or has ended: who clicked, and which revision it is."""
    if world.row.state in WAITS:
        return world
    row = world.row._replace(approvals=frozenset(), revision=1)
    return world._replace(row=row, clicks=(Click(next="done"), Click(next="done")), edited=False)


def wrong(world: World, *, repeatable: bool) -> str:
    """Say what must not be and is; nothing where all is well."""
    row, state = world.row, world.row.state
    waiting = any(each.next == "to start" for each in world.hands)
    reasons = (
        (bool(world.misdeed), world.misdeed),
        (world.starts > 1 and not repeatable, "It was started twice, and its runner may not repeat."),
        (state is State.ACTIVE and not world.starts, "It is called granted, and was never started."),
        (
            state in TERMINAL - {State.FAILED, State.EXPIRED, State.REVOKED, State.ROLLED_BACK}
            and (world.starts > 0 or waiting),
            f"It is {state.value}, and was started or is about to be.",
        ),
        (world.over and world.held, f"It is {state.value} for good, and its grant is still held."),
        (
            state in (State.EXPIRED, State.REVOKED) and not world.undone,
            f"It is called {state.value}, and was never undone.",
        ),
        (state in HOLDING and row.due is Due.NEVER, "It holds something, and nobody will ever look at it."),
    )
    return next((said for holds, said in reasons if holds), "")
