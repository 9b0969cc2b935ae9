"""Somebody has the bot's token: they can post, edit and delete as jitbot, and lack the key that seals cards."""

import copy
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from jitbot.model import Request
from jitbot.slack.client import web_client
from tests.slack_town import HERE, Json, SlackTown, ephemeral, shown, slack_town

HARMLESS = "Restart a service: worker, staging"


@contextmanager
def a_town(empty: Path, folder: Path) -> Iterator[SlackTown]:
    shutil.copy(empty, folder / "jitbot.db")
    slack, town = slack_town(f"sqlite:///{folder}/jitbot.db", folder)
    yield town.connect()
    town.close()
    slack.stop()


@pytest.fixture(scope="module")
def town(empty_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlackTown]:
    with a_town(empty_file, tmp_path_factory.mktemp("token")) as town:
        yield town


@pytest.fixture
def quiet(empty_file: Path, tmp_path: Path) -> Iterator[SlackTown]:
    """Give a town in which nothing else is being said."""
    with a_town(empty_file, tmp_path) as town:
        yield town


@pytest.fixture
def thief(town: SlackTown) -> WebClient:
    return web_client(town.slack.bot_token, town.slack.api_url)


@pytest.fixture
def asked(town: SlackTown) -> Iterator[Request]:
    """Have Ann ask for what nobody would approve, and take it back in the end."""
    town.forward(10)
    request = town.ask("U0ANN", "restart service=api env=prod reason=INC-1")
    town.until(lambda: town.card(request.id), "the card")
    yield request
    if town.state(request.id) == "pending":
        town.person("U0ANN").command(HERE, f"/jit withdraw {request.name}")
        town.until(lambda: town.state(request.id) == "withdrawn", "its end")


def card(town: SlackTown, request: Request) -> Json:
    found = town.card(request.id)
    assert found is not None
    return found


def harmless(message: Json) -> list[Json]:
    """Return the blocks of a card, made to show something that anybody would approve."""
    blocks: list[Json] = copy.deepcopy(message["blocks"])
    blocks[0] = {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": HARMLESS}]}],
    }
    return blocks


def press(town: SlackTown, message: Json, action_id: str = "jit:approve", user: str = "U0BO") -> None:
    assert town.person(user).click(message, action_id)["acked"]


def refusals(town: SlackTown, channel: str = HERE) -> int:
    return sum("not one of mine" in each["text"] for each in ephemeral(town.person("U0BO"), channel))


def nothing_came_of_it(town: SlackTown, request: Request) -> None:
    town.tick()
    assert town.state(request.id) == "pending"
    assert town.town.kinds(request) == ["requested", "ask"]


def refused_on_record(town: SlackTown, request: Request) -> None:
    town.until(lambda: "refused" in town.town.kinds(request), "the refusal")
    assert town.state(request.id) == "pending"
    [event] = [each for each in town.town.trail.events(request.id) if each.kind == "refused"]
    assert "shows something else than I had drawn" in event.body["why"]


@pytest.mark.parametrize("where", ["in the channel", "in the approver's direct messages"])
def test_a_copy_of_a_card_that_they_post_counts_for_nothing(
    town: SlackTown, thief: WebClient, asked: Request, where: str
) -> None:
    channel = HERE if where == "in the channel" else "U0BO"
    posted = thief.chat_postMessage(channel=channel, text=HARMLESS, blocks=card(town, asked)["blocks"])
    place, before = str(posted["channel"]), refusals(town, str(posted["channel"]))
    [message] = [each for each in town.person("U0BO").messages(place) if each["ts"] == posted["ts"]]
    press(town, message)
    town.until(lambda: refusals(town, place) > before, "word that it is none of jitbot's")
    nothing_came_of_it(town, asked)


