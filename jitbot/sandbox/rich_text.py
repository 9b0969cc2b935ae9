"""The rules of rich text: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block."""

from __future__ import annotations

from typing import Final

from jitbot.sandbox.block_parts import ID, TYPE, URL
from jitbot.sandbox.shapes import ByType, Flag, Listed, Rule, Shape, String, Whole

_STYLE = Shape(
    {
        name: Flag()
        for name in ("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink")
    }
)


def _inline(fields: dict[str, Rule], *required: str) -> Rule:
    base: dict[str, Rule] = {"type": TYPE, "style": _STYLE}
    return Shape(base | fields, required)


_INLINE = ByType(
    {
        "text": _inline({"text": String(40_000, 1)}, "text"),
        "link": _inline({"url": URL, "text": String(40_000), "unsafe": Flag()}, "url"),
        "user": _inline({"user_id": ID}, "user_id"),
        "usergroup": _inline({"usergroup_id": ID}, "usergroup_id"),
        "channel": _inline({"channel_id": ID}, "channel_id"),
        "emoji": _inline({"name": ID, "unicode": ID, "skin_tone": Whole(1, 6), "url": URL}, "name"),
        "broadcast": _inline({"range": String(choices=("here", "channel", "everyone"))}, "range"),
        "color": _inline({"value": String(20, 1)}, "value"),
        "date": _inline(
            {"timestamp": Whole(), "format": String(255, 1), "url": URL, "fallback": String(255)},
            "timestamp",
            "format",
        ),
        "team": _inline({"team_id": ID}, "team_id"),
    }
)
_ITEMS = Listed(_INLINE, 1000, 0)
_SECTION = Shape({"type": TYPE, "elements": _ITEMS}, ("elements",))
_PARTS: dict[str, Rule] = {
    "rich_text_section": _SECTION,
    "rich_text_quote": Shape({"type": TYPE, "elements": _ITEMS, "border": Whole(0, 1)}, ("elements",)),
    "rich_text_preformatted": Shape(
        {"type": TYPE, "elements": _ITEMS, "border": Whole(0, 1), "language": String(50)}, ("elements",)
    ),
    "rich_text_list": Shape(
        {
            "type": TYPE,
            "elements": Listed(ByType({"rich_text_section": _SECTION}), 1000),
            "style": String(choices=("bullet", "ordered")),
            "indent": Whole(0, 8),
            "offset": Whole(),
            "border": Whole(0, 1),
        },
        ("elements", "style"),
    ),
}

RICH_TEXT: Final = Shape({"type": TYPE, "block_id": ID, "elements": Listed(ByType(_PARTS), 1000, 0)}, ("elements",))
