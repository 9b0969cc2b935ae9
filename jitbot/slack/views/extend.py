"""The form in which whoever holds something asks to keep it for longer, and the message that it ends soon."""

from collections.abc import Mapping

from jitbot.explain import length
from jitbot.model import Action, Request
from jitbot.slack import limits
from jitbot.slack.blocks import actions, button, modal, note, plain
from jitbot.slack.spans import DAY_AND_TIME, Block, Bold, Drawing, Line, When, paragraph, rich, spoken
from jitbot.slack.text import shorten, size
from jitbot.slack.typed import Typed
from jitbot.slack.views import ids
from jitbot.slack.views.buttons import extend
from jitbot.slack.views.content import gist

DECIDED = (
    "This is decided like any other request, by how long it lasts in all; whoever has to approve it is asked. "
    "Until then it ends when it does now."
)


def extend_form(request: Request, action: Action, typed: Typed, faults: Mapping[str, str] | None = None) -> Block:
    """Ask by how much, and why; the reason for which it was granted is filled in."""
    assert request.expires_at is not None  # noqa: S101 - only what is granted is extended
    heading: Line = [Bold(gist(request)), f" · {request.name}"]
    ends: Line = ["Ends ", When(request.expires_at, DAY_AND_TIME), ", ", When(request.expires_at)]
    wrong = [rich(paragraph(["⚠ ", Bold(shorten(text, 600))])) for text in (faults or {}).values()]
    blocks = [rich(paragraph(heading, ends)), *wrong, _how_much(request, action, typed), _why(request, action, typed)]
    return modal(
        f"Extend {request.name}",
        [*blocks, note(DECIDED)],
        submit="Ask",
        close="Cancel",
        callback_id=ids.EXTEND_VIEW,
        private_metadata=ids.stamp(request),
    )


def ending_soon(request: Request) -> Drawing:
    """Tell whoever holds something that it ends soon, with ways to keep it or to let it go."""
    assert request.expires_at is not None  # noqa: S101 - only grants end
    more = extend(request)
    then = "" if more else " It cannot be extended; ask for it anew when it has ended."
    line: Line = ["⏳ ", Bold(gist(request)), f" ({request.name}) ends ", When(request.expires_at), f".{then}"]
    ways = actions(*more, button("Details", ids.DETAILS, ids.stamp(request)))
    return Drawing(spoken([line]), [rich(paragraph(line)), *ways])


def _how_much(request: Request, action: Action, typed: Typed) -> Block:
    usual = min(action.timebox.default, request.room) if action.timebox else request.room
    hint = f"Like 15m or 1h. {length(usual)} if you leave it empty; {length(request.room)} at most."
    given = {"initial_value": typed.ttl} if typed.ttl and size(typed.ttl) <= 100 else {}
    return {
        "type": "input",
        "block_id": ids.TTL_BLOCK,
        "label": plain("How much longer", limits.INPUT_LABEL),
        "hint": plain(hint, limits.INPUT_HINT),
        "optional": True,
        "element": {
            "type": "plain_text_input",
            "action_id": ids.FIELD,
            "max_length": 100,
            "placeholder": plain(length(usual), limits.PLACEHOLDER),
            "focus_on_load": True,
            **given,
        },
    }


def _why(request: Request, action: Action, typed: Typed) -> Block:
    reason = typed.reason or request.reason
    given = {"initial_value": reason} if reason and size(reason) <= limits.TEXT_INPUT else {}
    return {
        "type": "input",
        "block_id": ids.REASON_BLOCK,
        "label": plain("Why", limits.INPUT_LABEL),
        "hint": plain("Say what is left to do: whoever approves it reads this.", limits.INPUT_HINT),
        "optional": not action.reason.required,
        "element": {
            "type": "plain_text_input",
            "action_id": ids.FIELD,
            "multiline": True,
            "max_length": limits.TEXT_INPUT,
            **given,
        },
    }
