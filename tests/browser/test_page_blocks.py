"""Every kind of block, drawn so that one reads and works it as in Slack."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.forms import Json, actions, button, mrkdwn, open_form, plain, section

pytestmark = pytest.mark.browser


def rich(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": list(elements)}


def words(text: str, **more: Any) -> Json:
    return {"type": "text", "text": text, **more}


def raw(text: str) -> Json:
    return {"type": "raw_text", "text": text}


def shown(page: Any, desk: Any, *blocks: Json) -> Any:
    """Post blocks and return where they are drawn."""
    ts = desk.post("card", blocks=list(blocks))
    message = page.locator(f".message[data-ts='{ts}']")
    message.wait_for()
    return message


def test_sections_headers_context_and_images(ann: Any, desk: Any) -> None:
    message = shown(
        ann,
        desk,
        {"type": "header", "text": plain("To review :eyes:")},
        section("*left*", fields=[mrkdwn("*What*\nrestart"), mrkdwn("*Who*\n<@U0BO>")]),
        {"type": "divider"},
        {"type": "context", "elements": [mrkdwn("asked by Ann"), plain("2 minutes ago")]},
        {"type": "image", "image_url": "https://acme.example/x.png", "alt_text": "Latency of checkout"},
    )
    expect(message.get_by_role("heading", level=3)).to_contain_text("To review")
    expect(message.locator(".section-field")).to_have_text(["Whatrestart", "Who@Bo Berg"])
    expect(message.get_by_role("separator")).to_be_attached()
    expect(message.locator(".context-text")).to_have_text(["asked by Ann", "2 minutes ago"])
    # Nothing is fetched from elsewhere: the picture is a link, and the page's fixture would tell.
    expect(message.get_by_role("link", name="Open the image")).to_have_attribute("href", "https://acme.example/x.png")


def test_rich_text(ann: Any, desk: Any) -> None:
    item = {"type": "rich_text_section", "elements": [words("one")]}
    message = shown(
        ann,
        desk,
        rich(
            {
                "type": "rich_text_section",
                "elements": [
                    words("bold ", style={"bold": True}),
                    words("struck", style={"strike": True, "italic": True}),
                    words("code", style={"code": True}),
                    {"type": "emoji", "name": "rocket"},
                    {"type": "user", "user_id": "U0BO"},
                    {"type": "usergroup", "usergroup_id": "S0LEADS"},
                    {"type": "channel", "channel_id": "C0GEN"},
                    {"type": "broadcast", "range": "here"},
                    {"type": "link", "url": "https://acme.example", "text": "site"},
                    {"type": "date", "timestamp": 1782907200, "format": "{date_num}", "fallback": "x"},
                ],
            },
            {"type": "rich_text_list", "style": "ordered", "elements": [item, item]},
            {"type": "rich_text_quote", "elements": [words("quoted")]},
            {"type": "rich_text_preformatted", "elements": [words("├ tree\n└ ✓ leaf")]},
        ),
    )
    expect(message.locator("b")).to_have_text("bold ")
    expect(message.locator("i > s")).to_have_text("struck")
    expect(message.locator("code")).to_have_text("code")
    expect(message.locator(".mention")).to_have_text(["@Bo Berg", "@payments-leads", "#general", "@here"])
    expect(message.get_by_role("img", name="rocket emoji")).to_be_visible()
    expect(message.get_by_role("link", name="site")).to_be_visible()
    expect(message).to_contain_text("2026-07-01")
    expect(message.locator("ol > li")).to_have_text(["one", "one"])
    expect(message.locator("blockquote")).to_have_text("quoted")
    expect(message.locator("pre")).to_have_text("├ tree\n└ ✓ leaf")


def test_markdown(ann: Any, desk: Any) -> None:
    text = "# Title\n**bold** and _it_, [site](https://acme.example)\n\n- one\n- [x] two\n"
    text += "\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> q\n```\nx*y*\n```"
    message = shown(ann, desk, {"type": "markdown", "text": text})
    expect(message.get_by_role("heading")).to_have_text("Title")
    expect(message.locator("b")).to_have_text("bold")
    expect(message.get_by_role("link", name="site")).to_be_visible()
    expect(message.get_by_role("checkbox", name="two")).to_be_checked()
    expect(message.get_by_role("cell")).to_have_text(["1", "2"])
    expect(message.locator("pre")).to_have_text("x*y*")


def test_a_table(ann: Any, desk: Any) -> None:
    rows = [[raw("Who"), raw("When")], [raw("Ann"), rich({"type": "rich_text_section", "elements": [words("now")]})]]
    message = shown(ann, desk, {"type": "table", "rows": rows, "column_settings": [{"align": "right"}]})
    expect(message.get_by_role("columnheader")).to_have_text(["Who", "When"])
    expect(message.get_by_role("cell")).to_have_text(["Ann", "now"])
    expect(message.get_by_role("cell", name="Ann")).to_have_css("text-align", "right")


def test_a_data_table_has_pages_and_sorts(ann: Any, desk: Any) -> None:
    rows = [
        [raw("Id"), raw("Minutes")],
        *[[raw(f"JIT-{n}"), raw(str(20 - n))] for n in range(7)],
    ]
    message = shown(ann, desk, {"type": "data_table", "caption": "Requests", "rows": rows})
    expect(message.get_by_role("rowheader")).to_have_count(5)
    message.get_by_role("button", name="Next page").click()
    expect(message.get_by_role("rowheader")).to_have_text(["JIT-5", "JIT-6"])
    message.get_by_role("button", name="Minutes").click()
    expect(message.get_by_role("rowheader").first).to_have_text("JIT-6")


def test_cards_and_containers_carry_working_buttons(ann: Any, desk: Any) -> None:
    card = {"type": "card", "title": mrkdwn("Restart"), "body": mrkdwn("*6 pods*"), "actions": [button("Go", "go")]}
    message = shown(
        ann,
        desk,
        {"type": "carousel", "elements": [card, {**card, "actions": [button("Stop", "stop")]}]},
        {"type": "container", "title": plain("Folded"), "is_collapsible": True, "child_blocks": [section("inside")]},
        {
            "type": "plan",
            "title": "Plan",
            "tasks": [{"type": "task_card", "task_id": "1", "title": "Drain", "status": "complete"}],
        },
    )
    message.get_by_role("button", name="Stop").click()
    message.get_by_role("button", name="Show less").click()
    expect(message.get_by_text("inside")).to_have_count(0)
    expect(message.get_by_role("img", name="Complete")).to_be_visible()
    desk.await_press(ann)
    assert desk.got["action"][0]["actions"][0]["action_id"] == "stop"


def test_an_alert_in_a_form(ann: Any, desk: Any) -> None:
    view = {
        "type": "modal",
        "title": plain("Restart"),
        "blocks": [{"type": "alert", "level": "error", "text": mrkdwn("*Refused now*: change freeze")}],
    }
    dialog = open_form(ann, desk, view)
    expect(dialog.get_by_role("alert")).to_have_text("Refused now: change freeze")
    expect(dialog.get_by_role("button", name="Ask")).to_have_count(0)


def test_feedback_buttons_and_links(ann: Any, desk: Any) -> None:
    feedback = {
        "type": "feedback_buttons",
        "action_id": "how",
        "positive_button": {"text": plain("Good"), "value": "good"},
        "negative_button": {"text": plain("Bad"), "value": "bad"},
    }
    message = shown(
        ann,
        desk,
        {"type": "context_actions", "elements": [feedback]},
        actions(button("Logs", "logs", url="https://acme.example/logs")),
    )
    link = message.get_by_role("button", name="Logs")
    expect(link).to_have_attribute("href", "https://acme.example/logs")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    message.get_by_role("button", name="Good").click()
    desk.await_press(ann)
    assert desk.got["action"][0]["actions"][0]["action_id"] == "how"


def test_a_button_for_others_is_not_there(ann: Any, page_as: Any, desk: Any) -> None:
    shown(
        ann,
        desk,
        section("card"),
        actions(button("Approve", "ok", visible_to_user_ids=["U0BO"]), button("Ask…", "ask")),
    )
    expect(ann.get_by_role("button", name="Ask…")).to_be_visible()
    expect(ann.get_by_role("button", name="Approve")).to_have_count(0)
    expect(page_as("U0BO").get_by_role("button", name="Approve")).to_be_visible()


def test_a_block_the_page_does_not_draw_says_so(ann: Any, desk: Any) -> None:
    message = shown(
        ann, desk, section("before"), {"type": "data_visualization", "title": "Waiting", "chart": {"type": "pie"}}
    )
    expect(message.get_by_role("note")).to_contain_text("This block is not supported here: data_visualization")
