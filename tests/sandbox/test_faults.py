from __future__ import annotations

import time
from typing import Any
from urllib.error import URLError

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler
from slack_sdk.webhook import WebhookClient

from jitbot.sandbox.local import LocalSlack
from jitbot.sandbox.person import PersonRefused

DROPPED = (URLError, ConnectionError)


def texts(slack: LocalSlack) -> list[str]:
    return [one["text"] for one in slack.person("U0ANN").messages("C0PAY")]


def test_an_error_is_answered_as_often_as_it_is_said(slack: LocalSlack, web: WebClient) -> None:
    slack.faults({"on": "chat.postMessage", "kind": "error", "error": "fatal_error", "times": 2})
    for _ in range(2):
        with pytest.raises(SlackApiError, match="fatal_error"):
            web.chat_postMessage(channel="C0PAY", text="x")
    web.chat_postMessage(channel="C0PAY", text="third")
    assert texts(slack) == ["third"]
    assert slack.control("faults")[0]["struck"] == 2


def test_a_500_comes_before_or_after_the_post(slack: LocalSlack, web: WebClient) -> None:
    for kind in ("http_500", "http_500_after"):
        slack.faults({"on": "chat.*", "kind": kind, "times": 1})
        with pytest.raises(SlackApiError) as caught:
            web.chat_postMessage(channel="C0PAY", text=kind)
        assert caught.value.response.status_code == 500
    assert texts(slack) == ["http_500_after"]
    assert [call["status"] for call in slack.calls("chat.postMessage")] == [500, 500]


def test_a_dropped_connection_comes_before_or_after_the_post(slack: LocalSlack, web: WebClient) -> None:
    for kind in ("drop", "drop_after"):
        slack.faults({"on": "*", "kind": kind, "times": 1})
        with pytest.raises(DROPPED):
            web.chat_postMessage(channel="C0PAY", text=kind)
    assert texts(slack) == ["drop_after"]
    assert [call["status"] for call in slack.calls("chat.postMessage")] == [0, 0]


def test_the_sdks_default_retry_posts_twice_when_the_answer_is_lost(slack: LocalSlack) -> None:
    slack.faults({"on": "chat.postMessage", "kind": "drop_after", "times": 1})
    hasty = WebClient(slack.bot_token, base_url=slack.api_url, retry_handlers=[ConnectionErrorRetryHandler()])
    hasty.chat_postMessage(channel="C0PAY", text="twice")
    assert texts(slack) == ["twice", "twice"]


def test_a_rate_limit_says_how_long_to_wait(slack: LocalSlack, web: WebClient) -> None:
    slack.faults({"on": "*", "kind": "ratelimited", "times": 1, "retry_after": 7})
    with pytest.raises(SlackApiError) as caught:
        web.auth_test()
    assert caught.value.response.headers["Retry-After"] == "7"


def test_slow_and_hanging_calls_take_their_time(slack: LocalSlack) -> None:
    hurried = WebClient(slack.bot_token, base_url=slack.api_url, timeout=1, retry_handlers=[])
    slack.faults({"on": "auth.test", "kind": "slow", "delay": 0.1, "times": 1})
    started = time.monotonic()
    assert hurried.auth_test()["ok"]
    assert time.monotonic() - started >= 0.1
    slack.faults({"on": "auth.test", "kind": "hang", "times": 1})
    with pytest.raises(TimeoutError):
        hurried.auth_test()


def test_other_methods_are_left_alone(slack: LocalSlack, web: WebClient) -> None:
    slack.faults({"on": "chat.update", "kind": "http_500"}, {"on": "response_url", "kind": "http_500"})
    assert web.chat_postMessage(channel="C0PAY", text="x")["ok"]


def test_response_urls_have_their_own_faults(slack: LocalSlack, app: Any) -> None:
    slack.person("U0ANN").command("C0PAY", "/jit")
    hook = WebhookClient(app.last("command")["response_url"], retry_handlers=[])
    slack.faults({"on": "response_url", "kind": "http_500", "times": 1})
    assert hook.send(text="x").status_code == 500
    slack.faults({"on": "response_url", "kind": "drop_after", "times": 1})
    with pytest.raises(DROPPED):
        hook.send(text="came through")
    assert texts(slack) == ["came through"]
    assert [call["status"] for call in slack.calls("response_url")] == [500, 0]


class TestDelivery:
    def test_twice(self, slack: LocalSlack, app: Any) -> None:
        slack.faults({"on": "delivery:command", "kind": "duplicate", "times": 1})
        slack.person("U0ANN").command("C0PAY", "/jit")
        slack.wait_for(lambda: len(app.envelopes) == 2, "the duplicate")
        first, second = app.envelopes
        assert first["payload"] == second["payload"]
        assert first["envelope_id"] != second["envelope_id"]

    def test_again_on_another_socket(self, slack: LocalSlack, open_app: Any) -> None:
        apps = [open_app(), open_app()]
        slack.faults({"on": "delivery", "kind": "other_socket", "times": 1})
        slack.person("U0ANN").command("C0PAY", "/jit")
        slack.wait_for(lambda: all(app.envelopes for app in apps), "both sockets to have it")
        assert apps[0].envelopes[0]["payload"] == apps[1].envelopes[0]["payload"]

    def test_a_lost_ack_fails_for_the_person_though_the_app_acted(self, slack: LocalSlack, app: Any) -> None:
        slack.faults({"on": "delivery:slash_commands", "kind": "lost_ack", "times": 1})
        ann = slack.person("U0ANN")
        assert ann.command("C0PAY", "/jit")["error"] == "operation_timeout"
        assert len(app.payloads("command")) == 1
        assert ann.notices()

    def test_late(self, slack: LocalSlack, app: Any) -> None:
        slack.faults({"on": "delivery:command", "kind": "late", "delay": 0.1, "times": 1})
        started = time.monotonic()
        assert slack.person("U0ANN").command("C0PAY", "/jit")["acked"]
        assert time.monotonic() - started >= 0.1

    def test_never(self, slack: LocalSlack, app: Any) -> None:
        slack.faults({"on": "delivery:command", "kind": "drop", "times": 1})
        assert slack.person("U0ANN").command("C0PAY", "/jit")["error"] == "operation_timeout"
        assert app.envelopes == []


def test_a_fault_that_does_not_exist_is_refused(slack: LocalSlack) -> None:
    with pytest.raises(PersonRefused, match="invalid_fault"):
        slack.faults({"on": "*", "kind": "explode"})
    with pytest.raises(PersonRefused, match="invalid_fault"):
        slack.control("faults", {"on": "*"}, method="PUT")
