"""The card of a request: one message, redrawn with every move, that says everything in its first line."""

from collections.abc import Sequence
from dataclasses import dataclass

from jitbot.explain import seen, source_name, who
from jitbot.lifecycle import TERMINAL
from jitbot.model import HealthState, Need, Outcome, Request, Review, State, UndoCause, UserId
from jitbot.slack import limits
from jitbot.slack.blocks import actions
from jitbot.slack.spans import Bold, Drawing, Line, Ping, Span, When, paragraph, rich, spoken
from jitbot.slack.text import shorten
from jitbot.slack.views.buttons import buttons
from jitbot.slack.views.content import Content, content, gist
from jitbot.slack.views.halts import held
from jitbot.slack.views.people import Names, approvers, called, namer
from jitbot.slack.views.standing import approved_by, review_owed, sign, standing
from jitbot.slack.views.targets import targets

NEEDS_SHOWN = 12
DECIDED_LATER = frozenset({State.DECIDING, State.PENDING})


@dataclass(frozen=True, slots=True)
class CardFor:
    """For whom a copy is drawn: the channel, or (`private`) the requester's DM; `ping` only when it is first posted."""

    private: bool = False
    ping: bool = False
    output: bool = False
    """Whether runs have said more than their thread shows well."""
    note: str = ""
    """A line on top, for a copy that stands somewhere it was not meant to."""


def draw_card(request: Request, reviews: Sequence[Review], names: Names, copy: CardFor) -> Drawing:
    """Draw a request as it stands."""
    headline = first_line(request, reviews, names)
    told = content(request, names)
    decided = (*_changed(request, reviews, names), *_deciding(request, reviews, names))
    below = [
        line for line in (held(request, names), *decided, targets(request), *_ending(request, reviews, names)) if line
    ]
    calling = _calling(request, names) if copy.ping and not copy.private else []
    note: list[Line] = [[copy.note]] if copy.note else []
    parts = [paragraph(*note, headline), *told.parts(), paragraph(*below, calling)]
    shown = buttons(request, private=copy.private, complete=told.complete, output=copy.output)
    blocks = [rich(*parts), *actions(*shown)]
    return Drawing(spoken([*note, headline, *_said(told), *below, calling]), blocks)


def first_line(request: Request, reviews: Sequence[Review], names: Names) -> Line:
    """Say everything in one line: sign, what, where it stands, who, and how it is called."""
    asked: list[Span] = [f" · {names.get(request.requester, request.requester)}"]
    if request.state in (State.DECIDING, State.PENDING):
        asked = [f" · asked by {names.get(request.requester, request.requester)} ", When(request.created_at)]
    words = standing(request, reviews, names)
    glass = "Break-glass: " if request.break_glass else ""
    later = review_owed(request, names)
    return [f"{sign(request)} ", Bold(glass + gist(request)), " · ", *words, *later, *asked, f" · {request.name}"]


def _said(told: Content) -> list[Line]:
    """Return the content for the ear: reason first, as on the card."""
    reason: list[Line] = [[f"“{shorten(told.reason, limits.CARD_REASON)}”"]] if told.reason.strip() else []
    return [*reason, *told.lines]


def _deciding(request: Request, reviews: Sequence[Review], names: Names) -> list[Line]:
    """Say who decides, as long as somebody does; afterwards only what let through a request that nobody approved."""
    decision = request.decision
    if decision is None:
        return []
    if request.state not in DECIDED_LATER:
        nobody = decision.outcome is Outcome.ALLOW and not approvers(request, reviews)
        return [[Bold("Allowed by  "), shorten(decision.summary, 300)]] if nobody else []
    looked = seen(decision)
    why = f"{decision.summary} · {looked}" if looked else decision.summary
    lines: list[Line] = [[Bold("Who decides  "), shorten(why, 300)]]
    if decision.unread:
        lines.append([f"⚠ Could not be read just now: {shorten(', '.join(decision.unread), 300)}"])
    if request.state is State.PENDING:
        shown = [_need(need, names) for need in decision.needs[:NEEDS_SHOWN]]
        lines += [[Bold("Approvals  ") if index == 0 else "", *need] for index, need in enumerate(shown)]
    return lines


