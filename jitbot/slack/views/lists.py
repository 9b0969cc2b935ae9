"""Lists: what you may run, what is yours, what waits for you, and how one request stands."""

from collections.abc import Sequence

from jitbot.model import Action, Parameter, ParameterType, Request, Review
from jitbot.slack import limits
from jitbot.slack.blocks import actions, button, modal, note, option, plain
from jitbot.slack.spans import Block, Bold, Code, Drawing, Line, Span, paragraph, rich, spoken
from jitbot.slack.text import shorten
from jitbot.slack.views import ids
from jitbot.slack.views.buttons import review
from jitbot.slack.views.card import CardFor, draw_card, first_line
from jitbot.slack.views.people import Names
from jitbot.slack.views.standing import owed as is_owed

FEW_ACTIONS = 12
"""So many actions are listed with a button each; more are offered in a select."""
MOST_SHOWN = 15

NOTHING_OFFERED = "There is nothing you may run yet. Your team's policy says who may; ask whoever keeps it."


def picker(offered: Sequence[Action]) -> Block:
    """Return the modal in which somebody chooses what to ask for."""
    if not offered:
        return modal("What shall run?", [rich(paragraph([NOTHING_OFFERED]))], callback_id=ids.PICKER)
    if len(offered) <= FEW_ACTIONS:
        return modal("What shall run?", [_choice(action) for action in offered], callback_id=ids.PICKER)
    select: Block = {"type": "static_select", "options": [action_option(action) for action in offered]}
    if len(offered) > limits.SELECT_OPTIONS:
        select = {"type": "external_select", "min_query_length": 0}
    select |= {"action_id": ids.PICK, "placeholder": plain("Type to search", limits.PLACEHOLDER)}
    intro = rich(paragraph([f"You may run {len(offered)} actions."]))
    return modal("What shall run?", [intro, {"type": "actions", "elements": [select]}], callback_id=ids.PICKER)


def action_option(action: Action) -> Block:
    """Return an action as one choice of a select."""
    chosen = option(f"{action.name}: {action.title}", action.name)
    return {**chosen, "description": plain(action.description, 75)} if action.description.strip() else chosen


def found_actions(offered: Sequence[Action], query: str) -> list[Block]:
    """Return the actions that match a search."""
    words = query.casefold().split()
    texts = [(f"{action.name} {action.title} {action.description}".casefold(), action) for action in offered]
    matching = [action for text, action in texts if all(word in text for word in words)]
    return [action_option(action) for action in matching[: limits.SELECT_OPTIONS]]


def _choice(action: Action) -> Block:
    said = f"{shorten(action.title, 200)}\n{shorten(action.description or usage(action), 400)}"
    return {
        "type": "section",
        "text": {"type": "plain_text", "text": said, "emoji": True},
        "accessory": button("Choose", ids.PICK, action.name),
    }


def usage(action: Action) -> str:
    """Return how an action is typed: `/jit restart service=… env=staging|prod reason="…"`."""
    words = [ids.COMMAND, action.name, *(_usage(each) for each in action.parameters)]
    if action.timebox is not None:
        words.append("for=30m")
    if action.start_later is not None:
        words.append("at=18:30")
    return shorten(" ".join([*words, *(['reason="…"'] if action.reason.required else [])]), 300)


def _usage(parameter: Parameter) -> str:
    few = parameter.type is ParameterType.CHOICE and 0 < len("|".join(parameter.options)) <= 40
    values = "|".join(parameter.options) if few else "…"
    word = f"{parameter.name}={values}"
    return f"[{word}]" if not parameter.required or parameter.default is not None else word


def help_list(offered: Sequence[Action]) -> Drawing:
    """Say what this person may run, and the words jitbot understands."""
    lines: list[Line] = [[Bold("What you may run")]] if offered else [[NOTHING_OFFERED]]
    for action in offered[:MOST_SHOWN]:
        lines.append([f"{shorten(action.title, 120)}  ", Code(usage(action))])
    if len(offered) > MOST_SHOWN:
        lines.append([f"… and {len(offered) - MOST_SHOWN} more: ", Code(ids.COMMAND), " shows them all"])
    words: list[Line] = [[Code(f"{ids.COMMAND} {word}".strip()), f"  {meaning}"] for word, meaning in WORDS]
    parts = rich(paragraph(*lines), paragraph(["\n", Bold("Words")], *words))
    return Drawing(spoken([*lines, *words]), [parts])


WORDS = (
    ("", "choose from what you may run"),
    ('<action> key=value … for=30m reason="…"', "ask for it at once"),
    ("status JIT-12", "how a request stands"),
    ("why JIT-12", "why it was decided so"),
    ("mine", "what you have asked for"),
    ("pending", "what waits for your approval, or for your review afterwards"),
    ("withdraw JIT-12", "take back a request that has not started"),
    ("drop JIT-12", "end now what you were granted, or what you may end"),
    ('extend JIT-12 for=30m reason="…"', "keep it for longer; alone: the form"),
    ("delegate @colleague until Friday 18:00", "have somebody review in your place; alone: who does"),
    ("delegate end", "end that"),
    ("halt", "what is halted, and how to halt and lift"),
    ("help", "this"),
)


def mine(requests: Sequence[Request], names: Names) -> Drawing:
    """List what somebody has asked for."""
    nothing = f"You have not asked for anything yet. {ids.COMMAND} shows what you may run."
    return _listed("What you have asked for", requests, names, nothing, reviewing=False)


def pending(requests: Sequence[Request], owed: Sequence[Request], names: Names) -> Drawing:
    """List what waits for somebody's review, before or after the fact; the buttons open the whole story first."""
    waiting = [*owed, *requests]
    return _listed("Waiting for you", waiting, names, "Nothing waits for your approval.", reviewing=True)


def status(request: Request, reviews: Sequence[Review], names: Names) -> Drawing:
    """Show one request as its card does, with nothing to press but Details."""
    drawn = draw_card(request, reviews, names, CardFor())
    return Drawing(drawn.text, [drawn.blocks[0], *actions(button("Details", ids.DETAILS, ids.stamp(request)))])


def _reviewing(request: Request) -> list[Block]:
    if is_owed(request):
        return [button("Review…", ids.REVIEW_AFTER, ids.stamp(request), style="primary")]
    return [review(request), button("Deny…", ids.DENY, ids.stamp(request))]


def _listed(title: str, requests: Sequence[Request], names: Names, nothing: str, *, reviewing: bool) -> Drawing:
    if not requests:
        return Drawing(nothing, [rich(paragraph([nothing]))])
    shown = requests[:MOST_SHOWN]
    heads = [first_line(request, (), names) for request in shown]
    blocks = [rich(paragraph([Bold(f"{title} ({len(requests)})")]))]
    for request, head in zip(shown, heads, strict=True):
        why: list[Span] = [f"“{shorten(request.reason, 200)}”"] if request.reason.strip() else []
        own = _reviewing(request) if reviewing else []
        row = actions(*own, button("Details", ids.DETAILS, ids.stamp(request)))
        blocks += [rich(paragraph(head, why)), *row]
    if len(requests) > MOST_SHOWN:
        blocks.append(note(f"… and {len(requests) - MOST_SHOWN} more."))
    return Drawing(spoken([[title], *heads]), blocks)
