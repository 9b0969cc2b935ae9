"""Block Kit's rules, one line for each limit."""

from __future__ import annotations

from typing import Any

import pytest

from jitbot.sandbox.block_check import check_blocks


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def option(value: str = "v", **more: Any) -> dict[str, Any]:
    return {"text": plain("t"), "value": value, **more}


def options(count: int) -> list[dict[str, Any]]:
    return [option(str(number)) for number in range(count)]


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain("ok"), "action_id": "a"} | more


def actions(*elements: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def section(**more: Any) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn("x")} | more


def field(element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "input", "label": plain("Why"), "element": element} | more


def select(**more: Any) -> dict[str, Any]:
    return {"type": "static_select", "action_id": "s", "options": options(1)} | more


CONFIRM = {"title": plain("Sure?"), "text": mrkdwn("*Really*"), "confirm": plain("Yes"), "deny": plain("No")}
RICH = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}]}
IMAGE = {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a"}
CARD = {"type": "card", "title": mrkdwn("x"), "actions": [button()]}

VALID = {
    "section_at_limit": section(text=mrkdwn("x" * 3000)),
    "emoji_count_as_one_character": section(text=mrkdwn("🙂" * 3000)),
    "ten_fields_of_2000": {"type": "section", "fields": [mrkdwn("x" * 2000)] * 10},
    "header_at_limit": {"type": "header", "text": plain("x" * 150)},
    "divider": {"type": "divider"},
    "twenty_five_buttons": actions(*[button(action_id=str(number)) for number in range(25)]),
    "button_with_everything": actions(
        button(value="x" * 2000, style="danger", confirm=CONFIRM, url="https://example.com", accessibility_label="x")
    ),
    "button_for_some": actions(button(visible_to_user_ids=["U0ANN"])),
    "select_of_100": section(accessory=select(options=options(100))),
    "grouped_select": section(
        accessory={
            "type": "static_select",
            "action_id": "s",
            "option_groups": [{"label": plain("g"), "options": options(3)}],
        }
    ),
    "overflow_of_5": section(accessory={"type": "overflow", "action_id": "o", "options": options(5)}),
    "input_with_hint": field({"type": "plain_text_input", "action_id": "t", "max_length": 3000}, hint=plain("h")),
    "number": field({"type": "number_input", "action_id": "n", "is_decimal_allowed": False, "min_value": "1"}),
    "datetime": field({"type": "datetimepicker", "action_id": "d", "initial_date_time": 1795400000}),
    "context": {"type": "context", "elements": [mrkdwn("x"), IMAGE]},
    "image": IMAGE | {"title": plain("t")},
    "rich_text": RICH,
}


@pytest.mark.parametrize("block", VALID.values(), ids=VALID.keys())
def test_a_block_within_the_limits_is_taken(block: dict[str, Any]) -> None:
    assert check_blocks([block], "message") == []


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "no_type": ({"text": plain("x")}, "missing required field: type [json-pointer:/blocks/0]"),
    "unknown_type": ({"type": "sektion"}, "unsupported type: sektion [json-pointer:/blocks/0/type]"),
    "unknown_field": (section(color="red"), "invalid additional property: color [json-pointer:/blocks/0]"),
    "section_empty": ({"type": "section"}, "must define one of: text, fields [json-pointer:/blocks/0]"),
    "section_text_empty": (
        section(text=mrkdwn("")),
        "must be more than 0 characters [json-pointer:/blocks/0/text/text]",
    ),
    "section_text_long": (
        section(text=mrkdwn("x" * 3001)),
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
    ),
    "field_long": (
        {"type": "section", "fields": [mrkdwn("x" * 2001)]},
        "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
    ),
    "eleven_fields": (
        {"type": "section", "fields": [mrkdwn("x")] * 11},
        "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
    ),
    "text_not_an_object": (section(text="x"), "must provide an object [json-pointer:/blocks/0/text]"),
    "emoji_with_mrkdwn": (
        section(text=mrkdwn("x") | {"emoji": True}),
        "invalid additional property: emoji [json-pointer:/blocks/0/text]",
    ),
    "input_as_accessory": (
        section(accessory={"type": "plain_text_input", "action_id": "t"}),
        "unsupported type: plain_text_input [json-pointer:/blocks/0/accessory/type]",
    ),
    "header_long": (
        {"type": "header", "text": plain("x" * 151)},
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
    ),
    "header_mrkdwn": (
        {"type": "header", "text": mrkdwn("x")},
        "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
    ),
    "no_elements": (actions(), "no less than 1 items allowed [json-pointer:/blocks/0/elements]"),
    "twenty_six_buttons": (
        actions(*[button(action_id=str(number)) for number in range(26)]),
        "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
    ),
    "context_of_eleven": (
        {"type": "context", "elements": [mrkdwn("x")] * 11},
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    "context_button": (
        {"type": "context", "elements": [button()]},
        "unsupported type: button [json-pointer:/blocks/0/elements/0/type]",
    ),
    "button_text_long": (
        actions(button(text=plain("x" * 76))),
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
    ),
    "button_value_long": (
        actions(button(value="x" * 2001)),
        "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
    ),
    "button_value_number": (
        actions(button(value=5)),
        "must provide a string [json-pointer:/blocks/0/elements/0/value]",
    ),
    "button_url_long": (
        actions(button(url="x" * 3001)),
        "must be less than 3001 characters [json-pointer:/blocks/0/elements/0/url]",
    ),
    "button_style": (
        actions(button(style="default")),
        "must be one of: primary, danger [json-pointer:/blocks/0/elements/0/style]",
    ),
    "button_without_text": (
        actions({"type": "button", "action_id": "a"}),
        "missing required field: text [json-pointer:/blocks/0/elements/0]",
    ),
    "eleven_viewers": (
        actions(button(visible_to_user_ids=["U0ANN"] * 11)),
        "no more than 10 items allowed [json-pointer:/blocks/0/elements/0/visible_to_user_ids]",
    ),
    "action_id_long": (
        actions(button(action_id="x" * 256)),
        "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]",
    ),
    "block_id_long": (
        section(block_id="x" * 256),
        "must be less than 256 characters [json-pointer:/blocks/0/block_id]",
    ),
    "confirm_title_long": (
        actions(button(confirm=CONFIRM | {"title": plain("x" * 101)})),
        "must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]",
    ),
    "confirm_text_long": (
        actions(button(confirm=CONFIRM | {"text": mrkdwn("x" * 301)})),
        "must be less than 301 characters [json-pointer:/blocks/0/elements/0/confirm/text/text]",
    ),
    "confirm_label_long": (
        actions(button(confirm=CONFIRM | {"deny": plain("x" * 31)})),
        "must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/deny/text]",
    ),
    "select_of_101": (
        section(accessory=select(options=options(101))),
        "no more than 100 items allowed [json-pointer:/blocks/0/accessory/options]",
    ),
    "select_without_options": (
        section(accessory={"type": "static_select", "action_id": "s"}),
        "must define one of: options, option_groups [json-pointer:/blocks/0/accessory]",
    ),
    "select_with_both": (
        section(accessory=select(option_groups=[{"label": plain("g"), "options": options(1)}])),
        "must not define both options and option_groups [json-pointer:/blocks/0/accessory]",
    ),
    "option_text_long": (
        section(accessory=select(options=[{"text": plain("x" * 76), "value": "v"}])),
        "must be less than 76 characters [json-pointer:/blocks/0/accessory/options/0/text/text]",
    ),
    "option_value_long": (
        section(accessory=select(options=[option("x" * 151)])),
        "must be less than 151 characters [json-pointer:/blocks/0/accessory/options/0/value]",
    ),
    "option_description_long": (
        section(accessory=select(options=[option(description=plain("x" * 76))])),
        "must be less than 76 characters [json-pointer:/blocks/0/accessory/options/0/description/text]",
    ),
    "option_url_in_select": (
        section(accessory=select(options=[option(url="https://example.com")])),
        "invalid additional property: url [json-pointer:/blocks/0/accessory/options/0]",
    ),
    "initial_option_not_offered": (
        section(accessory=select(initial_option=option("other"))),
        "initial options must be among the options [json-pointer:/blocks/0/accessory]",
    ),
    "overflow_of_6": (
        section(accessory={"type": "overflow", "action_id": "o", "options": options(6)}),
        "no more than 5 items allowed [json-pointer:/blocks/0/accessory/options]",
    ),
    "checkboxes_of_11": (
        section(accessory={"type": "checkboxes", "action_id": "c", "options": options(11)}),
        "no more than 10 items allowed [json-pointer:/blocks/0/accessory/options]",
    ),
    "radio_buttons_of_11": (
        section(accessory={"type": "radio_buttons", "action_id": "c", "options": options(11)}),
        "no more than 10 items allowed [json-pointer:/blocks/0/accessory/options]",
    ),
    "placeholder_long": (
        section(accessory=select(placeholder=plain("x" * 151))),
        "must be less than 151 characters [json-pointer:/blocks/0/accessory/placeholder/text]",
    ),
    "label_long": (
        field({"type": "plain_text_input", "action_id": "t"}, label=plain("x" * 2001)),
        "must be less than 2001 characters [json-pointer:/blocks/0/label/text]",
    ),
    "hint_long": (
        field({"type": "plain_text_input", "action_id": "t"}, hint=plain("x" * 2001)),
        "must be less than 2001 characters [json-pointer:/blocks/0/hint/text]",
    ),
    "max_length_3001": (
        field({"type": "plain_text_input", "action_id": "t", "max_length": 3001}),
        "must be between 1 and 3000 [json-pointer:/blocks/0/element/max_length]",
    ),
    "min_above_max": (
        field({"type": "plain_text_input", "action_id": "t", "min_length": 5, "max_length": 4}),
        "min_length must not be greater than max_length [json-pointer:/blocks/0/element]",
    ),
    "number_bounds_are_strings": (
        field({"type": "number_input", "action_id": "n", "is_decimal_allowed": True, "min_value": 1}),
        "must provide a string [json-pointer:/blocks/0/element/min_value]",
    ),
    "date_format": (
        field({"type": "datepicker", "action_id": "d", "initial_date": "01.02.2026"}),
        "invalid format [json-pointer:/blocks/0/element/initial_date]",
    ),
    "time_format": (
        field({"type": "timepicker", "action_id": "d", "initial_time": "25:00"}),
        "invalid format [json-pointer:/blocks/0/element/initial_time]",
    ),
    "datetime_in_milliseconds": (
        field({"type": "datetimepicker", "action_id": "d", "initial_date_time": 1795400000000}),
        "must be between 1000000000 and 9999999999 [json-pointer:/blocks/0/element/initial_date_time]",
    ),
    "flag_as_string": (
        field({"type": "plain_text_input", "action_id": "t"}, optional="true"),
        "must provide a boolean [json-pointer:/blocks/0/optional]",
    ),
    "image_without_alt": (
        {"type": "image", "image_url": "https://example.com/a.png"},
        "missing required field: alt_text [json-pointer:/blocks/0]",
    ),
    "image_without_source": (
        {"type": "image", "alt_text": "a"},
        "must define one of: image_url, slack_file [json-pointer:/blocks/0]",
    ),
    "markdown_long": (
        {"type": "markdown", "text": "x" * 12_001},
        "must be less than 12001 characters [json-pointer:/blocks/0/text]",
    ),
    "table_of_101_rows": (
        {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 101},
        "no more than 100 items allowed [json-pointer:/blocks/0/rows]",
    ),
    "table_of_21_columns": (
        {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 21]},
        "no more than 20 items allowed [json-pointer:/blocks/0/rows/0]",
    ),
    "rich_text_unknown_inline": (
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "blink"}]}]},
        "unsupported type: blink [json-pointer:/blocks/0/elements/0/elements/0/type]",
    ),
    "container_child": (
        {"type": "container", "title": plain("x"), "child_blocks": [{"type": "header", "text": plain("")}]},
        "must be more than 0 characters [json-pointer:/blocks/0/child_blocks/0/text/text]",
    ),
    "carousel_of_11": (
        {"type": "carousel", "elements": [CARD] * 11},
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    "card_with_4_actions": (
        CARD | {"actions": [button(action_id=str(number)) for number in range(4)]},
        "no more than 3 items allowed [json-pointer:/blocks/0/actions]",
    ),
    "twin_actions": (
        actions(button(), button()),
        "action_id 'a' already exists in this block [json-pointer:/blocks/0]",
    ),
}