def _need(need: Need, names: Names) -> Line:
    given = ", ".join(called(user, names, [need]) for user in need.approved_by)
    met = f"✓ {' or '.join(source_name(source, namer(names)) for source in need.sources)}: {given}" if given else ""
    waits = f"○ {who(need, namer(names))}" if need.missing > 0 else ""
    return [shorten(" · ".join(part for part in (met, waits) if part), 500)]


def _changed(request: Request, reviews: Sequence[Review], names: Names) -> list[Line]:
    """Say what an approver has changed, and that approvals from before do not count any more."""
    change = next((each for each in reviews if each.reviewer == request.changed_by), None)
    if change is None:
        return []
    again = ". Approvals given before are asked for again." if request.state is State.PENDING else ""
    who_did = names.get(change.reviewer, change.reviewer)
    return [[Bold("Changed by  "), f"{who_did}: {shorten(change.comment, 300)}{again}"]]


def _ending(request: Request, reviews: Sequence[Review], names: Names) -> list[Line]:
    approved = approved_by(request, reviews, names)
    if request.state is State.PENDING:
        then = "starts as planned" if request.starts_at else "takes effect" if request.extension else "runs at once"
        lapse: Line = ["lapses ", When(request.lapses_at), f" · {then} when approved"] if request.lapses_at else []
        return [*_escalated(request, names), lapse]
    if request.state is State.APPROVED and request.start_by is not None:
        first = "" if request.starts_at else "starts at once, "
        return [[approved], [f"{first}at the latest ", When(request.start_by)]]
    if request.state is State.UNSURE:
        wanted = "Somebody who may approve this, not the requester, should look and say which it was."
        return [[approved], _checked(request), [wanted]]
    if request.state in TERMINAL and request.ended_at is not None:
        return [_settled(request, names), [f"{approved} · " if approved else "", "ended ", When(request.ended_at)]]
    return [_settled(request, names), [approved]]


_CHECKS = {
    HealthState.ABSENT: "does not find it, and its start may still come through",
    HealthState.UNHEALTHY: "finds it there, and unhealthy",
    HealthState.HEALTHY: "finds it",
    HealthState.UNKNOWN: "cannot tell",
}


def _checked(request: Request) -> Line:
    """Say what the runner's check said last of an unsure result."""
    if request.checked is None:
        return []
    health = request.checked.health
    said = f": {shorten(health.detail, limits.CARD_OUTCOME)}" if health.detail else ""
    return [Bold("The check  "), f"{_CHECKS[health.state]}{said} · since ", When(request.checked.at)]


def _settled(request: Request, names: Names) -> Line:
    """Say who has said which it was."""
    if request.settled_by is None:
        return []
    who_looked = names.get(request.settled_by, request.settled_by)
    if request.snapshot.parts:  # some of them may have happened
        return [Bold("Settled  "), f"{who_looked} has looked"]
    begun = request.watch is not None and request.watch.until is not None
    failed = request.state is State.FAILED and request.undo_cause is None and not begun
    never = failed or request.undo_cause is UndoCause.NOT_STARTED
    return [Bold("Settled  "), f"{who_looked} has looked: it {'did not happen' if never else 'happened'}"]


def _escalated(request: Request, names: Names) -> list[Line]:
    """Say who has been asked besides as time passed, and since when."""
    since, told = request.waits_since, request.escalated_at
    if request.decision is None or since is None or told is None:
        return []
    opened = [tier for tier in request.decision.waiting.escalate if since + tier.after <= told]
    return [
        [
            Bold("Asked also  "),
            " or ".join(source_name(source, namer(names)) for source in tier.to),
            ", since ",
            When(since + tier.after),
        ]
        for tier in opened
    ]


def _calling(request: Request, names: Names) -> Line:
    """Ping those who can approve: only in the very first post, since edits notify nobody."""
    if request.state is not State.PENDING or request.decision is None:
        return []
    open_needs = [need for need in request.decision.needs if need.missing > 0]
    loud = (user for need in open_needs for user in need.candidates if user not in need.quiet)
    people: list[UserId] = list(dict.fromkeys(loud))
    spans: list[Span] = []
    for user in people[: limits.PINGS]:
        spans += [Ping(user, names.get(user, user)), " "]
    return [*spans, "please look"] if spans else []
