from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from jitbot.sandbox.local import LocalSlack
from jitbot.sandbox.person import PersonRefused


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def button(action_id: str = "approve", **more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": action_id, "text": plain("Go"), "value": "r1"} | more


def card(*elements: Any) -> list[dict[str, Any]]:
    return [{"type": "actions", "block_id": "a", "elements": list(elements or [button()])}]


def refusal(act: Any) -> str:
    with pytest.raises(PersonRefused) as caught:
        act()
    return caught.value.code


class TestCommands:
    def test_the_payload_has_slacks_fields(self, slack: LocalSlack, app: Any) -> None:
        slack.person("U0ANN").command("C0PAY", "/jit restart the thing")
        payload = app.last("command")
        assert payload["command"] == "/jit"
        assert payload["text"] == "restart the thing"
        assert (payload["user_id"], payload["user_name"]) == ("U0ANN", "ann")
        assert (payload["channel_id"], payload["channel_name"]) == ("C0PAY", "payments")
        assert (payload["team_id"], payload["team_domain"], payload["api_app_id"]) == ("T0ACME", "acme", "A0JIT")
        assert payload["is_enterprise_install"] == "false"
        assert payload["response_url"].startswith(slack.url)
        assert payload["trigger_id"]

    def test_private_channels_and_direct_messages_have_slacks_own_names(self, slack: LocalSlack, app: Any) -> None:
        slack.person("U0BOB").command("C0SEC", "/jit")
        slack.person("U0BOB").command("U0JITBOT", "/jit")
        assert [one["channel_name"] for one in app.payloads("command")] == ["privategroup", "directmessage"]

    def test_mentions_arrive_as_ids_only_where_the_command_escapes(self, slack: LocalSlack, app: Any) -> None:
        words = "for @bob, in #payments by @sre & <b> https://example.com @nobody"
        slack.person("U0ANN").command("C0PAY", f"/jit {words}")
        slack.person("U0ANN").command("C0PAY", f"/esc {words}")
        raw, escaped = (one["text"] for one in app.payloads("command"))
        assert raw == words
        assert escaped == (
            "for <@U0BOB|bob>, in <#C0PAY|payments> by <!subteam^S0SRE|@sre> &amp; &lt;b&gt; "
            "<https://example.com> @nobody"
        )

    def test_the_ack_can_answer_one_or_all(self, slack: LocalSlack, app: Any) -> None:
        ann, bob = slack.person("U0ANN"), slack.person("U0BOB")
        app.answers["command"] = {"text": "only you"}
        ann.command("C0PAY", "/jit")
        app.answers["command"] = {"text": "all of you", "response_type": "in_channel"}
        ann.command("C0PAY", "/jit")
        assert [(one["text"], one["ephemeral"]) for one in ann.messages("C0PAY")] == [
            ("only you", True),
            ("all of you", False),
        ]
        assert [one["text"] for one in bob.messages("C0PAY")] == ["all of you"]

    def test_an_ack_with_bad_blocks_is_told_to_the_person(self, slack: LocalSlack, app: Any) -> None:
        app.answers["command"] = {"blocks": [{"type": "nonsense"}]}
        ann = slack.person("U0ANN")
        ann.command("C0PAY", "/jit")
        assert ann.notices() == ['/jit failed with the error "invalid_blocks"']

    def test_nobody_connected_fails_at_once(self, slack: LocalSlack) -> None:
        ann = slack.person("U0ANN")
        answer = ann.command("C0PAY", "/jit")
        assert (answer["acked"], answer["error"]) == (False, "dispatch_failed")
        assert ann.notices() == ['/jit failed with the error "dispatch_failed"']

    def test_no_ack_within_three_seconds_is_a_timeout(self, slack: LocalSlack, app: Any) -> None:
        app.answers["command"] = None
        ann = slack.person("U0ANN")
        answer = ann.command("C0PAY", "/jit")
        assert (answer["acked"], answer["error"]) == (False, "operation_timeout")
        assert 3000 <= answer["took_ms"] < 4000
        assert ann.notices() == ['/jit failed with the error "operation_timeout"']

    @pytest.mark.parametrize(
        ("user", "channel", "text", "error"),
        [
            ("U0ANN", "C0PAY", "/other", "unknown_command"),
            ("U0ANN", "C0OPEN", "/jit", "not_in_channel"),
            ("U0ANN", "C0SEC", "/jit", "channel_not_found"),
            ("U0ANN", "C0OLD", "/jit", "is_archived"),
            ("U0EVE", "C0EXT", "/jit", "not_for_strangers"),
            ("U0GONE", "C0PAY", "/jit", "account_inactive"),
            ("U0NONE", "C0PAY", "/jit", "user_not_found"),
        ],
    )
    def test_who_cannot_run_a_command_where(
        self, slack: LocalSlack, app: Any, user: str, channel: str, text: str, error: str
    ) -> None:
        assert refusal(lambda: slack.person(user).command(channel, text)) == error
        assert app.envelopes == []

    def test_guests_can(self, slack: LocalSlack, app: Any) -> None:
        assert slack.person("U0GUS").command("C0PAY", "/jit")["acked"]


class TestClicks:
    def test_the_payload_has_slacks_fields(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        ts = web.chat_postMessage(channel="C0PAY", text="card", blocks=card())["ts"]
        assert slack.person("U0BOB").click({"channel": "C0PAY", "ts": ts}, "approve")["acked"]
        payload = app.last("block_actions")
        assert payload["user"] == {"id": "U0BOB", "username": "bob", "name": "bob", "team_id": "T0ACME"}
        assert payload["team"] == {"id": "T0ACME", "domain": "acme"}
        assert (payload["enterprise"], payload["is_enterprise_install"]) == (None, False)
        assert payload["channel"] == {"id": "C0PAY", "name": "payments"}
        assert payload["container"] == {
            "type": "message",
            "message_ts": ts,
            "channel_id": "C0PAY",
            "is_ephemeral": False,
        }
        assert payload["message"]["blocks"][0]["block_id"] == "a"
        assert payload["api_app_id"] == "A0JIT"
        action = payload["actions"][0]
        assert (action["type"], action["action_id"], action["block_id"], action["value"]) == (
            "button",
            "approve",
            "a",
            "r1",
        )
        assert action["action_ts"]

    def test_a_stranger_may_click_and_is_known_by_the_foreign_team(
        self, slack: LocalSlack, web: WebClient, app: Any
    ) -> None:
        ts = web.chat_postMessage(channel="C0EXT", text="card", blocks=card())["ts"]
        assert slack.person("U0EVE").click({"channel": "C0EXT", "ts": ts}, "approve")["acked"]
        assert app.last("block_actions")["user"]["team_id"] == "T0OTHER"

    def test_somebody_disabled_while_looking_can_no_longer_click(
        self, slack: LocalSlack, web: WebClient, app: Any
    ) -> None:
        ts = web.chat_postMessage(channel="C0PAY", text="card", blocks=card())["ts"]
        slack.control("people/U0BOB", {"deleted": True})
        where = {"channel": "C0PAY", "ts": ts}
        assert refusal(lambda: slack.person("U0BOB").click(where, "approve")) == "account_inactive"

    def test_a_click_on_an_earlier_drawing_carries_what_was_drawn_then(
        self, slack: LocalSlack, web: WebClient, app: Any
    ) -> None:
        ts = web.chat_postMessage(channel="C0PAY", text="pending", blocks=card())["ts"]
        web.chat_update(channel="C0PAY", ts=ts, text="approved")
        bob, where = slack.person("U0BOB"), {"channel": "C0PAY", "ts": ts}
        assert refusal(lambda: bob.click(where, "approve")) == "no_such_element"
        assert bob.click(where, "approve", drawing=0)["acked"]
        assert app.last("block_actions")["message"]["text"] == "pending"
        assert refusal(lambda: bob.click(where, "approve", drawing=2)) == "no_such_drawing"

    def test_an_ephemeral_message_can_be_clicked_and_is_not_in_the_payload(
        self, slack: LocalSlack, web: WebClient, app: Any
    ) -> None:
        ts = web.chat_postEphemeral(channel="C0PAY", user="U0ANN", text="x", blocks=card())["message_ts"]
        where = {"channel": "C0PAY", "ts": ts}
        slack.person("U0ANN").click(where, "approve")
        payload = app.last("block_actions")
        assert payload["container"]["is_ephemeral"]
        assert "message" not in payload
        assert refusal(lambda: slack.person("U0BOB").click(where, "approve")) == "message_not_found"

    def test_a_button_meant_for_others_is_not_there(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        blocks = card(button(visible_to_user_ids=["U0BOB"]), button("other"))
        ts = web.chat_postMessage(channel="C0PAY", text="card", blocks=blocks)["ts"]
        where = {"channel": "C0PAY", "ts": ts}
        shown = slack.person("U0ANN").messages("C0PAY")[0]["blocks"][0]["elements"]
        assert [one["action_id"] for one in shown] == ["other"]
        assert refusal(lambda: slack.person("U0ANN").click(where, "approve")) == "no_such_element"
        assert slack.person("U0BOB").click(where, "approve")["acked"]

    def test_twins_are_told_apart_by_value_or_block(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        blocks = [
            {"type": "actions", "block_id": "one", "elements": [button()]},
            {"type": "actions", "block_id": "two", "elements": [button(value="r2")]},
        ]
        ts = web.chat_postMessage(channel="C0PAY", text="card", blocks=blocks)["ts"]
        bob, where = slack.person("U0BOB"), {"channel": "C0PAY", "ts": ts}
        assert refusal(lambda: bob.click(where, "approve")) == "ambiguous_element"
        bob.click(where, "approve", value="r2")
        bob.click(where, "approve", block_id="one")
        assert [one["actions"][0]["block_id"] for one in app.payloads("block_actions")] == ["two", "one"]

    def test_selects_and_overflows_send_their_option(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        options = [{"text": plain("One"), "value": "1"}, {"text": plain("Two"), "value": "2"}]
        blocks = card(
            {"type": "static_select", "action_id": "pick", "options": options},
            {"type": "overflow", "action_id": "more", "options": options},
            {"type": "users_select", "action_id": "who"},
        )
        ts = web.chat_postMessage(channel="C0PAY", text="card", blocks=blocks)["ts"]
        bob, where = slack.person("U0BOB"), {"channel": "C0PAY", "ts": ts}
        bob.click(where, "pick", value="2")
        assert app.last("block_actions")["actions"][0]["selected_option"]["text"]["text"] == "Two"
        bob.click(where, "more", value="1")
        assert app.last("block_actions")["actions"][0]["selected_option"]["value"] == "1"
        bob.click(where, "who", value="U0ANN")
        payload = app.last("block_actions")
        assert payload["actions"][0]["selected_user"] == "U0ANN"
        assert payload["state"]["values"]["a"]["pick"]["selected_option"]["value"] == "2"
        assert refusal(lambda: bob.click(where, "pick", value="3")) == "no_such_option"

    def test_a_click_that_is_not_taken_is_told_to_the_person(self, slack: LocalSlack, web: WebClient) -> None:
        ts = web.chat_postMessage(channel="C0PAY", text="card", blocks=card())["ts"]
        bob = slack.person("U0BOB")
        assert not bob.click({"channel": "C0PAY", "ts": ts}, "approve")["acked"]
        assert bob.notices() == ["The app did not take the click (dispatch_failed). Try again."]

    def test_buttons_in_attachments_can_be_clicked(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        ts = web.chat_postMessage(channel="C0PAY", text="x", attachments=[{"blocks": card()}])["ts"]
        assert slack.person("U0BOB").click({"channel": "C0PAY", "ts": ts}, "approve")["acked"]


class TestResponseUrl:
    def url(self, slack: LocalSlack, web: WebClient, app: Any, **post: Any) -> str:
        ts = web.chat_postMessage(channel="C0PAY", text="card", blocks=card(), **post)["ts"]
        slack.person("U0BOB").click({"channel": "C0PAY", "ts": ts}, "approve")
        return str(app.last("block_actions")["response_url"])

    def test_it_answers_ephemerally_by_default(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        assert WebhookClient(self.url(slack, web, app)).send(text="psst").body == "ok"
        assert slack.person("U0BOB").messages("C0PAY")[-1]["text"] == "psst"
        assert len(slack.person("U0ANN").messages("C0PAY")) == 1

    def test_it_replaces_and_deletes_what_was_clicked(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        hook = WebhookClient(self.url(slack, web, app))
        hook.send(text="done", replace_original=True)
        seen = slack.person("U0ANN").messages("C0PAY")
        assert [(one["text"], one["drawings"]) for one in seen] == [("done", 1)]
        hook.send(delete_original=True)
        assert slack.person("U0ANN").messages("C0PAY") == []
        assert hook.send(text="again", replace_original=True).status_code == 400

    def test_it_replaces_an_ephemeral_message(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        ts = web.chat_postEphemeral(channel="C0PAY", user="U0ANN", text="x", blocks=card())["message_ts"]
        slack.person("U0ANN").click({"channel": "C0PAY", "ts": ts}, "approve")
        WebhookClient(app.last("block_actions")["response_url"]).send(text="done", replace_original=True)
        assert [one["text"] for one in slack.person("U0ANN").messages("C0PAY")] == ["done"]

    def test_it_works_where_the_bot_is_no_member(self, slack: LocalSlack, app: Any) -> None:
        slack.person("U0BOB").command("C0SEC", "/jit")
        hook = WebhookClient(app.last("command")["response_url"])
        assert hook.send(text="hi", response_type="in_channel").body == "ok"
        assert slack.person("U0BOB").messages("C0SEC")[0]["text"] == "hi"

    def test_a_sixth_use_is_refused(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        hook = WebhookClient(self.url(slack, web, app))
        for _ in range(5):
            assert hook.send(text="x").status_code == 200
        refused = hook.send(text="x")
        assert refused.status_code == 404
        assert "used_url" in refused.body

    def test_after_half_an_hour_it_is_refused(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        hook = WebhookClient(self.url(slack, web, app))
        slack.forward(30 * 60 - 5)
        assert hook.send(text="x").status_code == 200
        slack.forward(6)
        refused = hook.send(text="x")
        assert refused.status_code == 404
        assert "expired_url" in refused.body

    def test_it_holds_the_block_rules_and_wants_content(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        hook = WebhookClient(self.url(slack, web, app))
        assert "invalid_blocks" in hook.send(text="x", blocks=[{"type": "alert"}]).body
        assert "no_text" in hook.send(text="").body


class TestShortcutsAndHome:
    def test_a_global_shortcut_carries_a_trigger_and_no_response_url(self, slack: LocalSlack, app: Any) -> None:
        assert slack.person("U0ANN").shortcut("ask")["acked"]
        payload = app.last("shortcut")
        assert (payload["callback_id"], payload["user"]["id"]) == ("ask", "U0ANN")
        assert payload["trigger_id"]
        assert "response_url" not in payload

    def test_a_message_shortcut_carries_the_message(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        web.chat_postMessage(channel="C0PAY", text="look at this")
        ann = slack.person("U0ANN")
        ann.shortcut("about", ann.last("C0PAY"))
        payload = app.last("message_action")
        assert payload["message"]["text"] == "look at this"
        assert payload["response_url"]

    def test_strangers_have_no_shortcuts(self, slack: LocalSlack, app: Any) -> None:
        assert refusal(lambda: slack.person("U0EVE").shortcut("ask")) == "not_for_strangers"
        assert refusal(lambda: slack.person("U0ANN").shortcut("none")) == "shortcut_not_found"

    def test_opening_the_home_is_an_event(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        slack.person("U0ANN").open_home()
        first = app.last("app_home_opened")
        assert (first["event"]["user"], first["event"]["tab"]) == ("U0ANN", "home")
        assert "view" not in first["event"]
        assert (first["type"], first["team_id"], first["api_app_id"]) == ("event_callback", "T0ACME", "A0JIT")
        web.views_publish(user_id="U0ANN", view={"type": "home", "blocks": [{"type": "divider"}]})
        slack.person("U0ANN").open_home()
        second = app.last("app_home_opened")
        assert second["event"]["view"]["type"] == "home"
        assert second["event_id"] != first["event_id"]

    def test_a_direct_message_to_the_app_is_an_event(self, slack: LocalSlack, app: Any) -> None:
        slack.person("U0ANN").say("U0JITBOT", "hello")
        slack.wait_for(lambda: app.payloads("message"), "the event")
        event = app.last("message")["event"]
        assert (event["text"], event["channel_type"], event["user"]) == ("hello", "im", "U0ANN")

    def test_an_app_without_home_has_none_to_open(self) -> None:
        with LocalSlack({"app": {"home": False}, "people": [{"id": "U0ANN", "name": "ann"}]}) as slack:
            assert refusal(lambda: slack.person("U0ANN").open_home()) == "not_enabled"
