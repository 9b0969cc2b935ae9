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
        return _end(request)
    return [button("Ask again…", ids.AGAIN, value)] if request.state in TERMINAL else []


def _shared(request: Request, complete: bool) -> list[Block]:
    value = ids.stamp(request)
    if owed(request):
        later = button("Review…", ids.REVIEW_AFTER, value, style="primary")
        return [later, *_end(request)]
    if request.state is State.PENDING:
        changes = button("Approve with changes…", ids.APPROVE_CHANGED, value)
        first = [approve(request), changes] if complete else [review(request)]
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
    value = ids.stamp(request)
    yes = confirm("It happened?", "Say so only if you have looked.", "It happened")
    no = confirm("It did not happen?", "Say so only if you have looked.", "It did not")
    return [
        button("It happened", ids.HAPPENED, value, confirm=yes),
        button("It did not", ids.NOT_HAPPENED, value, confirm=no),
    ]
