"""What a worker does with a claimed row, one transaction or act at a time, as in `jitbot.service`.

Each function takes the world and which worker it is, and yields what may come of its next step: words, and the world
after it. Between two steps anything else may happen; the worker may die there, or sleep for as long as it likes.
"""

from collections.abc import Callable, Iterator

from jitbot.lifecycle import ENDED_BY, TERMINAL, Event
from jitbot.model import State, UndoCause
from tests.model.small import IDLE, WAITS, Due, Hand, World, is_mine

Came = Iterator[tuple[str, World]]


def claim(world: World, who: int) -> Came:
    """Take a due row that is free; what follows is chosen by what it is now."""
    row = world.row
    if not row.is_due or row.leased:
        return
    hands = [each if each == IDLE else each._replace(fence=False) for each in world.hands]
    hands[who] = Hand("", row.state, row.revision)
    taken = world._replace(row=row._replace(leased=True), hands=tuple(hands))
    for words, following, knows in _begun(world):
        yield f"claims it{words}", taken.hand(who, next=following, knows=knows)


def _begun(world: World) -> list[tuple[str, str, str]]:
    row = world.row
    if row.state is State.APPROVED:
        changed = world.edited and row.revision == 1
        return [("", "to miss" if row.late else "to revise" if changed else "to intend", "")]
    if row.state is State.UNSURE and row.late < 2:
        lands = "early" if row.late == 0 else ""
        sees = "healthy" if world.held else f"absent {lands}"
        return [(", and the check tells", "to settle", sees), (", and the check cannot tell", "to settle", "")]
    following = {
        State.PENDING: "to lapse",
        State.RUNNING: "to go on",
        State.ACTIVE: "to expire",
        State.UNSURE: "to expire what is unsure",
        State.UNDOING: "to look for an heir",
    }
    return [("", following.get(row.state, "to clean up"), "")]


def lapse(world: World, who: int) -> Came:
    if not is_mine(world, who) or any(each.next not in ("", "done") for each in world.clicks):
        yield "leaves it alone", world.hand(who, next="idle")
    else:
        yield "lets it lapse", _done(world, who, Event.LAPSE)


def miss(world: World, who: int) -> Came:
    yield "gives it up: too late", _done(world, who, Event.MISS)


def revise(world: World, who: int) -> Came:
    yield "has it decided anew", revised(world).hand(who, next="idle")


def revised(world: World) -> World:
    """Put the next revision in the place of the one that waits, where that still stands; the new policy asks nobody."""
    row = world.row
    if row.state not in WAITS or row.revision != 1:
        return world
    anew = {"revision": 2, "approvals": frozenset(), "due": Due.NOW}
    if row.state is State.APPROVED:
        return world.amend(**anew, leased=False)
    return world.move(Event.APPROVE, **anew, late=0) or world


def intend(world: World, who: int) -> Came:
    """Write down that it is about to be started."""
    hand, row = world.hands[who], world.row
    started = None
    if is_mine(world, who):
        started = world.move_copy(Event.START, who, late=0, due=Due.NOW, leased=True, open=True)
    if started is None:
        yield "finds it in other hands", world.hand(who, next="idle")
        return
    if hand.revision == 1 and row.approvals != {0, 1}:
        started = started._replace(misdeed="It is started without the approval of both.")
    if hand.revision != row.revision:
        started = started._replace(misdeed="What is started is not what stands in the row.")
    yield "writes that it starts", started.hand(who, next="to start", state=State.RUNNING)


def start(world: World, who: int) -> Came:
    """Act. Who begins after the deadline is taken not to die before it has told what came of it."""
    overdue = world.row.late > 0
    happened = world._replace(held=True, starts=min(world.starts + 1, 2))
    told = {"next": "to finish", "overdue": overdue}
    yield "starts it", happened.hand(who, knows="done", **told)
    yield "is refused by the runner", world.hand(who, knows="refused", **told)
    if not overdue:
        yield "starts it, and hears nothing", happened.hand(who, knows="unsure", **told)
        yield "hears nothing of the start", world.hand(who, knows="unsure", **told)


def finish(world: World, who: int) -> Came:
    """Write the result, also a late one."""
    hand, row = world.hands[who], world.row
    result = hand.knows
    settles = result == "done" or (result == "refused" and not row.again)
    counts = hand.fence if row.state is State.RUNNING else settles and row.state is State.UNSURE
    ended = _result(world, result) if counts else _late(world, result)
    assert ended is not None
    yield f"writes the result: {result}", ended.hand(who, next="idle")


def _result(world: World, result: str) -> World | None:
    again = world.row.again  # then another attempt may land yet, and a refusal of this one says nothing of that one
    if result == "done":
        return world.move(Event.GRANT, open=again, receipt=True, due=Due.END)
    if result == "refused" and not again:
        return world.move(Event.REFUSE if world.row.state is State.RUNNING else Event.FAIL, open=False)
    return world.move(Event.LOSE, open=again, due=Due.NOW)


def _late(world: World, result: str) -> World:
    state, ended = world.row.state, world.row.state in TERMINAL
    due, landed = world.row.due, result == "done"
    if state is State.UNDOING or (landed and ended):
        due = Due.NOW
    still = world.row.open and (state is State.RUNNING or world.row.again)
    return world.amend(open=still, due=due, receipt=world.row.receipt or landed)


