from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from slack_sdk import WebClient

from jitbot.sandbox.local import LocalSlack
from jitbot.sandbox.person import PersonRefused


def refusal(act: Any) -> str:
    with pytest.raises(PersonRefused) as caught:
        act()
    assert caught.value.answer["detail"]
    return caught.value.code


class TestSeeing:
    def test_a_person_sees_the_workspace_and_what_is_theirs(self, slack: LocalSlack) -> None:
        seen = slack.person("U0ANN").see()
        assert seen["team"] == {"id": "T0ACME", "name": "Acme", "domain": "acme"}
        assert seen["app"] == {"id": "A0JIT", "name": "jitbot", "bot_user": "U0JITBOT", "home_enabled": True}
        assert (seen["me"]["id"], seen["me"]["initials"]) == ("U0ANN", "AA")
        assert seen["usergroups"] == [{"id": "S0SRE", "handle": "sre", "name": "SRE", "users": ["U0BOB"]}]
        assert seen["commands"][0]["command"] == "/jit"
        assert (seen["modals"], seen["home"], seen["notices"]) == ([], None, [])
        assert [one["id"] for one in seen["people"] if one["is_stranger"]] == ["U0EVE"]

    @pytest.mark.parametrize(
        ("user", "channels"),
        [
            ("U0ANN", ["C0PAY", "C0OPEN", "C0OLD", "C0EXT"]),
            ("U0BOB", ["C0PAY", "C0OPEN", "C0SEC", "C0SECBOT", "C0OLD", "C0EXT"]),
            ("U0GUS", ["C0PAY"]),
            ("U0EVE", ["C0EXT"]),
        ],
    )
    def test_members_see_public_channels_and_guests_and_strangers_only_their_own(
        self, slack: LocalSlack, user: str, channels: list[str]
    ) -> None:
        assert [one["id"] for one in slack.person(user).see()["channels"]] == channels

    def test_unread_and_mentions_are_counted_until_read(self, slack: LocalSlack, web: WebClient) -> None:
        for text in ("hello", "<@U0BOB> look", "<!subteam^S0SRE> look"):
            web.chat_postMessage(channel="C0PAY", text=text)
        bob, ann = slack.person("U0BOB"), slack.person("U0ANN")

        def counts(person: Any) -> tuple[int, int]:
            room = next(one for one in person.see()["channels"] if one["id"] == "C0PAY")
            return room["unread"], room["mentions"]

        assert (counts(bob), counts(ann)) == ((3, 2), (3, 0))
        bob.read("C0PAY")
        assert (counts(bob), counts(ann)) == ((0, 0), (3, 0))
        ann.say("C0PAY", "mine is not unread for me")
        assert (counts(bob), counts(ann)) == ((1, 0), (3, 0))

    def test_the_whole_state_has_what_nobody_sees_alone(self, slack: LocalSlack, web: WebClient) -> None:
        web.chat_postEphemeral(channel="C0PAY", user="U0ANN", text="psst")
        web.chat_postMessage(channel="C0SECBOT", text="secret")
        state = slack.control("state")
        assert state["messages"]["C0SECBOT"][0]["text"] == "secret"
        assert state["ephemerals"]["C0PAY"]["U0ANN"][0]["text"] == "psst"

    def test_nobody_and_nowhere_are_refused(self, slack: LocalSlack) -> None:
        assert refusal(lambda: slack.person("U0NONE").see()) == "user_not_found"
        assert refusal(lambda: slack.control("as/U0ANN/dance", {})) == "unknown_act"
        assert refusal(lambda: slack.control("explode", {})) == "unknown_call"
        assert refusal(lambda: slack.person("U0ANN").say("C0PAY", " ")) == "no_text"
        assert refusal(lambda: slack.person("U0ANN").dismiss("N99")) == "notice_not_found"

    def test_a_notice_is_dismissed(self, slack: LocalSlack) -> None:
        ann = slack.person("U0ANN")
        ann.command("C0PAY", "/jit")
        ann.dismiss(ann.see()["notices"][0]["id"])
        assert ann.notices() == []


