from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from jitbot.sandbox.local import LocalSlack

BLOCKS = [{"type": "section", "text": {"type": "mrkdwn", "text": "*hello* <@U0ANN>"}}]


def refused(call: Callable[[], Any]) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as caught:
        call()
    found: dict[str, Any] = caught.value.response.data
    return found


def code(call: Callable[[], Any]) -> str:
    return str(refused(call)["error"])


def test_a_post_is_seen_by_the_members_with_its_markup_untouched(slack: LocalSlack, web: WebClient) -> None:
    posted = web.chat_postMessage(channel="C0PAY", text="*hi* &lt;you&gt;", blocks=BLOCKS)
    assert posted["channel"] == "C0PAY"
    assert posted["message"]["bot_id"] == "B0JIT"
    seen = slack.person("U0ANN").messages("C0PAY")
    assert [one["text"] for one in seen] == ["*hi* &lt;you&gt;"]
    assert seen[0]["blocks"][0]["text"]["text"] == "*hello* <@U0ANN>"
    assert seen[0]["blocks"][0]["block_id"]
    assert seen[0]["ts"] == posted["ts"]


def test_a_channel_is_found_by_its_name_too(web: WebClient) -> None:
    assert web.chat_postMessage(channel="#payments", text="x")["channel"] == "C0PAY"


