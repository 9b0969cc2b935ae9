"""What becomes of messages when Slack fails: nothing is lost, nothing is said for ever, no older drawing wins."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jitbot.model import Copy, RequestId
from tests.slack_town import HERE, SlackTown, ephemeral, shown, slack_town

ASKED = "restart service=api env=prod because it is slow"


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[SlackTown]:
    slack, world = slack_town(sqlite_url, tmp_path)
    yield world.connect()
    world.close()
    slack.stop()


def posts(world: SlackTown, channel: str = HERE) -> list[Any]:
    return [message for message in world.person("U0BO").messages(channel) if not message["ephemeral"]]


def fault(kind: str, on: str = "chat.postMessage", **more: Any) -> dict[str, Any]:
    return {"on": on, "kind": kind, "times": 1, **more}


def copy_in(world: SlackTown, request: int, place: str = "#payments-oncall") -> Copy:
    return next(copy for copy in world.town.outbox.copies(RequestId(request)) if copy.place == place)


def test_a_post_whose_answer_was_lost_is_posted_again_and_both_copies_can_be_clicked(world: SlackTown) -> None:
    world.slack.faults(fault("drop_after"))
    request = world.ask("U0ANN", ASKED)
    assert copy_in(world, request.id).unsure
    assert copy_in(world, request.id).ts is None
    stray = posts(world)[0]
    world.person("U0BO").click(stray, "jit:approve")
    world.until(lambda: world.state(request.id) == "succeeded")
    assert copy_in(world, request.id).ts == stray["ts"]
    world.forward(10)
    world.until(lambda: "done" in posts(world)[0]["text"])
    cards = [message for message in posts(world) if message["text"].startswith("🟢 Restart")]
    assert len(cards) == 1


def test_a_lost_post_that_nobody_clicks_is_posted_again(world: SlackTown) -> None:
    world.slack.faults(fault("http_500_after"))
    request = world.ask("U0ANN", ASKED)
    assert copy_in(world, request.id).unsure
    world.forward(10)
    world.tick()
    assert not copy_in(world, request.id).unsure
    assert len(posts(world)) == 2
    assert copy_in(world, request.id).ts == posts(world)[1]["ts"]


def test_a_click_on_either_of_two_copies_counts_and_both_are_redrawn(world: SlackTown) -> None:
    world.slack.faults(fault("drop_after"))
    request = world.ask("U0ANN", ASKED)
    world.forward(10)
    world.tick()
    stray, second = posts(world)
    world.person("U0BO").click(stray, "jit:approve")
    world.until(lambda: world.state(request.id) == "succeeded")
    for _ in range(3):
        world.forward(10)
        world.tick()
    texts = [
        message["text"].split(" · ")[1] for message in posts(world) if message["ts"] in (stray["ts"], second["ts"])
    ]
    assert all(text.startswith("done in") for text in texts), texts
    assert len(texts) == 2


def test_a_click_on_a_message_that_we_never_recorded_counts_for_nothing(world: SlackTown) -> None:
    request = world.ask("U0ANN", ASKED)
    forged = {"type": "button", "text": {"type": "plain_text", "text": "Free pizza"}, "action_id": "jit:approve"}
    forged["value"] = f"{request.id}.1"
    world.client.chat_postMessage(channel=HERE, text="x", blocks=[{"type": "actions", "elements": [forged]}])
    bo = world.person("U0BO")
    bo.click(posts(world)[-1], "jit:approve")
    told = world.until(lambda: ephemeral(bo))
    assert "not one of mine" in told[0]["text"]
    assert world.state(request.id) == "pending"
    assert world.town.kinds(request) == ["requested", "ask"]


def test_an_archived_channel_sends_the_card_to_the_fallback_and_tells_the_requester(world: SlackTown) -> None:
    world.slack.control(f"channels/{HERE}", {"is_archived": True})
    assert world.person("U0ANN").command("C0FALL", f"/jit {ASKED}")["acked"]
    world.until(lambda: posts(world, "C0FALL"))
    world.until(lambda: len(world.person("U0ANN").dm()) >= 2)
    card = posts(world, "C0FALL")[0]
    assert "This belongs into #payments-oncall" in shown(card)
    told = next(message for message in world.person("U0ANN").dm() if "could not be shown" in message["text"])
    assert "it is archived" in told["text"]
    assert "#jit-fallback" in told["text"]
    world.person("U0BO").click(card, "jit:approve")
    world.until(lambda: "done" in posts(world, "C0FALL")[0]["text"])
    assert len([each for each in world.person("U0ANN").dm() if "could not be shown" in each["text"]]) == 1
    assert world.town.outbox.parked() == []


def test_where_no_channel_is_left_the_requester_is_told_and_the_request_is_not_lost(world: SlackTown) -> None:
    for channel in (HERE, "C0FALL"):
        world.slack.control(f"channels/{channel}", {"is_archived": True})
    assert world.person("U0ANN").command("C0OPS", f"/jit {ASKED}")["acked"]
    told = world.until(lambda: [each for each in world.person("U0ANN").dm() if "could not be shown" in each["text"]])
    assert "Tell whoever keeps the policy" in told[0]["text"]
    assert world.town.outbox.parked()
    assert world.state(1) == "pending"


def test_a_rate_limit_is_waited_for_as_long_as_slack_says(world: SlackTown) -> None:
    world.slack.faults(fault("ratelimited", retry_after=30))
    world.ask("U0ANN", ASKED)
    assert posts(world) == []
    world.forward(20)
    world.tick()
    assert posts(world) == []
    world.forward(11)
    world.until(lambda: posts(world))


def test_errors_that_pass_are_tried_again(world: SlackTown) -> None:
    world.slack.faults(fault("drop", times=2), fault("http_500", on="chat.update"))
    request = world.ask("U0ANN", ASKED)
    for _ in range(4):
        world.forward(20)
        world.tick()
    assert world.card(request.id) is not None
    world.person("U0BO").click(world.card(request.id), "jit:approve")
    world.until(lambda: world.state(request.id) == "succeeded")
    for _ in range(3):
        world.forward(20)
        world.tick()
    assert any("done" in message["text"] for message in world.person("U0ANN").dm())


def test_a_card_that_somebody_deleted_is_posted_anew(world: SlackTown) -> None:
    request = world.ask("U0ANN", ASKED)
    before = copy_in(world, request.id)
    world.client.chat_delete(channel=HERE, ts=before.ts)
    world.person("U0ANN").command(HERE, f"/jit withdraw {request.name}")
    world.until(lambda: any("withdrawn by ann" in message["text"] for message in posts(world)))
    assert copy_in(world, request.id).ts != before.ts


def test_an_older_drawing_does_not_replace_a_newer_one(world: SlackTown) -> None:
    request = world.ask("U0ANN", ASKED)
    copy = copy_in(world, request.id)
    world.town.outbox.keep(replace(copy, version=request.version + 5))
    updates = len(world.slack.calls("chat.update"))
    with world.town.ledger.begin() as entry:
        from jitbot.service.telling import tell

        tell(entry, entry.get(request.id))
    world.tick()
    assert len(world.slack.calls("chat.update")) == updates


def test_lines_of_a_run_hang_below_the_card_as_one_message(world: SlackTown) -> None:
    request = world.ask("U0ANN", ASKED)
    world.town.runner.on_start = lambda inputs, run: [run.log(f"line {number}") for number in range(3)]
    world.person("U0BO").click(world.card(request.id), "jit:approve")
    world.until(lambda: world.state(request.id) == "succeeded")
    card = world.card(request.id)
    assert card is not None
    world.until(
        lambda: [each for each in posts(world) if each.get("thread_ts") == card["ts"] and "line 2" in each["text"]]
    )


def test_alarms_reach_the_operators(world: SlackTown) -> None:
    from jitbot.model import Outgoing, Topic

    with world.town.ledger.begin() as entry:
        entry.say(Outgoing("alarm:1", Topic.ALARM, None, "the disk is <full>"))
    world.tick()
    assert world.person("U0DI").messages("C0OPS")[0]["text"] == "🚨 the disk is &lt;full&gt;"


def test_fifty_cards_at_once_all_arrive_within_slacks_limits(world: SlackTown) -> None:
    for number in range(12):
        world.town.service.intake.take_in(
            key=f"k{number}",
            kind="ask",  # type: ignore[arg-type]
            user="U0ANN",  # type: ignore[arg-type]
            team="T0ACME",
            body={"action": "restart", "params": {"service": "api", "env": "prod"}, "reason": f"n{number}", "ttl": ""},
        )
        world.town.service.intake.work(f"k{number}")
    for _ in range(25):
        world.tick()
        world.forward(2)
    assert len(posts(world)) == 12
    limited = [call for call in world.slack.calls("chat.postMessage") if call["status"] == 429]
    assert limited == []
