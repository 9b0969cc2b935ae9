"""Where a request stands, in a sign and a few words: the first line of its card."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from jitbot.explain import either, length, named
from jitbot.model import Request, Review, Stage, State, UndoCause, Verdict
from jitbot.slack.limits import CARD_OUTCOME
from jitbot.slack.spans import DAY_AND_TIME, Line, Span, When
from jitbot.slack.text import shorten
from jitbot.slack.views.people import Names, approvers, called, namer, reviewer


def owed(request: Request) -> bool:
    """Tell whether a review is still owed for broken glass."""
    return request.obligation is not None and request.obligation.reviewed_at is None


SIGNS = {
    State.DECIDING: "🟠",
    State.PENDING: "🟠",
    State.APPROVED: "🔵",
    State.RUNNING: "🔵",
    State.VERIFYING: "🔵",
    State.ACTIVE: "🔵",
    State.UNDOING: "🔵",
    State.UNSURE: "🟣",
    State.DENIED: "⚪",
    State.WITHDRAWN: "⚪",
    State.LAPSED: "⚪",
    State.MISSED: "⚪",
    State.SUCCEEDED: "🟢",
    State.FAILED: "🔴",
    State.EXPIRED: "⚪",
    State.REVOKED: "⚪",
    State.ROLLED_BACK: "↩️",
}
_GLASS = frozenset({State.APPROVED, State.RUNNING, State.VERIFYING, State.ACTIVE, State.UNDOING})
ALARMED_AFTER = 3
"""So many failed undos are shown as failing."""


def sign(request: Request) -> str:
    """Return the state's sign; an undo that keeps failing is an alarm."""
    broken = request.break_glass and (request.state in _GLASS or owed(request))
    failing = request.state is State.UNDOING and request.undo_attempts >= ALARMED_AFTER
    return "🚨" if failing or broken else SIGNS[request.state]


