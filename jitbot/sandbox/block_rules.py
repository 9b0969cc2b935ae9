"""The rules of Block Kit's blocks, and which surface takes which.

Source: https://docs.slack.dev/reference/block-kit/blocks; blocks newer than those pages after slack-sdk 3.47's models.
"""

from __future__ import annotations

from typing import Final

from jitbot.sandbox.block_elements import ACCESSORIES, ELEMENTS, IN_ACTIONS, IN_INPUT
from jitbot.sandbox.block_parts import ID, IMAGE_SOURCE, SLACK_FILE, TYPE, URL, plain, text_object
from jitbot.sandbox.rich_text import RICH_TEXT
from jitbot.sandbox.shapes import ByType, Flag, Listed, Number, Rule, Shape, String, Thing, Whole, either

Fields = dict[str, Rule]

_BASE: Fields = {"type": TYPE, "block_id": ID}
_IMAGE_ELEMENT = ELEMENTS["image"]
_BUTTON = ELEMENTS["button"]
_CONTEXT_ITEM = ByType({"image": _IMAGE_ELEMENT} | {kind: text_object(3000) for kind in ("plain_text", "mrkdwn")})
_CELL = ByType(
    {
        "raw_text": Shape({"type": TYPE, "text": String(20_000)}, ("text",)),
        "raw_number": Shape({"type": TYPE, "value": Number(), "text": String(20_000)}, ("value",)),
        "rich_text": RICH_TEXT,
    }
)
_CARD = Shape(
    _BASE
    | {
        "hero_image": _IMAGE_ELEMENT,
        "icon": _IMAGE_ELEMENT,
        "title": text_object(150),
        "subtitle": text_object(150),
        "body": text_object(200),
        "subtext": text_object(200),
        "actions": Listed(_BUTTON, 3),
    },
    (),
    (either("hero_image", "title", "body", "actions"),),
)
_TASK: Shape = Shape(
    _BASE
    | {
        "task_id": ID,
        "title": String(3000, 1),
        "details": RICH_TEXT,
        "output": RICH_TEXT,
        "sources": Listed(Thing(), 100),
        "status": String(choices=("pending", "in_progress", "complete", "error")),
    },
    ("task_id", "title"),
)

BLOCKS: Final[dict[str, Rule]] = {
    "section": Shape(
        _BASE
        | {
            "text": text_object(3000),
            "fields": Listed(text_object(2000), 10),
            "accessory": ByType(ELEMENTS, ACCESSORIES),
            "expand": Flag(),
        },
        (),
        (either("text", "fields"),),
    ),
    "divider": Shape(_BASE),
    "header": Shape(_BASE | {"text": plain(150)}, ("text",)),
    "image": Shape(
        _BASE | {"image_url": URL, "slack_file": SLACK_FILE, "alt_text": String(2000, 1), "title": plain(2000)},
        ("alt_text",),
        IMAGE_SOURCE,
    ),
    "context": Shape(_BASE | {"elements": Listed(_CONTEXT_ITEM, 10)}, ("elements",)),
    "actions": Shape(_BASE | {"elements": Listed(ByType(ELEMENTS, IN_ACTIONS), 25)}, ("elements",)),
    "context_actions": Shape(
        _BASE | {"elements": Listed(ByType(ELEMENTS, ("feedback_buttons", "icon_button")), 5)}, ("elements",)
    ),
    "input": Shape(
        _BASE
        | {
            "label": plain(2000),
            "element": ByType(ELEMENTS, IN_INPUT),
            "dispatch_action": Flag(),
            "hint": plain(2000),
            "optional": Flag(),
        },
        ("label", "element"),
    ),
    "rich_text": RICH_TEXT,
    "markdown": Shape(_BASE | {"text": String(12_000, 1)}, ("text",)),
    "file": Shape(_BASE | {"external_id": ID, "source": String(choices=("remote",))}, ("external_id", "source")),
    "video": Shape(
        _BASE
        | {
            "alt_text": String(2000, 1),
            "video_url": URL,
            "thumbnail_url": URL,
            "title": plain(200),
            "title_url": String(2000),
            "description": plain(200),
            "author_name": String(50),
            "provider_name": String(50),
            "provider_icon_url": String(2000),
        },
        ("alt_text", "video_url", "thumbnail_url", "title"),
    ),
    "table": Shape(
        _BASE | {"rows": Listed(Listed(_CELL, 20), 100), "column_settings": Listed(Thing(nullable=True), 20, 0)},
        ("rows",),
    ),
    "alert": Shape(
        _BASE
        | {
            "text": text_object(200),
            "level": String(choices=("default", "info", "warning", "error", "success")),
        },
        ("text",),
    ),
    "card": _CARD,
    "carousel": Shape(_BASE | {"elements": Listed(ByType({"card": _CARD}), 10)}, ("elements",)),
    "container": Shape(
        _BASE
        | {
            "title": plain(150),
            "rich_text_title": RICH_TEXT,
            "subtitle": text_object(150),
            "child_blocks": Listed(Thing(), 10),
            "width": String(choices=("narrow", "standard", "wide", "full")),
            "icon": _IMAGE_ELEMENT,
            "is_collapsible": Flag(),
            "default_collapsed": Flag(),
            "has_header_divider": Flag(),
        },
        ("child_blocks",),
        (either("title", "rich_text_title"),),
    ),
    "task_card": _TASK,
    "plan": Shape(_BASE | {"title": String(3000, 1), "tasks": Listed(ByType({"task_card": _TASK}), 50, 0)}, ("title",)),
    "data_table": Shape(
        _BASE
        | {
            "rows": Listed(Listed(_CELL, 20), 201, 2),
            "caption": String(3000),
            "page_size": Whole(1, 100),
            "row_header_column_index": Whole(0, 19),
        },
        ("rows",),
    ),
    "data_visualization": Shape(_BASE | {"title": String(50, 1), "chart": Thing()}, ("title", "chart")),
}

_EVERYWHERE = {"actions", "card", "context", "divider", "header", "image", "input", "rich_text", "section", "video"}
_HOME = _EVERYWHERE | {"carousel", "container", "data_table", "data_visualization", "table"}
SURFACES: Final[dict[str, frozenset[str]]] = {
    "modal": frozenset(_EVERYWHERE | {"alert"}),
    "home": frozenset(_HOME),
    "message": frozenset(_HOME | {"context_actions", "file", "markdown", "plan", "task_card"}),
}
