"""The rules of Block Kit's composition objects: https://docs.slack.dev/reference/block-kit/composition-objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jitbot.sandbox.shapes import ByType, Flag, Listed, Rule, Shape, String, either, not_both

TYPE: Final = String(255)
ID: Final = String(255)
URL: Final = String(3000, 1)


def text_object(most: int, *kinds: str, least: int = 1) -> Rule:
    """Return the rule of a text object; without kinds both are allowed."""
    words = String(most, least)
    plain = Shape({"type": TYPE, "text": words, "emoji": Flag()}, ("text",))
    marked = Shape({"type": TYPE, "text": words, "verbatim": Flag()}, ("text",))
    return ByType({"plain_text": plain, "mrkdwn": marked}, kinds)


def plain(most: int) -> Rule:
    """Return the rule of a plain text object."""
    return text_object(most, "plain_text")


CONFIRM: Final = Shape(
    {
        "title": plain(100),
        "text": text_object(300),
        "confirm": plain(30),
        "deny": plain(30),
        "style": String(choices=("primary", "danger")),
    },
    ("title", "text", "confirm", "deny"),
)


def option(*kinds: str, url: bool = False) -> Rule:
    """Return the rule of an option; only an overflow menu's may have a url."""
    fields: dict[str, Rule] = {
        "text": text_object(75, *kinds),
        "value": String(150, 1),
        "description": text_object(75, *kinds),
    }
    return Shape(fields | ({"url": URL} if url else {}), ("text",) if url else ("text", "value"))


PLAIN_OPTION: Final = option("plain_text")
ANY_OPTION: Final = option()
OPTION_GROUP: Final = Shape({"label": plain(75), "options": Listed(PLAIN_OPTION, 100)}, ("label", "options"))
DISPATCH: Final = Shape(
    {"trigger_actions_on": Listed(String(choices=("on_enter_pressed", "on_character_entered")), 2)},
    ("trigger_actions_on",),
)
FILTER: Final = Shape(
    {
        "include": Listed(String(choices=("im", "mpim", "private", "public")), 4),
        "exclude_external_shared_channels": Flag(),
        "exclude_bot_users": Flag(),
    },
    checks=(either("include", "exclude_external_shared_channels", "exclude_bot_users"),),
)
SLACK_FILE: Final = Shape({"id": ID, "url": URL}, checks=(either("id", "url"),))
IMAGE_SOURCE: Final = (either("image_url", "slack_file"), not_both("image_url", "slack_file"))


def initial_is_offered(value: Mapping[str, Any]) -> str | None:
    """Demand that what is picked at the start is among the options."""
    offered = list(value.get("options") or [])
    for group in value.get("option_groups") or []:
        offered += group["options"]
    picked = [value["initial_option"]] if "initial_option" in value else value.get("initial_options", [])
    known = [one.get("value") for one in offered]
    if any(one.get("value") not in known for one in picked):
        return "initial options must be among the options"
    return None
