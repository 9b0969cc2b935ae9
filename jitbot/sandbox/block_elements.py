"""The rules of Block Kit's elements: https://docs.slack.dev/reference/block-kit/block-elements."""

from __future__ import annotations

from typing import Final

from jitbot.sandbox.block_parts import (
    ANY_OPTION,
    CONFIRM,
    DISPATCH,
    FILTER,
    ID,
    IMAGE_SOURCE,
    OPTION_GROUP,
    PLAIN_OPTION,
    SLACK_FILE,
    TYPE,
    URL,
    initial_is_offered,
    option,
    plain,
)
from jitbot.sandbox.shapes import Flag, Listed, Rule, Shape, String, Thing, Whole, either, in_order, not_both

Fields = dict[str, Rule]

_STYLE = String(choices=("primary", "danger"))
_BASE: Fields = {"type": TYPE, "action_id": ID}
_PICKED: Fields = _BASE | {"confirm": CONFIRM, "focus_on_load": Flag()}
_SELECT: Fields = _PICKED | {"placeholder": plain(150)}
_MULTI: Fields = _SELECT | {"max_selected_items": Whole(1, 1000)}
_INPUT: Fields = _BASE | {
    "placeholder": plain(150),
    "focus_on_load": Flag(),
    "dispatch_action_config": DISPATCH,
}
_OPTIONS: Fields = {"options": Listed(PLAIN_OPTION, 100), "option_groups": Listed(OPTION_GROUP, 100)}
_EITHER_OPTIONS = (either("options", "option_groups"), not_both("options", "option_groups"), initial_is_offered)
_NUMERAL = String(100, 1, pattern=r"-?\d+(\.\d+)?")
_USERS = Listed(ID, 1000, 0)
_USER_IDS: Fields = {"visible_to_user_ids": Listed(ID, 10)}
_FEEDBACK = Shape({"text": plain(75), "value": String(2000, 1), "accessibility_label": String(75)}, ("text", "value"))

ELEMENTS: Final[dict[str, Rule]] = {
    "button": Shape(
        _BASE
        | _USER_IDS
        | {
            "text": plain(75),
            "url": URL,
            "value": String(2000),
            "style": _STYLE,
            "confirm": CONFIRM,
            "accessibility_label": String(75),
            "agent_prompt": String(4000),
            "agent_prompt_display": String(4000),
        },
        ("text",),
    ),
    "workflow_button": Shape(
        _BASE | {"text": plain(75), "workflow": Thing(), "style": _STYLE, "accessibility_label": String(75)},
        ("text", "workflow"),
    ),
    "icon_button": Shape(
        _BASE
        | _USER_IDS
        | {
            "icon": String(255),
            "text": plain(75),
            "value": String(2000),
            "confirm": CONFIRM,
            "accessibility_label": String(75),
        },
        ("icon", "text"),
    ),
    "feedback_buttons": Shape(
        _BASE | {"positive_button": _FEEDBACK, "negative_button": _FEEDBACK}, ("positive_button", "negative_button")
    ),
    "image": Shape(
        {"type": TYPE, "image_url": URL, "alt_text": String(2000, 1), "slack_file": SLACK_FILE},
        ("alt_text",),
        IMAGE_SOURCE,
    ),
    "overflow": Shape(_BASE | {"options": Listed(option("plain_text", url=True), 5), "confirm": CONFIRM}, ("options",)),
    "checkboxes": Shape(
        _PICKED | {"options": Listed(ANY_OPTION, 10), "initial_options": Listed(ANY_OPTION, 10)},
        ("options",),
        (initial_is_offered,),
    ),
    "radio_buttons": Shape(
        _PICKED | {"options": Listed(ANY_OPTION, 10), "initial_option": ANY_OPTION},
        ("options",),
        (initial_is_offered,),
    ),
    "static_select": Shape(_SELECT | _OPTIONS | {"initial_option": PLAIN_OPTION}, (), _EITHER_OPTIONS),
    "multi_static_select": Shape(
        _MULTI | _OPTIONS | {"initial_options": Listed(PLAIN_OPTION, 100)}, (), _EITHER_OPTIONS
    ),
    "external_select": Shape(_SELECT | {"initial_option": PLAIN_OPTION, "min_query_length": Whole(0, 3000)}),
    "multi_external_select": Shape(
        _MULTI | {"initial_options": Listed(PLAIN_OPTION, 100), "min_query_length": Whole(0, 3000)}
    ),
    "users_select": Shape(_SELECT | {"initial_user": ID}),
    "multi_users_select": Shape(_MULTI | {"initial_users": _USERS}),
    "conversations_select": Shape(
        _SELECT
        | {
            "initial_conversation": ID,
            "default_to_current_conversation": Flag(),
            "response_url_enabled": Flag(),
            "filter": FILTER,
        }
    ),
    "multi_conversations_select": Shape(
        _MULTI | {"initial_conversations": _USERS, "default_to_current_conversation": Flag(), "filter": FILTER}
    ),
    "channels_select": Shape(_SELECT | {"initial_channel": ID, "response_url_enabled": Flag()}),
    "multi_channels_select": Shape(_MULTI | {"initial_channels": _USERS}),
    "datepicker": Shape(_SELECT | {"initial_date": String(10, 10, pattern=r"\d{4}-\d\d-\d\d")}),
    "timepicker": Shape(
        _SELECT | {"initial_time": String(5, 5, pattern=r"([01]\d|2[0-3]):[0-5]\d"), "timezone": String(100)}
    ),
    "datetimepicker": Shape(_PICKED | {"initial_date_time": Whole(10**9, 10**10 - 1)}),
    "plain_text_input": Shape(
        _INPUT
        | {
            "initial_value": String(3000),
            "multiline": Flag(),
            "min_length": Whole(0, 3000),
            "max_length": Whole(1, 3000),
        },
        (),
        (in_order("min_length", "max_length"),),
    ),
    "email_text_input": Shape(_INPUT | {"initial_value": String(3000)}),
    "url_text_input": Shape(_INPUT | {"initial_value": String(3000)}),
    "number_input": Shape(
        _INPUT
        | {
            "is_decimal_allowed": Flag(),
            "initial_value": _NUMERAL,
            "min_value": _NUMERAL,
            "max_value": _NUMERAL,
        },
        ("is_decimal_allowed",),
        (in_order("min_value", "max_value"),),
    ),
    "rich_text_input": Shape(
        _INPUT | {"initial_value": Thing(), "min_lines": Whole(1, 100), "max_lines": Whole(1, 100)},
        (),
        (in_order("min_lines", "max_lines"),),
    ),
    "file_input": Shape(_BASE | {"filetypes": Listed(String(20, 1), 100), "max_files": Whole(1, 10)}),
}

_SINGLE = ("static_select", "external_select", "users_select", "conversations_select", "channels_select")
_MULTIPLE = tuple(f"multi_{name}" for name in _SINGLE)
_CHOICES = ("checkboxes", "radio_buttons", "datepicker", "timepicker", *_SINGLE, *_MULTIPLE)

ACCESSORIES: Final = ("button", "workflow_button", "image", "overflow", *_CHOICES)
IN_ACTIONS: Final = ("button", "workflow_button", "overflow", "datetimepicker", "rich_text_input", *_CHOICES)
IN_INPUT: Final = (
    "plain_text_input",
    "email_text_input",
    "url_text_input",
    "number_input",
    "rich_text_input",
    "file_input",
    "datetimepicker",
    *_CHOICES,
)