def test_a_card_that_they_edit_is_not_approved_and_what_it_is_about_is_shown_instead(
    town: SlackTown, thief: WebClient, asked: Request
) -> None:
    real = card(town, asked)
    thief.chat_update(channel=HERE, ts=real["ts"], text=f"{HARMLESS} {asked.name}", blocks=harmless(real))
    edited = card(town, asked)
    assert HARMLESS in shown(edited)
    press(town, edited)
    bo = town.person("U0BO")
    view = town.until(lambda: (found := bo.modal()) and "prod/api" in shown(found) and found, "the whole request")
    assert view["title"]["text"] == f"Review {asked.name}"
    town.until(lambda: HARMLESS not in shown(card(town, asked)), "the card put right")
    refused_on_record(town, asked)
    bo.submit()  # having seen what it is
    town.until(lambda: town.state(asked.id) == "succeeded", "the run")


def test_the_button_of_another_request_below_a_harmless_card_approves_neither(
    town: SlackTown, thief: WebClient, asked: Request
) -> None:
    other = town.ask("U0ANN", "restart service=worker env=prod reason=INC-2")
    mine = town.until(lambda: town.card(other.id), "the other card")
    blocks = [*mine["blocks"][:-1], card(town, asked)["blocks"][-1]]
    thief.chat_update(channel=HERE, ts=mine["ts"], text=mine["text"], blocks=blocks)
    before = refusals(town)
    press(town, town.until(lambda: town.card(other.id), "the other card"))
    town.until(lambda: refusals(town) > before, "word that it is none of jitbot's")
    nothing_came_of_it(town, asked)
    town.person("U0ANN").command(HERE, f"/jit withdraw {other.name}")


def test_a_card_whose_post_was_lost_is_not_approved_on_another_message_that_they_post_meanwhile(
    quiet: SlackTown,
) -> None:
    quiet.slack.faults({"on": "chat.postMessage", "kind": "drop_after", "times": 1})
    request = quiet.ask("U0ANN", "restart service=api env=prod reason=INC-3")
    real = card(quiet, request)
    [lost] = [each for each in quiet.town.outbox.copies(request.id) if each.place == "#payments-oncall"]
    assert lost.unsure
    thief = web_client(quiet.slack.bot_token, quiet.slack.api_url)
    posted = thief.chat_postMessage(channel=HERE, text=HARMLESS, blocks=harmless(real))
    [message] = [each for each in quiet.person("U0BO").messages(HERE) if each["ts"] == posted["ts"]]
    press(quiet, message)
    bo = quiet.person("U0BO")
    quiet.until(lambda: "prod/api" in shown(bo.modal() or {}), "the whole request")
    assert posted["ts"] in [each.ts for each in quiet.town.outbox.copies(request.id)], "it was taken for the lost one"
    refused_on_record(quiet, request)
    bo.close(clear=True)


def test_a_home_that_they_publish_has_no_button_that_counts(town: SlackTown, thief: WebClient, asked: Request) -> None:
    thief.views_publish(user_id="U0BO", view={"type": "home", "blocks": harmless(card(town, asked))})
    bo = town.person("U0BO")
    bo.open_home()
    home = town.until(bo.home, "the home")
    bo.click(home, "jit:approve")
    nothing_came_of_it(town, asked)


def test_a_button_of_theirs_that_opens_a_view_opens_one_that_tells_the_truth(
    town: SlackTown, thief: WebClient, asked: Request
) -> None:
    fake = copy.deepcopy(card(town, asked)["blocks"][-1])
    for button in fake["elements"]:
        button["text"]["text"] = "Yes"
    posted = thief.chat_postMessage(channel=HERE, text=HARMLESS, blocks=[fake])
    bo = town.person("U0BO")
    [message] = [each for each in bo.messages(HERE) if each["ts"] == posted["ts"]]
    for action_id in ("jit:deny", "jit:approve_changed", "jit:details"):
        press(town, message, action_id)
        town.until(lambda: "api, prod" in shown(bo.modal() or {}), f"the truth behind {action_id}")
        bo.close(clear=True)
    nothing_came_of_it(town, asked)


def test_without_a_click_they_open_no_view(thief: WebClient) -> None:
    view: dict[str, Any] = {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": []}
    for call in (
        lambda: thief.views_open(trigger_id="1.2.3", view=view),
        lambda: thief.views_update(view_id="V0GUESSED", view=view),
    ):
        with pytest.raises(SlackApiError):
            call()
