"""Channels: commands and their completion, changing messages, threads, ephemerals, buttons, what text cannot do."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.forms import actions, button, mrkdwn, option, plain, section, send

pytestmark = pytest.mark.browser


def composer(page: Any) -> Any:
    return page.get_by_role("combobox", name="Message #payments-ops")


def messages(page: Any) -> Any:
    return page.get_by_role("list", name="Messages in payments-ops").get_by_role("article")


def test_a_command_is_completed_and_sent(ann: Any, desk: Any) -> None:
    desk.on["command"] = lambda ack, body, _client: ack(f"You said *{body['text']}*")
    composer(ann).press_sequentially("/j")
    expect(ann.get_by_role("option", name="/jit")).to_contain_text("Ask for, review and end risky operations")
    composer(ann).press("Tab")
    expect(composer(ann)).to_have_value("/jit ")
    ann.keyboard.type("restart")
    ann.keyboard.press("Enter")
    answer = messages(ann).last
    expect(answer).to_contain_text("You said restart")
    expect(answer).to_contain_text("Only visible to you")
    expect(composer(ann)).to_have_value("")
    assert desk.got["command"][0]["text"] == "restart"


def test_an_unknown_command_is_refused_with_what_was_typed_kept(ann: Any) -> None:
    send(ann, "/nope now")
    expect(ann.get_by_role("alert")).to_contain_text("/nope is not a valid command")
    expect(composer(ann)).to_have_value("/nope now")


def test_a_command_without_an_ack_is_told_by_slackbot(ann: Any, slack: Any) -> None:
    slack.faults({"on": "delivery:slash_commands", "kind": "lost_ack", "times": 1})
    send(ann, "/jit help")
    expect(messages(ann).last).to_contain_text("/jit failed with the error", timeout=20_000)
    ann.get_by_role("button", name="Dismiss message").click()
    expect(messages(ann)).to_have_count(0)


def test_enter_sends_and_shift_enter_breaks_the_line(ann: Any, page_as: Any) -> None:
    composer(ann).press_sequentially("first")
    composer(ann).press("Shift+Enter")
    composer(ann).press_sequentially("second, @bo & <all>")
    composer(ann).press("Enter")
    expect(messages(ann).last).to_contain_text("first")
    expect(messages(ann).last.locator(".mention")).to_have_text("@Bo Berg")
    bo = page_as("U0BO")
    expect(messages(bo).last).to_contain_text("& <all>")
    expect(messages(bo).last.locator(".mention-me")).to_have_text("@Bo Berg")


def test_a_name_is_completed_after_an_at_sign(ann: Any) -> None:
    composer(ann).press_sequentially("ask @cy")
    composer(ann).press("Enter")
    expect(composer(ann)).to_have_value("ask @cy ")


def test_markup_in_a_message_stays_text(ann: Any, desk: Any) -> None:
    attack = "<img src=x onerror=alert(1)> <script>alert(1)</script> <javascript:alert(1)|click> *<b>bold</b>* `<i>`"
    desk.post(attack, blocks=[section(attack), {"type": "markdown", "text": f"[x](javascript:alert(1)) {attack}"}])
    desk.post(attack)
    expect(messages(ann)).to_have_count(2)
    last = messages(ann).last
    assert last.locator("img, script, i, a").count() == 0
    assert messages(ann).first.locator("img, script, a").count() == 0
    assert ann.evaluate("[...document.links].every((a) => a.protocol.startsWith('http'))")


def test_mrkdwn_is_drawn_as_slack_draws_it(ann: Any, desk: Any) -> None:
    desk.post(
        "*bold* _it_ ~no~ `code` 2*3*4 a_b_c &lt;kept&gt; "
        "<https://acme.example/x|link> <@U0CY> <#C0GEN> <!subteam^S0LEADS> <!here>\n"
        "&gt; quoted\n```pre *not bold*```\n:tada: :not_an_emoji:"
    )
    last = messages(ann).last
    for tag, text in [
        ("b", "bold"),
        ("i", "it"),
        ("s", "no"),
        ("code", "code"),
        ("blockquote", "quoted"),
        ("pre", "pre *not bold*"),
    ]:
        expect(last.locator(f".mrkdwn {tag}")).to_have_text(text)
    expect(last.locator("a")).to_have_attribute("href", "https://acme.example/x")
    expect(last.locator(".mention")).to_have_text(["@Cy Chen", "#general", "@payments-leads", "@here"])
    for text in ("2*3*4", "a_b_c", "<kept>", ":not_an_emoji:"):
        expect(last).to_contain_text(text)
    expect(last.get_by_role("img", name="tada emoji")).to_be_visible()


def test_dates_are_each_viewers_and_count_by_themselves(page_as: Any, desk: Any, slack: Any) -> None:
    now = int(slack.person("U0ANN").see()["now"])
    # 2026-07-01 12:00 UTC is 14:00 in Berlin and 8:00 in New York.
    desk.post(
        f"at <!date^1782907200^{{date_num}} {{time}}|x> and <!date^{now - 120}^{{ago}}|then>"
        " <!date^1^{nonsense}|fallback>"
    )
    ann, cy = page_as("U0ANN"), page_as("U0CY")
    expect(messages(ann).last).to_contain_text("at 2026-07-01 2:00 PM and 2 minutes ago fallback")
    expect(messages(cy).last).to_contain_text("at 2026-07-01 8:00 AM")
    slack.forward(3600)
    desk.post("later")
    expect(messages(ann).first).to_contain_text("1 hour ago")


def test_a_message_changes_in_place_without_losing_the_place(ann: Any, desk: Any) -> None:
    for number in range(30):
        desk.post(f"message {number}\n\nwith\nlines")
    ts = desk.post("waiting", blocks=[section("🟠 *waiting*"), actions(button("Approve", "ok"))])
    expect(messages(ann)).to_have_count(31)
    expect(messages(ann).last).to_be_in_viewport()
    scroller = ann.locator(".pane .scroller").first
    scroller.evaluate("box => (box.scrollTop = 300)")
    expect(messages(ann).last).not_to_be_in_viewport()
    desk.web.chat_update(channel="C0PAY", ts=ts, text="done", blocks=[section("🟢 *done*")])
    desk.post("news")
    expect(ann.get_by_role("button", name="New messages")).to_be_visible()
    assert scroller.evaluate("box => box.scrollTop") == 300
    expect(ann.locator(f"[data-ts='{ts}']")).to_contain_text("done")
    expect(ann.locator(f"[data-ts='{ts}']").get_by_role("button", name="Approve")).to_have_count(0)


def test_writing_touches_none_of_the_messages(ann: Any, desk: Any) -> None:
    for number in range(5):
        desk.post(f"card {number}", blocks=[section(f"*card* {number}"), actions(button("Approve", "ok"))])
    expect(messages(ann)).to_have_count(5)
    ann.evaluate(
        """() => {
            window.touched = 0;
            const watching = { subtree: true, childList: true, attributes: true, characterData: true };
            new MutationObserver((all) => (window.touched += all.length)).observe(
                document.querySelector(".message-list"), watching);
        }"""
    )
    composer(ann).press_sequentially("hello")
    assert ann.evaluate("window.touched") == 0
    row = messages(ann).first
    row.evaluate("row => (row.kept = true)")
    first = row.get_attribute("data-ts")
    desk.web.chat_update(channel="C0PAY", ts=first, text="x", blocks=[section("changed")])
    expect(row).to_contain_text("changed")
    assert row.evaluate("row => row.kept")


def test_a_permalink_in_a_message_is_followed_inside_the_page(ann: Any, desk: Any) -> None:
    root = desk.post("root")
    reply = desk.post("the reply", thread_ts=root)
    link = desk.web.chat_getPermalink(channel="C0PAY", message_ts=reply)["permalink"]
    desk.post(f"see <{link}|there>", channel="C0GEN")
    ann.get_by_role("button", name="general, 1 unread").click()
    ann.get_by_role("link", name="there").click()
    expect(ann.get_by_role("complementary", name="Thread").locator(".found")).to_contain_text("the reply")


def test_a_thread_opens_beside_the_channel_and_takes_replies_but_no_commands(ann: Any, desk: Any) -> None:
    ts = desk.post("card")
    desk.post("detail", thread_ts=ts)
    expect(messages(ann)).to_have_count(1)
    ann.get_by_role("button", name="1 reply").click()
    thread = ann.get_by_role("complementary", name="Thread")
    reply = thread.get_by_role("combobox", name="Reply…")
    expect(reply).to_be_focused()
    reply.fill("looks right")
    reply.press("Enter")
    expect(thread.get_by_role("list", name="Replies").get_by_role("article").last).to_contain_text("looks right")
    expect(ann.get_by_role("button", name="2 replies")).to_be_visible()
    reply.fill("/jit help")
    reply.press("Enter")
    expect(thread.get_by_role("alert")).to_contain_text("/jit is not supported in threads. Sorry!")
    thread.get_by_role("button", name="Close thread").click()
    expect(thread).to_have_count(0)


def test_a_thread_can_be_started_and_shortcuts_run_from_the_hover_menu(ann: Any, desk: Any) -> None:
    ts = desk.post("hover me")
    row = ann.locator(f"[data-ts='{ts}']")
    row.hover()
    row.get_by_role("button", name="More actions").click()
    ann.get_by_role("menuitem", name="Ask about this").click()
    row.get_by_role("button", name="Reply in thread").click()
    expect(ann.get_by_role("complementary", name="Thread")).to_be_visible()
    assert desk.got["shortcut"][0]["message"]["ts"] == ts


def test_an_ephemeral_message_is_seen_by_one_and_dismissed(ann: Any, page_as: Any, desk: Any) -> None:
    desk.web.chat_postEphemeral(channel="C0PAY", user="U0ANN", text="just for you")
    expect(messages(ann).last).to_contain_text("Only visible to you")
    bo = page_as("U0BO")
    expect(bo.get_by_text("just for you")).to_have_count(0)
    ann.get_by_role("button", name="Dismiss message").click()
    expect(ann.get_by_text("just for you")).to_have_count(0)


def test_a_dangerous_button_asks_first(ann: Any, desk: Any) -> None:
    sure = {"title": plain("Approve this?"), "text": mrkdwn("*6 pods*"), "confirm": plain("Yes"), "deny": plain("No")}
    desk.post("card", blocks=[actions(button("Approve", "ok", value="r1", style="primary", confirm=sure))])
    press = messages(ann).last.get_by_role("button", name="Approve")
    press.click()
    ask = ann.get_by_role("alertdialog", name="Approve this?")
    ask.get_by_role("button", name="No").click()
    expect(press).to_be_focused()
    press.click()
    expect(ask.get_by_role("button", name="Yes")).to_be_focused()
    ann.keyboard.press("Enter")
    expect(ask).to_have_count(0)
    expect(press).not_to_have_attribute("aria-busy", "true")
    assert [one["actions"][0]["value"] for one in desk.got["action"]] == ["r1"]


def test_a_pressed_button_waits_for_the_ack(ann: Any, desk: Any) -> None:
    def slowly(ack: Any, body: Any, client: Any) -> None:
        client.chat_update(
            channel="C0PAY",
            ts=body["message"]["ts"],
            text="x",
            blocks=[section("seen"), actions(button("Approve", "ok"))],
        )
        ann_saw.append(True)
        import time

        time.sleep(0.5)
        ack()

    ann_saw: list[bool] = []
    desk.on["action"] = slowly
    desk.post("card", blocks=[section("waiting"), actions(button("Approve", "ok"))])
    press = messages(ann).last.get_by_role("button", name="Approve")
    press.click()
    expect(press).to_have_attribute("aria-busy", "true")
    expect(press).not_to_have_attribute("aria-busy", "true")


def test_choices_in_a_message_reach_the_app(ann: Any, desk: Any) -> None:
    choices = [option("Api"), option("Web")]
    desk.post(
        "card",
        blocks=[
            section("Service", accessory={"type": "overflow", "action_id": "more", "options": choices}),
            actions(
                {"type": "static_select", "action_id": "pick", "placeholder": plain("Pick one"), "options": choices},
                {"type": "radio_buttons", "action_id": "radio", "options": choices},
                {"type": "checkboxes", "action_id": "check", "options": [option("Tell")]},
                {"type": "datepicker", "action_id": "day", "initial_date": "2026-12-24"},
            ),
        ],
    )
    card = messages(ann).last
    card.get_by_role("button", name="More actions: Service").click()
    ann.get_by_role("menuitem", name="Web").click()
    card.get_by_role("combobox", name="Pick one").click()
    ann.get_by_role("option", name="Api").click()
    card.get_by_label("Web").check()
    card.get_by_label("Tell").check()
    card.locator("[data-action-id=day]").click()
    ann.get_by_role("button", name="Friday, December 25, 2026").click()
    desk.await_press(ann, 5)
    taken = {one["actions"][0]["action_id"]: one["actions"][0] for one in desk.got["action"]}
    assert taken["more"]["selected_option"]["value"] == "web"
    assert taken["pick"]["selected_option"]["value"] == "api"
    assert taken["radio"]["selected_option"]["value"] == "web"
    assert [one["value"] for one in taken["check"]["selected_options"]] == ["tell"]
    assert taken["day"]["selected_date"] == "2026-12-25"


def test_a_channel_one_has_not_read_is_bold_and_counts_mentions(ann: Any, desk: Any) -> None:
    desk.post("<@U0ANN> look", channel="C0GEN")
    row = ann.get_by_role("button", name="general, 1 unread")
    expect(row.locator(".count")).to_contain_text("1")
    row.click()
    expect(ann.locator(".new-line")).to_have_text("New")
    expect(ann.get_by_role("button", name="general", exact=True)).to_have_attribute("aria-current", "page")


def test_an_archived_channel_cannot_be_written_in(page_as: Any) -> None:
    page = page_as("U0ANN", "C0OLD")
    expect(page.get_by_role("note")).to_contain_text("an archived channel")
    expect(page.locator("textarea")).to_have_count(0)
