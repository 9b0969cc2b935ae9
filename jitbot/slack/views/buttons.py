"""The buttons of a card: only those the state has, each carrying the request and its revision."""

from jitbot.lifecycle import TERMINAL
from jitbot.model import Request, State
from jitbot.slack.blocks import button, confirm
from jitbot.slack.spans import Block
from jitbot.slack.text import shorten
from jitbot.slack.views import ids
from jitbot.slack.views.content import gist
from jitbot.slack.views.standing import owed

RISKY = frozenset({"high", "critical"})
_ENDED_BY_HAND = frozenset({State.RUNNING, State.ACTIVE, State.VERIFYING})


def buttons(request: Request, *, private: bool, complete: bool, output: bool = False) -> list[Block]:
    """Return the buttons of the requester's own copy (`private`), or of everybody's; `output` where there is more."""
    own = _own(request) if private else _shared(request, complete)
    said = [button("Output", ids.OUTPUT, ids.stamp(request))] if output else []
    return [*own, *said, button("Details", ids.DETAILS, ids.stamp(request))]


def _own(request: Request) -> list[Block]:
    value = ids.stamp(request)
    if request.state in (State.DECIDING, State.PENDING, State.APPROVED):
        return [button("Withdraw", ids.WITHDRAW, value)]
    if request.state in _ENDED_BY_HAND:
        return [*_end(request), *extend(request)]
    if request.state is State.UNSURE:
        return [_look(request)]
    return [button("Ask again…", ids.AGAIN, value)] if request.state in TERMINAL and not request.extension else []


def _shared(request: Request, complete: bool) -> list[Block]:
    value = ids.stamp(request)
    if owed(request):
        later = button("Review…", ids.REVIEW_AFTER, value, style="primary")
        return [later, *_end(request), *(_settling(request) if request.state is State.UNSURE else [])]
    if request.state is State.PENDING:
        changes = [button("Approve with changes…", ids.APPROVE_CHANGED, value)] if request.extension is None else []
        first = [approve(request), *changes] if complete else [review(request)]
        return [*first, button("Deny…", ids.DENY, value)]
    if request.state is State.APPROVED:
        return [button("Deny…", ids.DENY, value)]
    if request.state in _ENDED_BY_HAND:
        return _end(request)
    return _settling(request) if request.state is State.UNSURE else []


def approve(request: Request) -> Block:
    """Return the Approve button, with a question first where the risk asks for it."""
    asking = {}
    if request.snapshot.risk in RISKY:
        plan = request.snapshot.plan
        what = f"{gist(request)}. {plan.summary if plan else ''} Risk: {request.snapshot.risk}."
        asking = {"confirm": confirm(f"Approve {request.name}?", shorten(what, 300), "Approve")}
    return button("Approve", ids.APPROVE, ids.stamp(request), style="primary", **asking)


def review(request: Request) -> Block:
    """Return the button that shows everything before it can be approved."""
    return button("Review…", ids.REVIEW, ids.stamp(request), style="primary")


def extend(request: Request) -> list[Block]:
    """Return the button that asks for a later end, where there can be one."""
    if request.state is not State.ACTIVE or not request.room:
        return []
    return [button("Extend…", ids.EXTEND, ids.stamp(request))]


def _end(request: Request) -> list[Block]:
    """Return the button that takes back what is held or watched, where it can be taken back."""
    if request.state is State.RUNNING and request.snapshot.stoppable and request.stopped_by is None:
        return [_stop(request)]
    if request.state is State.VERIFYING and request.undoable:
        return [_roll_back(request)]
    return [_drop(request)] if request.state is State.ACTIVE else []


def _stop(request: Request) -> Block:
    then = "What it has done by then is undone." if request.undoable else "What it has done by then cannot be undone."
    asking = confirm(f"Stop {request.name} now?", f"{gist(request)} is stopped. {then}", "Stop it", style="danger")
    return button("Stop", ids.DROP, ids.stamp(request), confirm=asking)


def _roll_back(request: Request) -> Block:
    asking = confirm(f"Undo {request.name} now?", f"{gist(request)} is undone.", "Undo it now", style="danger")
    return button("Roll back now", ids.DROP, ids.stamp(request), confirm=asking)


def _drop(request: Request) -> Block:
    asking = confirm(f"End {request.name} now?", f"{gist(request)} ends at once.", "End it now", style="danger")
    return button("Drop now", ids.DROP, ids.stamp(request), confirm=asking)


def _settling(request: Request) -> list[Block]:
    """Return the buttons by which people who have looked say which it was, and the one that has the check look."""
    value, what = ids.stamp(request), gist(request)  # what it is about comes last: it may be cut
    yes = confirm("It happened?", f"{_if_it_happened(request)} {LOOKED}\n{what}", "It happened")
    no = confirm("It did not happen?", f"{_if_it_did_not(request)} {LOOKED}\n{what}", "It did not")
    return [
        button("It happened", ids.HAPPENED, value, confirm=yes),
        button("It did not happen", ids.NOT_HAPPENED, value, confirm=no),
        _look(request),
    ]


LOOKED = "Say so only if you have looked; your name goes on record."


def _if_it_happened(request: Request) -> str:
    watched = " Its health is watched first." if request.snapshot.verify else ""
    held = "It is held until its time is over, and undone then." if request.ttl else "It counts as done."
    return held + watched


def _if_it_did_not(request: Request) -> str:
    if request.ttl:
        return "It is undone all the same, in case something is left, and ends as failed."
    return "It ends as failed, and nothing is undone."


def _look(request: Request) -> Block:
    return button("Look again", ids.LOOK, ids.stamp(request))