@pytest.mark.parametrize(("block", "problem"), INVALID.values(), ids=INVALID.keys())
def test_a_block_beyond_a_limit_is_refused_with_a_pointer(block: dict[str, Any], problem: str) -> None:
    assert check_blocks([block], "message") == [problem]


SURFACES = {
    "alert_in_a_message": ({"type": "alert", "text": plain("x")}, "message"),
    "alert_at_home": ({"type": "alert", "text": plain("x")}, "home"),
    "table_in_a_modal": ({"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}, "modal"),
    "markdown_in_a_modal": ({"type": "markdown", "text": "x"}, "modal"),
    "markdown_at_home": ({"type": "markdown", "text": "x"}, "home"),
    "file_at_home": ({"type": "file", "external_id": "x", "source": "remote"}, "home"),
    "plan_at_home": ({"type": "plan", "title": "x"}, "home"),
}


@pytest.mark.parametrize(("block", "surface"), SURFACES.values(), ids=SURFACES.keys())
def test_a_block_on_a_surface_that_does_not_take_it_is_refused(block: dict[str, Any], surface: str) -> None:
    kind = block["type"]
    assert check_blocks([block], surface) == [f"unsupported type: {kind} [json-pointer:/blocks/0/type]"]


def test_an_alert_is_taken_in_a_modal() -> None:
    assert check_blocks([{"type": "alert", "text": plain("x" * 200), "level": "warning"}], "modal") == []


@pytest.mark.parametrize(("surface", "most"), [("message", 50), ("modal", 100), ("home", 100)])
def test_each_surface_takes_so_many_blocks(surface: str, most: int) -> None:
    assert check_blocks([{"type": "divider"}] * most, surface) == []
    assert check_blocks([{"type": "divider"}] * (most + 1), surface) == [
        f"no more than {most} items allowed [json-pointer:/blocks]"
    ]


def test_two_blocks_cannot_have_one_block_id() -> None:
    twins = [section(block_id="b"), section(block_id="b")]
    assert check_blocks(twins, "message") == ["block_id 'b' already exists [json-pointer:/blocks/1/block_id]"]


def test_one_action_id_may_stand_in_two_blocks() -> None:
    assert check_blocks([actions(button()), actions(button())], "message") == []


def test_a_message_has_one_table_at_most() -> None:
    table = {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}
    assert check_blocks([table, table], "message") == ["no more than 1 table blocks allowed [json-pointer:/blocks]"]


def test_markdown_is_counted_over_the_whole_message() -> None:
    half = {"type": "markdown", "text": "x" * 6001}
    assert check_blocks([half, half], "message") == [
        "markdown must be less than 12001 characters in all [json-pointer:/blocks]"
    ]


def test_only_one_element_takes_the_focus() -> None:
    focused = field({"type": "plain_text_input", "action_id": "t", "focus_on_load": True})
    assert check_blocks([focused, focused], "modal") == [
        "only one element may have focus_on_load [json-pointer:/blocks]"
    ]


def test_files_are_asked_for_in_modals_only() -> None:
    asking = field({"type": "file_input", "action_id": "f", "max_files": 1})
    assert check_blocks([asking], "modal") == []
    assert check_blocks([asking], "message") == ["unsupported type: file_input [json-pointer:/blocks]"]


@pytest.mark.parametrize("blocks", ["text", {"type": "divider"}, None])
def test_blocks_are_an_array(blocks: Any) -> None:
    assert check_blocks(blocks, "message") == ["must provide an array [json-pointer:/blocks]"]
