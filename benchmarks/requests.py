"""Requests of jitbot, made beforehand, with their cards to click on."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from benchmarks.load import Act, fire
from benchmarks.processes import NotStarted, Slack
from benchmarks.town import ASKERS, CHANNELS

APPROVE = "jit:approve"
A_SECOND = 2.4
"""Requests are made so slowly that their cards can be posted as they come: two each, and 300 a minute."""
CARDS_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Card:
    """Where a request's card stands; `request` is its number."""

    request: int
    channel: str
    ts: str


def commands(action: str, first: int = 0) -> Iterator[Act]:
    """Yield one-liners that each make a request of its own, turning to another channel and requester each time."""
    number = first
    while True:
        channel, asker = number % len(CHANNELS), number // len(CHANNELS) % len(ASKERS)
        text = f'/jit {action}-{channel} valve={number} reason="benchmark"'
        yield Act(ASKERS[asker], "command", {"channel": CHANNELS[channel], "text": text})
        number += 1


def prepare(slack: Slack, action: str, count: int, first: int = 0) -> list[Card]:
    """Make requests and return their cards once all of them stand. Raises: NotStarted."""
    tally = fire(slack.url, list(islice(commands(action, first), count)), A_SECOND)
    if tally.faults:
        raise NotStarted(f"requests could not be made: {dict(tally.faults)}")
    until = time.monotonic() + CARDS_SECONDS
    while len(found := cards(slack)) < count:
        if time.monotonic() > until:
            raise NotStarted(f"only {len(found)} of {count} cards were posted")
        time.sleep(0.5)
    return found


def cards(slack: Slack) -> list[Card]:
    """Return the cards in the channels that can be approved, oldest request first."""
    messages = slack.see(ASKERS[0])["messages"]
    found = [
        Card(int(button["value"].partition(".")[0]), channel, message["ts"])
        for channel in CHANNELS
        for message in messages.get(channel, [])
        for button in buttons(message)
        if button["action_id"] == APPROVE
    ]
    return sorted(found, key=lambda card: card.request)


def buttons(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a message's buttons."""
    for block in message.get("blocks") or ():
        if block["type"] == "actions":
            yield from block["elements"]


def click(user: str, card: Card) -> Act:
    """Return a press on a card's Approve."""
    return Act(user, "click", {"channel": card.channel, "ts": card.ts, "action_id": APPROVE})
