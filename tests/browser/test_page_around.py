"""Around the messages: the Home, people, dark and narrow, the keyboard alone, the drawer."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.forms import actions, button, field, form, option, section, send

pytestmark = pytest.mark.browser


def test_the_home_is_drawn_and_told_to_the_app_when_it_is_opened(ann: Any, desk: Any) -> None:
    def publish(ack: Any, body: Any, client: Any) -> None:
        ack()
        view = {"type": "home", "blocks": [section("*To review*"), actions(button("Deny…", "deny"))]}
        client.views_publish(user_id=body["event"]["user"], view=view)

    desk.on["home"] = publish
    ann.locator("[data-app]").click()
    expect(ann.get_by_role("tab", name="Home")).to_have_attribute("aria-selected", "true")
    panel = ann.get_by_role("tabpanel")
    expect(panel).to_contain_text("To review")
    panel.get_by_role("button", name="Deny…").click()
    desk.await_press(ann)
    desk.web.views_publish(user_id="U0ANN", view={"type": "home", "blocks": [section("Nothing to review")]})
    expect(panel).to_contain_text("Nothing to review")
    assert desk.got["home"][0]["event"]["tab"] == "home"
    assert desk.got["action"][0]["view"]["type"] == "home"
    ann.get_by_role("tab", name="Home").focus()
    ann.keyboard.press("ArrowRight")
    expect(ann.get_by_role("tab", name="Messages")).to_be_focused()
    ann.get_by_role("tab", name="About").click()
    expect(panel).to_contain_text("/jit [action]")


def test_the_app_writes_to_a_person_directly(ann: Any, desk: Any) -> None:
    desk.post("for your eyes", channel="U0ANN")
    ann.get_by_role("button", name="jitbot, 1 unread").click()
    ann.get_by_role("tab", name="Messages").click()
    expect(ann.get_by_role("list", name="Messages in jitbot")).to_contain_text("for your eyes")


def test_a_global_shortcut_is_run_from_beside_the_composer(ann: Any, desk: Any) -> None:
    def answer(ack: Any, body: Any, client: Any) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=form(field("Why", "plain_text_input")))

    desk.on["shortcut"] = answer
    ann.get_by_role("button", name="Run a shortcut").click()
    ann.get_by_role("menuitem", name="Ask for access").click()
    expect(ann.get_by_role("dialog", name="Restart a service")).to_be_visible()


def test_one_acts_as_somebody_else_from_the_menu(ann: Any) -> None:
    ann.get_by_role("button", name="Acting as Ann Archer").click()
    menu = ann.get_by_role("menu", name="Act as")
    for name, badge in [("Gus Guest", "Guest"), ("Gone Girl", "Deactivated"), ("Eve Else", "External")]:
        expect(menu.get_by_role("menuitemradio", name=name)).to_contain_text(badge)
    menu.get_by_role("menuitemradio", name="Bo Berg").click()
    expect(ann.get_by_role("button", name="Acting as Bo Berg")).to_be_visible()
    expect(ann).to_have_url(re.compile("as=U0BO.*channel=C0PAY"))


def test_a_deactivated_person_sees_why_nothing_works(page_as: Any, slack: Any) -> None:
    page = page_as("U0ANN")
    slack.control("people/U0ANN", {"deleted": True})
    expect(page.get_by_role("note")).to_contain_text("This account is deactivated.")


def test_all_can_be_done_with_the_keyboard_alone(ann: Any, desk: Any, page_as: Any) -> None:
    desk.opens(
        form(
            field("Service", "static_select", options=[option("Api"), option("Web")]), field("Why", "plain_text_input")
        )
    )
    keyboard = ann.keyboard
    keyboard.press("Control+k")
    keyboard.type("pay")
    keyboard.press("Enter")
    composer = ann.get_by_role("combobox", name="Message #payments-ops")
    composer.focus()
    keyboard.type("/j")
    keyboard.press("Tab")
    keyboard.type("restart")
    keyboard.press("Enter")
    dialog = ann.get_by_role("dialog", name="Restart a service")
    expect(dialog.get_by_role("combobox", name="Service")).to_be_focused()
    keyboard.press("Enter")
    expect(ann.get_by_role("option", name="Web")).to_be_visible()
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    expect(dialog.get_by_role("combobox", name="Service")).to_have_value("Web")
    keyboard.press("Tab")
    keyboard.type("slow")
    keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    assert desk.values()["why"]["why"]["value"] == "slow"
    assert desk.values()["service"]["service"]["selected_option"]["value"] == "web"


def test_the_switcher_finds_people_and_opens_their_messages(ann: Any) -> None:
    ann.keyboard.press("Control+k")
    ann.keyboard.type("cy")
    ann.keyboard.press("Enter")
    expect(ann.get_by_role("heading", level=1)).to_have_text("Cy Chen")
    ann.get_by_role("combobox", name="Message Cy Chen").fill("hello")
    ann.keyboard.press("Enter")
    expect(ann.get_by_role("list", name="Messages in Cy Chen")).to_contain_text("hello")


def luminance(page: Any, selector: str) -> float:
    found: float = page.locator(selector).first.evaluate(
        "e => getComputedStyle(e).backgroundColor.match(/[\\d.]+/g).slice(0, 3)"
        ".reduce((sum, part) => sum + Number(part), 0) / 765"
    )
    return found


def test_dark_follows_the_machine_until_one_chooses(page_as: Any) -> None:
    page = page_as(color_scheme="dark")
    assert luminance(page, ".pane") < 0.2
    page.get_by_role("button", name="Switch to light").click()
    assert luminance(page, ".pane") > 0.9
    page.reload()
    expect(page.get_by_role("button", name="Switch to dark")).to_be_visible()
    assert luminance(page, ".pane") > 0.9


def test_a_narrow_window_folds_the_channels_away(page_as: Any, desk: Any) -> None:
    page = page_as(viewport={"width": 400, "height": 800})
    desk.post("card", blocks=[section("x " * 200), actions(*[button(f"Button {n}", f"b{n}") for n in range(6)])])
    expect(page.get_by_role("button", name="Button 5")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    expect(page.get_by_role("button", name="general", exact=True)).not_to_be_visible()
    page.get_by_role("button", name="Channels", exact=True).click()
    page.get_by_role("button", name="general", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("general")
    expect(page.get_by_role("button", name="security")).not_to_be_visible()


def test_the_drawer_moves_the_clock_switches_faults_and_shows_the_log(ann: Any, desk: Any, slack: Any) -> None:
    desk.post("logged")
    before = slack.person("U0ANN").see()["now"]
    ann.get_by_role("heading", level=1).click()
    ann.keyboard.press("?")
    drawer = ann.get_by_role("complementary", name="Local Slack")
    expect(drawer.get_by_text("chat.postMessage").first).to_be_visible()
    drawer.get_by_role("button", name="+1 hour").click()
    drawer.get_by_label("Acks get lost").check()
    expect(drawer.get_by_label("Acks get lost")).to_be_checked()
    slack.wait_for(lambda: slack.control("faults"))
    assert slack.person("U0ANN").see()["now"] >= before + 3600
    drawer.get_by_label("Acks get lost").uncheck()
    slack.wait_for(lambda: not slack.control("faults"))
    drawer.get_by_role("button", name="Close").click()
    expect(drawer).to_have_count(0)


def test_two_people_side_by_side_see_the_same_card_change(page_as: Any, desk: Any) -> None:
    ann, bo = page_as("U0ANN"), page_as("U0BO")

    def approve(ack: Any, body: Any, client: Any) -> None:
        ack()
        client.chat_update(
            channel="C0PAY",
            ts=body["message"]["ts"],
            text="x",
            blocks=[section(f"approved by <@{body['user']['id']}>")],
        )

    desk.on["action"] = approve
    desk.post("card", blocks=[section("waiting"), actions(button("Approve", "ok"))])
    bo.get_by_role("button", name="Approve").click()
    for page in (ann, bo):
        expect(page.get_by_text("approved by @Bo Berg")).to_be_visible()


def test_a_permalink_leads_to_its_message(page_as: Any, desk: Any, slack: Any) -> None:
    ts = desk.post("linked")
    page = page_as("U0ANN", None)
    page.goto(
        desk.web.chat_getPermalink(channel="C0PAY", message_ts=ts)["permalink"].replace(
            "https://acme.slack.com", slack.url
        )
    )
    expect(page.locator(f".found[data-ts='{ts}']")).to_contain_text("linked")
    expect(page.get_by_role("button", name="Acting as Ann Archer")).to_be_visible()


def test_what_one_was_writing_survives_news(ann: Any, desk: Any) -> None:
    composer = ann.get_by_role("combobox", name="Message #payments-ops")
    composer.fill("half a sent")
    composer.evaluate("area => area.setSelectionRange(4, 4)")
    desk.post("news")
    expect(ann.get_by_text("news")).to_be_visible()
    expect(composer).to_be_focused()
    assert composer.evaluate("area => area.selectionStart") == 4
    send(ann, "done")