class TestStream:
    @contextmanager
    def follow(self, slack: LocalSlack, user: str) -> Iterator[list[int]]:
        versions: list[int] = []
        client = httpx2.Client(base_url=slack.url, trust_env=False, timeout=5)
        with client, client.stream("GET", f"/control/as/{user}/stream") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")

            def listen() -> None:
                for line in stream.iter_lines():
                    if line.startswith("data: "):
                        versions.append(json.loads(line.removeprefix("data: "))["version"])
                    if over.is_set():
                        return

            over = threading.Event()
            listening = threading.Thread(target=listen)
            listening.start()
            slack.wait_for(lambda: versions, "the first version")
            yield versions
            over.set()
            slack.control(f"people/{user}", {"title": "wakes the stream a last time"})
            listening.join(timeout=5)

    def test_only_who_sees_a_change_is_told(self, running: LocalSlack, slack: LocalSlack, web: WebClient) -> None:
        with self.follow(slack, "U0ANN") as ann, self.follow(slack, "U0BOB") as bob:
            before = len(bob)
            web.chat_postEphemeral(channel="C0PAY", user="U0ANN", text="psst")
            slack.wait_for(lambda: len(ann) == 2, "the change")
            assert len(bob) == before
            assert slack.person("U0ANN").see()["version"] == ann[-1]
            web.chat_postMessage(channel="C0PAY", text="all")
            slack.wait_for(lambda: len(bob) == before + 1, "the change for all")


