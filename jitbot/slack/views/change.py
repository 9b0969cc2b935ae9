"""The form in which an approver shortens the time or puts the start off, and approves what comes of it."""

from jitbot.explain import length
from jitbot.model import Request
from jitbot.slack import limits
from jitbot.slack.blocks import modal, note, plain
from jitbot.slack.spans import Block, Bold, paragraph, quote, rich
from jitbot.slack.views import ids
from jitbot.slack.views.content import gist
from jitbot.slack.views.form import start_field

LATER = "Empty starts it as soon as it is approved. It runs then or, where that is missed, not at all."
PLANNED = "Later than planned, never sooner. It runs then or, where that is missed, not at all."
AGAIN = (
    "Your approval is for what you write here. Approvals that were given before are for what was asked; "
    "those people are asked again. The requester is told what you changed."
)


def change_form(request: Request) -> Block:
    """Ask what shall be different; what is left as it is stays as it was asked."""
    why = [quote(request.reason, limits.CARD_REASON)] if request.reason.strip() else []
    blocks = [rich(paragraph([Bold(gist(request))]), *why), *_how_long(request)]
    start = start_field(request.starts_at, PLANNED if request.starts_at else LATER)
    return modal(
        f"Change {request.name}",
        [*blocks, start, note(AGAIN)],
        submit="Approve",
        close="Not now",
        callback_id=ids.CHANGE_VIEW,
        private_metadata=ids.stamp(request),
    )


def _how_long(request: Request) -> list[Block]:
    if request.ttl is None:
        return []
    asked = length(request.ttl)
    field: Block = {
        "type": "input",
        "block_id": ids.TTL_BLOCK,
        "label": plain("How long", limits.INPUT_LABEL),
        "hint": plain(f"Shorter, like 15m; {asked} was asked, and more is not possible.", limits.INPUT_HINT),
        "optional": True,
        "element": {
            "type": "plain_text_input",
            "action_id": ids.FIELD,
            "max_length": 100,
            "placeholder": plain(asked, limits.PLACEHOLDER),
        },
    }
    return [field]