def standing(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    """Say in words where the request stands."""
    if request.extension is not None and request.state in _EXTENSION and not request.halted:
        return [_after(_EXTENSION[request.state], request)]
    return _WORDS[request.state](request, reviews, names)


_Words = Callable[[Request, Sequence[Review], Names], Line]


def _outcome(request: Request) -> str:
    return shorten(request.outcome, CARD_OUTCOME)


def _after(words: str, request: Request) -> str:
    return f"{words}: {_outcome(request)}" if request.outcome else words


def _took(since: datetime | None, until: datetime | None) -> str:
    return length(until - since) if since and until else ""


def _pending(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    given = len(approvers(request, reviews))
    needs = request.decision.needs if request.decision else ()
    wanted = sum(need.count for need in needs)
    halted = ", and is HALTED" if request.halted else ""
    so_far = f", {given} of {wanted}" if given and wanted > given else ""
    return [f"waits for approval{so_far}{halted}"]


def _approved(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    if request.snapshot.pool and request.outcome:
        return [f"approved, waits for a worker of pool {request.snapshot.pool}: {_outcome(request)}"]
    if request.halted:
        return ["approved, and HALTED"]
    if request.starts_at is not None:
        return ["approved, to start ", When(request.starts_at, DAY_AND_TIME)]
    return ["approved, about to start"]


def _running(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    done = sum(each.stage is Stage.DONE for each in request.progress)
    running = f"running, {done} of {len(request.progress)} done" if request.progress else "running"
    again = f" again, attempt {request.attempts}" if request.attempts > 1 else ""
    line = shorten(request.last_line, CARD_OUTCOME)
    halted = ", the rest is HALTED" if request.halted else ""
    words = "being stopped" if request.stopped_by else f"{running}{again}{halted}"
    return [f"{words}: {line}" if line else _after(words, request)]


def _verifying(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    watch = request.watch
    if watch is None or watch.until is None:
        return ["started and watched"]
    so_far = f", unhealthy at the last look: {shorten(watch.said, CARD_OUTCOME)}" if watch.unhealthy else ""
    return ["started and watched, ends ", When(watch.until), so_far]


def _active(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    return ["granted, ends ", When(request.expires_at)] if request.expires_at else ["granted"]


def _undoing(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    if request.undo_attempts >= ALARMED_AFTER:
        return [_after(f"NOT ended: undoing has failed {request.undo_attempts} times and is tried again", request)]
    if request.undo_cause is UndoCause.UNHEALTHY:
        done = "undone, looking whether that helped" if request.watch and request.watch.undone else "being undone"
        return [_after(f"unhealthy, {done}", request)]
    return ["being undone" if not request.undo_attempts else f"being undone, try {request.undo_attempts + 1}"]


def _unsure(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    return [_after("we don't know whether it happened", request)]


def _denied(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    denial = next((each for each in reversed(reviews) if each.verdict is Verdict.DENY and _counts(each)), None)
    if denial is None:
        why = request.outcome or (request.decision.summary if request.decision else "")
        return [f"refused: {shorten(named(why, namer(names)), CARD_OUTCOME)}" if why else "refused"]
    said = f": “{shorten(denial.comment, CARD_OUTCOME)}”" if denial.comment else ""
    return [f"denied by {reviewer(denial, names)}{said}"]


def _counts(review: Review) -> bool:
    return bool(review.selectors or review.on_behalf_of)


def _withdrawn(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    return [f"withdrawn by {names.get(request.requester, request.requester)}"]


def _lapsed(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    waited = _took(request.created_at, request.lapses_at)
    return [f"lapsed: not approved within {waited}" if waited else "lapsed: not approved in time"]


def _missed(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    return [_after("approved, but not started in time, so not at all", request)]


def _succeeded(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    took = _took(request.started_at, request.ended_at)
    return [_after(f"done in {took}" if took else "done", request)]


def _failed(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    return [_after("failed", request)]


def _expired(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    held = _took(request.granted_at or request.started_at, request.ended_at)
    on_time = not (request.expires_at and request.ended_at and request.ended_at - request.expires_at > _LATE)
    words = "ended on time" if on_time else "ended late"
    handed = f", handed over to JIT-{request.handed_to}" if request.handed_to else ""
    return [f"{words} after {held}{handed}" if held else words + handed]


def _revoked(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    held = _took(request.granted_at or request.started_at, request.ended_at)
    handed = f", handed over to JIT-{request.handed_to}" if request.handed_to else ""
    return [_after(f"ended early after {held}{handed}" if held else f"ended early{handed}", request)]


def _rolled_back(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    return [_after("undone", request)]


def review_owed(request: Request, names: Names) -> Line:
    """Say in the first line of a card that a review is owed, or what came of it."""
    obligation = request.obligation
    if obligation is None:
        return []
    if owed(request):
        late = "review OVERDUE since " if obligation.reminded_at is not None else "review owed by "
        spans: list[Span] = [f" · {late}", When(obligation.due_at, DAY_AND_TIME)]
        return spans
    by = names.get(obligation.reviewed_by, obligation.reviewed_by) if obligation.reviewed_by else ""
    verdict = "reviewed and accepted" if obligation.accepted else "reviewed and objected to"
    said = f": “{shorten(obligation.comment, 200)}”" if obligation.comment else ""
    return [f" · {verdict} by {by}{said}"]


_LATE = timedelta(minutes=1)
_EXTENSION = {
    State.APPROVED: "approved, about to take effect",
    State.RUNNING: "its target is being told",
    State.SUCCEEDED: "extended",
    State.FAILED: "not extended",
    State.MISSED: "not extended",
}
"""How an extension stands, where the words for others would not fit."""

_WORDS: dict[State, _Words] = {
    State.DECIDING: lambda request, reviews, names: ["being decided"],
    State.PENDING: _pending,
    State.APPROVED: _approved,
    State.RUNNING: _running,
    State.VERIFYING: _verifying,
    State.ACTIVE: _active,
    State.UNDOING: _undoing,
    State.UNSURE: _unsure,
    State.DENIED: _denied,
    State.WITHDRAWN: _withdrawn,
    State.LAPSED: _lapsed,
    State.MISSED: _missed,
    State.SUCCEEDED: _succeeded,
    State.FAILED: _failed,
    State.EXPIRED: _expired,
    State.REVOKED: _revoked,
    State.ROLLED_BACK: _rolled_back,
}


def approved_by(request: Request, reviews: Sequence[Review], names: Names) -> str:
    """Say who approved: `approved by Bo and Cy`; empty when nobody had to."""
    needs = request.decision.needs if request.decision else ()
    people = [called(user, names, needs) for user in approvers(request, reviews)]
    return f"approved by {either(people, 'and')}" if people else ""