class TestSteering:
    def test_a_reset_brings_the_file_back_and_keeps_sockets(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        web.chat_postMessage(channel="C0PAY", text="x")
        slack.control("people/U0BOB", {"deleted": True})
        slack.forward(3600)
        slack.faults({"on": "*", "kind": "http_500"})
        slack.reset()
        bob = slack.person("U0BOB")
        assert bob.messages("C0PAY") == []
        assert bob.see()["me"]["deleted"] is False
        assert web.auth_test()["ok"]
        assert bob.command("C0PAY", "/jit")["acked"]

    def test_the_clock_moves_what_hangs_on_it(self, slack: LocalSlack, web: WebClient) -> None:
        before = float(web.chat_postMessage(channel="C0PAY", text="x")["ts"])
        slack.forward(3600)
        after = float(web.chat_postMessage(channel="C0PAY", text="x")["ts"])
        assert 3600 <= after - before < 3610
        assert slack.person("U0ANN").see()["now"] >= after
        assert refusal(lambda: slack.forward(-1)) == "invalid_forward"

    def test_a_changed_person_is_an_event(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        slack.control("people/U0BOB", {"deleted": True, "is_restricted": True})
        slack.wait_for(lambda: app.payloads("user_change"), "the event")
        user = app.last("user_change")["event"]["user"]
        assert (user["id"], user["deleted"]) == ("U0BOB", True)
        assert web.users_info(user="U0BOB")["user"]["deleted"]
        assert refusal(lambda: slack.control("people/U0BOB", {"height": 3})) == "invalid_person"
        assert refusal(lambda: slack.control("people/U0NONE", {})) == "user_not_found"

    def test_a_changed_channel_is_its_events(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        members = ["U0ANN", "U0JITBOT", "U0EVE"]
        body = {"is_archived": True, "members": members, "is_ext_shared": True, "is_private": True}
        slack.control("channels/C0PAY", body)
        slack.wait_for(lambda: len(app.envelopes) == 6, "the events")
        left = {one["event"]["user"] for one in app.payloads("member_left_channel")}
        assert left == {"U0BOB", "U0GUS", "U0GONE"}
        assert app.last("member_joined_channel")["event"]["user"] == "U0EVE"
        assert app.last("channel_archive")["event"]["channel"] == "C0PAY"
        assert app.last("channel_shared")["event"]["channel"] == "C0PAY"
        info = web.conversations_info(channel="C0PAY")["channel"]
        assert (info["is_archived"], info["is_private"], info["is_ext_shared"]) == (True, True, True)
        assert web.conversations_members(channel="C0PAY")["members"] == members

    @pytest.mark.parametrize(
        ("path", "body", "error"),
        [
            ("channels/C0NONE", {}, "channel_not_found"),
            ("channels/C0PAY", {"colour": 1}, "invalid_channel"),
            ("channels/C0PAY", {"members": ["U0NONE"]}, "user_not_found"),
            ("channels/C0PAY", {"members": "all"}, "invalid_users"),
            ("usergroups/S0NONE", {"users": []}, "usergroup_not_found"),
            ("usergroups/S0SRE", {}, "invalid_users"),
            ("delivery", {"mode": "pigeon"}, "invalid_mode"),
            ("delivery", {"mode": "http"}, "invalid_url"),
            ("sockets", {}, "invalid_sockets"),
            ("redeliver", {}, "invalid_n"),
            ("redeliver", {"n": 99999}, "delivery_not_found"),
        ],
    )
    def test_a_change_that_makes_no_sense_is_refused(
        self, slack: LocalSlack, path: str, body: dict[str, Any], error: str
    ) -> None:
        assert refusal(lambda: slack.control(path, body)) == error

    def test_a_changed_group_is_an_event(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        slack.control("usergroups/S0SRE", {"users": ["U0ANN"]})
        slack.wait_for(lambda: app.payloads("subteam_members_changed"), "the event")
        event = app.last("subteam_members_changed")["event"]
        assert (event["subteam_id"], event["added_users"], event["removed_users"]) == ("S0SRE", ["U0ANN"], ["U0BOB"])
        assert web.usergroups_users_list(usergroup="S0SRE")["users"] == ["U0ANN"]

    def test_events_nobody_subscribed_to_are_not_sent(self, slack: LocalSlack, app: Any) -> None:
        slack._engine.state.app.events.remove("user_change")
        slack.control("people/U0BOB", {"title": "x"})
        slack.person("U0ANN").command("C0PAY", "/jit")
        assert app.payloads("user_change") == []

    def test_a_delivery_is_sent_again_unchanged(self, slack: LocalSlack, app: Any) -> None:
        slack.person("U0ANN").command("C0PAY", "/jit once")
        number = slack.deliveries("command")[0]["n"]
        assert slack.control("redeliver", {"n": number})["acked"]
        first, second = app.payloads("command")
        assert first == second
        assert slack.deliveries("command")[1]["attempt"] == 1


class TestLog:
    def test_calls_and_deliveries_are_logged_without_tokens(self, slack: LocalSlack, web: WebClient, app: Any) -> None:
        web.chat_postMessage(channel="C0PAY", text="x")
        slack.person("U0ANN").command("C0PAY", "/jit")
        log = slack.log()
        call = next(one for one in log["calls"] if one["method"] == "chat.postMessage")
        assert (call["args"]["text"], call["answer"]["ok"], call["status"]) == ("x", True, 200)
        delivery = log["deliveries"][0]
        assert (delivery["kind"], delivery["attempt"], delivery["outcome"]) == ("command", 0, "acked")
        assert delivery["to"].startswith("socket")
        assert delivery["took_ms"] > 0
        for token in (slack.bot_token, slack.app_token, slack.signing_secret, "local-verification"):
            assert token not in json.dumps(log)

    def test_it_is_read_from_a_point_on(self, slack: LocalSlack, web: WebClient) -> None:
        web.auth_test()
        last = slack.log()["calls"][-1]["n"]
        web.team_info()
        assert [one["method"] for one in slack.log(since=last)["calls"]] == ["team.info"]
        assert refusal(lambda: slack.control("log?since=x")) == "invalid_since"


class TestWhoMayCall:
    @pytest.mark.parametrize(
        "headers", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}], ids=["origin", "host"]
    )
    def test_another_sites_page_may_not(self, slack: LocalSlack, headers: dict[str, str]) -> None:
        answer = httpx2.post(f"{slack.url}/control/reset", headers=headers, trust_env=False)
        assert (answer.status_code, answer.json()["error"]) == (403, "foreign_origin")

    def test_the_own_page_may(self, slack: LocalSlack) -> None:
        answer = httpx2.get(f"{slack.url}/control/state", headers={"Origin": slack.url}, trust_env=False)
        assert answer.status_code == 200

    def test_a_body_must_be_a_json_object(self, slack: LocalSlack) -> None:
        for body in (b"{", b"[]"):
            answer = httpx2.post(f"{slack.url}/control/clock", content=body, trust_env=False)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_json")


class TestPage:
    def test_the_page_and_its_parts_are_served(self, slack: LocalSlack) -> None:
        assert "<html" in httpx2.get(slack.url + "/", trust_env=False).text
        script = httpx2.get(slack.url + "/page/main.js", trust_env=False)
        assert script.status_code == 200
        assert "javascript" in script.headers["content-type"]

    def test_a_permalink_opens_the_page_at_the_message(self, slack: LocalSlack, web: WebClient) -> None:
        ts = web.chat_postMessage(channel="C0PAY", text="x")["ts"]
        link = web.chat_getPermalink(channel="C0PAY", message_ts=ts)["permalink"]
        answer = httpx2.get(link, trust_env=False, follow_redirects=False)
        assert answer.headers["location"] == f"/?channel=C0PAY&ts={ts}"
