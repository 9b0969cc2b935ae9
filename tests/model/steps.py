"""Every step that can be taken in the small model, with the sentence that tells it."""

from collections.abc import Callable, Iterator

from jitbot.lifecycle import TERMINAL, Event
from jitbot.model import State, UndoCause
from tests.model.small import IDLE, WAITS, Due, World
from tests.model.workers import GO_ON, Came, claim, go_on, revised

APPROVERS = ("Bo", "Di")
WORKERS = ("Worker 1", "Worker 2")
WORK = "Worker"
DIES = "dies"
WRITES_LATE = ("to finish", "to revise")
"""What may be written by a worker whose claim was lost: a result is never lost, and a revision compares itself."""
MINUTE, DEADLINE = "A minute passes", "The next deadline passes"
EDIT, WITHDRAW, DROP = "The policy is edited", "Ann withdraws it", "Ann drops it"


def steps(*, repeatable: bool) -> Callable[[World], Iterator[tuple[str, World]]]:
    """Return the function that yields every step out of a world.

    Where a start may be repeated nobody edits the policy: one has nothing to do with the other, and states are saved.
    """

    def yielded(world: World) -> Iterator[tuple[str, World]]:
        for who, name in enumerate(WORKERS):
            for said, after in _work(world, who, repeatable):
                yield f"{name} {said}", after
        for who, name in enumerate(APPROVERS):
            for said, after in _review(world, who):
                yield f"{name}{said}", after
        yield from _requester(world, edits=not repeatable)
        yield from _time(world)

    return yielded


def _work(world: World, who: int, repeatable: bool) -> Came:
    hand = world.hands[who]
    if hand == IDLE:
        yield from claim(world, who)
        return
    goes = go_on(world, who, repeatable=repeatable) if hand.next == "to go on" else GO_ON[hand.next](world, who)
    for said, after in goes:
        lost = not hand.fence and hand.next not in WRITES_LATE and after.row != world.row
        yield said, after._replace(misdeed="A worker writes about what another has claimed since.") if lost else after
    if not hand.overdue:
        yield DIES, world.hand(who, next="idle")


def _review(world: World, who: int) -> Came:
    """Press, have the click looked at, have it counted: it is on disk from the first of these on.

    Whoever has pressed Approve may think better of it.
    """
    click, row = world.clicks[who], world.row
    verdicts = {("", ""): ("approve", "deny"), ("done", "approve"): ("deny",)}.get((click.next, click.verdict), ())
    if verdicts and row.state in WAITS:
        in_time = row.state is State.APPROVED or not row.late
        for verdict in verdicts:
            said = " presses Approve" if verdict == "approve" else " presses Deny"
            yield said, world.click(who, verdict=verdict, in_time=in_time, next="to look at")
    elif click.next == "to look at":
        if not _open(world, who):
            following = "to refuse"
        else:
            following = "to revise" if world.edited and row.revision == 1 else "to count"
        yield "'s click is looked at", world.click(who, next=following)
    elif click.next == "to revise":
        yield "'s click has it decided anew", revised(world).click(who, next="to refuse")
    elif click.next == "to count":
        yield from _count(world, who)
    elif click.next == "to refuse":
        yield "'s click is refused", world.click(who, next="done")


def _open(world: World, who: int) -> bool:
    """Tell whether a click can still count: a denial also on what is approved, and each on its own revision only."""
    click, row = world.clicks[who], world.row
    deny = click.verdict == "deny"
    if row.state is State.APPROVED:
        return deny and row.revision == 1
    return row.state is State.PENDING and click.in_time


def _count(world: World, who: int) -> Came:
    counted = world.click(who, next="done")
    if not _open(world, who):
        yield "'s click is too late", world.click(who, next="to refuse")
    elif world.clicks[who].verdict == "deny":
        denied = counted.move(Event.DENY)
        assert denied is not None
        yield "'s denial is counted", denied
    else:
        approvals = world.row.approvals | {who}
        if approvals == {0, 1}:
            moved = counted.move(Event.APPROVE, approvals=approvals, due=Due.NOW, late=0)
            assert moved is not None
            yield "'s approval is counted", moved
        else:
            yield "'s approval is counted", counted.amend(approvals=approvals, due=Due.DEADLINE)


def _requester(world: World, *, edits: bool) -> Came:
    state = world.row.state
    withdrawn = world.move(Event.WITHDRAW)
    if withdrawn is not None:
        yield WITHDRAW, withdrawn
    if state is State.ACTIVE:
        dropped = world.move(Event.DROP, due=Due.NOW, cause=UndoCause.DROP)
        assert dropped is not None
        yield DROP, dropped
    if edits and state in WAITS and not world.edited:
        yield EDIT, world._replace(edited=True)


def _time(world: World) -> Came:
    """Let time pass: a minute, by which every lease and every pause is over; or up to the next deadline."""
    row = world.row
    rested = row._replace(leased=False, due=Due.NOW if row.due is Due.SOON else row.due)
    if rested != row:
        yield MINUTE, world._replace(row=rested)
    if row.late < _deadlines(world):
        yield DEADLINE, world._replace(row=rested._replace(late=row.late + 1))


def _deadlines(world: World) -> int:
    """Return how many deadlines of a state make a difference."""
    if world.row.state in WAITS:
        return 1
    if world.row.state is State.UNDOING or world.row.state in TERMINAL:
        return 1 if world.row.due is Due.DEADLINE or any(each.next == "to start" for each in world.hands) else 0
    return 2
