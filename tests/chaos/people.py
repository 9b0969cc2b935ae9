"""The people of the kill test: each lives through one request after the other, by the local Slack alone."""

import itertools
import random
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2

from jitbot.sandbox.local import LocalSlack
from jitbot.sandbox.person import Person, PersonRefused
from tests.chaos.model import Act, Story
from tests.chaos.town import ACTIONS, APPROVERS, ASKERS, CHANNEL

Json = dict[str, Any]

PLANS: Mapping[str, Sequence[tuple[str, ...]]] = {
    "turn": [("approve",), ("approve",), ("deny",), ("withdraw",), ()],
    "again": [()],
    "both": [("approve", "approve"), ("approve", "approve"), ("approve",), ("approve", "deny")],
    "hold": [("approve",), ("approve",), ("approve", "drop"), ("approve", "revoke"), ("deny",)],
    "watch": [("approve",), ("approve",), ("approve", "drop")],
    "fleet": [("approve",), ("approve", "drop")],
    "slow": [("approve",), ("approve", "drop")],
}
"""What is done about a request after it was asked for, in order; `()` has it lapse where somebody had to approve it."""
PATIENCE_SECONDS = 8.0
"""So long people look for a button, and press it again when they were told that it did not work."""
GLANCE_SECONDS = 0.15
ENDED_BY_HAND = re.compile(r" · (granted|running|started and watched)")
_NUMBER = re.compile(r"JIT-([0-9]+)")


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody, about to do something about a request."""

    story: Story
    who: str
    what: str


class Board:
    """The channel as everybody in it sees it, looked at so often at most."""

    def __init__(self, slack: LocalSlack) -> None:
        self._slack = slack
        self._turn = threading.Lock()
        self._seen_at = 0.0
        self._seen: list[Json] = []

    def card(self, tag: str) -> Json | None:
        """Return the card of a request; one of them where there are two."""
        with self._turn:
            if time.monotonic() - self._seen_at > GLANCE_SECONDS:
                self._seen = self._slack.person(APPROVERS[0]).messages(CHANNEL)
                self._seen_at = time.monotonic()
            seen = self._seen
        cards = [each for each in seen if f"“{tag}”" in each["text"] and not each.get("thread_ts")]
        return cards[-1] if cards else None


class People:
    """Asks, approves, denies, withdraws, drops and stops, and writes down what was acknowledged."""

    def __init__(self, slack: LocalSlack, seed: int) -> None:
        self._slack, self._seed = slack, seed
        self._board = Board(slack)
        self._numbers = itertools.count(1)
        self._turn = threading.Lock()
        self._forms = {user: threading.Lock() for user in APPROVERS}
        self._gone_home = threading.Event()
        self.stories: list[Story] = []
        self.heard = 0
        """So many acts were acknowledged."""

    def work(self, how_many: int) -> Callable[[], None]:
        """Begin, so many at a time; the callable ends it, once each has brought their request to its end."""
        self._gone_home.clear()
        self.stories = []
        threads = [threading.Thread(target=self._live, name=f"person-{n}", daemon=True) for n in range(how_many)]
        for each in threads:
            each.start()

        def go_home() -> None:
            self._gone_home.set()
            for each in threads:
                each.join()

        return go_home

    def settle(self, happened: Callable[[str], bool]) -> None:
        """Go and look at what the bot is unsure of, and say what is there."""
        for story in self.stories:
            card = self._board.card(story.tag)
            if card is None or "jit:happened" not in offered(card):
                continue
            number = story.tag.removeprefix("T-")
            targets = [f"{number}-{part}" for part in story.action.parts] or [number]
            said = "jit:happened" if any(happened(each) for each in targets) else "jit:not_happened"
            self._do(story, APPROVERS[0], "settle", partial(self._person(APPROVERS[0]).click, card, said))

    def _live(self) -> None:
        while not self._gone_home.is_set():
            number = next(self._numbers)
            dice = random.Random(f"{self._seed}:{number}")
            self._one(number, dice)
            time.sleep(dice.uniform(0, 0.3))

    def _one(self, number: int, dice: random.Random) -> None:
        action = ACTIONS[dice.choice(list(ACTIONS))]
        sick = action.watched and dice.random() < 0.4
        story = Story(f"T-{number}", action, dice.choice(ASKERS), sick)
        with self._turn:
            self.stories.append(story)
        words = [f"valve={number}", "parts=a,b,c" if action.parts else "", "health=sick" if sick else ""]
        text = f'/jit {action.name} {" ".join(filter(None, words))} reason="{story.tag}"'
        self._do(story, story.requester, "ask", lambda: self._person(story.requester).command(CHANNEL, text))
        approvers = dice.sample(APPROVERS, len(APPROVERS))
        for what in dice.choice(PLANS[action.name]):
            time.sleep(dice.uniform(0, 0.3))
            own = what in ("withdraw", "drop")
            turn = Turn(story, story.requester if own else approvers[0], what)
            if what in ("approve", "deny"):
                approvers = approvers[1:] + approvers[:1]
            if not self._insist(turn):
                return

    def _insist(self, turn: Turn) -> bool:
        """Try until it is acknowledged, or until there is nothing to press any more."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            card = self._board.card(turn.story.tag)
            if card is not None and self._try(turn, card):
                return True
            time.sleep(0.3)
        return False

    def _try(self, turn: Turn, card: Json) -> bool:
        """Do it once, if the card offers it; True once it was acknowledged."""
        story, who = turn.story, turn.who
        buttons = offered(card)
        if turn.what == "approve" and "jit:approve" in buttons:
            return self._do(story, who, "approve", lambda: self._person(who).click(card, "jit:approve"))
        if turn.what == "deny" and "jit:deny" in buttons:
            return self._deny(story, who, card)
        if turn.what in ("drop", "revoke") and ENDED_BY_HAND.search(card["text"]):
            return self._say(story, who, "drop", card)
        if turn.what == "withdraw":
            return self._say(story, who, "withdraw", card)
        return False

    def _say(self, story: Story, who: str, word: str, card: Json) -> bool:
        found = _NUMBER.search(card["text"])
        assert found is not None, card["text"]
        text = f"/jit {word} {found[0]}"
        return self._do(story, who, word, lambda: self._person(who).command(CHANNEL, text))

    def _deny(self, story: Story, who: str, card: Json) -> bool:
        """Press Deny, wait for the form, and send it; one form at a time for each person."""
        with self._forms[who]:
            person = self._person(who)
            try:
                person.close(clear=True) if person.modal() else None
                if not person.click(card, "jit:deny")["acked"]:
                    return False
                person.wait_for(person.modal, "the form", timeout=2.0)
            except (PersonRefused, AssertionError):
                return False
            return self._do(story, who, "deny", lambda: person.submit({"comment": {"jit:field": "not now"}}))

    def _do(self, story: Story, who: str, what: str, act: Callable[[], Json]) -> bool:
        """Do it, and write down whether it was acknowledged; what Slack does not let pass was not done."""
        at = time.time()
        try:
            acked = bool(act()["acked"])
        except PersonRefused:
            return False
        except httpx2.HTTPError:
            acked = False
        story.acts.append(Act(at, who, what, acked))
        with self._turn:
            self.heard += acked
        return acked

    def _person(self, user: str) -> Person:
        return self._slack.person(user)


def offered(card: Json) -> set[str]:
    """Return the buttons of a card."""
    rows = [block["elements"] for block in card.get("blocks", []) if block["type"] == "actions"]
    return {element["action_id"] for row in rows for element in row}
