"""Everything about a request in a modal: to understand it (Details), or to approve it having seen it all (Review)."""

import json
from collections.abc import Sequence

from jitbot.explain import explain, named
from jitbot.model import Request, Review, State
from jitbot.slack import limits
from jitbot.slack.blocks import modal, note
from jitbot.slack.spans import Block, Bold, Code, Line, Span, When, paragraph, rich, verbatim
from jitbot.slack.text import fallback, pieces, visible
from jitbot.slack.views import ids
from jitbot.slack.views.card import first_line
from jitbot.slack.views.content import inputs_text, plain_value, watched_text
from jitbot.slack.views.halts import is_held
from jitbot.slack.views.people import Names, namer, reviewer


def details(request: Request, reviews: Sequence[Review], names: Names) -> Block:
    """Return the modal behind Details and `/jit why`: the tree of reasons first, then all the rest."""
    why = _section("Why", explain(request.decision, namer(names), folded=True)) if request.decision else []
    stopped = _section("Halted", named(request.halted, namer(names))) if is_held(request) else []
    blocks = [
        _heading(request, reviews, names),
        *stopped,
        *why,
        *_everything(request),
        *_history(request, reviews, names),
    ]
    return modal(request.name, _fitting(blocks))


def review_form(request: Request, reviews: Sequence[Review], names: Names) -> Block:
    """Return the modal that shows all that will run, and can approve it; no Approve if even this cannot show it."""
    if request.state is not State.PENDING:
        return details(request, reviews, names)
    why = _section("Why", explain(request.decision, namer(names), folded=True)) if request.decision else []
    blocks = [_heading(request, reviews, names), *_everything(request), *why]
    if _too_long(blocks):
        sorry = note("This is too long to be shown whole, so it cannot be approved here. Ask for a shorter one.")
        return modal(request.name, [sorry, *_fitting(blocks)])
    return modal(
        f"Review {request.name}",
        blocks,
        submit="Approve",
        close="Not now",
        callback_id=ids.REVIEW_VIEW,
        private_metadata=ids.stamp(request),
    )


def _heading(request: Request, reviews: Sequence[Review], names: Names) -> Block:
    lines: list[Line] = [first_line(request, reviews, names)]
    if request.beneficiary != request.requester:
        lines.append([Bold("For  "), names.get(request.beneficiary, request.beneficiary)])
    return rich(paragraph(*lines))


def _everything(request: Request) -> list[Block]:
    """Return all that is under approval, uncut."""
    snapshot, plan = request.snapshot, request.snapshot.plan
    values = "\n".join(f"{name}: {plain_value(value)}" for name, value in request.params.items())
    undo = "It can be undone." if plan and plan.undoable else "It cannot be undone."
    return [
        *_section("Reason", request.reason),
        *_section("What happens", f"{plan.summary}\n{undo}" if plan else ""),
        *_section("Changes", plan.diff if plan else ""),
        *_section("Typed in", values),
        *_section(f"Exactly what {snapshot.runner} is given", inputs_text(snapshot.inputs)),
        *_section("Target" if len(snapshot.targets) == 1 else "Targets", "\n".join(snapshot.targets)),
        *_section("Pool", snapshot.pool),
        *_section("How long", _how_long(request)),
        *_section("Starts", fallback(request.starts_at) if request.starts_at else ""),
        *_section("Watched", watched_text(request)),
        *_section("Risk", snapshot.risk),
    ]


def _how_long(request: Request) -> str:
    if request.ttl is None:
        return ""
    seconds = f"{int(request.ttl.total_seconds())} seconds"
    longer = request.extension
    if longer is None:
        return f"{seconds} from when it is granted"
    return f"{longer.parent} ends {fallback(longer.until)} instead of {fallback(longer.since)}: {seconds} in all"


def _history(request: Request, reviews: Sequence[Review], names: Names) -> list[Block]:
    lines: list[Line] = [
        [f"{reviewer(each, names)}: {each.verdict} ", When(each.at), *_comment(each)] for each in reviews[:50]
    ]
    moments = [
        ("asked", request.created_at),
        ("approved", request.approved_at),
        ("planned to start", request.starts_at),
        ("started", request.started_at),
        ("granted", request.granted_at),
        ("ends" if request.ended_at is None else "was to end", request.expires_at),
        ("ended", request.ended_at),
    ]
    lines += [[f"{word} ", When(at, "{date_short_pretty} {time_secs}")] for word, at in moments if at is not None]
    lines.append([f"revision {request.revision} · digest ", Code(request.digest[:16] or "none")])
    return [rich(paragraph([Bold("What has happened")], *lines))]


def _comment(review: Review) -> list[Span]:
    return [f" “{review.comment}”"] if review.comment else []


def _section(title: str, text: str) -> list[Block]:
    """Return a titled text in as many pieces as it takes."""
    if not text.strip():
        return []
    cut = pieces(visible(text), limits.PIECE)
    heads = [title if len(cut) == 1 else f"{title} ({index} of {len(cut)})" for index in range(1, len(cut) + 1)]
    parts = zip(heads, cut, strict=True)
    return [rich(paragraph([Bold(head)]), verbatim(part, limits.PIECE * 2)) for head, part in parts]


def _too_long(blocks: list[Block]) -> bool:
    return len(blocks) > limits.REVIEW_PIECES or len(json.dumps(blocks)) > limits.VIEW_BYTES * 0.8


def _fitting(blocks: list[Block]) -> list[Block]:
    """Return as much as one modal holds, saying so where something is left out."""
    if not _too_long(blocks):
        return blocks
    while blocks and _too_long(blocks):
        blocks = blocks[: min(len(blocks) - 1, limits.REVIEW_PIECES)]
    return [*blocks, note("There is more than fits here: the command line shows it all.")]
