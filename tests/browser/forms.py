"""Short ways to write Block Kit in these tests."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: str, **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def option(text: str, **more: Any) -> Json:
    return {"text": plain(text), "value": text.lower(), **more}


def button(text: str, action_id: str, **more: Any) -> Json:
    return {"type": "button", "text": plain(text), "action_id": action_id, **more}


def actions(*elements: Json, block_id: str = "actions") -> Json:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def field(
    label: str, kind: str, *, optional: bool = False, dispatch: bool = False, hint: str = "", **element: Any
) -> Json:
    """Return an input block; its block_id and action_id are the label in lower case."""
    name = label.lower()
    block: Json = {
        "type": "input",
        "block_id": name,
        "label": plain(label),
        "element": {"type": kind, "action_id": name, **element},
        "optional": optional,
    }
    if dispatch:
        block["dispatch_action"] = True
    if hint:
        block["hint"] = plain(hint)
    return block


def form(*blocks: Json, title: str = "Restart a service", **more: Any) -> Json:
    return {
        "type": "modal",
        "callback_id": "restart",
        "title": plain(title),
        "submit": plain("Ask"),
        "close": plain("Cancel"),
        "blocks": list(blocks),
        **more,
    }


def send(page: Any, text: str) -> None:
    """Write into the channel and press Enter."""
    composer = page.get_by_role("combobox", name="Message #payments-ops")
    composer.fill(text)
    composer.press("Enter")


def open_form(page: Any, desk: Any, view: Json) -> Any:
    """Have the app open a form and return the dialog."""
    desk.opens(view)
    send(page, "/jit restart")
    dialog = page.get_by_role("dialog", name=view["title"]["text"])
    dialog.wait_for()
    return dialog
