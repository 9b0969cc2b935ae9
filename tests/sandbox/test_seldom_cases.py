"""What happens seldom: elements deep in blocks, wrong addresses, uploads that go wrong."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from jitbot.sandbox.block_check import check_blocks
from jitbot.sandbox.local import LocalSlack
from jitbot.sandbox.person import PersonRefused


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def button(action_id: str | None) -> dict[str, Any]:
    return {"type": "button", "text": plain("Go")} | ({"action_id": action_id} if action_id else {})


def refusal(act: Any) -> str:
    with pytest.raises(PersonRefused) as caught:
        act()
    return caught.value.code


def test_buttons_deep_in_cards_and_containers_can_be_clicked(slack: LocalSlack, web: WebClient, app: Any) -> None:
    card = {"type": "card", "block_id": "card", "title": plain("x"), "actions": [button("in_card")]}
    inner = {"type": "actions", "block_id": "inner", "elements": [button("in_container")]}
    blocks: list[dict[str, Any]] = [
        {"type": "carousel", "elements": [card]},
        {"type": "container", "title": plain("x"), "child_blocks": [inner]},
    ]
    ts = web.chat_postMessage(channel="C0PAY", text="x", blocks=blocks)["ts"]
    bob, where = slack.person("U0BOB"), {"channel": "C0PAY", "ts": ts}
    bob.click(where, "in_card")
    bob.click(where, "in_container")
    assert [one["actions"][0]["block_id"] for one in app.payloads("block_actions")] == ["card", "inner"]


def test_ids_that_are_left_out_are_made_up(slack: LocalSlack, web: WebClient) -> None:
    web.chat_postMessage(channel="C0PAY", text="x", blocks=[{"type": "actions", "elements": [button(None)] * 2}])
    block = slack.person("U0ANN").messages("C0PAY")[0]["blocks"][0]
    ids = [one["action_id"] for one in block["elements"]]
    assert block["block_id"]
    assert len(set(ids)) == 2


def test_options_may_come_in_groups(slack: LocalSlack, web: WebClient, app: Any) -> None:
    group: dict[str, Any] = {"label": plain("g"), "options": [{"text": plain("One"), "value": "1"}]}
    elements = [
        {"type": "external_select", "action_id": "far"},
        {"type": "static_select", "action_id": "near", "option_groups": [group], "initial_option": group["options"][0]},
    ]
    app.answers["block_suggestion"] = {"option_groups": [group]}
    blocks = [{"type": "actions", "block_id": "b", "elements": elements}]
    ts = web.chat_postMessage(channel="C0PAY", text="x", blocks=blocks)["ts"]
    bob, where = slack.person("U0BOB"), {"channel": "C0PAY", "ts": ts}
    assert bob.options(where, "b", "far")["option_groups"] == [group]
    bob.click(where, "far", value="1")
    payload = app.last("block_actions")
    assert payload["actions"][0]["selected_option"]["text"]["text"] == "One"
    assert payload["state"]["values"]["b"]["near"]["selected_option"]["value"] == "1"


def test_a_payload_that_comes_after_three_seconds_is_a_failure_though_it_arrives(slack: LocalSlack, app: Any) -> None:
    slack.faults({"on": "delivery:command", "kind": "late", "delay": 3.1, "times": 1})
    assert slack.person("U0ANN").command("C0PAY", "/jit")["error"] == "operation_timeout"
    slack.wait_for(lambda: app.payloads("command"), "the late payload")


class TestWrongAddresses:
    def test_what_somebody_does_not_see_cannot_be_acted_on(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        ts = web.chat_postMessage(channel="C0SECBOT", text="x")["ts"]
        ann = slack.person("U0ANN")
        assert refusal(lambda: ann.click({"channel": "C0SECBOT", "ts": ts}, "a")) == "channel_not_found"
        assert refusal(lambda: ann.click({"channel": "C0PAY", "ts": "1.0"}, "a")) == "message_not_found"
        assert refusal(lambda: ann.click({"id": "V0"}, "a")) == "view_not_found"
        assert refusal(lambda: ann.shortcut("about")) == "channel_not_found"

    def test_somebody_elses_view_is_not_found(self, slack: LocalSlack, web: WebClient) -> None:
        home = {"type": "home", "blocks": [{"type": "actions", "elements": [button("go")]}]}
        view: Any = web.views_publish(user_id="U0ANN", view=home)["view"]
        assert refusal(lambda: slack.person("U0BOB").click(view, "go")) == "view_not_found"

    def test_state_has_a_shape(self, slack: LocalSlack, web: WebClient) -> None:
        blocks = [{"type": "actions", "elements": [button("go")]}]
        ts = web.chat_postMessage(channel="C0PAY", text="x", blocks=blocks)["ts"]
        where = {"channel": "C0PAY", "ts": ts}
        assert refusal(lambda: slack.person("U0BOB").click(where, "go", state={"b": "x"})) == "invalid_state"

    def test_an_invented_response_url_is_expired(self, slack: LocalSlack) -> None:
        assert "expired_url" in WebhookClient(f"{slack.url}/response/1/abc").send(text="x").body


class TestThreads:
    def test_people_reply_and_clicks_there_say_so(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        parent = slack.person("U0ANN").say("C0PAY", "parent")["ts"]
        slack.person("U0BOB").say("C0PAY", "reply", thread_ts=parent)
        blocks = [{"type": "actions", "elements": [button("go")]}]
        ts = web.chat_postMessage(channel="C0PAY", text="x", thread_ts=parent, blocks=blocks)["ts"]
        slack.person("U0BOB").click({"channel": "C0PAY", "ts": ts}, "go")
        payload = app.last("block_actions")
        assert payload["container"]["thread_ts"] == parent
        WebhookClient(payload["response_url"]).send(text="hint")
        assert slack.person("U0BOB").messages("C0PAY")[-1]["thread_ts"] == parent
        link = web.chat_getPermalink(channel="C0PAY", message_ts=ts)["permalink"]
        assert link.endswith(f"?thread_ts={parent}&cid=C0PAY")

    def test_deleting_a_reply_and_an_ephemeral_hint(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        parent = web.chat_postMessage(channel="C0PAY", text="parent")["ts"]
        reply = web.chat_postMessage(channel="C0PAY", text="reply", thread_ts=parent)["ts"]
        web.chat_delete(channel="C0PAY", ts=reply)
        blocks = [{"type": "actions", "elements": [button("go")]}]
        hint = web.chat_postEphemeral(channel="C0PAY", user="U0BOB", text="hint", blocks=blocks)["message_ts"]
        bob = slack.person("U0BOB")
        bob.click({"channel": "C0PAY", "ts": hint}, "go")
        WebhookClient(app.last("block_actions")["response_url"]).send(delete_original=True)
        assert [(one["text"], one["reply_count"]) for one in bob.messages("C0PAY")] == [("parent", 0)]


class TestUploads:
    def test_another_length_than_announced_is_refused(self, slack: LocalSlack, web: WebClient) -> None:
        url: Any = web.files_getUploadURLExternal(filename="a", length=3)["upload_url"]
        assert httpx2.post(url, content=b"four", trust_env=False).status_code == 400
        assert httpx2.post(f"{slack.url}/files/upload/F0", content=b"x", trust_env=False).status_code == 404
        assert httpx2.get(f"{slack.url}/files/F0/a", trust_env=False).status_code == 404

    @pytest.mark.parametrize(("channel", "error"), [("C0SEC", "channel_not_found"), ("C0OPEN", "not_in_channel")])
    def test_files_are_shared_where_the_bot_is(self, web: WebClient, channel: str, error: str) -> None:
        opened: Any = web.files_getUploadURLExternal(filename="a", length=1)
        httpx2.post(opened["upload_url"], content=b"x", trust_env=False)
        with pytest.raises(SlackApiError, match=error):
            web.files_completeUploadExternal(files=[{"id": opened["file_id"], "title": "a"}], channel_id=channel)

    @pytest.mark.parametrize("args", [{"filename": "a", "length": "0"}, {"filename": "a", "length": "x"}, {}])
    def test_a_file_has_a_name_and_a_length(self, web: WebClient, args: dict[str, str]) -> None:
        with pytest.raises(SlackApiError, match="invalid_arguments"):
            web.api_call("files.getUploadURLExternal", params=args)


SHAPELESS: dict[str, tuple[Any, str]] = {
    "block": ("x", "must provide an object [json-pointer:/blocks/0]"),
    "text": ({"type": "section", "text": {"type": "mrkdwn", "text": 5}}, "must provide a string"),
    "fields": ({"type": "section", "fields": "x"}, "must provide an array [json-pointer:/blocks/0/fields]"),
    "elements": ({"type": "rich_text", "elements": ["x"]}, "must provide an object"),
    "confirm": ({"type": "actions", "elements": [button("a") | {"confirm": "x"}]}, "must provide an object"),
    "type": ({"type": 5}, "unsupported type: 5 [json-pointer:/blocks/0/type]"),
    "timestamp": (
        {"type": "table", "rows": [[{"type": "raw_number", "value": "x"}]]},
        "must provide a number [json-pointer:/blocks/0/rows/0/0/value]",
    ),
    "whole": (
        {"type": "data_table", "rows": [[{"type": "raw_text", "text": "x"}]] * 2, "page_size": "x"},
        "must provide a number [json-pointer:/blocks/0/page_size]",
    ),
    "visualization": ({"type": "data_visualization", "title": "x", "chart": 5}, "must provide an object"),
}


@pytest.mark.parametrize(("block", "problem"), SHAPELESS.values(), ids=SHAPELESS.keys())
def test_a_part_of_another_kind_is_refused(block: Any, problem: str) -> None:
    problems = check_blocks([block], "message")
    assert len(problems) == 1
    assert problem in problems[0]
