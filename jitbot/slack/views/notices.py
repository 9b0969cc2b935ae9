"""Everything else that is said: lines in a thread, notices, alarms, one line at the end, and answers to a command."""

import re
from collections.abc import Sequence

from jitbot.explain import length, named
from jitbot.model import Request, Review, UserId
from jitbot.slack import limits
from jitbot.slack.blocks import actions, button
from jitbot.slack.spans import Block, Bold, Drawing, Line, Ping, Span, paragraph, rich, spoken, verbatim
from jitbot.slack.text import size, truncate, visible
from jitbot.slack.views import ids
from jitbot.slack.views.content import gist
from jitbot.slack.views.people import Names, namer
from jitbot.slack.views.standing import approved_by, owed, sign, standing

VERBATIM = 2_500
"""So many characters of a text are said as they are, whole, in one message."""


def saying(text: str) -> Drawing:
    """Say one thing."""
    shown = truncate(visible(text) or "-", limits.SECTION_TEXT)
    return Drawing(spoken([[shown]]), [rich(paragraph([shown]))])


def notice(text: str, request: Request | None) -> Drawing:
    """Tell somebody something, with a way to the request it is about."""
    said = saying(text)
    if request is None:
        return said
    return Drawing(said.text, [*said.blocks, *_ways(request)])


def _ways(request: Request) -> list[Block]:
    """Return the buttons by which somebody gets from a message to the request it is about."""
    value = ids.stamp(request)
    later = [button("Review…", ids.REVIEW_AFTER, value, style="primary")] if owed(request) else []
    return actions(*later, button("Details", ids.DETAILS, value))


def alarm(text: str, request: Request | None = None) -> Drawing:
    """Tell the operators; about broken glass, with a way to review it."""
    shown = truncate(visible(text), limits.SECTION_TEXT)
    line: Line = ["🚨 ", Bold(shown or "-")]
    ways = _ways(request) if request is not None and request.break_glass else []
    return Drawing(spoken([line]), [rich(paragraph(line)), *ways])


def announcement(text: str, names: Names) -> Drawing:
    """Tell that the policies have changed: the first line says who did it."""
    heading, _, rest = named(text, namer(names)).partition("\n")
    lines: list[Line] = [["📜 ", Bold(truncate(visible(heading) or "-", limits.SECTION_TEXT // 4))]]
    lines += [[truncate(visible(rest), limits.SECTION_TEXT // 2)]] if rest else []
    return Drawing(spoken(lines), [rich(paragraph(*lines))])


def thread(lines: Sequence[str]) -> Drawing:
    """Say the lines that have gathered, as one message; the newest stay when there are too many."""
    text = visible("\n".join(lines)).strip("\n") or "-"
    if size(text) > limits.SECTION_TEXT:
        kept = text[-(limits.SECTION_TEXT // 2) :]
        text = f"({len(text) - len(kept)} more characters above)\n{kept}"
    return Drawing(spoken([[text]]), [rich(verbatim(text, limits.SECTION_TEXT))])


def verbatim_saying(said: str, text: str) -> Drawing:
    """Say something above a text whose spacing matters; of a longer text, its end."""
    text = visible(text).strip("\n") or "-"
    shown = text if size(text) <= VERBATIM else f"…{text[-(VERBATIM // 2) :]}"
    line: Line = [visible(said)]
    return Drawing(spoken([line, [shown]]), [rich(paragraph(line), verbatim(shown, limits.SECTION_TEXT))])


def call(text: str, names: Names) -> Drawing:
    """Ping the people whom a text of ours names (`<@U…>`)."""
    spans: list[Span] = []
    for piece in re.split(r"(<@[UW][A-Z0-9_]+>)", text):
        user = UserId(piece[2:-1]) if piece.startswith("<@") else None
        spans.append(Ping(user, names.get(user, user)) if user else visible(piece))
    return Drawing(spoken([spans]), [rich(paragraph(spans))])


def summary(request: Request, reviews: Sequence[Review], names: Names) -> Drawing:
    """Say in one line how a request ended: who, approved by whom, how long it waited and ran."""
    people = [names.get(request.requester, request.requester), approved_by(request, reviews, names)]
    times = []
    if request.approved_at is not None:
        times.append(f"waited {length(request.approved_at - request.created_at)}")
    if request.started_at is not None and request.ended_at is not None:
        times.append(f"ran {length(request.ended_at - request.started_at)}")
    who = ", ".join(part for part in people if part)
    start = f"{sign(request)} {request.name} "
    rest = "".join(f" · {part}" for part in (who, ", ".join(times)) if part)
    line: Line = [start, Bold(gist(request)), " · ", *standing(request, reviews, names), rest]
    return Drawing(spoken([line]), [rich(paragraph(line))])


def with_form_button(text: str, action: str, typed: str, label: str) -> Drawing:
    """Answer a command that cannot be taken, with a button that opens the form with what was typed.

    What does not fit on a button stays with the person: the answer says so and repeats it.
    """
    said = saying(text)
    if size(typed) > limits.BUTTON_VALUE:
        repeated = saying(f"{text}\nWhat you typed is too long to be kept on a button; here it is:\n{typed}")
        return Drawing(repeated.text, [*repeated.blocks, *actions(button(label, ids.OPEN_FORM, action))])
    return Drawing(said.text, [*said.blocks, *actions(button(label, ids.OPEN_FORM, typed))])
