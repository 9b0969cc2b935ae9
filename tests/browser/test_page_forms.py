"""Forms: every element filled in by hand, errors in place, updates while somebody types, the stack, the keyboard."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.forms import Json, field, form, mrkdwn, open_form, option, plain

pytestmark = pytest.mark.browser

SERVICES = [option("Api"), option("Web"), option("Worker")]


def submit(dialog: Any) -> None:
    dialog.get_by_role("button", name="Ask", exact=True).click()


def pick(page: Any, dialog: Any, name: str, choice: str) -> None:
    dialog.get_by_role("combobox", name=name, exact=True).click()
    page.get_by_role("option", name=choice).first.click()


def test_what_is_typed_arrives_as_typed(ann: Any, desk: Any) -> None:
    dialog = open_form(
        ann,
        desk,
        form(
            field("Line", "plain_text_input"),
            field("Why", "plain_text_input", multiline=True),
            field("Mail", "email_text_input"),
            field("Link", "url_text_input"),
            field("Count", "number_input", is_decimal_allowed=False, min_value="1"),
            field("Note", "rich_text_input"),
            field("Started", "plain_text_input", initial_value="as it was"),
            field("Unused", "plain_text_input", optional=True),
        ),
    )
    typed = {
        "line": "a < b & <!channel>",
        "why": "two\nlines",
        "mail": "ann@acme.example",
        "link": "https://acme.example/x",
        "count": "3",
    }
    for name, text in typed.items():
        dialog.locator(f"[data-block-id={name}] [data-action-id={name}]").fill(text)
    dialog.get_by_label("Note").fill("rich")
    submit(dialog)
    expect(dialog).to_have_count(0)
    values = desk.values()
    assert {name: values[name][name]["value"] for name in typed} == typed
    assert values["started"]["started"]["value"] == "as it was"
    assert values["unused"]["unused"]["value"] is None
    assert "rich" in str(values["note"]["note"]["rich_text_value"])


def test_what_is_picked_arrives_as_picked(ann: Any, desk: Any) -> None:
    grouped = [
        {"label": plain("Far"), "options": [option("Moon")]},
        {"label": plain("Near"), "options": [option("Lab")]},
    ]
    dialog = open_form(
        ann,
        desk,
        form(
            field("Service", "static_select", options=SERVICES),
            field("Place", "static_select", option_groups=grouped),
            field("Several", "multi_static_select", options=SERVICES),
            field("Who", "users_select"),
            field("Whom", "multi_users_select"),
            field("Where", "channels_select"),
            field("Talk", "conversations_select", filter={"include": ["private"]}),
            field("Urgency", "radio_buttons", options=[option("Normal"), option("High", description=plain("now"))]),
            field("Extras", "checkboxes", options=[option("Tell"), option("Remind")]),
        ),
    )
    for name, choice in [
        ("Service", "Web"),
        ("Place", "Lab"),
        ("Who", "Bo Berg"),
        ("Where", "general"),
        ("Talk", "security"),
    ]:
        pick(ann, dialog, name, choice)
    for name, choices in [("Several", ["Api", "Worker"]), ("Whom", ["Bo Berg", "Cy Chen"])]:
        for choice in choices:
            pick(ann, dialog, name, choice) if choice == choices[0] else ann.get_by_role("option", name=choice).click()
        ann.keyboard.press("Escape")
    dialog.get_by_label("High").check()
    dialog.get_by_label("Tell").check()
    submit(dialog)
    expect(dialog).to_have_count(0)
    values = {name: one[name] for name, one in desk.values().items()}
    assert values["service"]["selected_option"]["value"] == "web"
    assert values["place"]["selected_option"]["value"] == "lab"
    assert [one["value"] for one in values["several"]["selected_options"]] == ["api", "worker"]
    assert values["who"]["selected_user"] == "U0BO"
    assert values["whom"]["selected_users"] == ["U0BO", "U0CY"]
    assert values["where"]["selected_channel"] == "C0GEN"
    assert values["talk"]["selected_conversation"] == "C0SEC"
    assert values["urgency"]["selected_option"]["value"] == "high"
    assert [one["value"] for one in values["extras"]["selected_options"]] == ["tell"]


def test_dates_and_times_arrive_as_picked(ann: Any, desk: Any) -> None:
    dialog = open_form(
        ann,
        desk,
        form(
            field("Day", "datepicker", initial_date="2026-12-24"),
            field("Other", "datepicker"),
            field("Hour", "timepicker"),
            # 2027-01-05 12:00 in Berlin
            field("Moment", "datetimepicker", initial_date_time=1799146800),
        ),
    )
    dialog.locator("[data-block-id=day] button").click()
    ann.get_by_role("button", name="Saturday, December 26, 2026").click()
    dialog.locator("[data-block-id=other] button").click()
    ann.locator(".calendar .today").click()
    hour = dialog.get_by_role("combobox", name="Hour")
    hour.click()
    hour.fill("2:05pm")
    hour.press("Enter")
    expect(hour).to_have_value("2:05 PM")
    moment = dialog.get_by_role("combobox", name="Moment: time")
    expect(moment).to_have_value("12:00 PM")
    moment.click()
    moment.fill("13:30")
    moment.press("Enter")
    submit(dialog)
    expect(dialog).to_have_count(0)
    values = desk.values()
    assert values["day"]["day"]["selected_date"] == "2026-12-26"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", values["other"]["other"]["selected_date"])
    assert values["hour"]["hour"]["selected_time"] == "14:05"
    assert values["moment"]["moment"]["selected_date_time"] == 1799146800 + 5400


def test_a_file_is_handed_in_by_name(ann: Any, desk: Any) -> None:
    dialog = open_form(ann, desk, form(field("Log", "file_input")))
    dialog.locator("input[type=file]").set_input_files({"name": "a.log", "mimeType": "text/plain", "buffer": b"x"})
    expect(dialog.get_by_text("a.log")).to_be_visible()
    submit(dialog)
    expect(dialog).to_have_count(0)
    assert [one["name"] for one in desk.values()["log"]["log"]["files"]] == ["a.log"]


def test_an_external_select_asks_the_app_while_one_types(ann: Any, desk: Any) -> None:
    desk.on["options"] = lambda ack, body, _client: ack(options=[option(f"{body['value']}-{n}") for n in (1, 2)])
    dialog = open_form(ann, desk, form(field("Pod", "external_select", min_query_length=2)))
    pod = dialog.get_by_role("combobox", name="Pod")
    pod.click()
    expect(ann.get_by_text("Type at least 2 characters")).to_be_visible()
    pod.press_sequentially("api")
    ann.get_by_role("option", name="api-2").click()
    expect(pod).to_have_value("api-2")
    submit(dialog)
    expect(dialog).to_have_count(0)
    assert desk.values()["pod"]["pod"]["selected_option"]["value"] == "api-2"


def test_a_list_is_searched_by_typing_and_walked_with_arrows(ann: Any, desk: Any) -> None:
    dialog = open_form(ann, desk, form(field("Service", "static_select", options=SERVICES)))
    service = dialog.get_by_role("combobox", name="Service")
    service.press_sequentially("w")
    expect(ann.get_by_role("option")).to_have_text(["Web", "Worker"])
    service.press("ArrowDown")
    service.press("Enter")
    expect(service).to_have_value("Worker")
    expect(dialog).to_be_visible()


def test_what_is_missing_is_said_under_the_field_and_goes_when_it_is_filled(ann: Any, desk: Any) -> None:
    dialog = open_form(
        ann,
        desk,
        form(field("Service", "static_select", options=SERVICES), field("Why", "plain_text_input", min_length=5)),
    )
    submit(dialog)
    error = dialog.locator("[data-block-id=service]").get_by_role("alert")
    expect(error).to_have_text("Please complete this required field.")
    pick(ann, dialog, "Service", "Web")
    expect(error).to_have_count(0)
    dialog.get_by_label("Why").fill("abc")
    submit(dialog)
    expect(dialog.get_by_role("alert")).to_have_text("Please enter at least 5 characters.")
    assert desk.got["view"] == []


def test_the_apps_errors_stand_under_their_fields(ann: Any, desk: Any) -> None:
    desk.on["view"] = lambda ack, _body, _client: ack(response_action="errors", errors={"why": "Say more than asap."})
    dialog = open_form(ann, desk, form(field("Why", "plain_text_input", hint="Approvers see this first.")))
    why = dialog.get_by_label("Why")
    why.fill("asap")
    submit(dialog)
    expect(dialog.get_by_role("alert")).to_have_text("Say more than asap.")
    expect(why).to_have_attribute("aria-invalid", "true")
    expect(why).to_be_focused()
    expect(why).to_have_value("asap")


def test_an_update_keeps_what_was_typed_and_where_the_caret_is(ann: Any, desk: Any, slack: Any) -> None:
    dialog = open_form(
        ann, desk, form(field("Why", "plain_text_input", multiline=True), field("More", "plain_text_input"))
    )
    why = dialog.get_by_label("Why")
    why.fill("Checkout is slow")
    why.evaluate("area => area.setSelectionRange(3, 3)")
    view = slack.person("U0ANN").modal()
    hint: Json = {
        "type": "context",
        "block_id": "hint",
        "elements": [mrkdwn(":hourglass_flowing_sand: asks *two people*")],
    }
    updated = form(
        hint, field("New", "plain_text_input", optional=True), field("Why", "plain_text_input", multiline=True)
    )
    desk.web.views_update(view_id=view["id"], view=updated)
    expect(dialog.get_by_text("two people")).to_be_visible()
    expect(why).to_be_focused()
    expect(why).to_have_value("Checkout is slow")
    assert why.evaluate("area => area.selectionStart") == 3
    expect(dialog.get_by_label("More")).to_have_count(0)
    ann.keyboard.type("!")
    expect(why).to_have_value("Che!ckout is slow")


def test_a_choice_that_dispatches_redraws_the_form_with_all_that_was_typed(ann: Any, desk: Any) -> None:
    service = field("Service", "static_select", options=SERVICES, dispatch=True)
    why = field("Why", "plain_text_input")

    def redraw(ack: Any, body: Json, client: Any) -> None:
        ack()
        seen = body["view"]["state"]["values"]["why"]["why"]["value"]
        client.views_update(
            view_id=body["view"]["id"],
            view=form(service, why, {"type": "section", "text": mrkdwn(f"you said *{seen}*")}),
        )

    desk.on["action"] = redraw
    dialog = open_form(ann, desk, form(service, why))
    dialog.get_by_label("Why").fill("slow")
    pick(ann, dialog, "Service", "Web")
    expect(dialog.get_by_text("you said slow")).to_be_visible()
    expect(dialog.get_by_role("combobox", name="Service")).to_have_value("Web")
    expect(dialog.get_by_label("Why")).to_have_value("slow")


@pytest.mark.parametrize("trigger", ["on_enter_pressed", "on_character_entered"])
def test_typing_reaches_the_app_when_it_asked_for_it(ann: Any, desk: Any, trigger: str) -> None:
    config = {"trigger_actions_on": [trigger]}
    dialog = open_form(ann, desk, form(field("Find", "plain_text_input", dispatch=True, dispatch_action_config=config)))
    find = dialog.get_by_label("Find")
    find.press_sequentially("api")
    if trigger == "on_enter_pressed":
        assert desk.got["action"] == []
        find.press("Enter")
    expect(find).to_have_value("api")
    desk.await_press(ann)
    assert desk.got["action"][-1]["actions"][0]["value"] == "api"
    assert desk.got["view"] == []


def test_forms_stack_with_a_way_back(ann: Any, desk: Any) -> None:
    second = form(field("Sure", "plain_text_input"), title="Really?")
    desk.on["view"] = lambda ack, _body, _client: ack(response_action="push", view=second)
    dialog = open_form(ann, desk, form(field("Why", "plain_text_input")))
    dialog.get_by_label("Why").fill("first")
    dialog.get_by_label("Why").press("Enter")
    top = ann.get_by_role("dialog", name="Really?")
    expect(top.get_by_label("Sure")).to_be_focused()
    top.get_by_role("button", name="Back").click()
    expect(dialog.get_by_label("Why")).to_have_value("first")
    submit(dialog)
    top.get_by_role("button", name="Close").click()
    expect(ann.get_by_role("dialog")).to_have_count(0)


def test_closing_a_form_tells_the_app_where_it_wants_to_know(ann: Any, desk: Any) -> None:
    dialog = open_form(ann, desk, form(field("Why", "plain_text_input"), notify_on_close=True))
    ann.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(ann.get_by_role("combobox", name="Message #payments-ops")).to_be_focused()
    assert desk.got["view_closed"][0]["is_cleared"] is False


def test_escape_closes_the_list_before_the_form(ann: Any, desk: Any) -> None:
    dialog = open_form(ann, desk, form(field("Service", "static_select", options=SERVICES)))
    dialog.get_by_role("combobox", name="Service").click()
    expect(ann.get_by_role("listbox")).to_be_visible()
    ann.keyboard.press("Escape")
    expect(ann.get_by_role("listbox")).to_have_count(0)
    expect(dialog).to_be_visible()


def test_the_keyboard_stays_in_the_form(ann: Any, desk: Any) -> None:
    dialog = open_form(ann, desk, form(field("Why", "plain_text_input"), field("More", "plain_text_input")))
    for _ in range(8):
        ann.keyboard.press("Tab")
        assert dialog.evaluate("box => box.contains(document.activeElement)")


def test_an_app_that_does_not_answer_leaves_the_form_with_slacks_words(ann: Any, desk: Any, slack: Any) -> None:
    dialog = open_form(ann, desk, form(field("Why", "plain_text_input")))
    dialog.get_by_label("Why").fill("because")
    slack.faults({"on": "delivery:view_submission", "kind": "lost_ack", "times": 1})
    submit(dialog)
    expect(dialog.get_by_role("alert")).to_have_text("We had some trouble connecting. Try again?", timeout=8000)
    expect(dialog.get_by_label("Why")).to_have_value("because")
    submit(dialog)
    expect(dialog).to_have_count(0)
