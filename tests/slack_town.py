"""A whole jitbot on a local Slack: the real service and store, the real Bolt client, and people who press buttons.

Nothing of jitbot runs by itself: `tick` works off what is due and carries the outbox to Slack.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jitbot.model import Request, RequestId
from jitbot.sandbox.local import LocalSlack
from jitbot.sandbox.person import Person
from jitbot.service import Service
from jitbot.service.turns import Turn
from jitbot.slack.app import SocketRunner, build_app
from jitbot.slack.cards import Cards
from jitbot.slack.channels import Channels
from jitbot.slack.client import web_client
from jitbot.slack.desk import Desk
from jitbot.slack.directory import SlackDirectory, installed
from jitbot.slack.door import Door
from jitbot.slack.hands import Hands
from jitbot.slack.listeners import register
from jitbot.slack.notifier import Boards, Notifier
from jitbot.slack.output import OutputPosts
from jitbot.slack.pace import Pace
from jitbot.slack.replies import Replies
from jitbot.slack.sending import Sender
from tests.town import Town

Json = dict[str, Any]

HERE = "C0PAY"
WORKSPACE: Json = {
    "team": {"id": "T0ACME", "name": "Acme", "domain": "acme"},
    "app": {
        "commands": [{"command": "/jit", "should_escape": True}],
        "events": ["user_change", "subteam_members_changed", "channel_archive", "channel_rename"],
    },
    "people": [
        {"id": f"U0{name.upper()}", "name": name, "real_name": name.title(), "email": f"{name}@acme.example"}
        for name in ("ann", "bo", "cy", "di")
    ]
    + [
        {"id": "U0EVE", "name": "eve", "email": "eve@other.example", "team_id": "T0OTHER"},
        {"id": "U0GUS", "name": "gus", "is_restricted": True},
    ],
    "channels": [
        {
            "id": HERE,
            "name": "payments-oncall",
            "members": ["U0ANN", "U0BO", "U0CY", "U0DI", "U0EVE", "U0GUS", "U0JITBOT"],
        },
        {"id": "C0FALL", "name": "jit-fallback", "members": ["U0ANN", "U0BO", "U0JITBOT"]},
        {"id": "C0OPS", "name": "operators", "members": ["U0ANN", "U0DI", "U0JITBOT"]},
    ],
    "usergroups": [{"id": "S0SRE", "handle": "sre", "name": "SRE", "users": ["U0BO"]}],
}


class SlackTown:
    """One jitbot on one local Slack."""

    def __init__(self, slack: LocalSlack, town: Town) -> None:
        self.slack, self.town = slack, town
        self.ahead = 0.0
        self.client = web_client(slack.bot_token, slack.api_url)
        home = installed(self.client)
        self.directory = SlackDirectory(self.client, home, self.clock)
        town.service.close()
        town.directory = self.directory  # type: ignore[assignment]
        town._build()
        self.sender = Sender(self.client, Pace(self.clock))
        self.channels = Channels(self.client, self.clock)
        self.cards = Cards(
            requests=self.service.queries,
            outbox=town.outbox,
            sender=self.sender,
            channels=self.channels,
            directory=self.directory,
            secret=lambda: slack.signing_secret.encode(),
            fallback="#jit-fallback",
        )
        self.notifier = Notifier(
            requests=self.service.queries,
            outbox=town.outbox,
            cards=self.cards,
            output=OutputPosts(self.service.handing_out, self.sender),
            sender=self.sender,
            channels=self.channels,
            directory=self.directory,
            boards=Boards("#operators", "#operators"),
            turn=Turn(None, "notifier", town.world.name),
        )
        self.hands = Hands()
        self.desk = Desk(
            service=self.service,
            cards=self.cards,
            directory=self.directory,
            door=Door(home, self.directory),
            replies=Replies(self.client, self.sender),
            hands=self.hands,
        )
        self.app = build_app(self.client, slack.signing_secret, home)
        register(self.app, self.desk, self.channels)
        self.socket = SocketRunner(self.app, slack.app_token, self.client)

    @property
    def service(self) -> Service:
        return self.town.service

    def clock(self) -> float:
        return time.monotonic() + self.ahead

    def connect(self) -> "SlackTown":
        self.socket.connect()
        return self

    def close(self) -> None:
        self.socket._handler.client.auto_reconnect_enabled = False
        self.slack.control("sockets", {"close": "all"})  # else the client waits seconds for its own goodbye
        self.socket.close()
        self.hands.close()
        self.town.close()

    def forward(self, seconds: float) -> None:
        """Move every clock."""
        self.ahead += seconds
        self.town.forward(seconds=seconds)
        self.slack.forward(seconds)

    def tick(self) -> None:
        """Work off what is due now and say what is to be said."""
        for _ in range(20):
            self.town.settle()
            if not self.notifier.deliver_due():
                return

    def person(self, user: str) -> Person:
        return self.slack.person(user)

    def until(self, look: Callable[[], Any], what: str = "it") -> Any:
        """Tick until something is true."""

        def looked() -> Any:
            self.tick()
            return look()

        return self.slack.wait_for(looked, what, timeout=20)

    def card(self, request: int, channel: str = HERE) -> Json | None:
        """Return the card of a request in a channel, as Bo sees it."""
        found = (message for message in self.person("U0BO").messages(channel) if f"JIT-{request}" in message["text"])
        return next((message for message in found if message.get("thread_ts") is None and has_details(message)), None)

    def ask(self, user: str, text: str) -> Request:
        """Ask by one-liner, and wait until it is drawn."""
        before = {request.id for request in self.town.ledger.find()}
        assert self.person(user).command(HERE, f"/jit {text}")["acked"]
        new = self.until(lambda: [each for each in self.town.ledger.find() if each.id not in before], "a new request")
        self.until(lambda: self.state(new[0].id) != "deciding", "a decision")
        self.tick()
        return self.see(new[0].id)

    def see(self, request: int) -> Request:
        return self.town.ledger.get(RequestId(request))

    def state(self, request: int) -> str:
        return self.see(request).state.value


def has_details(message: Json) -> bool:
    return "jit:details" in action_ids(message)


def action_ids(message: Json) -> list[str]:
    """Return the buttons of a message or view."""
    rows = [block["elements"] for block in message.get("blocks", []) if block["type"] == "actions"]
    return [element["action_id"] for row in rows for element in row]


def shown(message: Json) -> str:
    """Return all plain words of a message's or view's blocks."""
    words: list[str] = []

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            text = part.get("text")
            if isinstance(text, str):
                words.append(text)
            if part.get("type") == "date":
                words.append(f"<{part['format']}>")
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for each in part:
                walk(each)

    walk(message.get("blocks", []))
    return "".join(words)


def ephemeral(person: Person, channel: str = HERE) -> list[Json]:
    """Return what only this person sees in a channel."""
    return [message for message in person.messages(channel) if message["ephemeral"]]


def slack_town(url: str, folder: Path, **more: Any) -> tuple[LocalSlack, SlackTown]:
    """Start a local Slack with a jitbot on it."""
    slack = LocalSlack(WORKSPACE).start()
    return slack, SlackTown(slack, Town(url, folder, **more))
