"""Break-glass: the choice in the form, the question whether somebody means it, and the review that is owed for it."""

from collections.abc import Sequence

from jitbot.explain import either, length
from jitbot.model import Action, Owed, Request, Review
from jitbot.slack import limits
from jitbot.slack.blocks import modal, note, option, plain
from jitbot.slack.spans import Block, Bold, Line, paragraph, quote, rich
from jitbot.slack.text import shorten, size
from jitbot.slack.typed import Typed, kept
from jitbot.slack.views import ids
from jitbot.slack.views.content import plain_value
from jitbot.slack.views.foresight import Foresight
from jitbot.slack.views.people import MOST_NAMED, Names
from jitbot.slack.views.standing import owed
from jitbot.slack.views.whole import details

ACCEPT, OBJECT = "accept", "object"
COMMENT_LENGTH = 500
YES = "yes"


def choice(typed: Typed) -> list[Block]:
    """Return the field of the form by which the glass is broken; it is drawn only for those who may."""
    chosen = option("🚨 Break the glass: run it at once, without approval", YES)
    element: Block = {"type": "checkboxes", "action_id": ids.FIELD, "options": [chosen]}
    if typed.break_glass:
        element["initial_options"] = [chosen]
    hint = "You are asked once more. Everybody who was not asked is told, and a review is owed afterwards."
    block: Block = {
        "type": "input",
        "block_id": ids.GLASS_BLOCK,
        "label": plain("In an emergency", limits.INPUT_LABEL),
        "hint": plain(hint, limits.INPUT_HINT),
        "optional": True,
        "dispatch_action": True,
        "element": element,
    }
    return [block]


def confirm(action: Action, typed: Typed, owes: Owed, ahead: Foresight) -> Block:
    """Ask once more, saying what will happen, who is told, and by when a review is owed."""
    keeps = kept(typed)
    if size(keeps) > limits.PRIVATE_METADATA:
        return modal("Break the glass?", [rich(paragraph([TOO_LONG]))])
    values = " · ".join(f"{name} {plain_value(value)}" for name, value in typed.params.items())
    plan = ahead.plan.summary if ahead.plan is not None else ""
    lines: list[Line] = [
        ["🚨 ", Bold(shorten(f"{action.title}: {values}" if values else action.title, 500))],
        [Bold("What happens  "), shorten(f"It runs at once, without approval. {plan}", 600)],
        [Bold("Who is told  "), shorten(_told(owes, ahead.names), 600)],
        [Bold("What you owe  "), _owes(owes)],
    ]
    return modal(
        "Break the glass?",
        [rich(paragraph(*lines), quote(typed.reason, 600))],
        submit="Break the glass",
        close="Not now",
        callback_id=ids.BREAK_GLASS_VIEW,
        private_metadata=keeps,
    )


TOO_LONG = (
    "What you typed is too long to be kept while you are asked whether you mean it, so nothing was done. "
    "Ask again with a shorter reason."
)


def _told(owes: Owed, names: Names) -> str:
    people = [names.get(user, user) for user in owes.skipped[:MOST_NAMED]]
    rest = len(owes.skipped) - len(people)
    return either([*owes.tell, *people, *([f"{rest} more"] if rest else [])], "and")


def _owes(owes: Owed) -> str:
    within = length(owes.review_within)
    groups = either([each.partition(":")[2] for each in owes.reviewers])
    return shorten(f"a review by somebody of {groups}, within {within} of the start. Everything goes on record.", 600)


def review_after_form(request: Request, reviews: Sequence[Review], names: Names) -> Block:
    """Return the modal that shows everything that was done, and takes the review of it."""
    shown = details(request, reviews, names)
    if not owed(request):
        return shown
    verdicts = [option("Accept: it was right to break the glass", ACCEPT), option("Object: it was not", OBJECT)]
    verdict: Block = {
        "type": "input",
        "block_id": ids.VERDICT_BLOCK,
        "label": plain("Your review", limits.INPUT_LABEL),
        "element": {"type": "radio_buttons", "action_id": ids.FIELD, "options": verdicts},
    }
    comment: Block = {
        "type": "input",
        "block_id": ids.COMMENT_BLOCK,
        "label": plain("Comment", limits.INPUT_LABEL),
        "hint": plain("Needed if you object. The requester and the channels read it.", limits.INPUT_HINT),
        "optional": True,
        "element": {
            "type": "plain_text_input",
            "action_id": ids.FIELD,
            "multiline": True,
            "max_length": COMMENT_LENGTH,
        },
    }
    told = note("Nothing is undone by a review: it says whether this should have been done.")
    return modal(
        f"Review {request.name}",
        [verdict, comment, told, *shown["blocks"]],
        submit="Send",
        close="Not now",
        callback_id=ids.REVIEW_AFTER_VIEW,
        private_metadata=ids.stamp(request),
    )
