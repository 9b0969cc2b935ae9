from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from jitbot.sandbox.local import LocalSlack
from jitbot.sandbox.person import PersonRefused


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def field(name: str, **element: Any) -> dict[str, Any]:
    inner = {"type": "plain_text_input", "action_id": name} | element
    return {"type": "input", "block_id": name, "label": plain(name), "element": inner}


def modal(*blocks: Any, **more: Any) -> dict[str, Any]:
    view = {"type": "modal", "title": plain("Ask"), "submit": plain("Send"), "blocks": list(blocks or [field("why")])}
    return view | more


def code(call: Callable[[], Any]) -> str:
    with pytest.raises(SlackApiError) as caught:
        call()
    return str(caught.value.response["error"])


def problems(call: Callable[[], Any]) -> list[str]:
    with pytest.raises(SlackApiError) as caught:
        call()
    assert caught.value.response["error"] == "invalid_arguments"
    found: list[str] = caught.value.response["errors"]
    return found


@pytest.fixture
def trigger(slack: LocalSlack, app: Any) -> Callable[[], str]:
    def one() -> str:
        slack.person("U0ANN").command("C0PAY", "/jit")
        return str(app.last("command")["trigger_id"])

    return one


@pytest.fixture
def opened(web: WebClient, trigger: Callable[[], str]) -> Callable[..., dict[str, Any]]:
    def one(*blocks: Any, **more: Any) -> dict[str, Any]:
        view: dict[str, Any] = web.views_open(trigger_id=trigger(), view=modal(*blocks, **more))["view"]
        return view

    return one


Trigger = Callable[[], str]
Opened = Callable[..., dict[str, Any]]


class TestTriggers:
    def test_a_trigger_opens_one_form_for_whoever_caused_it(
        self, slack: LocalSlack, web: WebClient, trigger: Trigger
    ) -> None:
        name = trigger()
        view = web.views_open(trigger_id=name, view=modal())["view"]
        assert view["id"].startswith("V")
        assert view["app_installed_team_id"] == "T0ACME"
        form = slack.person("U0ANN").modal()
        assert form is not None
        assert form["id"] == view["id"]
        assert slack.person("U0BOB").modal() is None
        assert code(lambda: web.views_open(trigger_id=name, view=modal())) == "exchanged_trigger_id"

    def test_after_three_seconds_it_is_expired(self, slack: LocalSlack, web: WebClient, trigger: Trigger) -> None:
        name = trigger()
        slack.forward(3.1)
        assert code(lambda: web.views_open(trigger_id=name, view=modal())) == "expired_trigger_id"

    def test_an_invented_one_is_invalid(self, web: WebClient) -> None:
        assert code(lambda: web.views_open(trigger_id="1.2.3", view=modal())) == "invalid_trigger_id"

    def test_a_refused_view_does_not_use_it_up(self, web: WebClient, trigger: Trigger) -> None:
        name = trigger()
        assert code(lambda: web.views_open(trigger_id=name, view={"type": "modal"})) == "invalid_arguments"
        assert web.views_open(trigger_id=name, view=modal())["ok"]