def test_a_person_as_the_channel_opens_the_direct_conversation(slack: LocalSlack, web: WebClient) -> None:
    posted = web.chat_postMessage(channel="U0ANN", text="psst")
    assert posted["channel"].startswith("D")
    assert slack.person("U0ANN").dm()[0]["text"] == "psst"
    assert slack.person("U0BOB").dm() == []
    assert web.chat_postMessage(channel=posted["channel"], text="again")["channel"] == posted["channel"]


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({"channel": "C0NONE", "text": "x"}, "channel_not_found"),
        ({"channel": "C0SEC", "text": "x"}, "channel_not_found"),
        ({"channel": "C0OLD", "text": "x"}, "is_archived"),
        ({"channel": "U0GONE", "text": "x"}, "channel_not_found"),
        ({"channel": "U0EVE", "text": "x"}, "channel_not_found"),
        ({"channel": "C0PAY"}, "no_text"),
        ({"channel": "C0PAY", "text": ""}, "no_text"),
        ({"channel": "C0PAY", "blocks": "{", "text": "x"}, "invalid_blocks_format"),
        ({"channel": "C0PAY", "blocks": '{"a": 1}', "text": "x"}, "invalid_blocks_format"),
        ({"channel": "C0PAY", "text": "x", "thread_ts": "1.000000"}, "thread_not_found"),
        ({"channel": "C0PAY", "text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
        ({"channel": "C0PAY", "markdown_text": "y" * 12_001}, "msg_too_long"),
        ({"channel": "C0PAY", "text": "x", "metadata": '{"event_type": "a"}'}, "invalid_metadata_schema"),
        (
            {"channel": "C0PAY", "text": "x", "metadata": {"event_type": "a", "event_payload": {"x": "y" * 16_000}}},
            "metadata_too_large",
        ),
        ({"channel": "C0PAY", "text": "x", "attachments": [{"text": "a"}] * 101}, "too_many_attachments"),
        ({"channel": "C0PAY", "text": "x", "attachments": [{"blocks": [{"type": "x"}]}]}, "invalid_attachments"),
        ({"text": "x"}, "invalid_arguments"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_posted_is_refused_with_slacks_code(web: WebClient, args: dict[str, Any], error: str) -> None:
    assert code(lambda: web.api_call("chat.postMessage", json=args)) == error


def test_bad_blocks_are_refused_with_messages_and_pointers(slack: LocalSlack, web: WebClient) -> None:
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]
    answer = refused(lambda: web.chat_postMessage(channel="C0PAY", text="x", blocks=blocks))
    problem = "must be less than 151 characters [json-pointer:/blocks/0/text/text]"
    assert answer["error"] == "invalid_blocks"
    assert answer["errors"] == [problem]
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {problem}"]
    assert slack.person("U0ANN").messages("C0PAY") == []


def test_a_public_channel_needs_membership_without_the_public_scope(slack: LocalSlack, web: WebClient) -> None:
    assert web.chat_postMessage(channel="C0OPEN", text="x")["ok"]
    slack._engine.state.app.scopes.remove("chat:write.public")
    assert code(lambda: web.chat_postMessage(channel="C0OPEN", text="x")) == "not_in_channel"


def test_a_direct_message_needs_the_messages_tab(slack: LocalSlack, web: WebClient) -> None:
    slack._engine.state.app.messages_tab = False
    assert code(lambda: web.chat_postMessage(channel="U0ANN", text="x")) == "messages_tab_disabled"


def test_a_very_long_text_is_cut(slack: LocalSlack, web: WebClient) -> None:
    web.chat_postMessage(channel="C0PAY", text="x" * 40_001)
    assert len(slack.person("U0ANN").messages("C0PAY")[0]["text"]) == 40_000


def test_replies_stand_in_their_thread(slack: LocalSlack, web: WebClient) -> None:
    parent = web.chat_postMessage(channel="C0PAY", text="parent")["ts"]
    reply = web.chat_postMessage(channel="C0PAY", text="reply", thread_ts=parent)["ts"]
    nested = web.chat_postMessage(channel="C0PAY", text="to the reply", thread_ts=reply)
    assert nested["message"]["thread_ts"] == parent
    first = slack.person("U0ANN").messages("C0PAY")[0]
    assert (first["reply_count"], first["reply_users"]) == (2, ["U0JITBOT"])
    assert [one["text"] for one in web.conversations_history(channel="C0PAY")["messages"]] == ["parent"]
    thread = web.conversations_replies(channel="C0PAY", ts=parent)["messages"]
    assert [one["text"] for one in thread] == ["parent", "reply", "to the reply"]
    assert code(lambda: web.conversations_replies(channel="C0PAY", ts="1.0")) == "thread_not_found"


def test_metadata_comes_back_only_when_asked_for(web: WebClient) -> None:
    metadata = {"event_type": "request", "event_payload": {"id": "r1"}}
    web.chat_postMessage(channel="C0PAY", text="x", metadata=metadata)
    assert "metadata" not in web.conversations_history(channel="C0PAY")["messages"][0]
    found = web.conversations_history(channel="C0PAY", include_all_metadata=True)["messages"][0]
    assert found["metadata"] == metadata


class TestUpdate:
    def test_an_update_redraws_and_counts_the_drawings(self, slack: LocalSlack, web: WebClient) -> None:
        ts = web.chat_postMessage(channel="C0PAY", text="one", blocks=BLOCKS)["ts"]
        web.chat_update(channel="C0PAY", ts=ts, text="two", blocks=BLOCKS)
        seen = slack.person("U0ANN").messages("C0PAY")[0]
        assert (seen["text"], seen["drawings"], seen["edited"]) == ("two", 1, None)

    def test_text_without_blocks_drops_the_blocks_and_marks_the_edit(self, slack: LocalSlack, web: WebClient) -> None:
        ts = web.chat_postMessage(channel="C0PAY", text="one", blocks=BLOCKS)["ts"]
        web.chat_update(channel="C0PAY", ts=ts, text="two")
        seen = slack.person("U0ANN").messages("C0PAY")[0]
        assert "blocks" not in seen
        assert seen["edited"]

    def test_attachments_and_metadata_that_are_not_named_stay(self, slack: LocalSlack, web: WebClient) -> None:
        metadata = {"event_type": "request", "event_payload": {}}
        posted = web.chat_postMessage(channel="C0PAY", text="x", attachments=[{"text": "a"}], metadata=metadata)
        web.chat_update(channel="C0PAY", ts=posted["ts"], text="y")
        seen = slack.person("U0ANN").messages("C0PAY")[0]
        assert seen["attachments"] == [{"text": "a"}]
        assert seen["metadata"] == metadata

    def test_a_text_above_4000_is_too_long_though_it_can_be_posted(self, web: WebClient) -> None:
        ts = web.chat_postMessage(channel="C0PAY", text="x" * 4001)["ts"]
        assert code(lambda: web.chat_update(channel="C0PAY", ts=ts, text="x" * 4001)) == "msg_too_long"
        assert web.chat_update(channel="C0PAY", ts=ts, text="x" * 4000)["ok"]

    def test_a_persons_id_is_no_channel_here(self, web: WebClient) -> None:
        ts = web.chat_postMessage(channel="U0ANN", text="x")["ts"]
        assert code(lambda: web.chat_update(channel="U0ANN", ts=ts, text="y")) == "channel_not_found"

    def test_an_unknown_message_is_not_found(self, web: WebClient) -> None:
        assert code(lambda: web.chat_update(channel="C0PAY", ts="1.000000", text="y")) == "message_not_found"

    def test_somebody_elses_message_cannot_be_updated_or_deleted(self, slack: LocalSlack, web: WebClient) -> None:
        ts = slack.person("U0ANN").say("C0PAY", "mine")["ts"]
        assert code(lambda: web.chat_update(channel="C0PAY", ts=ts, text="y")) == "cant_update_message"
        assert code(lambda: web.chat_delete(channel="C0PAY", ts=ts)) == "cant_delete_message"

    def test_an_ephemeral_message_cannot_be_updated(self, web: WebClient) -> None:
        ts = web.chat_postEphemeral(channel="C0PAY", user="U0ANN", text="x")["message_ts"]
        assert code(lambda: web.chat_update(channel="C0PAY", ts=ts, text="y")) == "message_not_found"

    def test_an_archived_channel_is_inactive(self, slack: LocalSlack, web: WebClient) -> None:
        ts = web.chat_postMessage(channel="C0PAY", text="x")["ts"]
        slack.control("channels/C0PAY", {"is_archived": True})
        assert code(lambda: web.chat_update(channel="C0PAY", ts=ts, text="y")) == "is_inactive"

    def test_an_update_says_something(self, web: WebClient) -> None:
        ts = web.chat_postMessage(channel="C0PAY", text="x")["ts"]
        assert code(lambda: web.api_call("chat.update", json={"channel": "C0PAY", "ts": ts})) == "no_text"


def test_a_deleted_message_is_gone(slack: LocalSlack, web: WebClient) -> None:
    ts = web.chat_postMessage(channel="C0PAY", text="x")["ts"]
    web.chat_delete(channel="C0PAY", ts=ts)
    assert slack.person("U0ANN").messages("C0PAY") == []
    assert code(lambda: web.chat_delete(channel="C0PAY", ts=ts)) == "message_not_found"


class TestEphemeral:
    def test_only_the_one_it_is_for_sees_it_until_it_is_dismissed(self, slack: LocalSlack, web: WebClient) -> None:
        ts = web.chat_postEphemeral(channel="C0PAY", user="U0ANN", text="for you")["message_ts"]
        ann = slack.person("U0ANN")
        assert ann.messages("C0PAY")[0]["ephemeral"]
        assert slack.person("U0BOB").messages("C0PAY") == []
        ann.dismiss(ts)
        assert ann.messages("C0PAY") == []

    @pytest.mark.parametrize("user", ["U0EVE", "U0GONE", "U0NONE"])
    def test_it_needs_an_active_member(self, web: WebClient, user: str) -> None:
        assert code(lambda: web.chat_postEphemeral(channel="C0PAY", user=user, text="x")) == "user_not_in_channel"

    def test_it_says_something(self, web: WebClient) -> None:
        assert code(lambda: web.api_call("chat.postEphemeral", json={"channel": "C0PAY", "user": "U0ANN"})) == "no_text"


class TestPermalink:
    def test_it_leads_to_the_message_on_the_local_page(self, slack: LocalSlack, web: WebClient) -> None:
        ts = web.chat_postMessage(channel="C0PAY", text="x")["ts"]
        link = web.chat_getPermalink(channel="C0PAY", message_ts=ts)["permalink"]
        assert link == f"{slack.url}/archives/C0PAY/p{ts.replace('.', '')}"

    def test_an_unknown_message_has_none(self, web: WebClient) -> None:
        assert code(lambda: web.chat_getPermalink(channel="C0PAY", message_ts="1.0")) == "message_not_found"


def test_reactions_are_added_once_and_removed_once(slack: LocalSlack, web: WebClient) -> None:
    ts = web.chat_postMessage(channel="C0PAY", text="x")["ts"]
    target = {"channel": "C0PAY", "timestamp": ts, "name": "eyes"}
    web.reactions_add(**target)
    assert slack.person("U0ANN").messages("C0PAY")[0]["reactions"] == [{"name": "eyes", "users": ["U0JITBOT"]}]
    assert code(lambda: web.reactions_add(**target)) == "already_reacted"
    web.reactions_remove(**target)
    assert "reactions" not in slack.person("U0ANN").messages("C0PAY")[0]
    assert code(lambda: web.reactions_remove(**target)) == "no_reaction"
    assert code(lambda: web.reactions_add(**target | {"timestamp": "1.0"})) == "message_not_found"
    assert code(lambda: web.reactions_add(**target | {"channel": "C0SEC"})) == "channel_not_found"


def test_a_file_is_uploaded_and_shown_with_its_comment(slack: LocalSlack, web: WebClient) -> None:
    web.files_upload_v2(channel="C0PAY", filename="audit.txt", content="line", title="Audit", initial_comment="see")
    seen = slack.person("U0ANN").messages("C0PAY")[0]
    assert seen["text"] == "see"
    assert (seen["files"][0]["name"], seen["files"][0]["title"], seen["files"][0]["size"]) == ("audit.txt", "Audit", 4)
    assert slack._client.get(seen["files"][0]["url_private_download"]).content == b"line"
    assert [seen["files"][0][key] for key in ("filetype", "mimetype")] == ["text", "text/plain"]


def test_a_file_that_was_never_uploaded_is_not_found(web: WebClient) -> None:
    opened = web.files_getUploadURLExternal(filename="a", length=3)
    files = [{"id": opened["file_id"], "title": "a"}]
    assert code(lambda: web.files_completeUploadExternal(files=files, channel_id="C0PAY")) == "file_not_found"
    assert code(lambda: web.files_completeUploadExternal(files=[], channel_id="C0PAY")) == "invalid_arguments"
