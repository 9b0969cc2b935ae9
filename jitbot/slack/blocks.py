"""The building blocks of what we draw: buttons, fields and dialogs, each cut to Slack's lengths."""

from typing import Any

from jitbot.slack import limits
from jitbot.slack.spans import Block
from jitbot.slack.text import shorten


def plain(text: str, most: int) -> Block:
    """Return text that is shown as it is, on one line."""
    return {"type": "plain_text", "text": shorten(text, most) or "-", "emoji": True}


def button(text: str, action_id: str, value: str, **more: Any) -> Block:
    """Return a button; `style` and `confirm` may be given."""
    label = plain(text, limits.BUTTON_TEXT)
    return {"type": "button", "text": label, "action_id": action_id, "value": value, **more}


def confirm(title: str, text: str, yes: str, *, style: str = "primary") -> Block:
    """Return the dialog that a button opens before it counts."""
    return {
        "title": plain(title, limits.CONFIRM_TITLE),
        "text": plain(text, limits.CONFIRM_TEXT),
        "confirm": plain(yes, limits.CONFIRM_BUTTON),
        "deny": plain("Not now", limits.CONFIRM_BUTTON),
        "style": style,
    }


def actions(*elements: Block) -> list[Block]:
    """Return a row of buttons, or nothing."""
    return [{"type": "actions", "elements": list(elements)}] if elements else []


def option(text: str, value: str) -> Block:
    """Return one choice of a select."""
    return {"text": plain(text, limits.OPTION_TEXT), "value": value}


def note(text: str) -> Block:
    """Return a small grey line of ours."""
    return {"type": "context", "elements": [plain(text, limits.CONTEXT_TEXT)]}


def modal(title: str, blocks: list[Block], **more: Any) -> Block:
    """Return a modal; `submit`, `callback_id` and `private_metadata` may be given."""
    if "submit" in more:
        more["submit"] = plain(more["submit"], limits.VIEW_TITLE)
    return {
        "type": "modal",
        "title": plain(title, limits.VIEW_TITLE),
        "close": plain(more.pop("close", "Close"), limits.VIEW_TITLE),
        "blocks": blocks[: limits.MODAL_BLOCKS],
        **more,
    }
