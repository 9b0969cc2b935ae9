from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from jitbot.sandbox.local import LocalSlack


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


FORM = {
    "type": "modal",
    "callback_id": "ask",
    "title": plain("Ask"),
    "submit": plain("Send"),
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": plain("Why"),
            "element": {"type": "plain_text_input", "action_id": "why"},
        },
    ],
}
CARD: list[dict[str, Any]] = [
    {"type": "section", "block_id": "s", "text": {"type": "mrkdwn", "text": "*please*"}},
    {
        "type": "actions",
        "block_id": "a",
        "elements": [{"type": "button", "action_id": "approve", "text": plain("Approve"), "value": "r1"}],
    },
]


def small_app(slack: LocalSlack) -> App:
    app = App(client=WebClient(slack.bot_token, base_url=slack.api_url), signing_secret=slack.signing_secret)

    @app.command("/jit")
    def ask(ack: Any, body: Any, client: Any) -> None:
        ack("wait for the form")
        client.views_open(trigger_id=body["trigger_id"], view=FORM)

    @app.view("ask")
    def asked(ack: Any, body: Any, client: Any) -> None:
        if body["view"]["state"]["values"]["why"]["why"]["value"] == "no":
            ack(response_action="errors", errors={"why": "Not a reason"})
            return
        ack()
        client.chat_postMessage(channel="C0PAY", text="card", blocks=CARD)

    @app.action("approve")
    def approve(ack: Any, body: Any, client: Any, respond: Any) -> None:
        ack()
        client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text="approved")
        respond("thanks", replace_original=False)

    @app.event("app_home_opened")
    def home(event: Any, client: Any) -> None:
        blocks = [{"type": "section", "text": plain("welcome")}]
        client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    return app


@pytest.fixture(scope="module")
def bot(running: LocalSlack) -> Iterator[SocketModeHandler]:
    handler = SocketModeHandler(small_app(running), running.app_token)
    handler.client.web_client = WebClient(base_url=running.api_url)
    handler.connect()  # type: ignore[no-untyped-call]  # the SDK's
    yield handler
    handler.close()  # type: ignore[no-untyped-call]  # the SDK's


def test_a_command_opens_a_form_whose_submission_posts_a_card_that_can_be_clicked(
    slack: LocalSlack, bot: SocketModeHandler
) -> None:
    ann, bob = slack.person("U0ANN"), slack.person("U0BOB")
    answer = ann.command("C0PAY", "/jit restart")
    assert answer["acked"]
    assert answer["took_ms"] < 1000
    form = ann.wait_for(ann.modal, "the form")
    assert form["title"]["text"] == "Ask"
    assert [one["text"] for one in ann.messages("C0PAY")] == ["wait for the form"]
    assert bob.messages("C0PAY") == []

    assert ann.submit({"why": {"why": "no"}})["errors"] == {"why": "Not a reason"}
    assert ann.wait_for(ann.modal, "the form")["errors"] == {"why": "Not a reason"}
    ann.submit({"why": {"why": "disk full"}})
    assert ann.modal() is None
    card = bob.wait_for(lambda: bob.last("C0PAY"), "the card")
    assert bob.click(card, "approve")["acked"]
    bob.wait_for(lambda: bob.messages("C0PAY")[0]["text"] == "approved", "the update")
    assert "blocks" not in bob.messages("C0PAY")[0]
    bob.wait_for(lambda: bob.messages("C0PAY")[-1]["text"] == "thanks", "the answer")


def test_the_home_is_published_when_it_is_opened(slack: LocalSlack, bot: SocketModeHandler) -> None:
    ann = slack.person("U0ANN")
    assert ann.home() is None
    assert ann.open_home()["acked"]
    assert ann.wait_for(ann.home, "the home")["blocks"][0]["text"]["text"] == "welcome"


def test_fifty_clicks_at_once_are_all_acknowledged(slack: LocalSlack, bot: SocketModeHandler) -> None:
    bob = slack.person("U0BOB")
    WebClient(slack.bot_token, base_url=slack.api_url).chat_postMessage(channel="C0PAY", text="card", blocks=CARD)
    card = bob.messages("C0PAY")[0]
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(bob.click(card, "approve", drawing=0))) for _ in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 50
    assert all(answer["acked"] for answer in answers)
