"""Small modals: waiting, saying one thing, and asking why somebody denies."""

from jitbot.model import Request
from jitbot.slack.blocks import modal, plain
from jitbot.slack.limits import TEXT_INPUT
from jitbot.slack.spans import Block, Bold, paragraph, quote, rich
from jitbot.slack.views import ids
from jitbot.slack.views.content import gist

COMMENT_LENGTH = 500


def waiting(title: str) -> Block:
    """Return what is shown while something is looked up."""
    return modal(title, [rich(paragraph(["⏳ One moment…"]))])


def saying(title: str, text: str) -> Block:
    """Return a modal that says one thing."""
    return modal(title, [rich(paragraph([text]))])


def deny_form(request: Request) -> Block:
    """Ask for the reason of a denial; the requester reads it."""
    why = [quote(request.reason, 600)] if request.reason.strip() else []
    field: Block = {
        "type": "input",
        "block_id": ids.COMMENT_BLOCK,
        "label": plain("Why not", 100),
        "hint": plain("The requester and the channel read this. Say what would make it right.", 200),
        "element": {
            "type": "plain_text_input",
            "action_id": ids.FIELD,
            "multiline": True,
            "max_length": min(COMMENT_LENGTH, TEXT_INPUT),
            "focus_on_load": True,
        },
    }
    return modal(
        f"Deny {request.name}",
        [rich(paragraph([Bold(gist(request))]), *why), field],
        submit="Deny",
        close="Not now",
        callback_id=ids.DENY_VIEW,
        private_metadata=ids.stamp(request),
    )
