"""Seals: a card as Slack gives it back holds, and one that was made to say anything else does not."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from jitbot.slack.seals import Seals
from jitbot.slack.views.card import CardFor, draw_card
from tests.unit.slack.drawn import make_decision, make_request

Json = dict[str, Any]
SEALS = Seals(lambda: b"known to jitbot alone")


@pytest.fixture
def blocks() -> list[Json]:
    """Return a card that waits for approval, as it is posted."""
    request = make_request(decision=make_decision(), reason="5 < 6 & all of `api` is ✅ down")
    return copy.deepcopy(SEALS.put(draw_card(request, (), {}, CardFor())).blocks)


def click(blocks: list[Json], **message: Any) -> Json:
    """Return a press of Approve on a message with these blocks."""
    [row] = [block for block in blocks if block["type"] == "actions"]
    button = next(each for each in row["elements"] if each["action_id"] == "jit:approve")
    return {"message": {"blocks": blocks, **message}, "actions": [button]}


def texts(blocks: list[Json]) -> list[Json]:
    """Return the parts of the first block that are text, each with the list it stands in."""
    section: Json = blocks[0]["elements"][0]
    return [each for each in section["elements"] if each["type"] == "text"]


def test_what_was_drawn_holds(blocks: list[Json]) -> None:
    assert SEALS.holds(click(blocks))


def with_ids(blocks: list[Json]) -> None:
    for number, block in enumerate(blocks):
        block["block_id"] = f"b{number}"


def split(blocks: list[Json]) -> None:
    section = blocks[0]["elements"][0]["elements"]
    first = texts(blocks)[0]
    at = section.index(first)
    section[at : at + 1] = [{**first, "text": first["text"][:3]}, {**first, "text": first["text"][3:]}]


def with_emoji_of_their_own(blocks: list[Json]) -> None:
    for part in blocks[0]["elements"]:
        part["elements"].insert(0, {"type": "emoji", "name": "white_check_mark", "unicode": "2705"})
        for each in part["elements"]:
            if "text" in each:
                each["text"] = each["text"].replace("✅", "")


def escaped(blocks: list[Json]) -> None:
    for part in blocks[0]["elements"]:
        for each in part["elements"]:
            if "text" in each:
                each["text"] = each["text"].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@pytest.mark.parametrize("given_back", [with_ids, split, with_emoji_of_their_own, escaped])
def test_what_slack_gives_back_in_its_own_way_holds(
    blocks: list[Json], given_back: Callable[[list[Json]], None]
) -> None:
    before = copy.deepcopy(blocks)
    given_back(blocks)
    assert blocks != before
    assert SEALS.holds(click(blocks))


def one_letter(blocks: list[Json]) -> None:
    part = texts(blocks)[-1]
    part["text"] = part["text"].replace(part["text"].strip()[-1], "x")


def struck_out(blocks: list[Json]) -> None:
    texts(blocks)[0]["style"] = {"strike": True}


def struck_out_letter_by_letter(blocks: list[Json]) -> None:
    part = texts(blocks)[0]
    part["text"] = "".join(f"{each}\u0336" for each in part["text"])


def turned_round(blocks: list[Json]) -> None:
    part = texts(blocks)[0]
    part["text"] = f"\u202e{part['text']}"


def another_label(blocks: list[Json]) -> None:
    blocks[-1]["elements"][0]["text"]["text"] = "Deny"


def a_picture(blocks: list[Json]) -> None:
    blocks.insert(1, {"type": "image", "image_url": "https://evil.example/harmless.png", "alt_text": ""})


def less(blocks: list[Json]) -> None:
    blocks[0]["elements"] = blocks[0]["elements"][:1]


def a_line_of_theirs(blocks: list[Json]) -> None:
    blocks.insert(0, {"type": "context", "elements": [{"type": "mrkdwn", "text": "checked by security"}]})


def another_question(blocks: list[Json]) -> None:
    blocks[-1]["elements"][0]["confirm"] = {"title": {"type": "plain_text", "text": "Have a pizza?"}}


def another_request(blocks: list[Json]) -> None:
    button = blocks[-1]["elements"][0]
    button["value"] = "7" + button["value"]


def without_a_seal(blocks: list[Json]) -> None:
    button = blocks[-1]["elements"][0]
    button["value"] = button["value"].rpartition(".")[0]


BENT = [
    one_letter,
    struck_out,
    struck_out_letter_by_letter,
    turned_round,
    another_label,
    a_picture,
    less,
    a_line_of_theirs,
    another_question,
    another_request,
    without_a_seal,
]


@pytest.mark.parametrize("bend", BENT)
def test_what_was_bent_does_not(blocks: list[Json], bend: Callable[[list[Json]], None]) -> None:
    bend(blocks)
    assert not SEALS.holds(click(blocks))


@pytest.mark.parametrize("more", ["attachments", "files"])
def test_nor_does_a_card_with_something_below_it(blocks: list[Json], more: str) -> None:
    assert not SEALS.holds(click(blocks, **{more: [{"text": "approved by security"}]}))


def test_nor_a_click_of_which_nobody_says_what_it_was_on(blocks: list[Json]) -> None:
    assert not SEALS.holds(click(blocks) | {"message": None})


def test_nor_what_was_sealed_with_another_secret(blocks: list[Json]) -> None:
    assert not Seals(lambda: b"another").holds(click(blocks))
