"""Tokens, scopes, rate limits, people, groups and conversations."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from jitbot.sandbox.local import LocalSlack


def code(call: Callable[[], Any]) -> str:
    with pytest.raises(SlackApiError) as caught:
        call()
    return str(caught.value.response["error"])


class TestTokens:
    def test_auth_test_says_who_the_bot_is_and_what_it_may(self, slack: LocalSlack, web: WebClient) -> None:
        answer = web.auth_test()
        assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == ("T0ACME", "U0JITBOT", "B0JIT")
        assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")

    def test_a_call_without_a_token_is_not_authed(self, slack: LocalSlack) -> None:
        assert code(lambda: WebClient(base_url=slack.api_url).auth_test()) == "not_authed"

    def test_a_wrong_token_is_invalid(self, slack: LocalSlack) -> None:
        assert code(lambda: WebClient("xoxb-wrong", base_url=slack.api_url).auth_test()) == "invalid_auth"

    def test_an_app_token_is_no_bot_token(self, slack: LocalSlack) -> None:
        assert code(lambda: WebClient(slack.app_token, base_url=slack.api_url).auth_test()) == "not_allowed_token_type"

    def test_a_bot_token_opens_no_connection(self, web: WebClient, slack: LocalSlack) -> None:
        assert code(lambda: web.apps_connections_open(app_token=slack.bot_token)) == "not_allowed_token_type"

    def test_a_missing_scope_is_named(self, slack: LocalSlack, web: WebClient) -> None:
        slack._engine.state.app.scopes.remove("usergroups:read")
        with pytest.raises(SlackApiError) as caught:
            web.usergroups_list()
        assert caught.value.response["error"] == "missing_scope"
        assert caught.value.response["needed"] == "usergroups:read"
        assert "chat:write" in caught.value.response["provided"]

    def test_a_conversation_needs_the_scope_of_its_kind(self, slack: LocalSlack, web: WebClient) -> None:
        slack._engine.state.app.scopes.remove("groups:read")
        assert web.conversations_info(channel="C0PAY")["ok"]
        assert code(lambda: web.conversations_info(channel="C0SECBOT")) == "missing_scope"

    def test_emails_need_their_scope(self, slack: LocalSlack, web: WebClient) -> None:
        assert web.users_info(user="U0ANN")["user"]["profile"]["email"] == "ann@acme.example"
        slack._engine.state.app.scopes.remove("users:read.email")
        assert "email" not in web.users_info(user="U0ANN")["user"]["profile"]

    def test_an_unknown_method_is_unknown(self, web: WebClient) -> None:
        assert code(lambda: web.api_call("chat.postTelegram")) == "unknown_method"

    def test_a_method_is_also_called_by_get_with_the_token_in_the_query(self, slack: LocalSlack) -> None:
        with urllib.request.urlopen(f"{slack.api_url}auth.test?token={slack.bot_token}") as answer:
            assert json.load(answer)["ok"]
        assert "token" not in slack.calls("auth.test")[0]["args"]


class TestRates:
    def test_the_51st_update_in_a_minute_is_one_too_many(self, slack: LocalSlack, web: WebClient) -> None:
        ts = web.chat_postMessage(channel="C0PAY", text="x")["ts"]
        for number in range(50):
            web.chat_update(channel="C0PAY", ts=ts, text=str(number))
        with pytest.raises(SlackApiError) as caught:
            web.chat_update(channel="C0PAY", ts=ts, text="51")
        assert caught.value.response.status_code == 429
        assert caught.value.response["error"] == "ratelimited"
        assert 1 <= int(caught.value.response.headers["Retry-After"]) <= 60
        assert web.chat_postMessage(channel="C0PAY", text="other methods go on")["ok"]
        slack.forward(61)
        assert web.chat_update(channel="C0PAY", ts=ts, text="52")["ok"]

    def test_a_channel_takes_a_small_burst_and_then_a_post_a_second(self, slack: LocalSlack, web: WebClient) -> None:
        for _ in range(5):
            web.chat_postMessage(channel="C0PAY", text="x")
        assert code(lambda: web.chat_postMessage(channel="C0PAY", text="x")) == "ratelimited"
        assert web.chat_postMessage(channel="C0EXT", text="elsewhere")["ok"]
        slack.forward(1)
        assert web.chat_postMessage(channel="C0PAY", text="x")["ok"]

    @pytest.mark.parametrize(
        ("method", "most"), [("usergroups.list", 20), ("conversations.open", 50), ("users.info", 100)]
    )
    def test_each_method_has_its_tier(self, web: WebClient, method: str, most: int) -> None:
        args = {"user": "U0ANN", "users": "U0ANN"}
        for _ in range(most):
            web.api_call(method, params=args)
        assert code(lambda: web.api_call(method, params=args)) == "ratelimited"

    def test_the_sdks_retry_handler_waits_as_long_as_it_is_told(self, slack: LocalSlack) -> None:
        slack.faults({"on": "auth.test", "kind": "ratelimited", "times": 1, "retry_after": 1})
        patient = WebClient(
            slack.bot_token, base_url=slack.api_url, retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=1)]
        )
        assert patient.auth_test()["ok"]
        assert [call["status"] for call in slack.calls("auth.test")] == [429, 200]

    def test_limits_can_be_switched_off_in_the_workspace(self) -> None:
        with LocalSlack({"people": [{"id": "U0ANN", "name": "ann"}], "rate_limits": False}) as slack:
            web = WebClient(slack.bot_token, base_url=slack.api_url)
            for _ in range(30):
                web.usergroups_list()


class TestPeople:
    def test_the_kinds_of_people_are_told_apart(self, web: WebClient) -> None:
        users = {user["name"]: user for user in web.users_list()["members"]}
        assert users["bob"]["is_admin"]
        assert users["gus"]["is_restricted"]
        assert users["gone"]["deleted"]
        assert users["jitbot"]["is_bot"]
        assert (users["eve"]["is_stranger"], users["eve"]["team_id"]) == (True, "T0OTHER")
        assert "is_stranger" not in users["ann"]

    def test_lists_come_in_pages(self, web: WebClient) -> None:
        first = web.users_list(limit=4)
        second = web.users_list(limit=4, cursor=first["response_metadata"]["next_cursor"])
        assert [len(first["members"]), len(second["members"])] == [4, 2]
        assert second["response_metadata"]["next_cursor"] == ""
        assert code(lambda: web.users_list(cursor="nonsense")) == "invalid_cursor"
        assert code(lambda: web.users_list(limit=1001)) == "invalid_limit"
        assert code(lambda: web.api_call("users.list", params={"limit": "many"})) == "invalid_limit"

    def test_an_email_finds_active_people_of_this_workspace_only(self, web: WebClient) -> None:
        assert web.users_lookupByEmail(email="ANN@acme.example")["user"]["id"] == "U0ANN"
        for email in ("gone@acme.example", "eve@other.example", "none@acme.example"):
            assert code(lambda email=email: web.users_lookupByEmail(email=email)) == "users_not_found"  # type: ignore[misc]

    def test_an_unknown_person_is_not_found(self, web: WebClient) -> None:
        assert code(lambda: web.users_info(user="U0NONE")) == "user_not_found"
        assert code(lambda: web.users_conversations(user="U0NONE")) == "user_not_found"

    def test_the_bots_conversations_are_listed_by_kind(self, web: WebClient) -> None:
        public = web.users_conversations()["channels"]
        assert [one["id"] for one in public] == ["C0PAY", "C0OLD", "C0EXT"]
        both = web.users_conversations(types="public_channel,private_channel", exclude_archived=True)["channels"]
        assert [one["id"] for one in both] == ["C0PAY", "C0SECBOT", "C0EXT"]
        assert code(lambda: web.users_conversations(types="secret")) == "invalid_types"

    def test_groups_are_listed_with_their_people_on_request(self, web: WebClient) -> None:
        assert "users" not in web.usergroups_list()["usergroups"][0]
        assert web.usergroups_list(include_users=True)["usergroups"][0]["users"] == ["U0BOB"]
        assert web.usergroups_users_list(usergroup="S0SRE")["users"] == ["U0BOB"]
        assert code(lambda: web.usergroups_users_list(usergroup="S0NONE")) == "no_such_subteam"

    def test_the_team_and_the_bot_describe_themselves(self, web: WebClient) -> None:
        assert web.team_info()["team"]["domain"] == "acme"
        assert web.bots_info(bot="B0JIT")["bot"]["user_id"] == "U0JITBOT"
        assert code(lambda: web.bots_info(bot="B0OTHER")) == "bot_not_found"

    def test_api_test_gives_back_what_it_got(self, web: WebClient) -> None:
        assert web.api_test(foo="bar")["args"]["foo"] == "bar"
        assert code(lambda: web.api_test(error="my_error")) == "my_error"


class TestConversations:
    def test_channels_tell_what_they_are(self, web: WebClient) -> None:
        public = web.conversations_info(channel="C0PAY")["channel"]
        assert (public["is_member"], public["is_private"], public["is_archived"]) == (True, False, False)
        assert web.conversations_info(channel="C0OPEN")["channel"]["is_member"] is False
        assert web.conversations_info(channel="C0EXT")["channel"]["is_ext_shared"]
        assert web.conversations_info(channel="C0SECBOT")["channel"]["is_private"]
        assert code(lambda: web.conversations_info(channel="C0SEC")) == "channel_not_found"

    def test_private_channels_the_bot_is_not_in_are_not_listed(self, web: WebClient) -> None:
        listed = web.conversations_list(types="public_channel,private_channel")["channels"]
        assert [one["id"] for one in listed] == ["C0PAY", "C0OPEN", "C0SECBOT", "C0OLD", "C0EXT"]

    def test_members_are_listed(self, web: WebClient) -> None:
        assert web.conversations_members(channel="C0EXT")["members"] == ["U0ANN", "U0EVE", "U0JITBOT"]

    def test_opening_a_direct_conversation_twice_opens_it_once(self, web: WebClient) -> None:
        opened = web.conversations_open(users="U0ANN")
        again = web.conversations_open(users=["U0ANN"], return_im=True)
        assert "already_open" not in opened
        assert again["already_open"]
        assert again["channel"]["id"] == opened["channel"]["id"]
        assert again["channel"]["user"] == "U0ANN"
        assert web.conversations_open(channel=opened["channel"]["id"])["already_open"]

    @pytest.mark.parametrize(
        ("users", "error"),
        [
            ("U0NONE", "user_not_found"),
            ("U0GONE", "user_disabled"),
            ("U0EVE", "user_not_visible"),
            ("U0JITBOT", "cannot_dm_bot"),
            ("U0ANN,U0BOB", "invalid_user_combination"),
            ("", "users_list_not_supplied"),
        ],
    )
    def test_who_cannot_be_written_to(self, web: WebClient, users: str, error: str) -> None:
        assert code(lambda: web.api_call("conversations.open", json={"users": users})) == error

    def test_history_is_for_members(self, web: WebClient) -> None:
        assert code(lambda: web.conversations_history(channel="C0OPEN")) == "not_in_channel"
        assert code(lambda: web.conversations_history(channel="C0SEC")) == "channel_not_found"

    def test_history_has_bounds(self, web: WebClient) -> None:
        stamps = [web.chat_postMessage(channel="C0PAY", text=str(number))["ts"] for number in range(3)]
        texts = [one["text"] for one in web.conversations_history(channel="C0PAY", oldest=stamps[0])["messages"]]
        assert texts == ["2", "1"]
        inclusive = web.conversations_history(channel="C0PAY", latest=stamps[1], inclusive=True, limit=1)
        assert [one["text"] for one in inclusive["messages"]] == ["1"]
        assert inclusive["has_more"]
        assert code(lambda: web.conversations_history(channel="C0PAY", oldest="x")) == "invalid_ts_oldest"

    def test_joining_a_public_channel(self, web: WebClient) -> None:
        assert web.conversations_join(channel="C0OPEN")["channel"]["is_member"]
        assert web.conversations_join(channel="C0OPEN")["warning"] == "already_in_channel"
        assert code(lambda: web.conversations_join(channel="C0OLD")) == "is_archived"
        assert code(lambda: web.conversations_join(channel="C0SECBOT")) == "method_not_supported_for_channel_type"


class TestBlocksValidate:
    def test_it_needs_no_token_and_lists_what_is_wrong(self, slack: LocalSlack) -> None:
        nobody = WebClient(base_url=slack.api_url)
        assert nobody.blocks_validate(blocks=[{"type": "divider"}])["ok"]
        with pytest.raises(SlackApiError) as caught:
            nobody.blocks_validate(blocks=[{"type": "header"}])
        assert caught.value.response["error"] == "invalid_blocks"
        assert caught.value.response["errors"][0]["pointer"] == "/blocks/0"

    def test_views_and_messages_are_checked_too(self, web: WebClient) -> None:
        view = {"type": "modal", "blocks": []}
        assert code(lambda: web.api_call("blocks.validate", json={"view": view})) == "invalid_view"
        message = {"blocks": [{"type": "alert", "text": {"type": "plain_text", "text": "x"}}]}
        assert code(lambda: web.api_call("blocks.validate", json={"message": message})) == "invalid_message"
        assert code(lambda: web.api_call("blocks.validate", json={})) == "invalid_arguments"
