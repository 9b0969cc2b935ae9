"""The rules of views: https://docs.slack.dev/surfaces/modals and https://docs.slack.dev/reference/views."""

from __future__ import annotations

import json
from typing import Any

from jitbot.sandbox.block_check import check_blocks
from jitbot.sandbox.drafts import filled
from jitbot.sandbox.limits import CALLBACK_ID, EXTERNAL_ID, PRIVATE_METADATA, VIEW_BYTES, VIEW_TITLE
from jitbot.sandbox.messages import Json
from jitbot.sandbox.refusals import SlackRefusal, missing_argument, with_messages

_LENGTHS = {"private_metadata": PRIVATE_METADATA, "callback_id": CALLBACK_ID, "external_id": EXTERNAL_ID}
_FLAGS = ("clear_on_close", "notify_on_close", "submit_disabled")
_HOME = {"type", "blocks", *_LENGTHS}
_ALLOWED = {"home": _HOME, "modal": _HOME | {"title", "submit", "close", *_FLAGS}}


def checked_view(view: Any, *surfaces: str) -> Json:
    """Return a view with every id filled in.

    Args:
        view: The view object, or the same as a JSON string.
        surfaces: The view types that are allowed here.

    Raises:
        SlackRefusal: `view_too_large`, or `invalid_arguments` with the problems.
    """
    view = _parsed(view)
    if len(json.dumps(view, ensure_ascii=False).encode(errors="surrogatepass")) > VIEW_BYTES:
        raise SlackRefusal("view_too_large")
    problems = check_view(view, surfaces)
    if problems:
        raise with_messages("invalid_arguments", problems)
    return {**view, "blocks": filled(view["blocks"])}


def check_view(view: Json, surfaces: tuple[str, ...]) -> list[str]:
    """Return what is wrong with a view."""
    kind = view.get("type")
    if kind not in surfaces:
        return [f"unsupported type: {kind} [json-pointer:/view/type]"]
    allowed = _ALLOWED[str(kind)]
    problems = [f"invalid additional property: {key} [json-pointer:/view]" for key in view if key not in allowed]
    if "blocks" not in view:
        problems.append("missing required field: blocks [json-pointer:/view]")
    else:
        problems += check_blocks(view["blocks"], kind, "/view/blocks")
    if kind == "modal":
        problems += _check_modal(view)
    return problems + _check_plain_fields(view)


def _check_plain_fields(view: Json) -> list[str]:
    problems = []
    for key, limit in _LENGTHS.items():
        value = view.get(key, "")
        if not isinstance(value, str):
            problems.append(f"must provide a string [json-pointer:/view/{key}]")
        elif len(value) > limit:
            problems.append(f"must be less than {limit + 1} characters [json-pointer:/view/{key}]")
    for key in _FLAGS:
        if not isinstance(view.get(key, False), bool):
            problems.append(f"must provide a boolean [json-pointer:/view/{key}]")
    return problems


def _check_modal(view: Json) -> list[str]:
    problems = []
    if not view.get("title"):
        problems.append("missing required field: title [json-pointer:/view]")
    for key in ("title", "submit", "close"):
        if view.get(key) is not None:
            problems += _check_title(view[key], f"/view/{key}")
    if not view.get("submit") and _has_input(view.get("blocks")):
        problems.append("missing required field: submit, which a view with inputs needs [json-pointer:/view]")
    return problems


def _has_input(blocks: Any) -> bool:
    return isinstance(blocks, list) and any(isinstance(one, dict) and one.get("type") == "input" for one in blocks)


def _check_title(value: Any, pointer: str) -> list[str]:
    if not isinstance(value, dict) or value.get("type") != "plain_text":
        return [f"must be a plain_text object [json-pointer:{pointer}]"]
    text = value.get("text")
    if not isinstance(text, str) or not text:
        return [f"must be more than 0 characters [json-pointer:{pointer}/text]"]
    if len(text) > VIEW_TITLE:
        return [f"must be less than {VIEW_TITLE + 1} characters [json-pointer:{pointer}/text]"]
    return []


def _parsed(view: Any) -> Json:
    if isinstance(view, str):
        try:
            view = json.loads(view)
        except ValueError as error:
            raise with_messages("invalid_arguments", ["failed to parse the view as JSON"]) from error
    if view is None:
        raise missing_argument("view")
    if not isinstance(view, dict):
        raise with_messages("invalid_arguments", ["must provide an object [json-pointer:/view]"])
    return view