def go_on(world: World, who: int, *, repeatable: bool) -> Came:
    """Go on where a worker was lost that had begun."""
    if not is_mine(world, who):
        yield "finds it in other hands", world.hand(who, next="idle")
    elif world.row.late == 2:
        yield "ends it: its time is over", _done(world, who, Event.EXPIRE, due=Due.NOW, cause=UndoCause.EXPIRY)
    elif repeatable and world.row.late == 0:
        again = world.move(Event.REPEAT, who, due=Due.NOW, leased=True, open=True, again=True)
        assert again is not None
        yield "writes that it starts again", again.hand(who, next="to start", state=State.RUNNING)
    else:
        yield "writes that nobody knows", _done(world, who, Event.LOSE, due=Due.NOW, open=True)


def expire(world: World, who: int) -> Came:
    """End a grant, look for an heir in the same transaction, and keep the claim for the undo.

    It knows that its copy is from its own move and not from a claim, only so that the real service takes both ways to
    an undo, and has to find on both what has landed meanwhile.
    """
    if is_mine(world, who):
        moved = world.move(Event.EXPIRE, who, due=Due.NOW, leased=world.row.leased, cause=UndoCause.EXPIRY)
        assert moved is not None
        yield "ends it: its time is over", moved.hand(who, next="to undo", state=State.UNDOING, knows="ended")
    else:
        yield "finds it in other hands", world.hand(who, next="idle")


def expire_unsure(world: World, who: int) -> Came:
    yield "ends it: its time is over", _done(world, who, Event.EXPIRE, due=Due.NOW, cause=UndoCause.EXPIRY)


def look_for_heir(world: World, who: int) -> Came:
    """Look, and have the last word of the database before the undo."""
    if not is_mine(world, who):
        yield "finds it in other hands", world.hand(who, next="idle")
        return
    yield (
        "finds nobody else on its target",
        world.hand(who, next="to undo", knows="early" if world.row.late == 0 else ""),
    )


def undo(world: World, who: int) -> Came:
    yield "undoes it", world._replace(held=False, undone=True).hand(who, next="to end")
    yield "cannot undo it", world.hand(who, next="to try again")


def end(world: World, who: int) -> Came:
    """End it, unless a start may land yet or has landed meanwhile."""
    hand, row = world.hands[who], world.row
    if not is_mine(world, who):
        yield "finds it in other hands", world.hand(who, next="idle")
    elif row.open and hand.knows == "early":
        yield "will undo it once more", world.amend(due=Due.DEADLINE, leased=False).hand(who, next="idle")
    elif not hand.version:
        yield "undoes it again soon", world.amend(leased=False).hand(who, next="idle")
    else:
        assert row.cause is not None
        yield "writes that it has ended", _done(world, who, ENDED_BY[row.cause], open=False)


def try_again(world: World, who: int) -> Came:
    amended = world.amend(due=Due.SOON, leased=False) if is_mine(world, who) else world
    yield "will try the undo again", amended.hand(who, next="idle")


def settle(world: World, who: int) -> Came:
    """Follow what the check has said; what may land yet is never settled as absent."""
    said = world.hands[who].knows
    lands = world.row.again or (world.row.open and world.row.late == 0)
    may_land = world.row.open and said == "absent early"
    if said == "healthy":
        yield "settles it: it happened", _done(world, who, Event.GRANT, open=lands, due=Due.END)
    elif said.startswith("absent") and not may_land:
        settled = _done(world, who, Event.UNDO, due=Due.NOW, cause=UndoCause.NOT_STARTED)
        yield "settles it: it did not happen", settled
    else:
        due = Due.SOON if world.row.late < 2 else Due.NOW  # never later than the end
        amended = world.amend(due=due, leased=False) if is_mine(world, who) else world
        yield "will look again", amended.hand(who, next="idle")


def clean_up(world: World, who: int) -> Came:
    yield "undoes what came late", world._replace(held=False, undone=True).hand(who, next="to close")
    yield "cannot undo what came late", world.hand(who, next="to close", knows="failed")


def close(world: World, who: int) -> Came:
    due = Due.SOON if world.hands[who].knows == "failed" else Due.NEVER
    amended = world.amend(due=due, leased=False) if is_mine(world, who) else world
    yield "writes that it was cleaned up" if due is Due.NEVER else "will clean up again", amended.hand(who, next="idle")


def _done(world: World, who: int, event: Event, **changes: object) -> World:
    """Make the last move of a claim, or leave it to whoever has claimed it since."""
    moved = world.move(event, who, **changes) if is_mine(world, who) else None
    return (moved or world).hand(who, next="idle")


GO_ON: dict[str, Callable[[World, int], Came]] = {
    "to lapse": lapse,
    "to miss": miss,
    "to revise": revise,
    "to intend": intend,
    "to start": start,
    "to finish": finish,
    "to expire": expire,
    "to expire what is unsure": expire_unsure,
    "to look for an heir": look_for_heir,
    "to undo": undo,
    "to end": end,
    "to try again": try_again,
    "to settle": settle,
    "to clean up": clean_up,
    "to close": close,
}