LONG = {
    "title": (modal(title=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
    "submit": (modal(submit=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/submit/text]"),
    "close": (modal(close=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/close/text]"),
    "private_metadata": (
        modal(private_metadata="x" * 3001),
        "must be less than 3001 characters [json-pointer:/view/private_metadata]",
    ),
    "callback_id": (
        modal(callback_id="x" * 256),
        "must be less than 256 characters [json-pointer:/view/callback_id]",
    ),
    "external_id": (
        modal(external_id="x" * 256),
        "must be less than 256 characters [json-pointer:/view/external_id]",
    ),
    "no_title": ({"type": "modal", "blocks": []}, "missing required field: title [json-pointer:/view]"),
    "no_blocks": ({"type": "modal", "title": plain("x")}, "missing required field: blocks [json-pointer:/view]"),
    "mrkdwn_title": (
        modal(title={"type": "mrkdwn", "text": "x"}),
        "must be a plain_text object [json-pointer:/view/title]",
    ),
    "empty_title": (
        modal(title=plain("")),
        "must be more than 0 characters [json-pointer:/view/title/text]",
    ),
    "inputs_without_submit": (
        {"type": "modal", "title": plain("x"), "blocks": [field("why")]},
        "missing required field: submit, which a view with inputs needs [json-pointer:/view]",
    ),
    "home_in_a_modal": ({"type": "home", "blocks": []}, "unsupported type: home [json-pointer:/view/type]"),
    "unknown_field": (modal(color="red"), "invalid additional property: color [json-pointer:/view]"),
    "flag": (modal(notify_on_close="yes"), "must provide a boolean [json-pointer:/view/notify_on_close]"),
    "number_as_id": (modal(callback_id=5), "must provide a string [json-pointer:/view/callback_id]"),
    "block": (
        modal({"type": "header", "text": plain("")}),
        "must be more than 0 characters [json-pointer:/view/blocks/0/text/text]",
    ),
}


@pytest.mark.parametrize(("view", "problem"), LONG.values(), ids=LONG.keys())
def test_a_view_beyond_a_limit_is_refused(web: WebClient, trigger: Trigger, view: dict[str, Any], problem: str) -> None:
    assert problems(lambda: web.views_open(trigger_id=trigger(), view=view)) == [problem]


def test_a_view_above_250_kb_is_too_large(web: WebClient, trigger: Trigger) -> None:
    big = modal(*[{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}] * 90)
    assert code(lambda: web.views_open(trigger_id=trigger(), view=big)) == "view_too_large"


class TestStack:
    def test_two_views_can_be_pushed_and_no_third(
        self, slack: LocalSlack, web: WebClient, app: Any, opened: Opened
    ) -> None:
        more = {"type": "actions", "elements": [{"type": "button", "action_id": "more", "text": plain("More")}]}
        ann = slack.person("U0ANN")
        first = opened(more)

        def push() -> Any:
            form = ann.modal()
            assert form is not None
            ann.click(form, "more")
            return web.views_push(trigger_id=app.last("block_actions")["trigger_id"], view=modal(more))

        second = push()["view"]
        assert (second["root_view_id"], second["previous_view_id"]) == (first["id"], first["id"])
        push()
        assert code(push) == "push_limit_reached"
        assert len(ann.see()["modals"]) == 3
        ann.close()
        ann.close()
        assert ann.modal()["id"] == first["id"]  # type: ignore[index]
        push()
        ann.close(clear=True)
        assert ann.modal() is None

    def test_only_a_click_in_a_form_can_push(self, web: WebClient, trigger: Trigger, opened: Opened) -> None:
        opened()
        assert code(lambda: web.views_push(trigger_id=trigger(), view=modal())) == "not_found"

    def test_closing_is_told_where_the_view_asks_for_it(self, slack: LocalSlack, app: Any, opened: Opened) -> None:
        opened(notify_on_close=True, private_metadata="r1")
        slack.person("U0ANN").close()
        assert app.last("view_closed")["view"]["private_metadata"] == "r1"
        assert app.last("view_closed")["is_cleared"] is False
        opened()
        slack.person("U0ANN").close(clear=True)
        assert len(app.payloads("view_closed")) == 1

    def test_somebody_without_a_form_has_none_to_submit(self, slack: LocalSlack) -> None:
        with pytest.raises(PersonRefused, match="view_not_found"):
            slack.person("U0ANN").submit()


class TestUpdate:
    def test_a_stale_hash_is_a_conflict(self, web: WebClient, opened: Opened) -> None:
        view = opened()
        newer = web.views_update(view_id=view["id"], view=modal(), hash=view["hash"])["view"]
        assert newer["hash"] != view["hash"]
        assert code(lambda: web.views_update(view_id=view["id"], view=modal(), hash=view["hash"])) == "hash_conflict"

    def test_a_view_is_found_by_its_external_id_which_is_unique(
        self, web: WebClient, trigger: Trigger, opened: Opened
    ) -> None:
        opened(external_id="mine")
        assert web.views_update(external_id="mine", view=modal(external_id="mine"))["ok"]
        again = modal(external_id="mine")
        assert code(lambda: web.views_open(trigger_id=trigger(), view=again)) == "duplicate_external_id"

    def test_a_closed_view_is_not_found(self, slack: LocalSlack, web: WebClient, opened: Opened) -> None:
        view = opened()
        slack.person("U0ANN").close()
        assert code(lambda: web.views_update(view_id=view["id"], view=modal())) == "not_found"

    def test_what_was_typed_stays_where_block_and_action_are_the_same(
        self, slack: LocalSlack, web: WebClient, app: Any, opened: Opened
    ) -> None:
        refresh = {"type": "actions", "elements": [{"type": "button", "action_id": "refresh", "text": plain("R")}]}
        view = opened(field("why"), field("note"), refresh)
        ann = slack.person("U0ANN")
        ann.click(view, "refresh", state={"why": {"why": "typed"}, "note": {"note": "also"}})
        values = app.last("block_actions")["view"]["state"]["values"]
        assert values["why"]["why"] == {"type": "plain_text_input", "value": "typed"}
        updated = web.views_update(view_id=view["id"], view=modal(field("why", initial_value="other"), field("new")))
        assert updated["view"]["state"]["values"]["why"]["why"]["value"] == "typed"
        assert updated["view"]["state"]["values"]["new"]["new"]["value"] is None
        ann.submit({"new": {"new": "n"}})
        values = app.last("view_submission")["view"]["state"]["values"]
        assert (values["why"]["why"]["value"], values["new"]["new"]["value"]) == ("typed", "n")
        assert "note" not in values

    def test_a_choice_the_new_form_no_longer_offers_is_dropped(
        self, slack: LocalSlack, web: WebClient, app: Any, opened: Opened
    ) -> None:
        refresh = {"type": "actions", "elements": [{"type": "button", "action_id": "refresh", "text": plain("R")}]}
        view = opened(field("it", type="static_select", options=OPTIONS), refresh)
        slack.person("U0ANN").click(view, "refresh", state={"it": {"it": "2"}, "gone": {"gone": "x"}})
        fewer = modal(field("it", type="static_select", options=OPTIONS[:1]))
        updated = web.views_update(view_id=view["id"], view=fewer)["view"]
        assert updated["state"]["values"]["it"]["it"]["selected_option"] is None

    def test_a_value_of_another_kind_is_refused(self, slack: LocalSlack, opened: Opened) -> None:
        opened(field("when", type="datetimepicker"))
        with pytest.raises(PersonRefused, match="invalid_value"):
            slack.person("U0ANN").submit({"when": {"when": "soon"}})


class TestPublish:
    HOME: dict[str, Any] = {"type": "home", "blocks": [{"type": "divider"}]}  # noqa: RUF012 - never changed

    def test_a_home_is_replaced_only_by_who_knows_it(self, slack: LocalSlack, web: WebClient) -> None:
        first = web.views_publish(user_id="U0ANN", view=self.HOME)["view"]
        second = web.views_publish(user_id="U0ANN", view=self.HOME, hash=first["hash"])["view"]
        assert second["id"] == first["id"]
        stale = lambda: web.views_publish(user_id="U0ANN", view=self.HOME, hash=first["hash"])  # noqa: E731 - one call
        assert code(stale) == "hash_conflict"

    def test_an_unknown_person_or_a_modal_is_refused(self, web: WebClient) -> None:
        assert code(lambda: web.views_publish(user_id="U0NONE", view=self.HOME)) == "user_not_found"
        assert code(lambda: web.views_publish(user_id="U0ANN", view=modal())) == "invalid_arguments"

    def test_a_home_has_no_title(self, web: WebClient) -> None:
        view = self.HOME | {"title": plain("Home")}
        problem = "invalid additional property: title [json-pointer:/view]"
        assert problems(lambda: web.views_publish(user_id="U0ANN", view=view)) == [problem]

    def test_buttons_on_it_carry_the_view(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        go = {"type": "actions", "elements": [{"type": "button", "action_id": "go", "text": plain("Go")}]}
        web.views_publish(user_id="U0ANN", view={"type": "home", "blocks": [go]})
        ann = slack.person("U0ANN")
        home = ann.home()
        assert home is not None
        ann.click(home, "go")
        payload = app.last("block_actions")
        assert (payload["view"]["type"], payload["container"]["type"]) == ("home", "view")
        assert web.views_open(trigger_id=payload["trigger_id"], view=modal())["ok"]

    def test_an_app_without_home_cannot_publish(self) -> None:
        with LocalSlack({"app": {"home": False}, "people": [{"id": "U0ANN", "name": "ann"}]}) as slack:
            web = WebClient(slack.bot_token, base_url=slack.api_url)
            assert code(lambda: web.views_publish(user_id="U0ANN", view=self.HOME)) == "not_enabled"


class TestSubmit:
    def test_the_payload_has_slacks_fields(self, slack: LocalSlack, app: Any, opened: Opened) -> None:
        view = opened(private_metadata="r1", callback_id="ask")
        slack.person("U0ANN").submit({"why": {"why": "disk full"}})
        payload = app.last("view_submission")
        assert payload["user"]["id"] == "U0ANN"
        assert payload["view"]["id"] == view["id"]
        assert payload["view"]["hash"] == view["hash"]
        assert (payload["view"]["private_metadata"], payload["view"]["callback_id"]) == ("r1", "ask")
        assert payload["view"]["state"]["values"] == {
            "why": {"why": {"type": "plain_text_input", "value": "disk full"}}
        }
        assert (payload["enterprise"], payload["response_urls"]) == (None, [])

    def test_what_people_must_correct_never_reaches_the_app(self, slack: LocalSlack, app: Any, opened: Opened) -> None:
        opened(
            field("why"),
            field("short", max_length=3),
            field("long", min_length=3),
            field("count", type="number_input", is_decimal_allowed=False, min_value="1", max_value="9"),
            field("mail", type="email_text_input"),
            field("link", type="url_text_input"),
        )
        typed = {"short": "four", "long": "ab", "count": "10", "mail": "nobody", "link": "here"}
        answer = slack.person("U0ANN").submit({name: {name: value} for name, value in typed.items()})
        assert set(answer["errors"]) == {"why", *typed}
        assert answer["acked"] is False
        assert app.payloads("view_submission") == []

    def test_the_app_can_point_at_what_is_wrong(self, slack: LocalSlack, app: Any, opened: Opened) -> None:
        opened()
        app.answers["view_submission"] = {"response_action": "errors", "errors": {"why": "No."}}
        ann = slack.person("U0ANN")
        assert ann.submit({"why": {"why": "x"}})["errors"] == {"why": "No."}
        app.answers["view_submission"] = {}
        assert "errors" not in ann.submit()
        assert ann.modal() is None

    def test_the_app_can_update_push_and_clear(self, slack: LocalSlack, app: Any, opened: Opened) -> None:
        opened()
        ann = slack.person("U0ANN")
        app.answers["view_submission"] = {"response_action": "update", "view": modal(title=plain("Two"))}
        ann.submit({"why": {"why": "x"}})
        assert [view["title"]["text"] for view in ann.see()["modals"]] == ["Two"]
        app.answers["view_submission"] = {"response_action": "push", "view": modal(title=plain("Three"))}
        ann.submit()
        assert [view["title"]["text"] for view in ann.see()["modals"]] == ["Two", "Three"]
        app.answers["view_submission"] = {"response_action": "clear"}
        ann.submit({"why": {"why": "x"}})
        assert ann.modal() is None

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            ({"response_action": "explode"}, "invalid_response_action"),
            ({"response_action": "errors", "errors": {"nowhere": "x"}}, "invalid_errors"),
            ({"response_action": "errors"}, "invalid_errors"),
            ({"response_action": "update", "view": {"type": "modal"}}, "invalid_arguments"),
        ],
        ids=["action", "block", "no_errors", "view"],
    )
    def test_a_wrong_answer_leaves_the_form_and_tells_the_person(
        self, slack: LocalSlack, app: Any, opened: Opened, answer: dict[str, Any], error: str
    ) -> None:
        opened()
        app.answers["view_submission"] = answer
        ann = slack.person("U0ANN")
        assert ann.submit({"why": {"why": "x"}})["error"] == error
        assert ann.modal() is not None
        assert ann.notices() == [f"We had some trouble connecting. Try again? ({error})"]

    def test_a_lost_ack_leaves_the_form_open(self, slack: LocalSlack, app: Any, opened: Opened) -> None:
        opened()
        slack.faults({"on": "delivery:view_submission", "kind": "lost_ack", "times": 1})
        ann = slack.person("U0ANN")
        assert ann.submit({"why": {"why": "x"}})["error"] == "operation_timeout"
        assert ann.modal() is not None
        assert len(app.payloads("view_submission")) == 1

    def test_only_the_form_on_top_is_submitted(self, slack: LocalSlack, app: Any, opened: Opened) -> None:
        view = opened()
        opened()
        with pytest.raises(PersonRefused, match="view_not_found"):
            slack.person("U0ANN").submit({}, view)

    def test_a_response_url_comes_with_the_channel_picked_for_it(
        self, slack: LocalSlack, app: Any, opened: Opened
    ) -> None:
        opened(field("where", type="conversations_select", response_url_enabled=True))
        slack.person("U0ANN").submit({"where": {"where": "C0PAY"}})
        place = app.last("view_submission")["response_urls"][0]
        assert (place["channel_id"], place["block_id"]) == ("C0PAY", "where")
        assert place["response_url"].startswith(slack.url)


OPTIONS = [{"text": plain("One"), "value": "1"}, {"text": plain("Two"), "value": "2"}]
VALUES: dict[str, tuple[dict[str, Any], Any, dict[str, Any]]] = {
    "email": ({"type": "email_text_input"}, "a@b.example", {"value": "a@b.example"}),
    "number": ({"type": "number_input", "is_decimal_allowed": True}, "1.5", {"value": "1.5"}),
    "date": ({"type": "datepicker"}, "2026-11-22", {"selected_date": "2026-11-22"}),
    "time": ({"type": "timepicker"}, "09:30", {"selected_time": "09:30"}),
    "datetime": ({"type": "datetimepicker"}, 1795400000, {"selected_date_time": 1795400000}),
    "select": ({"type": "static_select", "options": OPTIONS}, "1", {"selected_option": OPTIONS[0]}),
    "radio": ({"type": "radio_buttons", "options": OPTIONS}, "2", {"selected_option": OPTIONS[1]}),
    "checkboxes": ({"type": "checkboxes", "options": OPTIONS}, ["1", "2"], {"selected_options": OPTIONS}),
    "multi": ({"type": "multi_static_select", "options": OPTIONS}, ["2"], {"selected_options": [OPTIONS[1]]}),
    "user": ({"type": "users_select"}, "U0BOB", {"selected_user": "U0BOB"}),
    "users": ({"type": "multi_users_select"}, ["U0BOB"], {"selected_users": ["U0BOB"]}),
    "channel": ({"type": "channels_select"}, "C0PAY", {"selected_channel": "C0PAY"}),
    "conversations": ({"type": "multi_conversations_select"}, ["C0PAY"], {"selected_conversations": ["C0PAY"]}),
    "initial": ({"type": "plain_text_input", "initial_value": "given"}, None, {"value": "given"}),
    "initial_option": (
        {"type": "static_select", "options": OPTIONS, "initial_option": OPTIONS[1]},
        None,
        {"selected_option": OPTIONS[1]},
    ),
}


@pytest.mark.parametrize(("element", "typed", "value"), VALUES.values(), ids=VALUES.keys())
def test_a_plain_value_becomes_slacks_state(
    slack: LocalSlack, app: Any, opened: Opened, element: dict[str, Any], typed: Any, value: dict[str, Any]
) -> None:
    opened(field("it", **element))
    slack.person("U0ANN").submit({} if typed is None else {"it": {"it": typed}})
    assert app.last("view_submission")["view"]["state"]["values"]["it"]["it"] == {"type": element["type"]} | value


def test_rich_text_and_files_have_their_own_forms(slack: LocalSlack, app: Any, opened: Opened) -> None:
    opened(field("rich", type="rich_text_input"), field("file", type="file_input"))
    slack.person("U0ANN").submit({"rich": {"rich": "words"}, "file": {"file": "log.txt"}})
    values = app.last("view_submission")["view"]["state"]["values"]
    assert values["rich"]["rich"]["rich_text_value"]["elements"][0]["elements"][0]["text"] == "words"
    assert values["file"]["file"]["files"][0]["name"] == "log.txt"


class TestOptions:
    def test_external_options_are_asked_for_and_can_then_be_picked(
        self, slack: LocalSlack, app: Any, opened: Opened
    ) -> None:
        view = opened(field("svc", type="external_select"))
        app.answers["block_suggestion"] = {"options": OPTIONS}
        ann = slack.person("U0ANN")
        assert ann.options(view, "svc", "svc", "o")["options"] == OPTIONS
        payload = app.last("block_suggestion")
        assert (payload["value"], payload["action_id"], payload["view"]["id"]) == ("o", "svc", view["id"])
        ann.submit({"svc": {"svc": "2"}})
        picked = app.last("view_submission")["view"]["state"]["values"]["svc"]["svc"]["selected_option"]
        assert picked == OPTIONS[1]

    def test_an_option_nobody_offered_cannot_be_picked(self, slack: LocalSlack, app: Any, opened: Opened) -> None:
        opened(field("svc", type="external_select"))
        with pytest.raises(PersonRefused, match="no_such_option"):
            slack.person("U0ANN").submit({"svc": {"svc": "2"}})
        assert slack.person("U0ANN").modal()["state"]["values"]["svc"]["svc"]["selected_option"] is None  # type: ignore[index]

    @pytest.mark.parametrize("answer", [{}, {"options": OPTIONS * 51}, {"options": "none"}])
    def test_a_bad_answer_is_told_to_the_person(
        self, slack: LocalSlack, app: Any, opened: Opened, answer: dict[str, Any]
    ) -> None:
        view = opened(field("svc", type="external_select"))
        app.answers["block_suggestion"] = answer
        ann = slack.person("U0ANN")
        with pytest.raises(PersonRefused, match="no_options"):
            ann.options(view, "svc", "svc")
        assert ann.notices() == ["The options could not be loaded (invalid options)."]

    def test_an_input_dispatches_only_when_it_says_so(self, slack: LocalSlack, app: Any, opened: Opened) -> None:
        quiet = field("quiet", type="static_select", options=OPTIONS)
        loud = field("loud", type="static_select", options=OPTIONS) | {"dispatch_action": True}
        view = opened(quiet, loud)
        ann = slack.person("U0ANN")
        assert not ann.click(view, "quiet", value="1")["acked"]
        assert app.payloads("block_actions") == []
        assert ann.click(view, "loud", value="2")["acked"]
        values = app.last("block_actions")["view"]["state"]["values"]
        assert values["quiet"]["quiet"]["selected_option"]["value"] == "1"
